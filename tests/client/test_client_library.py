"""ChatClient: said once, told once, in order, whatever becomes of the connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.fake_server import Connection, Fixture, echo, snapshot, text
from twisted_chat.client import Ended, Offline, Online, Place, Unanswered
from twisted_chat.client.link import IDLE, PATIENCE, sentence
from twisted_chat.client.outbox import MAX_IN_FLIGHT, MAX_WAITING
from twisted_chat.client.stream import MAX_HELD
from twisted_chat.client.waiters import Waiters
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError

T = TypeVar("T")


class LibraryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.fixture = Fixture.make()
        self.client = self.fixture.client

    def failure(self, deferred: Deferred[T]) -> ChatError:
        error = self.failureResultOf(deferred, ChatError).value
        assert isinstance(error, ChatError)
        return error


class LoginTests(LibraryTests):
    def test_welcome(self) -> None:
        """A login is done with the welcome, which everybody who waits gets."""
        first, second = self.client.start(), self.client.arrival()
        self.fixture.endpoint.last.welcome(user="Alice")
        self.assertIsInstance(self.successResultOf(first), m.Welcome)
        self.assertIsInstance(self.successResultOf(second), m.Welcome)
        self.assertEqual(self.client.user, "Alice")
        self.assertIn("lobby", self.client.sessions)
        online, lobby = self.fixture.told()
        self.assertEqual(online, Online(self.client.welcome, again=False))  # type: ignore[arg-type]
        self.assertIsInstance(lobby, m.Snapshot)

    def test_refused_for_good(self) -> None:
        """A refusal that can not pass by itself ends the attempts, and fails what waits."""
        started = self.client.start()
        said = self.client.say("lobby", "hello")
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(m.Error(code="bad-credentials", data="No.", id=login.id))
        self.assertTrue(connection.closed())
        self.assertEqual(self.failure(started).code, "bad-credentials")
        self.assertEqual(self.failure(said).code, "bad-credentials")
        self.assertEqual(self.failure(self.client.say("lobby", "x")).code, "bad-credentials")
        (ended,) = self.fixture.told()
        assert isinstance(ended, Ended)
        self.assertEqual(str(ended.error), "No.")
        self.fixture.clock.advance(1_000)
        self.assertEqual(self.fixture.endpoint.attempts, 1)

    def test_refused_for_now(self) -> None:
        """A full server is tried again."""
        started = self.client.start()
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(m.Error(code="server-full", data="Full.", id=login.id))
        self.assertTrue(connection.closed())
        (offline,) = self.fixture.told()
        assert isinstance(offline, Offline)
        self.assertEqual(offline.reason, "Full.")
        self.assertNoResult(started)
        self.fixture.back().welcome()
        self.successResultOf(started)

    def test_start_again(self) -> None:
        """After a refusal the client may be started anew, with another password."""
        started = self.client.start()
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(m.Error(code="bad-credentials", data="No.", id=login.id))
        connection.closed()
        self.failure(started)
        self.client.password = "secret"
        started = self.client.start()
        login = self.fixture.endpoint.last.welcome()
        self.assertEqual(login.password, "secret")
        self.successResultOf(started)

    def test_start_again_where_one_was(self) -> None:
        """What was remembered of an earlier run is not lost by a wrong password."""
        self.client.come_back_to([Place("@alice,bob", "b", 3)])
        self.client.start().addErrback(lambda _: None)
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(m.Error(code="bad-credentials", data="No.", id=login.id))
        connection.closed()
        self.client.start()
        login = self.fixture.endpoint.last.welcome()
        self.assertEqual(login.resume, [m.Place(session="@alice,bob", after=3, epoch="b")])

    def test_a_program_that_ends(self) -> None:
        """A program may end while it waits for its login, and nothing complains."""
        coming = self.client.__aenter__()
        coming.send(None)
        coming.close()

    def test_a_program_that_ends_meanwhile(self) -> None:
        """It may also end while it does something with the client."""

        async def use() -> None:
            async with self.client:
                await Deferred()

        using = use()
        started = using.send(None)
        self.fixture.endpoint.last.welcome()
        self.successResultOf(started)
        using.send(None)
        using.close()

    def test_not_started(self) -> None:
        """Nothing is kept for a client that nobody has started."""
        self.failure(self.client.say("lobby", "hello"))

    def test_guest_token(self) -> None:
        """A guest comes back with its token: it is the same guest."""
        connection = self.fixture.online(token="proof")
        connection.lose()
        login = self.fixture.back().welcome()
        self.assertEqual(login.token, "proof")

    def test_foreign_server(self) -> None:
        """What does not speak the protocol is left, and tried again later."""
        self.client.start()
        for garbage in (b"HTTP/1.1 400 Bad Request", b"\0\0\0\2[]", b"\0\0\0\1\xff"):
            connection = self.fixture.endpoint.last
            connection.protocol.dataReceived(garbage)
            self.assertTrue(connection.closed())
            (offline,) = self.fixture.told()
            assert isinstance(offline, Offline)
            self.assertEqual(offline.reason, "the server does not speak this protocol")
            self.fixture.back()

    def test_newer_server(self) -> None:
        """Types and codes of a newer server are ignored, but nobody is left waiting for them."""
        connection = self.fixture.online()
        joined = self.client.join("ops")
        (request,) = connection.sent()
        connection.raw(b'{"type":"fireworks"}', b'{"type":"fireworks","id":5}')
        connection.raw(b'{"type":"error","code":"raining","data":"Wet.","id":"%s"}' % _id(request))
        self.assertEqual(str(self.failure(joined)), "Wet.")
        self.assertFalse(connection.closed())


def _id(request: m.Request) -> bytes:
    return (request.id or "").encode()


class SayingTests(LibraryTests):
    def test_acknowledged(self) -> None:
        """What was said comes back stored."""
        connection = self.fixture.online()
        said = self.client.say("lobby", "hello")
        (request,) = connection.sent()
        self.assertNoResult(said)
        stored = echo(request, 1)
        connection.say(stored)
        self.assertEqual(self.successResultOf(said), stored)
        self.assertEqual(self.fixture.told(m.Text), [stored])
        self.assertEqual(self.client.unanswered, 0)

    def test_refused(self) -> None:
        """A text that is refused fails alone."""
        connection = self.fixture.online()
        one, two = self.client.say("ops", "hello"), self.client.say("lobby", "hello")
        first, second = connection.sent()
        connection.say(m.Error(code="not-in-session", data="No.", session="ops", id=first.id))
        connection.say(echo(second, 1))
        self.assertEqual(self.failure(one).code, "not-in-session")
        self.successResultOf(two)
        self.assertIn("lobby", self.client.sessions)

    def test_somebody_elses_id(self) -> None:
        """The same id from somebody else acknowledges nothing."""
        connection = self.fixture.online()
        said = self.client.say("lobby", "hello")
        (request,) = connection.sent()
        connection.say(echo(request, 1, source="mallory"))
        self.assertNoResult(said)
        connection.say(echo(request, 2))
        self.successResultOf(said)

    def test_window(self) -> None:
        """No more than 64 requests are in flight, and their order is kept."""
        connection = self.fixture.online()
        said = [self.client.say("lobby", str(n)) for n in range(200)]
        seq, seen = 0, []
        while requests := connection.sent():
            self.assertLessEqual(len(requests), MAX_IN_FLIGHT)
            for request in requests:
                seq += 1
                seen.append(request)
                connection.say(echo(request, seq))
        self.assertEqual(
            [self.successResultOf(one).data for one in said], list(map(str, range(200)))
        )
        self.assertEqual(len({request.id for request in seen}), 200)

    def test_before_login(self) -> None:
        """What is asked before the login is done waits for it."""
        self.client.start()
        joined, said = self.client.join("ops"), self.client.say("ops", "hello")
        connection = self.fixture.endpoint.last
        connection.welcome()
        join, say = connection.sent()
        self.assertIsInstance(join, m.Join)
        connection.say(snapshot("ops", id=join.id), echo(say, 1))
        self.successResultOf(joined)
        self.successResultOf(said)

    def test_bounded(self) -> None:
        """Past 1,000 requests that wait, another fails at once."""
        self.client.start().addErrback(lambda _: None)
        kept = [self.client.say("lobby", "x") for _ in range(MAX_WAITING)]
        self.assertEqual(self.failure(self.client.say("lobby", "x")).code, "not-stored")
        self.client.logout()
        for one in kept:
            self.failure(one)

    def test_never_too_large(self) -> None:
        """What no frame can hold is refused here: the server would close the connection."""
        self.fixture.online()
        self.assertEqual(self.failure(self.client.say("lobby", "\0" * 16_384)).code, "too-large")
        self.assertEqual(self.failure(self.client.say("lobby", "\ud800")).code, "bad-request")
        self.assertEqual(self.client.unanswered, 0)

    def test_withdrawn(self) -> None:
        """What is cancelled before it is sent is not sent; the answer to what was sent is lost."""
        self.client.start()
        one = self.client.say("lobby", "one")
        two = self.client.say("lobby", "two")
        one.cancel()
        self.failureResultOf(one, CancelledError)
        connection = self.fixture.endpoint.last
        connection.welcome()
        (request,) = connection.sent()
        two.cancel()
        self.failureResultOf(two, CancelledError)
        connection.say(echo(request, 1))
        self.assertEqual(self.client.unanswered, 0)

    def test_direct(self) -> None:
        """A direct message is acknowledged in the direct session."""
        connection = self.fixture.online()
        said = self.client.message("bob", "hello")
        (request,) = connection.sent()
        connection.say(snapshot("@alice,bob", epoch="d"), echo(request, 1, session="@alice,bob"))
        self.assertEqual(self.successResultOf(said).session, "@alice,bob")
        self.assertEqual(self.client.sessions["@alice,bob"].seen, 1)
        self.assertTrue(self.client.sessions["@alice,bob"].direct)


class ComingBackTests(LibraryTests):
    def test_resumes(self) -> None:
        """Who comes back names each session, the last seq it saw, the epoch and the password."""
        connection = self.fixture.online()
        joined = self.client.join("ops", "sesame")
        (request,) = connection.sent()
        connection.say(snapshot("ops", 5, epoch="o", id=request.id), text(6, session="ops"))
        self.successResultOf(joined)
        connection.say(text(1), text(2))
        self.fixture.told()
        connection.lose()
        login = self.fixture.back().welcome()
        self.assertEqual(
            login.resume,
            [
                m.Place(session="lobby", after=2, epoch="e-1"),
                m.Place(session="ops", after=6, epoch="o", password="sesame"),
            ],
        )

    def test_missed_once(self) -> None:
        """What was missed is told, once, and what was seen is not told again."""
        connection = self.fixture.online()
        connection.say(text(1), text(2))
        connection.lose()
        connection = self.fixture.back()
        self.fixture.told()
        connection.say(_welcome(connection), snapshot(head=4))
        connection.say(text(2), text(3), text(4), text(3), text(5))
        self.assertEqual(self.fixture.told(m.Text), [text(3), text(4), text(5)])

    def test_reset(self) -> None:
        """A server that lost its log says reset: one goes on from its head."""
        connection = self.fixture.online()
        connection.say(text(1), text(2), text(3))
        connection.lose()
        connection = self.fixture.back()
        self.fixture.told()
        connection.say(_welcome(connection), snapshot(head=1, epoch="e-2", reset=True))
        connection.say(text(2))
        self.assertEqual(self.fixture.told(m.Text), [text(2)])
        self.assertEqual(self.client.sessions["lobby"].epoch, "e-2")

    def test_said_again(self) -> None:
        """What was not acknowledged is said again, with its old id, in order, before the rest."""
        connection = self.fixture.online()
        said = [self.client.say("lobby", str(n)) for n in range(100)]
        first = connection.sent()
        connection.say(echo(first[0], 1))
        first = first[1:] + connection.sent()
        connection.lose()
        late = self.client.say("lobby", "late")
        connection = self.fixture.back()
        connection.say(_welcome(connection), snapshot(head=1))
        seq, again = 1, []
        while requests := connection.sent():
            for request in requests:
                seq += 1
                again.append(request)
                connection.say(echo(request, seq))
        self.assertEqual(again[: len(first)], first)
        self.assertEqual(
            [request.data for request in again if isinstance(request, m.Say)],
            [*map(str, range(1, 100)), "late"],
        )
        self.assertEqual(
            [self.successResultOf(one).seq for one in [*said, late]], list(range(1, 102))
        )

    def test_stored_already(self) -> None:
        """What was stored, though its echo was lost, is shown once, and acknowledged."""
        connection = self.fixture.online()
        said = self.client.say("lobby", "hello")
        (request,) = connection.sent()
        connection.lose()
        connection = self.fixture.back()
        self.fixture.told()
        stored = echo(request, 1)
        connection.say(_welcome(connection), snapshot(head=1))
        self.assertEqual(connection.sent(), [request])
        connection.say(stored)  # as one of the texts that were missed
        self.assertEqual(self.successResultOf(said), stored)
        connection.say(stored)  # as the answer to saying it again
        self.assertEqual(self.fixture.told(m.Text), [stored])

    def test_duplicate_acknowledges(self) -> None:
        """An echo with an old seq acknowledges and is not shown."""
        connection = self.fixture.online()
        said = self.client.say("lobby", "hello")
        (request,) = connection.sent()
        connection.say(text(1), text(2), text(3))
        self.fixture.told()
        connection.say(echo(request, 2))
        self.assertEqual(self.successResultOf(said).seq, 2)
        self.assertEqual(self.fixture.told(m.Text), [])

    def test_what_is_not_asked_twice(self) -> None:
        """Creating, deleting and topics in flight fail; what may be asked twice is."""
        connection = self.fixture.online()
        risky: list[Deferred[Any]] = [
            self.client.create("ops"),
            self.client.delete("old"),
            self.client.topic("lobby", "t"),
        ]
        safe = self.client.list()
        self.assertEqual(len(connection.sent()), 4)
        connection.lose()
        for one in risky:
            self.assertIsInstance(self.failureResultOf(one).value, Unanswered)
        unsent = self.client.create("new")
        connection = self.fixture.back()
        connection.welcome()
        again, create = connection.sent()
        self.assertIsInstance(again, m.List)
        self.assertIsInstance(create, m.Create)
        connection.say(m.Listing(sessions=[], users=[], id=again.id))
        connection.say(snapshot("new", id=create.id))
        self.successResultOf(safe)
        self.successResultOf(unsent)

    def test_session_is_gone(self) -> None:
        """A session that can not be resumed is forgotten and told; what was said there fails."""
        connection = self.fixture.online()
        self.client.join("ops")
        (request,) = connection.sent()
        connection.say(snapshot("ops", id=request.id))
        connection.lose()
        said = self.client.say("ops", "hello")
        connection = self.fixture.back()
        connection.say(_welcome(connection), snapshot())
        gone = m.Error(code="no-such-session", data="Gone.", session="ops")
        self.fixture.told()
        connection.say(gone)
        self.assertEqual(self.fixture.told(), [gone])
        self.assertEqual(list(self.client.sessions), ["lobby"])
        (request,) = connection.sent()
        connection.say(m.Error(code="not-in-session", data="No.", id=request.id))
        self.failure(said)

    def test_more_sessions_than_a_login_can_name(self) -> None:
        """The rest is joined after the login, before what waits; its live texts do not overtake."""
        connection = self.fixture.online()
        names = [f"session-{n:03}-{'x' * 48}" for n in range(90)]
        for name in names:
            self.client.join(name)
            for request in connection.sent():
                assert isinstance(request, m.Join)
                connection.say(snapshot(request.session, 5, epoch="o", id=request.id))
        connection.lose()
        said = self.client.say(names[-1], "hello")
        connection = self.fixture.back()
        raw = connection.transport.value()
        self.assertLessEqual(len(raw) - 4, m.MAX_FRAME_BEFORE_LOGIN)
        login = connection.welcome()
        named = [place.session for place in login.resume]
        self.assertGreater(len(named), 20)
        self.assertEqual(named[0], "lobby")
        joined: list[str] = []
        self.fixture.told()
        connection.say(text(9, session=names[-1]))  # live, before its time
        while requests := connection.sent():
            for request in requests:
                if isinstance(request, m.Join):
                    self.assertEqual((request.after, request.epoch), (5, "o"))
                    joined.append(request.session)
                    connection.say(snapshot(request.session, 9, epoch="o", id=request.id))
                else:
                    connection.say(echo(request, 10))
        self.assertEqual(sorted(named[1:] + joined), names)
        self.successResultOf(said)
        for n in range(6, 11):
            connection.say(text(n, session=names[-2]))
        self.assertEqual([t.seq for t in self.fixture.told(m.Text)][1:], [6, 7, 8, 9, 10])  # type: ignore[union-attr]

    def test_left_lobby(self) -> None:
        """Who has left the lobby is not in it after coming back."""
        connection = self.fixture.online()
        left = self.client.leave("lobby")
        (request,) = connection.sent()
        connection.say(m.Left(session="lobby", user="alice", count=0, id=request.id))
        self.successResultOf(left)
        connection.lose()
        connection = self.fixture.back()
        connection.welcome()
        (request,) = connection.sent()
        self.assertIsInstance(request, m.Leave)
        connection.say(m.Left(session="lobby", user="alice", count=0, id=request.id))
        self.assertEqual(list(self.client.sessions), [])

    def test_direct_from_afar(self) -> None:
        """A direct session that began while one was away is read from its first text."""
        connection = self.fixture.online(direct=[m.Direct(session="@alice,bob", epoch="b", head=3)])
        connection.lose()
        connection = self.fixture.back()
        login = connection.welcome(
            direct=[
                m.Direct(session="@alice,bob", epoch="b", head=4),
                m.Direct(session="@alice,carol", epoch="c", head=2),
            ]
        )
        self.assertIn(m.Place(session="@alice,bob", after=3, epoch="b"), login.resume)
        (join,) = connection.sent()
        assert isinstance(join, m.Join)
        self.assertEqual((join.session, join.after, join.epoch), ("@alice,carol", 0, "c"))
        self.fixture.told()
        connection.say(snapshot(join.session, 2, epoch="c", id=join.id))
        connection.say(text(1, session="@alice,carol"), text(2, session="@alice,carol"))
        self.assertEqual(len(self.fixture.told(m.Text)), 2)

    def test_delays(self) -> None:
        """The delays grow from a second to a minute, none quite like another, and begin anew."""
        self.fixture.endpoint.refuse = True
        self.client.start()
        delays = []
        for _ in range(12):
            (offline,) = self.fixture.told()
            assert isinstance(offline, Offline)
            self.assertEqual(offline.reason, "connection refused")
            delays.append(offline.delay)
            self.fixture.clock.advance(offline.delay)
        for n, delay in enumerate(delays):
            self.assertTrue(min(2**n, 60) * 0.75 <= delay <= min(2**n * 1.25, 60), delays)
        self.assertEqual(len(set(delays[:6])), 6)
        self.fixture.endpoint.refuse = False
        self.fixture.back().welcome()
        self.fixture.told()
        self.fixture.endpoint.last.lose()
        (offline,) = self.fixture.told()
        assert isinstance(offline, Offline)
        self.assertLess(offline.delay, 2)
        self.assertEqual(offline.reason, "the connection was lost")

    def test_bye(self) -> None:
        """A server that goes says for how long."""
        connection = self.fixture.online()
        connection.say(m.Bye(data="Back soon.", retry=20_000))
        self.fixture.told()
        connection.lose(clean=True)
        (offline,) = self.fixture.told()
        assert isinstance(offline, Offline)
        self.assertEqual(offline.reason, "Back soon.")
        self.assertTrue(20 <= offline.delay <= 30, offline)

    def test_silence(self) -> None:
        """A server that says nothing is asked; one that does not answer is left."""
        connection = self.fixture.online()
        self.fixture.clock.advance(IDLE)
        (ping,) = connection.sent()
        self.assertIsInstance(ping, m.Ping)
        connection.say(m.Pong())
        self.fixture.clock.advance(IDLE)
        self.assertEqual(len(connection.sent()), 1)
        self.assertFalse(connection.closed())
        self.fixture.clock.advance(PATIENCE)
        self.assertTrue(connection.closed())
        (offline,) = self.fixture.told(Offline)
        assert isinstance(offline, Offline)
        self.assertEqual(offline.reason, "the server does not answer")


def _welcome(connection: Connection) -> m.Welcome:
    """Take the login; return the welcome, without a snapshot of the lobby."""
    (login,) = connection.sent()
    return m.Welcome(
        user="alice",
        server="fake",
        lobby="lobby",
        limits=m.Limits(text=m.MAX_TEXT),
        protocol=1,
        id=login.id,
    )


class LogoutTests(LibraryTests):
    def test_politely(self) -> None:
        """Each session is left, then one logs out; each answer is waited for."""
        connection = self.fixture.online(direct=[m.Direct(session="@alice,bob", epoch="b", head=3)])
        self.client.join("ops")
        (request,) = connection.sent()
        connection.say(snapshot("ops", id=request.id))
        said = self.client.say("ops", "bye")
        departed = self.client.logout()
        say, *leaves, logout = connection.sent()
        self.assertEqual(
            [leave.session for leave in leaves if isinstance(leave, m.Leave)], ["lobby", "ops"]
        )
        self.assertIsInstance(logout, m.Logout)
        connection.say(echo(say, 1))
        for leave in leaves:
            assert isinstance(leave, m.Leave)
            connection.say(m.Left(session=leave.session or "", user="alice", count=0, id=leave.id))
        self.assertFalse(connection.closed())
        connection.say(m.Bye(data="Goodbye.", id=logout.id))
        self.assertNoResult(departed)
        self.assertTrue(connection.closed())
        self.successResultOf(departed)
        self.successResultOf(said)
        self.assertEqual(self.fixture.told(Ended, Offline), [Ended(None)])
        self.assertEqual(self.fixture.clock.getDelayedCalls(), [])

    def test_two_seconds_at_most(self) -> None:
        """A server that does not answer is waited for 2 s in all."""
        connection = self.fixture.online()
        said = self.client.say("lobby", "hello")
        first, second = self.client.logout(), self.client.logout()
        self.fixture.clock.advance(1.9)
        self.assertFalse(connection.closed())
        self.fixture.clock.advance(0.2)
        self.assertTrue(connection.closed())
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertIsInstance(self.failure(said), Unanswered)
        self.assertEqual(self.fixture.clock.getDelayedCalls(), [])

    def test_offline(self) -> None:
        """Without a connection there is nobody to say goodbye to."""
        self.fixture.endpoint.refuse = True
        started = self.client.start()
        departed = self.client.logout()
        self.successResultOf(departed)
        self.failure(started)
        self.assertEqual(self.fixture.clock.getDelayedCalls(), [])
        self.successResultOf(self.client.logout())

    def test_from_a_listener(self) -> None:
        """A listener that has had enough may log out, whatever it was told."""
        self.fixture.endpoint.refuse = True
        self.client.listen(lambda event: isinstance(event, Offline) and self.client.logout())
        self.failure(self.client.start())
        self.assertEqual(self.fixture.clock.getDelayedCalls(), [])

    def test_before_the_welcome(self) -> None:
        """While the login is not answered there is nothing to leave either."""
        started = self.client.start()
        departed = self.client.logout()
        self.successResultOf(departed)
        self.failure(started)
        self.assertTrue(self.fixture.endpoint.last.closed())
        self.assertEqual(self.fixture.clock.getDelayedCalls(), [])

    def test_connection_goes_meanwhile(self) -> None:
        """A connection that goes in the middle of it is not made again."""
        connection = self.fixture.online()
        departed = self.client.logout()
        connection.lose()
        self.successResultOf(departed)
        self.fixture.clock.advance(100)
        self.assertEqual(self.fixture.endpoint.attempts, 1)

    def test_full_queue(self) -> None:
        """Nothing that waits keeps one from leaving properly."""
        connection = self.fixture.online()
        said = [self.client.say("lobby", "x") for _ in range(MAX_WAITING)]
        departed = self.client.logout()
        seq = 0
        while requests := connection.sent():
            for request in requests:
                match request:
                    case m.Say():
                        seq += 1
                        connection.say(echo(request, seq))
                    case m.Leave():
                        connection.say(
                            m.Left(session="lobby", user="alice", count=0, id=request.id)
                        )
                    case _:
                        connection.say(m.Bye(data="Goodbye.", id=request.id))
        self.assertTrue(connection.closed())
        self.successResultOf(departed)
        self.assertEqual([self.successResultOf(one).seq for one in said][-1], MAX_WAITING)

    def test_async_with(self) -> None:
        """``async with`` logs in and out, also when what is inside fails."""

        async def flow() -> None:
            async with self.client as client:
                self.assertTrue(client.online)
                raise ZeroDivisionError

        done = Deferred.fromCoroutine(flow())
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.assertIsInstance(connection.sent()[-1], m.Logout)
        self.fixture.clock.advance(3)
        connection.closed()
        self.failureResultOf(done, ZeroDivisionError)


class GatheringTests(LibraryTests):
    def test_list(self) -> None:
        """A list that comes in parts is one list; one that breaks off begins anew."""
        connection = self.fixture.online()
        listed = self.client.list()
        (request,) = connection.sent()
        one, two = (
            m.ListedSession(session=name, users=1, topic="", owner=None, locked=False)
            for name in ("a", "b")
        )
        connection.say(m.Listing(sessions=[one], users=[], more=True, id=request.id))
        connection.lose()
        connection = self.fixture.back()
        connection.welcome()
        (request,) = connection.sent()
        connection.say(m.Listing(sessions=[one], users=[], more=True, id=request.id))
        self.assertNoResult(listed)
        user = m.ListedUser(user="bob", sessions=["a"])
        connection.say(m.Listing(sessions=[two], users=[user], id=request.id))
        found = self.successResultOf(listed)
        self.assertEqual((found.sessions, found.users), ([one, two], [user]))

    def test_others(self) -> None:
        """Every request gets the reply that bears its id."""
        connection = self.fixture.online()
        asked: list[tuple[Deferred[Any], Any]] = [
            (self.client.who("ops"), m.Members(session="ops", users=["bob"], count=1)),
            (self.client.history("ops"), m.Texts(session="ops", texts=[], more=False, epoch="e")),
            (self.client.search("ops", "x"), m.Found(session="ops", texts=[], more=False)),
            (self.client.topic("ops", "t"), m.TopicChanged(session="ops", user="a", topic="t")),
            (self.client.delete("ops"), m.Deleted(session="ops", user="alice")),
            (self.client.ping(), m.Pong()),
        ]
        for (deferred, answer), request in zip(asked, connection.sent(), strict=True):
            reply = m.with_id(answer, request.id)
            connection.say(reply)
            self.assertEqual(self.successResultOf(deferred), reply)

    def test_wrong_answer(self) -> None:
        """An answer of the wrong kind is nobody's."""
        connection = self.fixture.online()
        listed = self.client.list()
        (request,) = connection.sent()
        connection.say(m.Pong(id=request.id))
        self.assertIsInstance(self.failure(listed), Unanswered)


