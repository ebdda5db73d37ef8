"""What is done in the next turn, for many at once: one delayed call, and not one for each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

IN_A_TURN: Final = 200
"""Calls in a turn, at most (about 5 ms): the others are next."""


@define(eq=False)
class Soon:
    """Calls that wait for the next turn, in order. Each is asked for once at a time."""

    clock: IReactorTime
    _waiting: deque[Callable[[], object]] = field(init=False, factory=deque)
    _log = Logger()

    def call(self, what: Callable[[], object]) -> None:
        """Do it in the next turn, or a later one."""
        if not self._waiting:
            self.clock.callLater(0, self._turn)
        self._waiting.append(what)

    def _turn(self) -> None:
        for _ in range(min(len(self._waiting), IN_A_TURN)):
            try:
                self._waiting[0]()
            except Exception:
                self._log.failure("Something went wrong in a turn")
            self._waiting.popleft()  # now: what is asked for meanwhile begins no turn of its own
        if self._waiting:
            self.clock.callLater(0, self._turn)


_all: Final[WeakKeyDictionary[IReactorTime, Soon]] = WeakKeyDictionary()


def soon(clock: IReactorTime, what: Callable[[], object]) -> None:
    """Do something in the next turn of a clock."""
    found = _all.get(clock)
    if found is None:
        found = _all[clock] = Soon(clock)
    found.call(what)
