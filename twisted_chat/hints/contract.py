"""The contract of hints: words between nodes that may be lost, doubled, delayed or swapped.

Nothing depends on a hint. What is true is in the log that all nodes share; a hint only says it
sooner, so that the others need not look. Whoever is told too little, or the same twice, finds out
by the ``seq`` of a text or the version of whatever else it is about, and reads the log.

::

    a node -> publish(channel, message) -> the broker -> every other node that has subscribed
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred, succeed

Listener = Callable[[str, bytes], None]
"""Is told a channel and a message. What it raises is logged, and hurts no other message."""

MAX_MESSAGE = 1_048_576
"""Bytes in one message, at most: what is larger is for the log to tell."""

MAX_CHANNEL = 200
"""Characters in a channel's name, at most."""


class Hints(Protocol):
    """Where a node speaks to the others and hears them. Every method returns at once."""

    def listen(self, listener: Listener) -> None:
        """Let ``listener`` hear what is published on the channels that are subscribed to."""

    def subscribe(self, channel: str) -> None:
        """Begin to hear a channel, by and by; fine for one that is heard already."""

    def unsubscribe(self, channel: str) -> None:
        """Hear a channel no longer, by and by; fine for one that is not heard."""

    def publish(self, channel: str, message: bytes) -> None:
        """Tell the other nodes, if they can be reached. Never raises, never waits, may be lost.

        Whether the publisher hears it itself is not promised either way.
        """

    heard: int
    """Hints that came, since the start."""
    dropped: int
    """Hints that could not be sent, since the start."""

    @property
    def is_connected(self) -> bool:
        """Whether hints travel now. A node looks at the log more often while they do not."""

    def close(self) -> Deferred[None]:
        """Let go; fires when it is done. Nothing is heard after it."""


class NoHints:
    """A node that is alone: nobody is there to be told anything. It costs a call that returns."""

    is_connected = True
    heard = dropped = 0

    def listen(self, listener: Listener) -> None:
        """See Hints."""

    def subscribe(self, channel: str) -> None:
        """See Hints."""

    def unsubscribe(self, channel: str) -> None:
        """See Hints."""

    def publish(self, channel: str, message: bytes) -> None:
        """See Hints."""

    def close(self) -> Deferred[None]:
        """See Hints."""
        return succeed(None)