class ListeningTests(LibraryTests):
    def test_broken_listener(self) -> None:
        """A listener that raises loses only itself."""
        connection = self.fixture.online()
        stop = self.client.listen(lambda _: 1 / 0)
        self.client.listen(self.fixture.events.append)
        self.fixture.told()
        connection.say(m.Notice(data="hello"))
        self.assertEqual(len(self.fixture.told(m.Notice)), 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        stop()
        connection.say(m.Notice(data="hello"))
        self.assertEqual(self.flushLoggedErrors(ZeroDivisionError), [])

    def collect(self, stream: AsyncIterator[m.Text]) -> tuple[list[m.Text], Deferred[None]]:
        found: list[m.Text] = []

        async def flow() -> None:
            async for one in stream:
                found.append(one)

        return found, Deferred.fromCoroutine(flow())

    def test_iteration(self) -> None:
        """``async for`` gives the texts of others, and ends with the logout."""
        connection = self.fixture.online()
        found, done = self.collect(self.client.texts())
        ops, _ = self.collect(self.client.texts("LOBBY", own=True))
        connection.say(text(1), text(2, source="alice"), m.Notice(data="x"), text(3))
        self.assertEqual([one.seq for one in found], [1, 3])
        self.assertEqual([one.seq for one in ops], [1, 2, 3])
        self.assertNoResult(done)
        self.client.logout()
        connection.lose()
        self.successResultOf(done)

    def test_refused(self) -> None:
        """The iteration fails where the login is refused for good."""
        self.client.start().addErrback(lambda _: None)
        _, done = self.collect(self.client.texts())
        connection = self.fixture.endpoint.last
        connection.say(m.Error(code="invalid-name", data="No."))
        connection.closed()
        self.failure(done)

    def test_waiting_no_longer(self) -> None:
        """Who stops waiting for a text may wait again, and has missed nothing."""
        connection = self.fixture.online()
        stream = self.client.texts()
        waiting = Deferred.fromCoroutine(stream.__anext__())
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        connection.say(text(1))
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(stream.__anext__())), text(1))

    def test_slow_iteration(self) -> None:
        """Who iterates slowly misses nothing: what is not held is read from the history."""
        connection = self.fixture.online()
        stream = self.client.texts()
        total = MAX_HELD + 500
        connection.say(*(text(n) for n in range(1, total + 1)))
        self.assertEqual(len(stream._held), MAX_HELD)
        found, done = self.collect(stream)
        extra = total
        while requests := connection.sent():
            for request in requests:
                assert isinstance(request, m.History)
                assert request.after is not None
                if extra < total + 5:  # texts go on meanwhile
                    extra += 1
                    connection.say(text(extra))
                last = min(request.after + request.limit, extra)
                page: list[m.AnyEntry] = [text(n) for n in range(request.after + 1, last + 1)]
                connection.say(
                    m.Texts(session="lobby", texts=page, more=False, epoch="e", id=request.id)
                )
        connection.say(text(extra + 1))
        self.assertEqual([one.seq for one in found], list(range(1, extra + 2)))
        self.assertNoResult(done)

    def test_forgotten(self) -> None:
        """A loop that was left costs nothing."""
        self.fixture.online()
        stream = self.client.texts()
        self.assertEqual(len(self.client._streams), 1)
        del stream
        self.assertEqual(len(self.client._streams), 0)


