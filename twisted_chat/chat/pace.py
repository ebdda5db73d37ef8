"""How often somebody, or an address, may do a thing.

``Pace`` refuses what is too often; ``Rate`` says how long to wait.
"""

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


@define(eq=False)
class Rate:
    """A token bucket: ``each`` times a second, over 0, and ``burst`` at once."""

    each: float
    burst: float
    _tokens: float = field(init=False)
    _seen: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._tokens = self.burst

    def wait(self, now: float) -> float:
        """Take a token at ``now``; return how many seconds to wait before the next one."""
        tokens = self._tokens + (now - self._seen) * self.each
        tokens = (tokens if tokens < self.burst else self.burst) - 1
        self._tokens, self._seen = tokens, now
        return 0.0 if tokens >= 0 else -tokens / self.each

    def forgive(self) -> None:
        """Begin anew: for whom there is no limit is looked at again after so many more."""
        self._tokens = self.burst
