"""Ports of sessions, as the chat sees them."""

from __future__ import annotations

from typing import Protocol

from twisted_chat.vocabulary.names import Name


class Ports(Protocol):
    """What gives a session a port of its own."""

    async def open(self, name: Name) -> int:
        """Listen for that session. Raises ChatError ``too-many-sessions`` when no port is free."""

    def close(self, port: int) -> None:
        """Stop listening, and close the connections that came there."""
