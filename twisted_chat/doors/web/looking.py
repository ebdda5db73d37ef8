"""Whether anybody is at the other end of each WebSocket."""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

from twisted.internet.interfaces import IReactorTime

from twisted_chat.doors.deadlines import Deadlines
from twisted_chat.doors.turnstile import Turnstile, Watched
from twisted_chat.doors.watch import Watch

LOOK_SECONDS: Final = 5.0
"""How often it is looked whether somebody has been silent."""


class Looked(Watched, Protocol):
    """A connection that can find out."""

    def look(self, now: float) -> None:
        """See whether somebody is there: ask, or give up."""


L = TypeVar("L", bound=Looked)


class WebWatch(Watch[L]):
    """Looks after WebSockets; also whether anybody is at their other ends."""

    def __init__(self, clock: IReactorTime, turnstile: Turnstile) -> None:
        super().__init__(clock, turnstile)
        self._looks = Deadlines[L](clock, LOOK_SECONDS)

    def opened(self, connection: L) -> None:
        """A connection has begun."""
        super().opened(connection)
        self._looks.set(connection)

    def gone(self, connection: L) -> None:
        """A connection is gone."""
        self._looks.drop(connection)
        super().gone(connection)

    def sweep(self) -> None:
        """End those whose time is up, and look whether the others are there."""
        super().sweep()
        for protocol in self._looks.take():
            self._looks.set(protocol)
            protocol.look(self.clock.seconds())
