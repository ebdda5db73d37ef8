"""Telling: what the others must know is written to the feed, one line at a time, in order.

What comes while a line is being written waits, and goes with the next: a storm of comings and
goings is a few lines. Where the log can not be reached it waits for it; where too much waits, all
that is so is told anew instead.

Invariants: one line at a time is being written; notes are written in the order in which they were
told, or not at all, and then a Here follows that says what is so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.chat.notes import Note, encode_notes
from twisted_chat.log.shared import SharedLog
from twisted_chat.vocabulary.errors import ChatError

LINE_NOTES: Final = 500
"""Notes in one line, at most."""

MAX_WAITING: Final = 20_000
"""Notes that wait for the log, at most."""

RETRY_SECONDS: Final = 1.0
"""After this long, what could not be written is written again."""


@define(eq=False)
class Telling:
    """Writes the notes of one node."""

    _log: SharedLog
    _clock: IReactorTime
    _everybody: Callable[[], list[Note]]
    waiting: list[Note] = field(factory=list, init=False)
    _is_writing: bool = field(default=False, init=False)
    _is_stopped: bool = field(default=False, init=False)
    _logger = Logger()

    def tell(self, note: Note) -> None:
        """Write a note, by and by."""
        if len(self.waiting) >= MAX_WAITING:
            self._logger.warn("The others are told anew who is here: too much has happened")
            self.waiting = self._everybody()
        self.waiting.append(note)
        self._next()

    def tell_all(self, notes: Callable[[], list[Note]]) -> None:
        """Write what is so now."""
        self.waiting += notes()
        self._next()

    def stop(self) -> None:
        """Write nothing more."""
        self._is_stopped = True
        self.waiting.clear()

    def _next(self) -> None:
        if self._is_writing or not self.waiting or self._is_stopped:
            return
        self._is_writing = True
        # In a moment: what happens in the same turn goes with it.
        self._clock.callLater(0, self._write)

    def _write(self) -> None:
        some = self.waiting[:LINE_NOTES]
        if not some:
            self._is_writing = False
            return
        written = self._log.announce(encode_notes(some))
        written.addCallbacks(self._written, self._not_written, (len(some),))
        written.addErrback(lambda failure: self._logger.failure("Telling is broken", failure))

    def _written(self, _: None, count: int) -> None:
        del self.waiting[:count]
        self._is_writing = False
        self._next()

    def _not_written(self, failure: Failure) -> None:
        if failure.check(ChatError) is None:
            self._logger.failure("The log failed", failure)
        if not self._is_stopped:
            self._clock.callLater(RETRY_SECONDS, self._write)
