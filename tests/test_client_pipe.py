"""The client on a pipe: each line is said and acknowledged, or it fails with a sentence."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support_fakeserver import Connection, Fixture, echo, snapshot, text
from twisted_chat import messages as m
from twisted_chat.client import ChatClient, main
from twisted_chat.client.address import Address
from twisted_chat.client.desk import Desk
from twisted_chat.client.pipe import MAX_UNANSWERED, Failed, Pipe, PipeOptions
from twisted_chat.client.plain import MAX_LINE, PlainScreen


class PipeTests(SynchronousTestCase):
    def begin(self, **options: Any) -> None:
        """Begin a pipe; the client is connecting."""
        self.fixture = Fixture.make("bot")
        self.pipe = Pipe(
            self.fixture.clock, self.fixture.client, PipeOptions(where="home", **options)
        )
        self.transport = StringTransport()
        self.pipe.lines.makeConnection(self.transport)
        self.pipe.lines.pauseProducing()
        self.pipe.lines.slows(self.fixture.client)
        self.done = Deferred.fromCoroutine(self.pipe.run())
        self.addCleanup(self.finish, self.pipe, self.fixture, self.done)

    def finish(self, pipe: Pipe, fixture: Fixture, done: Deferred[None]) -> None:
        """Leave nothing that waits."""
        done.addErrback(lambda _: None)
        if not done.called:
            pipe.interrupt()
            fixture.clock.advance(3)
            fixture.endpoint.last.closed()
            pipe.lines.writeConnectionLost()

    def online(self) -> Connection:
        connection = self.fixture.endpoint.last
        connection.welcome()
        return connection

    def feed(self, data: bytes) -> None:
        self.pipe.lines.dataReceived(data)

    def end(self) -> None:
        self.pipe.lines.readConnectionLost()

    def depart(self, connection: Connection) -> None:
        """Let it log out, and see its output closed."""
        *_, logout = connection.sent()
        self.assertIsInstance(logout, m.Logout)
        self.assertNoResult(self.done)
        self.fixture.clock.advance(2.1)
        connection.closed()
        self.assertTrue(self.transport.disconnecting)
        self.pipe.lines.connectionLost(Failure(Exception()))

    def failed(self, connection: Connection | None = None) -> str:
        """Return why it failed."""
        if connection is not None:
            self.fixture.clock.advance(2.1)
            connection.closed()
        self.pipe.lines.connectionLost(Failure(Exception()))
        return str(self.failureResultOf(self.done, Failed).value)

    def output(self) -> list[str]:
        lines: list[str] = self.transport.value().decode().splitlines()
        return lines


class SayingTests(PipeTests):
    def test_lines(self) -> None:
        """Each line is said; it ends when all are acknowledged."""
        self.begin()
        connection = self.online()
        self.assertEqual(self.transport.producerState, "producing")
        self.feed("one\r\ntwo\n\n  \nGrüße\nla".encode())
        self.feed(b"st \xff")
        self.end()
        requests = connection.sent()
        self.assertEqual(
            [request.data for request in requests if isinstance(request, m.Say)],
            ["one", "two", "Grüße", "last \ufffd"],
        )
        for seq, request in enumerate(requests):
            self.assertEqual(connection.sent(), [])
            connection.say(echo(request, seq + 1, "bot"))
        self.depart(connection)
        self.successResultOf(self.done)
        self.assertEqual(self.output(), [])

    def test_session(self) -> None:
        """It joins the session, and speaks there."""
        self.begin(session="OPS")
        connection = self.online()
        (join,) = connection.sent()
        self.assertEqual(self.transport.producerState, "paused")
        connection.say(snapshot("ops", id=join.id))
        self.feed(b"hello\n")
        (say,) = connection.sent()
        assert isinstance(say, m.Say)
        self.assertEqual(say.session, "ops")

    def test_no_such_session(self) -> None:
        self.begin(session="ops")
        connection = self.online()
        (join,) = connection.sent()
        connection.say(m.Error(code="no-such-session", data="There is none.", id=join.id))
        self.assertEqual(self.failed(connection), "ops: There is none.")

    def test_silent_session(self) -> None:
        self.begin(session="ops", timeout=5)
        connection = self.online()
        self.fixture.clock.advance(5)
        self.assertEqual(self.failed(connection), "ops: no answer in 5 s")

    def test_bad_password(self) -> None:
        self.begin()
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(m.Error(code="bad-credentials", data="Wrong.", id=login.id))
        connection.closed()
        self.assertEqual(self.failed(), "home: Wrong.")

    def test_refused(self) -> None:
        """A server that is not there is tried until the time is up."""
        self.begin(timeout=10)
        self.fixture.endpoint.last.lose()
        self.fixture.endpoint.refuse = True
        self.fixture.clock.pump([0.5] * 21)
        self.assertGreater(self.fixture.endpoint.attempts, 2)
        self.assertEqual(self.failed(), "home: connection refused, for 10 s")

    def test_no_lobby(self) -> None:
        self.begin()
        connection = self.fixture.endpoint.last
        connection.welcome(lobby=None)
        self.assertIn("--session", self.failed(connection))

    def test_not_acknowledged(self) -> None:
        """A text without an acknowledgement fails, though the connection comes back."""
        self.begin(timeout=5)
        connection = self.online()
        self.feed(b"hello\n")
        self.end()
        connection.lose()
        self.fixture.endpoint.refuse = True
        self.fixture.clock.pump([0.5] * 10)
        self.assertEqual(self.failed(), "not acknowledged in 5 s")

    def test_said_again(self) -> None:
        """A connection that goes in the middle does no harm."""
        self.begin()
        self.online()
        self.feed(b"hello\n")
        self.end()
        self.fixture.endpoint.last.lose()
        connection = self.fixture.back()
        connection.welcome()
        (say,) = connection.sent()
        connection.say(echo(say, 1, "bot"))
        self.depart(connection)
        self.successResultOf(self.done)

    def test_not_said(self) -> None:
        """The first text that is refused ends it."""
        self.begin()
        connection = self.online()
        self.feed(b"one\ntwo\n")
        first, second = connection.sent()
        connection.say(m.Error(code="too-long", data="Too long.", id=first.id))
        connection.say(m.Error(code="too-long", data="Longer.", id=second.id))
        self.assertEqual(self.failed(connection), "not said: Too long.")

    def test_too_long(self) -> None:
        """A line that no text could hold ends it."""
        self.begin()
        connection = self.online()
        self.feed(b"x" * (MAX_LINE + 10))
        self.assertIn("65,536 bytes", self.failed(connection))

    def test_bounded(self) -> None:
        """No more is read than can be said, and it goes on."""
        self.begin()
        connection = self.online()
        self.feed(b"x\n" * (MAX_UNANSWERED + 200))
        self.assertEqual(self.transport.producerState, "paused")
        self.assertLess(self.fixture.client.unanswered, MAX_UNANSWERED + 1)
        seq = 0
        while requests := connection.sent():
            for request in requests:
                seq += 1
                connection.say(echo(request, seq, "bot"))
        self.assertEqual(seq, MAX_UNANSWERED + 200)
        self.assertEqual(self.transport.producerState, "producing")

    def test_session_ends(self) -> None:
        """A session that is gone, or that one is put out of, can not be spoken in."""
        for event, why in (
            (m.Deleted(session="lobby", user="bob"), "lobby: deleted by bob"),
            (m.Left(session="lobby", user="bot", count=0), "lobby: not a member any more"),
            (m.Error(code="banned", data="Out.", session="lobby"), "lobby: Out."),
        ):
            self.begin()
            connection = self.online()
            connection.say(event)
            self.assertEqual(self.failed(connection), why)

    def test_interrupted(self) -> None:
        """Who is told to end has not done it all."""
        self.begin()
        connection = self.online()
        over = self.pipe.interrupt()
        self.assertNoResult(over)
        self.assertEqual(self.failed(connection), "interrupted")
        self.successResultOf(over)

    def test_interrupted_early(self) -> None:
        """Also before there is a connection."""
        self.begin()
        over = self.pipe.interrupt()
        self.assertEqual(self.failed(), "interrupted")
        self.successResultOf(over)


class HearingTests(PipeTests):
    def test_json(self) -> None:
        """Each event is a line of JSON, the connection's own too."""
        self.begin(json=True)
        connection = self.online()
        connection.say(text(1, "\x1b[31m\u202e"), m.Notice(data="x"))
        connection.lose()
        lines = self.output()
        events = [json.loads(line) for line in lines]
        self.assertEqual(
            [event["type"] for event in events],
            ["online", "session", "text", "notice", "offline"],
        )
        self.assertEqual(
            events[0], {"type": "online", "user": "bot", "server": "fake", "again": False}
        )
        self.assertEqual(events[2]["data"], "\x1b[31m\u202e")
        self.assertTrue(lines[2].isascii())
        self.assertGreater(events[4]["retry"], 500)
        self.assertNotIn("t-1", self.transport.value().decode())

    def test_follow(self) -> None:
        """It goes on after the input's end, shows the session's texts, and ends when told to."""
        self.begin(follow=True, session="ops")
        connection = self.online()
        (join,) = connection.sent()
        connection.say(snapshot("ops", id=join.id))
        self.end()
        connection.say(text(1, "elsewhere"), text(1, "a\x07\nb", session="ops"))
        first, second = self.output()
        self.assertEqual((first[5:], second), (r" bob: a\x07", "    b"))
        self.assertNoResult(self.done)
        self.pipe.interrupt()
        self.depart(connection)
        self.successResultOf(self.done)

    def test_nobody_reads(self) -> None:
        """It ends when nobody reads what it follows."""
        self.begin(follow=True)
        connection = self.online()
        self.pipe.lines.writeConnectionLost()
        self.depart(connection)
        self.successResultOf(self.done)

    def test_slow_reader(self) -> None:
        """Who reads slowly stops the server from being read; nothing piles up here."""
        self.begin(follow=True)
        connection = self.online()
        producer = self.transport.producer
        assert isinstance(producer, ChatClient)
        producer.pauseProducing()
        self.assertEqual(connection.transport.producerState, "paused")
        self.fixture.clock.pump([30.0] * 4)  # our own silence is not the server's
        self.assertFalse(connection.closed())
        producer.resumeProducing()
        self.assertEqual(connection.transport.producerState, "producing")

    def test_stuck_reader(self) -> None:
        """Who reads nothing does not keep it from ending."""
        self.begin(follow=True)
        connection = self.online()
        self.pipe.interrupt()
        self.fixture.clock.advance(2.1)
        connection.closed()
        self.assertNoResult(self.done)
        self.fixture.clock.advance(2.1)
        self.successResultOf(self.done)


