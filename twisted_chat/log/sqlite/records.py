"""Records in the durable log's file: small things that outlive a connection (contract.py)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from twisted_chat.log.contract import KEPT, Record, When

_STORE: Final[dict[When, str]] = {
    "always": "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)",
    "absent": "INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?)",
    "rising": "INSERT INTO records VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET value = excluded.value WHERE excluded.value > value",
}

# Those of a life that is over are being removed, and are not there any more.
_KEPT: Final = """
    SELECT kind, scope, key, value FROM records
    WHERE kind = ? AND {} AND scope NOT IN (SELECT epoch FROM lives WHERE ended)
    ORDER BY scope, key LIMIT ?"""


def keep(connection: sqlite3.Connection, record: Record) -> bool:
    """Store a record or delete it, and return whether it took effect."""
    at = (record.kind, record.scope, record.key)
    if record.value is None:
        done = connection.execute(
            "DELETE FROM records WHERE kind = ? AND scope = ? AND key = ?", at
        )
    else:
        done = connection.execute(_STORE[record.when], (*at, record.value))
    return done.rowcount > 0


def kept(
    connection: sqlite3.Connection,
    kind: str,
    scope: str | None,
    key: str | None,
    after: str | tuple[str, str],
    limit: int,
) -> list[Record]:
    """See Log.kept."""
    where: list[str] = []
    values: list[str] = [kind]
    if scope is not None:
        where.append("scope = ?")
        values.append(scope)
    if key is not None:
        where.append("key = ?")
        values.append(key)
    if after:
        where.append("(scope, key) > (?, ?)")
        values += after if isinstance(after, tuple) else (scope or "", after)
    sql = _KEPT.format(" AND ".join(where) or "true")
    rows = connection.execute(sql, (*values, max(0, min(limit, KEPT))))
    return [Record(*row) for row in rows]


def all_of(connection: sqlite3.Connection, scope: str | None) -> Iterator[Record]:
    """Yield the records of a scope; None: those that are of no life."""
    where = "scope = ?" if scope is not None else "scope = '' OR instr(scope, ':')"
    rows = connection.execute(
        f"SELECT kind, scope, key, value FROM records WHERE {where} ORDER BY kind, scope, key",  # noqa: S608
        () if scope is None else (scope,),
    )
    return (Record(*row) for row in rows)


def remove_of_life(connection: sqlite3.Connection, n: int, bite: int) -> bool:
    """Remove some records of a life that is over; return whether there were any."""
    done = connection.execute(
        "DELETE FROM records WHERE (kind, scope, key) IN (SELECT kind, scope, key FROM records"
        " WHERE scope = (SELECT epoch FROM lives WHERE n = ?) LIMIT ?)",
        (n, bite),
    )
    return done.rowcount > 0


def renew_epochs(connection: sqlite3.Connection) -> None:
    """Give every life another epoch, and its records with it: nobody resumes the one it had."""
    connection.execute(
        "CREATE TEMP TABLE epochs AS"
        " SELECT epoch AS old, lower(hex(randomblob(16))) AS new FROM lives"
    )
    connection.execute("CREATE UNIQUE INDEX temp.old_epochs ON epochs (old)")
    connection.execute("UPDATE lives SET epoch = (SELECT new FROM epochs WHERE old = epoch)")
    connection.execute(
        "UPDATE records SET scope = (SELECT new FROM epochs WHERE old = scope)"
        " WHERE scope IN (SELECT old FROM epochs)"
    )
    connection.execute("DROP TABLE temp.epochs")
