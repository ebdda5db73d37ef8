"""Lives in the database: how they begin, change, end, and forget their oldest texts."""

from __future__ import annotations

from typing import Final

from attrs import evolve
from msgspec.json import Decoder, encode

from twisted_chat.log.contract import Life, NotStored, Settings
from twisted_chat.log.postgres.database import Connection
from twisted_chat.log.postgres.feed import Lines

_LIFE: Final = Decoder(Life)


def create(life: Life, lines: Lines, connection: Connection) -> None:
    """See Log.create. Raises NotStored."""
    row = connection.execute(
        "INSERT INTO chat.lives (epoch, key, body) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING RETURNING n",
        (life.epoch, life.key, _body(life)),
    ).fetchone()
    if row is None:
        raise NotStored("there is such a session")
    lines.add("life", _body(life).encode())


def amend(epoch: str, changes: Settings, lines: Lines, connection: Connection) -> None:
    """See Log.amend. Raises NotStored."""
    row = connection.execute(
        "SELECT body FROM chat.lives WHERE epoch = %s AND NOT ended FOR NO KEY UPDATE", (epoch,)
    ).fetchone()
    if row is None:
        raise NotStored("there is no such session")
    life = evolve(_LIFE.decode(row[0]), **changes)
    connection.execute("UPDATE chat.lives SET body = %s WHERE epoch = %s", (_body(life), epoch))
    lines.add("life", _body(life).encode())


def _body(life: Life) -> str:
    """Return all that a life says; its head and first are columns of their own."""
    return encode(evolve(life, head=0, first=1)).decode()


def delete(epoch: str, lines: Lines, connection: Connection) -> None:
    """See Log.delete."""
    # The row goes with its texts, so that a name that is used often leaves nothing behind.
    row = connection.execute(
        "SELECT n FROM chat.lives WHERE epoch = %s FOR UPDATE", (epoch,)
    ).fetchone()
    if row is not None:
        connection.execute("DELETE FROM chat.texts WHERE life = %s", row)
        connection.execute("DELETE FROM chat.reactions WHERE life = %s", row)
        connection.execute("DELETE FROM chat.records WHERE scope = %s", (epoch,))
        connection.execute("DELETE FROM chat.lives WHERE n = %s", row)
        lines.add("ended", epoch.encode())


def prune(
    epoch: str, texts: int | None, older_than: int | None, bite: int, connection: Connection
) -> bool:
    """See Log.prune."""
    with connection.transaction():
        row = connection.execute(
            "SELECT n, head, first FROM chat.lives WHERE epoch = %s FOR NO KEY UPDATE", (epoch,)
        ).fetchone()
        if row is None:
            return False
        n, head, first = row
        end = min(head, first + bite - 1)
        last = first - 1 if texts is None else max(first - 1, head - texts)
        if older_than is not None and last < end:
            found = connection.execute(
                "SELECT min(seq) FROM chat.texts"
                " WHERE life = %s AND seq BETWEEN %s AND %s AND time >= %s",
                (n, last + 1, end, older_than),
            ).fetchone()
            young = found[0] if found else None
            last = end if young is None else young - 1
        last = min(last, end)
        if last < first:
            return False
        connection.execute("DELETE FROM chat.texts WHERE life = %s AND seq <= %s", (n, last))
        connection.execute("DELETE FROM chat.reactions WHERE life = %s AND of <= %s", (n, last))
        connection.execute(
            "UPDATE chat.lives SET first = %s, moved = txid_current() WHERE n = %s", (last + 1, n)
        )
        return bool(last == end)


def check(connection: Connection) -> None:
    """See Log.check."""
    connection.execute("UPDATE chat.version SET version = version")
