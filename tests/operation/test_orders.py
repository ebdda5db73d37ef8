"""The operator's orders, carried out without a socket."""

from __future__ import annotations

from typing import Any, cast

from attrs import define
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.chat.latch import Latch
from twisted_chat.operation.orders import OPENING_SECONDS, ORDERS, Refused, order


@define
class _Chat:
    opened: Latch


@define
class _Running:
    reactor: Clock
    chat: _Chat


class BeforeTheChatIsOpenTests(SynchronousTestCase):
    """A daemon listens for its operator before it has taken up what its log holds."""

    def setUp(self) -> None:
        self.clock, self.latch = Clock(), Latch()
        self.done: list[str] = []
        for word, waits in (("now", False), ("then", True)):
            order(word, waits=waits)(self.carry_out)
            self.addCleanup(ORDERS.pop, word)

    async def carry_out(self, _: object, given: Any) -> list[str]:
        """Be the order."""
        self.done.append(given)
        return ["Done."]

    def ask(self, word: str, given: Any = None) -> Deferred[list[str]]:
        """Give an order."""
        running = cast(Any, _Running(self.clock, _Chat(self.latch)))
        return ensureDeferred(cast(Any, ORDERS[word](running, given)))

    def test_it_waits(self) -> None:
        """What is decided before might be read over: it is done once the chat is open."""
        answer = self.ask("then")
        self.clock.advance(OPENING_SECONDS - 1)
        self.assertNoResult(answer)
        self.latch.open()
        self.assertEqual(self.successResultOf(answer), ["Done."])
        self.assertEqual(self.successResultOf(self.ask("then")), ["Done."])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_does_not_wait_for_ever(self) -> None:
        """A log that can not be read is said, and nothing is done later."""
        answer = self.ask("then")
        self.clock.advance(OPENING_SECONDS)
        self.assertIn("not open", str(self.failureResultOf(answer, Refused).value))
        self.latch.open()
        self.assertEqual(self.done, [])

    def test_what_needs_no_chat(self) -> None:
        """To end the daemon, or to let it read its settings, is done at once."""
        self.assertEqual(self.successResultOf(self.ask("now")), ["Done."])