class PlainTests(SynchronousTestCase):
    """Commands by lines."""

    def setUp(self) -> None:
        self.fixture = Fixture.make()
        self.screen = PlainScreen()
        self.screen.desk = self.desk = Desk(self.screen, lambda *_: self.fixture.client, "alice")
        self.transport = StringTransport()
        self.screen.pipe.makeConnection(self.transport)
        self.screen.begin(self.desk.connect(Address("home"), "alice").settled)

    def test_one_after_the_other(self) -> None:
        """A line waits until the one before it is done; at the end one leaves properly."""
        self.screen.pipe.dataReceived(b"/c ops\nhello\n/quit now\n")
        self.screen.pipe.readConnectionLost()
        connection = self.fixture.endpoint.last
        connection.welcome()
        (create,) = connection.sent()
        connection.say(snapshot("ops", id=create.id))
        say, *leaves, logout = connection.sent()
        assert isinstance(say, m.Say)
        self.assertEqual(say.session, "ops")
        self.assertEqual([type(leave) for leave in leaves], [m.Leave, m.Leave])
        self.assertIsInstance(logout, m.Logout)
        self.fixture.clock.advance(2.1)
        connection.closed()
        self.successResultOf(self.screen.left)
        shown = self.transport.value().decode()
        self.assertIn("* ops: 1 here (alice)\n", shown)
        self.assertIn("! It is written /quit\n", shown)

    def test_nobody_to_ask(self) -> None:
        """Without a terminal nobody is asked for a password."""
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(m.Error(code="bad-credentials", data="Wrong.", id=login.id))
        connection.closed()
        self.assertIn("! home: Wrong.\n", self.transport.value().decode())

    def test_bounded(self) -> None:
        """No more is read while a command waits."""
        self.screen.pipe.dataReceived(b"/list\n" * 10)
        self.assertEqual(self.transport.producerState, "paused")
        connection = self.fixture.endpoint.last
        connection.welcome()
        for _ in range(10):
            (request,) = connection.sent()
            connection.say(m.Listing(sessions=[], users=[], id=request.id))
        self.assertEqual(self.transport.producerState, "producing")


