"""Durations are right whatever happens to the wall clock."""

from __future__ import annotations

import time

from twisted.internet.base import DelayedCall
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.vocabulary.clock import steady


class Reactor:
    """As much of a reactor as has a clock."""

    def __init__(self) -> None:
        self.seconds = time.time
        self.calls: list[DelayedCall] = []

    def getDelayedCalls(self) -> list[DelayedCall]:
        return self.calls


class SteadyTests(SynchronousTestCase):
    def test_what_was_scheduled(self) -> None:
        """It is due when it was to be, by the other clock; to say it twice changes nothing."""
        reactor = Reactor()

        def nothing(*_: object) -> None: ...

        began = time.monotonic()
        call = DelayedCall(time.time() + 30, nothing, (), {}, nothing, nothing, reactor.seconds)
        reactor.calls.append(call)
        for _ in range(2):
            steady(reactor)
            self.assertIs(reactor.seconds, time.monotonic)
            self.assert_due(call, began, 30)
        began = time.monotonic()
        call.reset(10)
        self.assert_due(call, began, 10)

    def assert_due(self, call: DelayedCall, began: float, seconds: float) -> None:
        """Check that a call is due so long after it was scheduled, since a moment ago."""
        self.assertGreater(call.getTime(), began + seconds - 0.5)
        self.assertLess(call.getTime(), time.monotonic() + seconds + 0.5)
