"""What was refused, at all doors: counted by its code, and written down where a limit was met."""

from __future__ import annotations

from collections import Counter
from typing import Final, Protocol

from attrs import define, field

from twisted_chat.chat.sparing import SparingLog
from twisted_chat.vocabulary.errors import Code

LIMITS: Final[frozenset[Code]] = frozenset(
    {
        *("server-full", "session-full", "too-many-attempts", "too-many-sessions", "too-large"),
        *("banned", "muted", "invite-only"),
    }
)
"""Codes that say that somebody met a limit, or is kept out: an operator may want to know who."""

DONE: Final = "ok"
"""How what was not refused is counted, among the codes of what was."""


class Whence(Protocol):
    """Where somebody is."""

    door: str
    host: str
    port: int


@define(eq=False)
class Refusals:
    """Counts them since the start."""

    told: SparingLog | None = None
    counts: Counter[str] = field(init=False, factory=Counter)
    slowed: Counter[str] = field(init=False, factory=Counter)
    """How often a client was not read for a while instead, by the limit that it met."""

    def add(self, code: Code, whence: Whence) -> None:
        """Count one; never so that strangers could fill the log."""
        self.counts[code] += 1
        if self.told is not None and code in LIMITS:
            self.told.warn(
                "Refused ({code}): {host}:{port} by the {door} door",
                code=code,
                host=whence.host,
                port=whence.port,
                door=whence.door,
            )
