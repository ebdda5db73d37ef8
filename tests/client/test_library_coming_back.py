"""ChatClient comes back: to its sessions, with what was missed, and with what was not said."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.kit.fake_server import ClientCase, Connection, echo, snapshot, text
from twisted_chat.client import Offline, Unanswered
from twisted_chat.client.link import IDLE, PATIENCE
from twisted_chat.vocabulary import messages as m


class ComingBackTests(ClientCase):
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
