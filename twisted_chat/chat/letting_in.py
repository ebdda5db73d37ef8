"""Letting in: a storm of logins does not hold up those who talk."""

from __future__ import annotations

from collections import deque
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

LOGINS_IN_A_TURN: Final = 16
"""Logins that are let in in one turn of the reactor, at most: about 3 ms of work."""


@define(eq=False)
class LettingIn:
    """Who waits to be let in; nobody is before it is ``open``."""

    _clock: IReactorTime
    _room: int = field(init=False, default=0)
    """How many may still be let in in this turn."""
    _waiting: deque[Deferred[None]] = field(init=False, factory=deque)

    def at_once(self) -> bool:
        """Take a place in this turn, if there is one and nobody waits for it."""
        if not self._room or self._waiting:
            return False
        self._take_room()
        return True

    def wait(self) -> Deferred[None]:
        """Fire when it is one's turn."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        return waiter

    def open(self) -> None:
        """Let in some of those who wait."""
        self._room = LOGINS_IN_A_TURN
        while self._waiting and self._room:
            self._take_room()
            self._waiting.popleft().callback(None)

    def _take_room(self) -> None:
        if self._room == LOGINS_IN_A_TURN:
            self._clock.callLater(0, self.open)
        self._room -= 1
