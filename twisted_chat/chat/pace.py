"""How often somebody, or an address, may do a thing: so many times in a while, and no more."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

MAX_REMEMBERED: Final = 10_000
"""Whom it is remembered of, at most: those who did it last."""


@define(eq=False)
class Pace:
    """``most`` times in ``seconds`` (``most`` 0: any number)."""

    _clock: IReactorTime
    most: int
    seconds: float = 60.0
    _done: OrderedDict[str, deque[float]] = field(init=False, factory=OrderedDict)

    def takes(self, who: str) -> bool:
        """Return whether ``who`` may do it once more now, and count that."""
        if not self.most:
            return True
        now = self._clock.seconds()
        done = self._done.setdefault(who, deque())
        self._done.move_to_end(who)
        if len(self._done) > MAX_REMEMBERED:
            self._done.popitem(last=False)
        while done and (len(done) > self.most or done[0] <= now - self.seconds):
            done.popleft()
        if len(done) >= self.most:
            return False
        done.append(now)
        return True
