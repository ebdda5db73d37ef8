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
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.fake_server import LIMITS, Connection, Fixture, echo, snapshot, text
from twisted_chat.client import ChatClient
from twisted_chat.client.address import Address
from twisted_chat.client.link import FOREIGN, hopeless, sentence
from twisted_chat.client.terminal import main
from twisted_chat.client.terminal.pipe import MAX_UNANSWERED, Pipe, PipeOptions
from twisted_chat.client.terminal.plain import MAX_LINE, Failed, Person, PlainScreen
from twisted_chat.client.words.desk import Desk
from twisted_chat.vocabulary import messages as m


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
        self.feed(b"st")
        self.end()
        requests = connection.sent()
        self.assertEqual(
            [request.data for request in requests if isinstance(request, m.Say)],
            ["one", "two", "Grüße", "last"],
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
        self.assertEqual(self.failed(), "home: no password was given: use --password-file FILE")

    def test_wrong_password(self) -> None:
        self.begin()
        self.fixture.client.password = "secret"
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(m.Error(code="bad-credentials", data="Wrong.", id=login.id))
        connection.closed()
        self.assertEqual(self.failed(), "home: Wrong.")

    def test_locked_session(self) -> None:
        """A locked session wants its own password, and the right one."""
        for password, why in (
            (None, "ops: needs a password: use --session-password-file FILE"),
            ("sesame", "ops: the password does not match"),
        ):
            self.begin(session="ops", password=password)
            connection = self.online()
            (join,) = connection.sent()
            assert isinstance(join, m.Join)
            self.assertEqual(join.password, password)
            connection.say(m.Error(code="bad-password", data="ops has another.", id=join.id))
            self.assertEqual(self.failed(connection), why)

    def test_not_utf8(self) -> None:
        """What can not be read is not said, nor what is behind it."""
        self.begin()
        connection = self.online()
        self.feed(b"one\n\xff\ntwo\n")
        says = [request for request in connection.sent() if isinstance(request, m.Say)]
        self.assertEqual([say.data for say in says], ["one"])
        self.assertEqual(self.failed(connection), "not said: a line is not in UTF-8")

    def test_another_protocol(self) -> None:
        """What will not go better by itself is not tried again."""
        self.begin()
        connection = self.fixture.endpoint.last
        connection.protocol.dataReceived(b"HTTP/1.1 400 Bad Request")
        connection.closed()
        self.assertEqual(self.failed(), f"home: {FOREIGN}")
        self.fixture.clock.advance(100)
        self.assertEqual(self.fixture.endpoint.attempts, 1)

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
        self.assertEqual((first[5:], second), (r" bob: a\x07", "      b"))
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
        self.screen = PlainScreen(self.fixture.clock, 5.0)
        self.screen.desk = self.desk = Desk(self.screen, lambda *_: self.fixture.client, "alice")
        self.transport = StringTransport()
        self.screen.pipe.makeConnection(self.transport)
        self.screen.begin(self.desk.connect(Address("home"), "alice").settled)

    def test_one_after_the_other(self) -> None:
        """A line waits until the one before it is done; at the end one leaves properly."""
        self.screen.pipe.dataReceived(b"/c ops\nhello\n/quit\nx\n")
        self.screen.pipe.readConnectionLost()
        connection = self.fixture.endpoint.last
        connection.welcome(guest=True)
        (create,) = connection.sent()
        connection.say(snapshot("ops", id=create.id))
        (say,) = connection.sent()
        assert isinstance(say, m.Say)
        self.assertEqual(say.session, "ops")
        connection.say(echo(say, 1))
        *leaves, logout = connection.sent()
        self.assertEqual([type(leave) for leave in leaves], [m.Leave, m.Leave])
        self.assertIsInstance(logout, m.Logout)
        self.fixture.clock.advance(2.1)
        connection.closed()
        self.successResultOf(self.screen.left)
        shown = self.transport.value().decode()
        self.assertIn("* ops: 1 here (alice)\n", shown)

    def test_nobody_to_ask(self) -> None:
        """Without a terminal nobody is asked for a password."""
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(m.Error(code="bad-credentials", data="Wrong.", id=login.id))
        connection.closed()
        failure = self.failureResultOf(self.screen.left, Failed)
        self.assertIn("home: no password was given", str(failure.value))

    def failed(self, connection: Connection) -> str:
        """Return why it ended; nothing was said after that."""
        sent = connection.sent()
        self.assertEqual([request for request in sent if isinstance(request, m.Say)], [])
        self.fixture.clock.advance(2.1)
        connection.closed()
        return str(self.failureResultOf(self.screen.left, Failed).value)

    def test_waits_for_the_lobby(self) -> None:
        """Nothing is taken before one is somewhere."""
        self.screen.pipe.dataReceived(b"hello\n")
        self.screen.pipe.readConnectionLost()
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(
            m.Welcome(
                limits=LIMITS, protocol=1, id=login.id, user="alice", server="x", lobby="lobby"
            )
        )
        self.assertEqual(connection.sent(), [])
        connection.say(snapshot())
        (say,) = connection.sent()
        assert isinstance(say, m.Say)
        self.assertEqual((say.session, say.data), ("lobby", "hello"))

    def test_first_failure(self) -> None:
        """A command that is refused ends it: what follows was meant for another place."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"/j vault wrong\nthe secret\n")
        self.screen.pipe.readConnectionLost()
        (join,) = connection.sent()
        connection.say(m.Error(code="bad-password", data="Wrong.", id=join.id))
        self.assertEqual(self.failed(connection), "Wrong.")

    def test_text_refused(self) -> None:
        """A text that is refused ends it too."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"one\ntwo\n")
        (say,) = connection.sent()
        connection.say(m.Error(code="too-long", data="Too long.", id=say.id))
        self.assertEqual(self.failed(connection), "Not said on home: “one”. Too long.")

    def test_no_answer(self) -> None:
        """Each line has its time."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"one\ntwo\n")
        connection.sent()
        self.fixture.clock.advance(5)
        self.assertEqual(self.failed(connection), "home: no answer, for 5 s")

    def test_usage(self) -> None:
        """So does what is no command, and what can not be read."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"/nothing\nhello\n")
        self.assertIn("/nothing", self.failed(connection))

    def test_not_utf8(self) -> None:
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"\xff\nhello\n")
        self.assertEqual(self.failed(connection), "not said: a line is not in UTF-8")

    def test_session_goes(self) -> None:
        """What was meant for a session that somebody deletes is not said elsewhere."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        connection.say(m.Deleted(session="lobby", user="bob"))
        self.screen.pipe.dataReceived(b"hello\n")
        self.assertIn("bob has deleted lobby", self.failed(connection))

    def test_put_out(self) -> None:
        """Nor what was meant for one that one is put out of."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        connection.say(m.Left(session="lobby", user="alice", count=0))
        self.screen.pipe.dataReceived(b"hello\n")
        self.assertEqual(self.failed(connection), "You have left lobby.")

    def test_another_protocol(self) -> None:
        """What will not go better by itself ends it at once."""
        connection = self.fixture.endpoint.last
        connection.protocol.dataReceived(b"HTTP/1.1 400 Bad Request")
        connection.closed()
        failure = self.failureResultOf(self.screen.left, Failed)
        self.assertEqual(str(failure.value), f"home: {FOREIGN}")


