"""Records in the database: small things that outlive a connection (contract.py)."""

# SQL is composed of constants here; what people send is always a parameter.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from twisted_chat.log.contract import KEPT, NotStored, Record, When
from twisted_chat.log.postgres.database import Connection
from twisted_chat.log.postgres.feed import Lines
from twisted_chat.log.shared import UNTOLD

_NEW: Final = "INSERT INTO chat.records AS old VALUES (%s, %s, %s, %s) ON CONFLICT"
_STORE: Final[dict[When, str]] = {
    "always": f"{_NEW} (kind, scope, key) DO UPDATE SET value = excluded.value",
    "absent": f"{_NEW} DO NOTHING",
    "rising": f"{_NEW} (kind, scope, key) DO UPDATE SET value = excluded.value"
    " WHERE excluded.value > old.value",
}
_GONE: Final = "DELETE FROM chat.records WHERE kind = %s AND scope = %s AND key = %s"


def keep(records: Sequence[Record], lines: Lines, connection: Connection) -> list[bool]:
    """See Log.keep. Raises NotStored."""
    epochs = sorted({record.epoch for record in records if record.epoch is not None})
    if epochs:
        # Held, so that a life does not end meanwhile and leave its records behind.
        found = connection.execute(
            "SELECT 1 FROM chat.lives WHERE epoch = ANY (%s) AND NOT ended"
            " ORDER BY n FOR KEY SHARE",
            (epochs,),
        )
        if len(found.fetchall()) < len(epochs):
            raise NotStored("there is no such session")
    took = [put(record, connection) for record in records]
    for record, effect in zip(records, took, strict=True):
        if effect and record.kind not in UNTOLD:
            lines.add("record", encode(record))
    return took


def put(record: Record, connection: Connection) -> bool:
    """Store a record or delete it, and return whether it took effect."""
    at = (record.kind, record.scope, record.key)
    if record.value is None:
        return connection.execute(_GONE, at).rowcount > 0
    return connection.execute(_STORE[record.when], (*at, record.value)).rowcount > 0


def kept(
    kind: str,
    scope: str | None,
    key: str | None,
    after: str | tuple[str, str],
    limit: int,
    connection: Connection,
) -> list[Record]:
    """See Log.kept."""
    where = ["kind = %s"]
    values: list[str | int] = [kind]
    if scope is not None:
        where.append("scope = %s")
        values.append(scope)
    if key is not None:
        where.append("key = %s")
        values.append(key)
    if after:
        where.append('(scope, key) > (%s COLLATE "C", %s COLLATE "C")')
        values += after if isinstance(after, tuple) else (scope or "", after)
    rows = connection.execute(
        f"SELECT kind, scope, key, value FROM chat.records WHERE {' AND '.join(where)}"
        " ORDER BY scope, key LIMIT %s",
        (*values, max(0, min(limit, KEPT))),
        binary=True,
    )
    return [Record(kind, scope, key, bytes(value)) for kind, scope, key, value in rows]
