"""When to try again: soon at first, then ever later, and never all clients at once."""

from __future__ import annotations

from random import Random
from typing import Final

from attrs import define

FIRST_DELAY: Final = 1.0
"""Seconds before the first attempt to come back; each further delay is twice as long."""

LONGEST_DELAY: Final = 60.0
"""Seconds between two attempts, at most."""


@define(eq=False)
class Retries:
    """Counts attempts; ``random`` is where the jitter comes from."""

    _random: Random
    _attempts: int = 0
    _wish: float | None = None

    def begin(self) -> None:
        """Take note that there is a connection: the next delay is a first one."""
        self._attempts, self._wish = 0, None

    def wish(self, milliseconds: int | None) -> None:
        """Take note of when the server wants the client back."""
        self._wish = None if milliseconds is None else milliseconds / 1_000

    def delay(self) -> float:
        """Return the seconds to wait: the server's wish, or ever more; never quite the same."""
        if self._wish is not None:
            delay, self._wish = self._wish * self._random.uniform(1.0, 1.5), None
            return delay
        delay = min(FIRST_DELAY * 2.0**self._attempts, LONGEST_DELAY)
        self._attempts = min(self._attempts + 1, 10)
        return min(delay * self._random.uniform(0.75, 1.25), LONGEST_DELAY)