class OnceAndInOrderTests(SynchronousTestCase):
    @given(st.lists(st.sampled_from(["say", "other", "answer", "lose", "lose-late"]), max_size=60))
    @settings(max_examples=150, deadline=None)
    def test_over_any_number_of_connections(self, steps: list[str]) -> None:
        """Against a server that stores once: each text is stored once, told once, in order."""
        fixture = Fixture.make()
        server = StoringServer(fixture.online())
        said = []
        for n, step in enumerate(steps):
            match step:
                case "say":
                    said.append(fixture.client.say("lobby", f"mine {n}"))
                case "other":
                    server.store("bob", f"theirs {n}", None)
                case "answer":
                    server.answer()
                case _:
                    if step == "lose-late":  # stored, but the echo is lost
                        server.answer(silently=True)
                    server.connection.lose()
                    server.come_back(fixture.back())
        server.answer()
        self.assertEqual(
            [self.successResultOf(one).data for one in said],
            [one.data for one in server.texts if one.source == "alice"],
        )
        told = [event for event in fixture.events if isinstance(event, m.Text)]
        self.assertEqual(told, server.texts)


class StoringServer:
    """A server of one session, which stores and tells."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.texts: list[m.Text] = []

    def store(self, source: str, data: str, id: str | None) -> m.Text:
        for one in self.texts:
            if id is not None and one.id == id:
                return one
        new = text(len(self.texts) + 1, data, source, id=id)
        self.texts.append(new)
        if source != "alice":
            self.connection.say(new)
        return new

    def answer(self, *, silently: bool = False) -> None:
        while requests := self.connection.sent():
            for request in requests:
                assert isinstance(request, m.Say)
                stored = self.store("alice", request.data, request.id)
                if not silently:
                    self.connection.say(stored)

    def come_back(self, connection: Connection) -> None:
        self.connection = connection
        (login,) = connection.sent()
        assert isinstance(login, m.Login)
        (place,) = login.resume
        assert place.after is not None
        connection.say(
            m.Welcome(
                user="alice",
                server="fake",
                lobby="lobby",
                limits=m.Limits(text=1),
                protocol=1,
                id=login.id,
            ),
            snapshot(head=len(self.texts)),
            *self.texts[place.after :],
        )


class WaitersTests(SynchronousTestCase):
    def test_failure(self) -> None:
        """Everybody gets the failure too, but for whoever waits no longer."""
        waiters: Waiters[int] = Waiters()
        one, two = waiters.wait(), waiters.wait()
        two.cancel()
        self.failureResultOf(two, CancelledError)
        waiters.fire(Failure(ZeroDivisionError()))
        self.failureResultOf(one, ZeroDivisionError)


class SentenceTests(SynchronousTestCase):
    def test_one_line(self) -> None:
        """Why there is no connection is one line, whatever it is."""
        for problem, words in (
            (error.ConnectionRefusedError("111"), "connection refused"),
            (error.DNSLookupError("x"), "no such host"),
            (error.ConnectionLost(), "the connection was lost"),
            (ValueError("two\nlines"), "two lines"),
            (KeyError(), "KeyError"),
            (
                SSL.Error([("SSL routines", "", "certificate verify failed")]),
                "TLS: certificate verify failed",
            ),
            (SSL.Error(), "Error"),
        ):
            self.assertEqual(sentence(Failure(problem)), words)
