"""What is done when a turn of the reactor ends, without a delayed call for each.

A delayed call for now is an object, a place in a heap, and a look at the clock: in small sessions,
where hardly two texts come in one turn, that was a twentieth of what a text costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.base import ReactorBase
from twisted.logger import Logger

from twisted_chat.chat.turn import AtEnd, delayed


@define(eq=False)
class Turning:
    """One of a reactor's turns after the other: it stands before the reactor's ``doIteration``."""

    _iterate: Callable[[float | None], None]
    """Waits for so many seconds at most (None: for ever), and reads and writes what there is."""
    _waiting: list[Callable[[], object]] = field(init=False, factory=list)

    _logger = Logger()

    def at_end(self, call: Callable[[], object]) -> None:
        """Do it when all that can be read now has been read; after that it is the next turn's."""
        self._waiting.append(call)

    def turn(self, delay: float | None) -> None:
        """Read and write, wait only where nothing is to be done; then do it."""
        self._iterate(0 if self._waiting else delay)
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            try:
                call()
            except Exception:
                self._logger.failure("What was to be done at a turn's end failed")


def end_of_turn(reactor: Any) -> AtEnd:
    """Return what takes calls for the end of the turn, in order.

    A reactor whose loop is not Twisted's own is given them as delayed calls.
    """
    if getattr(type(reactor), "run", None) is not ReactorBase.run:
        return delayed(reactor)
    found = getattr(reactor.doIteration, "__self__", None)
    if not isinstance(found, Turning):
        found = Turning(reactor.doIteration)
        reactor.doIteration = found.turn
    return found.at_end
