"""Threads for tests: none. Work runs at once, or when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, execute

T = TypeVar("T")


class InlineThreads:
    """Runs work at once, in the caller's thread, and counts it."""

    size = 1

    def __init__(self) -> None:
        self.ran = 0
        self.started = False

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.started = False

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        self.ran += 1
        return execute(work)


class HeldThreads(InlineThreads):
    """Runs work when the test says so: what has been handed over is in ``held``."""

    def __init__(self, size: int = 1) -> None:
        super().__init__()
        self.size = size
        self.held: list[Callable[[], None]] = []

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        done: Deferred[T] = Deferred()

        def release() -> None:
            result: Deferred[Any] = InlineThreads.run(self, work)
            result.addBoth(done.callback)

        self.held.append(release)
        return done

    def release(self) -> None:
        """Run the oldest work that is held."""
        self.held.pop(0)()
