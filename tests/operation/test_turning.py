"""The end of a turn: what is to be done then is done, in order, and nobody sleeps before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.chat.turn import AtEnd
from twisted_chat.operation.turning import Turning, end_of_turn


class Loop:
    """Says how long each turn was to wait, and reads what there is."""

    def __init__(self) -> None:
        self.delays: list[float | None] = []
        self.read: Callable[[], object] = lambda: None

    def iterate(self, delay: float | None) -> None:
        self.delays.append(delay)
        self.read()


@contextmanager
def reactor() -> Iterator[SelectReactor]:
    """A reactor of Twisted's that is run by nobody."""
    found = SelectReactor()
    try:
        yield found
    finally:
        for waker in found.removeAll() + list(found._internalReaders):
            waker.connectionLost(None)


class TurningTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.loop = Loop()
        self.turning = Turning(self.loop.iterate)
        self.done: list[str] = []

    def say(self, what: str) -> Callable[[], None]:
        return lambda: self.done.append(what)

    def test_what_is_read_in_a_turn_is_dealt_with_at_its_end(self) -> None:
        """All that can be read is read first; then it is done, in order, with no wait between."""

        def read() -> None:
            self.turning.at_end(self.say("first"))
            self.turning.at_end(self.say("second"))
            self.done.append("read")

        self.loop.read = read
        self.turning.turn(None)
        self.assertEqual(self.done, ["read", "first", "second"])
        self.assertEqual(self.loop.delays, [None])

    def test_nobody_sleeps_over_what_is_to_be_done(self) -> None:
        """What a timer or a thread asked for is done in the turn after it, which does not wait."""
        self.turning.at_end(self.say("done"))
        self.turning.turn(60.0)
        self.assertEqual((self.loop.delays, self.done), ([0], ["done"]))

    def test_what_is_asked_for_at_the_end_is_the_next_turns(self) -> None:
        """Work that goes on and on lets everybody be heard in between, and waits for nobody."""
        self.turning.at_end(lambda: self.turning.at_end(self.say("next")))
        self.turning.turn(None)
        self.assertEqual(self.done, [])
        self.turning.turn(60.0)
        self.turning.turn(60.0)
        self.assertEqual((self.loop.delays, self.done), ([0, 0, 60.0], ["next"]))

    def test_what_fails_loses_itself_alone(self) -> None:
        """It is logged, and all else is done."""
        self.turning.at_end(lambda: 1 // 0)
        self.turning.at_end(self.say("done"))
        self.turning.turn(None)
        self.assertEqual(self.done, ["done"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_reactor_does_it(self) -> None:
        """Twisted's own loop ends its turns so, for all who ask for it."""
        with reactor() as running:
            ends: list[AtEnd] = [end_of_turn(running), end_of_turn(running)]
            for number, at_end in enumerate(ends):
                at_end(self.say(f"call {number}"))
            running.iterate(60.0)
            self.assertEqual(self.done, ["call 0", "call 1"])
            self.assertEqual(running.getDelayedCalls(), [])

    def test_another_loop_has_delayed_calls(self) -> None:
        """Where the loop is somebody else's, such as asyncio's, it is a delayed call for now."""
        clock = Clock()
        end_of_turn(clock)(self.say("done"))
        self.assertEqual(self.done, [])
        clock.advance(0)
        self.assertEqual(self.done, ["done"])