class MainTests(SynchronousTestCase):
    def run_main(self, *words: str) -> tuple[object, list[str]]:
        """Return the exit status and the lines on standard error."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit) as end:
            main.main(words)
        return end.exception.code, errors.getvalue().splitlines()

    def test_usage(self) -> None:
        """What is wrong with the command line is one line, and status 2."""
        with tempfile.TemporaryDirectory() as folder:
            binary = Path(folder) / "binary"
            binary.write_bytes(b"\xff\xfe")
            for words in (
                ("home:x",),
                ("@home",),
                ("home", "--timeout", "x"),
                ("home", "--timeout", "0"),
                ("home", "--timeout", "nan"),
                ("home", "other"),
                ("home", "--nothing"),
                ("home", "--password-file", f"{folder}/missing"),
                ("home", "--password-file", str(binary)),
                ("home", "--tls", "--endpoint", "tcp:home:1"),
                ("--json",),
            ):
                status, errors = self.run_main(*words)
                self.assertEqual((status, len(errors)), (2, 1), (words, errors))
                self.assertTrue(errors[0].startswith("twisted-chat: "), errors)

    def test_options(self) -> None:
        """The command line is understood."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "password"
            path.write_text("secret\nmore\n")
            options = main.read_options(
                ["bob@home:99", "--session", "ops", "--password-file", str(path), "--follow"]
            )
        self.assertEqual(options.address, Address("home", 99, "bob"))
        self.assertEqual((options.user, options.password), ("bob", "secret"))
        self.assertEqual((options.session, options.follow, options.json), ("ops", True, False))
        self.assertTrue(main.read_options(["home"]).user)

    def test_operators(self) -> None:
        """The operator's commands are another program's, which is not loaded for a chat."""
        admin = mock.Mock(main=mock.Mock(return_value=3))
        with mock.patch.dict(sys.modules, {"twisted_chat.admin": admin}):
            for word in ("users", "export", "import", "backup"):
                self.assertEqual(self.run_main(word, "x"), (3, []))
        self.assertEqual(admin.main.call_args_list[0], mock.call(["users", "x"]))

    def test_endpoints(self) -> None:
        """A server is reached by its name, or by any endpoint."""
        reactor = self.fixture_reactor()
        options = main.read_options(["bob@home", "--endpoint", "unix:/run/chat.sock"])
        assert options.address is not None
        found = main.endpoint(reactor, options, options.address)
        self.assertEqual(type(found).__name__, "UNIXClientEndpoint")
        other = main.endpoint(reactor, options, Address("other"))
        self.assertEqual(type(other).__name__, "HostnameEndpoint")
        options = main.read_options(["--endpoint", "nonsense:1"])
        assert options.address is not None
        self.assertRaises(Failed, main.endpoint, reactor, options, options.address)
        options = main.read_options(["home", "--tls"])
        self.assertEqual(
            type(main.endpoint(reactor, options, Address("home"))).__name__, "_WrapperEndpoint"
        )

    def fixture_reactor(self) -> Any:
        from twisted.internet.testing import MemoryReactorClock

        return MemoryReactorClock()
