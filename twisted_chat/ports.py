"""A port for each session: who connects there and logs in is in that session without a join."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from twisted_chat.doors.native import ChatFactory
from twisted_chat.errors import ChatError
from twisted_chat.messages import Bye
from twisted_chat.names import Name


@define(eq=False)
class SessionPorts:
    """Native doors of single sessions, on the ports from ``low`` to ``high``.

    ``listen`` binds a port or raises CannotListenError; ``make_factory`` makes the factory of a
    door whose visitors are in the session of that name.
    """

    low: int
    high: int
    _listen: Callable[[int, ChatFactory], IListeningPort]
    _make_factory: Callable[[str], ChatFactory]
    _open: dict[int, tuple[IListeningPort, ChatFactory]] = field(init=False, factory=dict)

    _logger = Logger()

    async def open(self, name: Name) -> int:
        """Listen for that session. Raises ChatError ``too-many-sessions`` when no port is free."""
        factory = self._make_factory(name.text)
        for port in range(self.low, self.high + 1):
            if port in self._open:
                continue
            try:
                listening = self._listen(port, factory)
            except CannotListenError:
                continue  # another program has it
            self._open[port] = (listening, factory)
            return port
        raise ChatError(
            "too-many-sessions", f"No port from {self.low} to {self.high} is free for a session."
        )

    def close(self, port: int) -> None:
        """Stop listening, and close the connections that came there."""
        listening, factory = self._open.pop(port)
        ended = self._end(listening, factory, Bye(data="This session has ended."))
        ended.addErrback(
            lambda failure: self._logger.failure("Could not close {port}", failure, port=port)
        )

    def stop(self, farewell: Bye) -> Deferred[Any]:
        """Close all of them; fires when the last connection is gone."""
        ends = [self._end(*opened, farewell) for opened in self._open.values()]
        self._open.clear()
        return DeferredList(ends)

    def _end(
        self, listening: IListeningPort, factory: ChatFactory, farewell: Bye
    ) -> Deferred[None]:
        stopped = maybeDeferred(listening.stopListening)
        return stopped.addCallback(lambda _: factory.close(farewell))
