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

        call = DelayedCall(time.time() + 30, nothing, (), {}, nothing, nothing, reactor.seconds)
        reactor.calls.append(call)
        for _ in range(2):
            steady(reactor)
            self.assertIs(reactor.seconds, time.monotonic)
            self.assertAlmostEqual(call.getTime() - time.monotonic(), 30, places=0)
        call.reset(10)
        self.assertAlmostEqual(call.getTime() - time.monotonic(), 10, places=0)
