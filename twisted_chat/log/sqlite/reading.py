"""Those that read the durable log's file: pages and searches, each as one statement.

They see the last commit and never wait for the one under way. A page comes out of SQLite as one
value, made there and decoded at once: row by row, each row would be a wait for Python's
interpreter lock (see writing.py).
"""

# SQL is composed of constants here; what people send is always a parameter.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from time import monotonic
from typing import Final

from attrs import define

from twisted_chat.log.contract import (
    PAGE_BYTES,
    PAGE_TEXTS,
    SEARCH_SECONDS,
    AnyPage,
    Page,
    Record,
    TextPage,
    Unreadable,
    took_too_long,
)
from twisted_chat.log.query import Term
from twisted_chat.log.sqlite import records
from twisted_chat.log.sqlite.rows import ENTRIES, columns, decode
from twisted_chat.log.sqlite.steps import MAX_SEQ, SEQ_BITS
from twisted_chat.vocabulary.messages import AnyEntry, Text

# One row, and only ever asked for as a value: joined, SQLite would sort all of a life's texts.
_LIFE: Final = f"""
    life AS MATERIALIZED (
        SELECT name, n << {SEQ_BITS} AS start, pruned, indexed
        FROM lives WHERE epoch = :epoch AND NOT ended
    )"""
_START: Final = "(SELECT start FROM life)"

# The picked texts, up to the one with which they reach PAGE_BYTES.
_PAGE: Final = f"""
    sized AS (
        SELECT *, length(CAST(data AS BLOB)) AS size FROM picked
    ),
    page AS (
        SELECT *, sum(size) OVER (ORDER BY turn ROWS UNBOUNDED PRECEDING) - size AS before
        FROM sized
    )
    SELECT
        coalesce(
            (SELECT min(place) FROM texts
             WHERE place BETWEEN start + 1 AND start + {MAX_SEQ}) - start,
            pruned + 1),
        coalesce(
            (SELECT max(place) FROM texts
             WHERE place BETWEEN start + 1 AND start + {MAX_SEQ}) - start,
            pruned),
        indexed,
        (SELECT count(*) FROM picked),
        (SELECT {ENTRIES} FROM page WHERE before < {PAGE_BYTES})
    FROM life"""

_READ: Final = f"""
    WITH {_LIFE},
    picked AS MATERIALIZED (
        SELECT place AS turn, {columns(_START)} FROM texts
        WHERE place > {_START} + :after AND place < {_START} + :before
        ORDER BY place LIMIT :limit
    ), {_PAGE}"""

_READ_LAST: Final = f"""
    WITH {_LIFE},
    picked AS MATERIALIZED (
        SELECT -place AS turn, {columns(_START)} FROM texts
        WHERE place > {_START} + :after AND place < {_START} + :before
        ORDER BY place DESC LIMIT :limit
    ), {_PAGE}"""

# The index is entered at the place and left at the life's start: it sees no other life's texts.
_SEARCH: Final = f"""
    WITH {_LIFE},
    picked AS MATERIALIZED (
        SELECT -place AS turn, {columns(_START)}
        FROM words CROSS JOIN texts ON place = words.rowid
        WHERE words MATCH :match AND words.rowid > {_START} AND words.rowid < {_START} + :before
        ORDER BY words.rowid DESC LIMIT :limit + 1
    ), {_PAGE}"""

STEPS: Final = 50
"""Steps of SQLite's after which a search looks whether it is to go on."""


@define(eq=False)
class Asked:
    """A search that somebody waits for, until ``over`` is said or its time is up."""

    over: bool = False
    _until: float = 0.0

    def begin(self) -> None:
        """Its time runs from now on."""
        self._until = monotonic() + SEARCH_SECONDS

    def is_over(self) -> bool:
        """Whether it is to end."""
        return self.over or monotonic() > self._until


@define(eq=False)
class Reader:
    """Owns a connection that reads. Not for two threads at once."""

    _connection: sqlite3.Connection

    def read(self, epoch: str, after: int, before: int, limit: int) -> AnyPage:
        """See Log.read. Raises Unreadable."""
        first, head, _, _, texts = self._ask(_READ, epoch, after, before, limit)
        more = bool(texts) and texts[-1].seq < min(before - 1, head)
        return Page(texts, more, first)

    def read_last(self, epoch: str, after: int, before: int, limit: int) -> AnyPage:
        """See Log.read_last. Raises Unreadable."""
        first, _, _, _, texts = self._ask(_READ_LAST, epoch, after, before, limit)
        texts.reverse()
        more = bool(texts) and texts[0].seq > max(after + 1, first)
        return Page(texts, more, first)

    def search(
        self, epoch: str, match: str, before: int, limit: int, asked: Asked
    ) -> tuple[TextPage, int]:
        """See Log.search; and return the head, if the index lacked texts, or 0.

        Raises Unreadable, and ChatError ``bad-request`` where it takes too long.
        """
        limit = max(0, min(limit, PAGE_TEXTS))
        asked.begin()
        self._connection.set_progress_handler(asked.is_over, STEPS)
        try:
            first, head, indexed, count, found = self._ask(_SEARCH, epoch, 0, before, limit, match)
        except Unreadable:
            if asked.is_over():
                raise took_too_long() from None
            raise
        finally:
            self._connection.set_progress_handler(None, 0)
        texts = [text for text in found[:limit] if isinstance(text, Text)]  # they all are
        texts.reverse()
        return Page(texts, len(texts) < count, first), head if indexed < head else 0

    def kept(
        self,
        kind: str,
        scope: str | None,
        key: str | None,
        after: str | tuple[str, str],
        limit: int,
    ) -> list[Record]:
        """See Log.kept. Raises Unreadable."""
        try:
            return records.kept(self._connection, kind, scope, key, after, limit)
        except sqlite3.Error as problem:
            raise Unreadable(str(problem)) from problem

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _ask(
        self, sql: str, epoch: str, after: int, before: int, limit: int, match: str = ""
    ) -> tuple[int, int, int, int, list[AnyEntry]]:
        try:
            row = self._connection.execute(
                sql,
                {
                    "epoch": epoch,
                    "after": min(max(after, 0), MAX_SEQ),
                    "before": min(max(before, 0), MAX_SEQ + 1),
                    "limit": max(0, min(limit, PAGE_TEXTS)),
                    "match": match,
                },
            ).fetchone()
        except sqlite3.Error as problem:
            raise Unreadable(str(problem)) from problem
        if row is None:
            raise Unreadable("there is no such session")
        first, head, indexed, count, texts = row
        return first, head, indexed, count, decode(texts)


def match_of(terms: Sequence[Term]) -> str:
    """Write a parsed query for FTS5: quoted, so that nothing in it is FTS5's own language."""
    return " AND ".join(f'"{" ".join(term.words)}"{" *" if term.prefix else ""}' for term in terms)