class FakePerson(Person):
    """Types on a terminal of 40 columns; ``shown`` is whether it shows that."""

    columns = 40

    def __init__(self) -> None:
        self.shown = True

    def echo(self, shown: bool) -> None:
        self.shown = shown


class PersonTests(SynchronousTestCase):
    """A person on a terminal that can do little."""

    def setUp(self) -> None:
        self.fixture, self.person, self.transport = Fixture.make(), FakePerson(), StringTransport()
        self.screen = PlainScreen(Clock(), person=self.person)
        self.screen.desk = Desk(self.screen, lambda *_: self.fixture.client, "alice")
        self.screen.pipe.makeConnection(self.transport)
        self.screen.begin(self.screen.desk.connect(Address("home"), "alice").settled)
        self.connection = self.fixture.endpoint.last

    def type(self, keys: str) -> None:
        self.screen.pipe.dataReceived(keys.encode())

    def shown(self) -> list[str]:
        lines: list[str] = self.transport.value().decode().splitlines()
        self.transport.clear()
        return lines

    def test_mistake(self) -> None:
        """A person who mistypes is told, and goes on; long lines are broken between words."""
        self.connection.welcome()
        self.shown()
        self.type("/nothing\none\ntwo\n")
        self.assertEqual(len(self.connection.sent()), 2)
        self.assertEqual(
            self.shown(),
            ["! There is no command /nothing: /help ", "  shows all; //nothing says /nothing."],
        )

    def test_asked(self) -> None:
        """A password is asked for, one after the other, and what is typed then is not shown."""
        self.connection.welcome()
        self.shown()
        self.type("/c ops --password\n")
        another = self.screen.ask("Password of another: ")
        self.assertEqual(self.shown(), ["Password to lock ops with: "])
        self.assertFalse(self.person.shown)
        self.type("/quit\n")  # a password like any other
        (create,) = self.connection.sent()
        assert isinstance(create, m.Create)
        self.assertEqual(create.password, "/quit")
        self.assertEqual(self.shown(), ["Password of another: "])
        self.assertFalse(self.person.shown)
        self.type("sesame\n")
        self.assertEqual(self.successResultOf(another), "sesame")
        self.assertTrue(self.person.shown)

    def test_not_answered(self) -> None:
        """Who ends the input instead has no password; what is typed is shown again afterwards."""
        self.connection.welcome()
        self.type("/c ops --password\n")
        self.screen.pipe.readConnectionLost()
        self.assertTrue(self.person.shown)
        self.assertEqual(self.shown()[-1], "! No password was given.")

    def test_interrupted(self) -> None:
        """So it is where the program is told to end in the middle of it."""
        self.connection.welcome()
        self.type("/c ops --password\n")
        self.screen.desk.interrupt()
        self.connection.lose()
        self.successResultOf(self.screen.left)
        self.assertTrue(self.person.shown)


class HopelessTests(SynchronousTestCase):
    def test_tls(self) -> None:
        """A certificate, or a port without TLS, will not go better; a lost connection may."""
        ssl = type("Error", (Exception,), {"__module__": "OpenSSL.SSL"})
        name = type("VerificationError", (Exception,), {"__module__": "service_identity"})
        for problem, words in (
            (ssl([("SSL routines", "", "certificate verify failed")]), "certificate verify failed"),
            (ssl([("SSL routines", "", "wrong version number")]), "does not speak it"),
            (name(), "not for this host"),
        ):
            reason = sentence(Failure(problem))
            self.assertIn(words, reason)
            self.assertTrue(hopeless(reason), reason)
        for problem in (ssl(-1, "Unexpected EOF"), ConnectionLost(), ConnectionRefusedError()):
            self.assertFalse(hopeless(sentence(Failure(problem))))


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
                ("home", "--session-password-file", str(binary)),
                ("home", "--session", "ops", "--session-password-file", f"{folder}/missing"),
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
        with mock.patch.dict(sys.modules, {"twisted_chat.operation.admin": admin}):
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
