"""ChatClient says: once, in order, whatever becomes of the connection, and bounded."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.fake_server import ClientCase, Connection, Fixture, echo, snapshot, text
from twisted_chat.client.outbox import MAX_IN_FLIGHT, MAX_WAITING
from twisted_chat.vocabulary import messages as m


class SayingTests(ClientCase):
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
