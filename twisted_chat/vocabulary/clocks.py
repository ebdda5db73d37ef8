"""Two clocks: one for how long something takes, and one for when it was.

A wall clock can be set, by a person or by NTP, under a program that runs. So durations are measured
by a clock that only goes on, and the wall clock is asked for nothing but the time of a text.
Twisted's reactor measures by the wall clock; ``steady`` gives it the other one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Now = Callable[[], float]
"""Returns a time in seconds: since 1970 (the wall clock), or since anything (a steady one)."""


def steady(reactor: Any, seconds: Now = time.monotonic) -> None:
    """Let ``reactor`` measure all durations by a clock that nobody can set.

    Its ``seconds`` are since anything then. What is scheduled already keeps the time that is left.
    Fine for one that is steady already.
    """
    if reactor.seconds is seconds:
        return
    before = reactor.seconds()
    left = [(call, call.getTime() - before) for call in reactor.getDelayedCalls()]
    reactor.seconds = seconds
    for call, delay in left:
        call.seconds = seconds
        call.reset(max(0.0, delay))
