"""Erasing: what was edited away or redacted leaves the search index and the write-ahead log, too.

The text itself is overwritten where it was (``secure_delete``). But the index keeps a word that was
taken out until its parts are merged, and the write-ahead log keeps pages as they were before. So
some seconds later both are gone through, in bites, when there is time. A large index is not merged
each time: that is put off for as long as it may take.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from attrs import define, field

from twisted_chat.log.sqlite.schema import BUSY_SECONDS

MERGE_PAGES: Final = 500
"""Pages of the index that one bite merges, about."""

PAGES_A_SECOND: Final = 1_000
"""A file of so many pages (of 4 KiB) has its index merged once a second at most; and so on."""


@define(eq=False)
class Erasing:
    """What is still to be erased of one file; used by its writer alone."""

    _connection: sqlite3.Connection
    is_in_wal: bool = field(default=False, init=False)
    _is_in_index: bool = field(default=False, init=False)
    _is_merging: bool = field(default=False, init=False)
    _merge_at: float = field(default=0.0, init=False)

    @property
    def is_pending(self) -> bool:
        """Whether there is something to erase."""
        return self.is_in_wal or self._is_in_index

    def note(self) -> None:
        """Something was edited away or redacted."""
        self.is_in_wal = self._is_in_index = True

    def bite(self, now: float) -> bool:
        """Do what takes some milliseconds; return whether to go on at once.

        Raises sqlite3.Error. ``now`` is in seconds, on any clock.
        """
        if self._is_in_index and (self._is_merging or now >= self._merge_at):
            self._merge()
            if self._is_in_index:
                return True
            ((pages,),) = self._connection.execute("PRAGMA page_count")
            self._merge_at = now + pages / PAGES_A_SECOND
        self._truncate()
        return False

    def finish(self) -> None:
        """Erase what is left: the file is about to be closed, which ends the write-ahead log."""
        while self._is_in_index:
            self._merge()

    def _merge(self) -> None:
        # The first of them says by its sign that all parts are to become one.
        pages = MERGE_PAGES if self._is_merging else -MERGE_PAGES
        before = self._connection.total_changes
        self._connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (pages,))
        self._is_merging = self._is_in_index = self._connection.total_changes - before >= 2
        self.is_in_wal = True

    def _truncate(self) -> None:
        # A reader may be in the way: then it is tried again, and nobody's commit waits for it.
        self._connection.execute("PRAGMA busy_timeout = 0").fetchall()
        try:
            ((busy, _, _),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:
            busy = True
        finally:
            self._connection.execute(
                f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1_000)}"
            ).fetchall()
        self.is_in_wal = bool(busy)
