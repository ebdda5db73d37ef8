"""A latch: whoever needs something that is not so yet waits until it is."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred


@define(eq=False)
class Latch:
    """Shut at first, and open for good from the moment in which it is opened."""

    _waiting: list[Deferred[None]] | None = field(factory=list, init=False)

    @property
    def is_open(self) -> bool:
        """Whether nobody has to wait."""
        return self._waiting is None

    async def passed(self) -> None:
        """Wait until it is open."""
        if self._waiting is not None:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            await waiter

    def open(self) -> None:
        """Let everybody pass who waits, and whoever comes."""
        waiting, self._waiting = self._waiting or (), None
        for waiter in waiting:
            waiter.callback(None)
