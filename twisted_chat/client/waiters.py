"""Several who wait for one thing."""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


@define(eq=False)
class Waiters(Generic[T]):
    """Gives each who waits a Deferred of its own: one that is shared fires for the first alone."""

    _waiting: list[Deferred[T]] = field(factory=list)

    def wait(self) -> Deferred[T]:
        """Return a Deferred that fires when the thing is there; cancel it to wait no longer."""
        waiter: Deferred[T] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        return waiter

    def fire(self, result: T | Failure) -> None:
        """Give it to everybody."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(result)
