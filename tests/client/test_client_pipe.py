"""The client on a pipe: each line is said and acknowledged, or it fails with a sentence."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.fake_server import Connection, Fixture, echo, snapshot, text
from twisted_chat.client import ChatClient
from twisted_chat.client.link import FOREIGN
from twisted_chat.client.terminal.pipe import MAX_UNANSWERED, Pipe, PipeOptions
from twisted_chat.client.terminal.plain import MAX_LINE, Failed
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
