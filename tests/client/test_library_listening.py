"""ChatClient tells: its listeners and its streams of texts; and what it is asked to gather."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.fake_server import ClientCase, text
from twisted_chat.client import Unanswered
from twisted_chat.client.stream import MAX_HELD
from twisted_chat.client.waiters import Waiters
from twisted_chat.vocabulary import messages as m


class GatheringTests(ClientCase):
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


class ListeningTests(ClientCase):
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


class WaitersTests(SynchronousTestCase):
    def test_failure(self) -> None:
        """Everybody gets the failure too, but for whoever waits no longer."""
        waiters: Waiters[int] = Waiters()
        one, two = waiters.wait(), waiters.wait()
        two.cancel()
        self.failureResultOf(two, CancelledError)
        waiters.fire(Failure(ZeroDivisionError()))
        self.failureResultOf(one, ZeroDivisionError)
