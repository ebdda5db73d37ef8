"""ChatClient logs in and out: what it waits for, what it tries again, and when it gives up."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.kit.fake_server import ClientCase, echo, snapshot
from twisted_chat.client import Ended, Offline, Online, Place, Unanswered
from twisted_chat.client.outbox import MAX_WAITING
from twisted_chat.vocabulary import messages as m


class LoginTests(ClientCase):
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


class LogoutTests(ClientCase):
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
