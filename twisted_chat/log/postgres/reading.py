"""What is read from the database: pages of texts, searches, lives. In threads of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import psycopg
from attrs import define, evolve
from msgspec.json import Decoder

from twisted_chat.log import query as queries
from twisted_chat.log.contract import (
    PAGE_BYTES,
    PAGE_TEXTS,
    AnyPage,
    Life,
    Page,
    Record,
    TextPage,
    Unreadable,
    took_too_long,
)
from twisted_chat.log.postgres import records
from twisted_chat.log.postgres.database import Connection, Database, Unreachable
from twisted_chat.log.postgres.rows import COUNT, NAMES, ROWS, entries
from twisted_chat.log.postgres.words import candidates
from twisted_chat.vocabulary.messages import Text

T = TypeVar("T")

MAX_SEQ: Final = 2**62
"""What a ``before`` is cut to: PostgreSQL's integers end somewhere."""

_LIFE: Final = Decoder(Life)

_READ: Final = f"""
SELECT {NAMES}, more FROM (
    SELECT *, sum(size) OVER page - size AS before, lead(seq) OVER page IS NOT NULL AS more
    FROM (
        SELECT *, octet_length(data) AS size FROM (
            SELECT {ROWS} FROM chat.texts
            WHERE life = %(n)s AND seq > %(after)s AND seq < %(before)s
            ORDER BY seq {{way}} LIMIT %(limit)s + 1
        ) AS found
    ) AS measured WINDOW page AS (ORDER BY seq {{way}})
) AS sized WHERE before < {PAGE_BYTES} ORDER BY seq {{way}} LIMIT %(limit)s
"""  # noqa: S608
_FORWARD: Final = _READ.format(way="ASC")
_BACKWARD: Final = _READ.format(way="DESC")

_FIND: Final = f"""
SELECT {ROWS} FROM chat.texts
WHERE life = %(n)s AND seq < %(before)s AND words @@ %(words)s::tsquery
ORDER BY seq DESC LIMIT {PAGE_TEXTS}
"""  # noqa: S608


@define(eq=False)
class Reader:
    """Reads, on a connection of its own. Not for two threads at once."""

    database: Database

    def read(self, epoch: str, after: int, before: int, limit: int) -> AnyPage:
        """See Log.read."""
        return self._do(lambda connection: _page(connection, epoch, after, before, limit, _FORWARD))

    def read_last(self, epoch: str, after: int, before: int, limit: int) -> AnyPage:
        """See Log.read_last."""
        page = self._do(
            lambda connection: _page(connection, epoch, after, before, limit, _BACKWARD)
        )
        return evolve(page, texts=page.texts[::-1])

    def search(
        self, epoch: str, terms: Sequence[queries.Term], before: int, limit: int
    ) -> TextPage:
        """See Log.search."""
        return self._do(lambda connection: _search(connection, epoch, terms, before, limit))

    def kept(
        self,
        kind: str,
        scope: str | None,
        key: str | None,
        after: str | tuple[str, str],
        limit: int,
    ) -> list[Record]:
        """See Log.kept."""
        return self._do(partial(records.kept, kind, scope, key, after, limit))

    def _do(self, work: Callable[[Connection], T]) -> T:
        try:
            found = self.database.do(work, again=True)
        except psycopg.errors.QueryCanceled:
            raise took_too_long() from None
        except (Unreachable, psycopg.Error) as problem:
            raise Unreadable(str(problem).splitlines()[0]) from None
        return found


def lives(connection: Connection) -> list[Life]:
    """Return every life that has not ended."""
    rows = connection.execute(
        "SELECT body, head, first FROM chat.lives WHERE NOT ended ORDER BY n", binary=True
    )
    return [evolve(_LIFE.decode(body), head=head, first=first) for body, head, first in rows]


def _place(connection: Connection, epoch: str) -> tuple[int, str, int]:
    """Return a life's number, the session's name, and its first seq. Raises Unreadable."""
    row = connection.execute(
        "SELECT n, body, first FROM chat.lives WHERE epoch = %s AND NOT ended", (epoch,)
    ).fetchone()
    if row is None:
        raise Unreadable("there is no such session")
    n, body, first = row
    return n, _LIFE.decode(body).name, first


def _page(
    connection: Connection, epoch: str, after: int, before: int, limit: int, statement: str
) -> AnyPage:
    n, session, first = _place(connection, epoch)
    rows = connection.execute(
        statement,
        {
            "n": n,
            "after": min(after, MAX_SEQ),
            "before": min(before, MAX_SEQ),
            "limit": min(limit, PAGE_TEXTS),
        },
        binary=True,
    ).fetchall()
    texts = entries(connection, session, n, [row[:COUNT] for row in rows])
    return Page(texts, bool(rows) and rows[-1][-1], first)


def _search(
    connection: Connection, epoch: str, terms: Sequence[queries.Term], before: int, limit: int
) -> TextPage:
    n, session, first = _place(connection, epoch)
    matches = queries.matcher(terms)
    words = candidates(terms)
    limit = min(limit, PAGE_TEXTS)
    found: list[Text] = []
    before = min(before, MAX_SEQ)
    while len(found) <= limit:
        rows = connection.execute(
            _FIND, {"n": n, "before": before, "words": words}, binary=True
        ).fetchall()
        texts = entries(connection, session, n, rows)
        found += [text for text in texts if isinstance(text, Text) and matches(text.data)]
        if len(rows) < PAGE_TEXTS:
            break
        before = rows[-1][0]
    texts_: list[Text] = []
    size = 0
    for text in found[:limit]:
        texts_.append(text)
        size += len(text.data.encode())
        if size >= PAGE_BYTES:
            break
    return Page(texts_[::-1], len(texts_) < len(found), first)
