"""What the chat needs of those who know about passwords: for sessions that are locked."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred


class Passwords(Protocol):
    """Hashes and verifies passwords, without holding up the chat."""

    def hash(self, password: str) -> Deferred[str]:
        """Return a hash to keep. Fails with ChatError ``server-full`` where too many wait."""

    def verify(self, hash: str, password: str) -> Deferred[bool]:
        """Fire with whether it is the right one. Fails as ``hash`` does."""


class Guesses(Protocol):
    """Counts wrong passwords by address: see accounts.attempts."""

    def begin(self, host: str) -> Deferred[None]:
        """Fire when a password may be tried. Fails with ChatError ``too-many-attempts``."""

    def failed(self, host: str, user: str) -> None:
        """It was wrong."""

    def succeeded(self, host: str, user: str) -> None:
        """It was right."""

    def end(self, host: str) -> None:
        """End what ``begin`` began."""
