"""Waiting for what another process or thread does: until it has happened, and not for so long."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.task import deferLater

SECONDS = 20.0
"""How long something may take: a loaded machine is slow."""

NEVER = "it did not happen in time"


def eventually(
    done: Callable[[], object], what: str = NEVER, *, seconds: float = SECONDS, each: float = 0.05
) -> None:
    """Wait until ``done`` says so; ``what`` is said where it never does."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(each)


async def until(done: Callable[[], object], what: str = NEVER) -> None:
    """The same in the reactor, which goes on meanwhile."""
    from twisted.internet import reactor

    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline, what
        await deferLater(reactor, 0.005)
