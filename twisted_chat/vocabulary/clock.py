"""Durations are measured on a clock that nobody can set.

``reactor.seconds()`` is ``time.time`` unless it is told otherwise: a wall clock that goes back an
hour stops every timer for an hour. The time of day is for what is shown and stored, and is asked of
``time.time`` by whoever shows or stores it.
"""

from __future__ import annotations

from time import monotonic
from typing import Any


def steady(reactor: Any) -> None:
    """Let a reactor count its seconds on the monotonic clock: its timers and who asks it too.

    Call it before the reactor runs. What is scheduled already is due as long from now as it was.
    """
    if reactor.seconds is monotonic:
        return
    passed = monotonic() - reactor.seconds()
    for call in reactor.getDelayedCalls():
        call.time += passed
        call.seconds = monotonic
    reactor.seconds = monotonic
