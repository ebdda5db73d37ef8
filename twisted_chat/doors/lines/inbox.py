"""Lines that wait to be done, and whoever waits for the next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

MAX_WAITING: Final = 64
"""Lines that wait, past which no more are read."""


@define(eq=False)
class Inbox:
    """Lines in order, and their end. ``hold`` and ``release`` are called to read no more, and on.

    Who asks for the next line last gets it first: a question is answered before the work that it
    is part of goes on.
    """

    hold: Callable[[], None]
    release: Callable[[], None]
    _lines: deque[str] = field(init=False, factory=deque)
    _readers: list[Deferred[str | None]] = field(init=False, factory=list)
    _ended: bool = field(init=False, default=False)
    _held: bool = field(init=False, default=False)

    @property
    def waiting(self) -> bool:
        """Whether there is a line already, or none will come."""
        return bool(self._lines) or self._ended

    def put(self, line: str) -> None:
        """Take a line; after the end, none. Nobody is given it before ``flush``."""
        if not self._ended:
            self._lines.append(line)

    def flush(self) -> None:
        """Give out what has come: who reads sees then what came with it."""
        while self._lines and self._readers:
            self._readers.pop().callback(self._lines.popleft())
        if len(self._lines) >= MAX_WAITING and not self._held:
            self._held = True
            self.hold()

    def next(self) -> Deferred[str | None]:
        """Fire with the next line, or with None after the last one."""
        if self._lines:
            line = self._lines.popleft()
            if self._held and len(self._lines) < MAX_WAITING // 2:
                self._held = False
                self.release()
            return succeed(line)
        if self._ended:
            return succeed(None)
        reader: Deferred[str | None] = Deferred()
        self._readers.append(reader)
        return reader

    def end(self) -> None:
        """There are no more lines."""
        self.flush()
        self._ended = True
        readers, self._readers = self._readers, []
        for reader in readers:
            reader.callback(None)
