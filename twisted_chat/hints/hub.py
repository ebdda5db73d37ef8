"""Hints between nodes of one process: for tests, which may lose, double and delay them."""

from __future__ import annotations

from collections.abc import Callable

from attrs import Factory, define, field
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from twisted_chat.hints.contract import Listener

Carry = Callable[[Callable[[], None]], None]
"""Is given what delivers one message to one node; calls it now, later, never or twice."""


def _at_once(deliver: Callable[[], None]) -> None:
    deliver()


@define(eq=False)
class Hub:
    """What joins the nodes. ``carry`` decides what becomes of each message."""

    carry: Carry = _at_once
    nodes: list[HubHints] = Factory(list)

    def join(self) -> HubHints:
        """Return the hints of one more node."""
        node = HubHints(self)
        self.nodes.append(node)
        return node


@define(eq=False)
class HubHints:
    """See Hints: those of one node at a Hub."""

    _hub: Hub
    is_connected: bool = True
    heard: int = 0
    dropped: int = 0
    _channels: set[str] = field(factory=set, init=False)
    _listeners: list[Listener] = field(factory=list, init=False)
    _logger = Logger()

    def listen(self, listener: Listener) -> None:
        """See Hints."""
        self._listeners.append(listener)

    def subscribe(self, channel: str) -> None:
        """See Hints."""
        self._channels.add(channel)

    def unsubscribe(self, channel: str) -> None:
        """See Hints."""
        self._channels.discard(channel)

    def publish(self, channel: str, message: bytes) -> None:
        """See Hints."""
        if self.is_connected:
            for node in self._hub.nodes:
                if node is not self and channel in node._channels:
                    self._hub.carry(lambda node=node: node._hear(channel, message))  # type: ignore[misc]

    def _hear(self, channel: str, message: bytes) -> None:
        if not self.is_connected or channel not in self._channels:
            return
        self.heard += 1
        for listener in self._listeners:
            try:
                listener(channel, message)
            except Exception:
                self._logger.failure("A hint could not be taken")

    def close(self) -> Deferred[None]:
        """See Hints."""
        if self in self._hub.nodes:
            self._hub.nodes.remove(self)
        self._channels.clear()
        return succeed(None)
