"""Rows of the database as entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted_chat.log.contract import Kind
from twisted_chat.log.postgres.database import Connection
from twisted_chat.vocabulary.messages import (
    MAX_REACTORS,
    AnyEntry,
    Edited,
    Reacted,
    Reaction,
    Redacted,
    Text,
)

KINDS: Final[dict[Kind, int | None]] = {"text": None, "edit": 1, "redact": 2, "react": 3, "undo": 4}
"""What ``kind`` says."""

EDIT, REDACT, UNDO = KINDS["edit"], KINDS["redact"], KINDS["undo"]

ROWS: Final = f"""seq, time, source, id, kind, of, edited, redacted, reacted, note, guest,
    CASE kind WHEN {EDIT} THEN coalesce(
        (SELECT was.data FROM chat.texts was WHERE was.life = texts.life AND was.seq = texts.of),
        ''::bytea)
    ELSE data END AS data"""  # noqa: S608
"""What is selected of ``texts``: an edit says what its text says now."""

NAMES: Final = "seq, time, source, id, kind, of, edited, redacted, reacted, note, guest, data"
"""The columns of it."""

COUNT: Final = 12
"""How many they are."""

_REACTIONS: Final = f"""
SELECT of, mark, count(*), (array_agg(source ORDER BY seq))[1:{MAX_REACTORS}]
FROM chat.reactions WHERE life = %s AND of = ANY (%s) GROUP BY of, mark ORDER BY of, min(seq)
"""  # noqa: S608


def entries(
    connection: Connection, session: str, n: int, rows: Sequence[tuple[Any, ...]]
) -> list[AnyEntry]:
    """Return the entries of some rows of one life."""
    reacted = [row[0] for row in rows if row[8]]
    reactions: dict[int, list[Reaction]] = {}
    if reacted:
        for of, mark, count, users in connection.execute(_REACTIONS, (n, reacted), binary=True):
            names = tuple(user.decode() for user in users)
            reaction = Reaction(data=mark.decode(), count=count, users=names)
            reactions.setdefault(of, []).append(reaction)
    return [_entry(session, row, tuple(reactions.get(row[0], ()))) for row in rows]


def stored(connection: Connection, session: str, epoch: str, seq: int) -> AnyEntry | None:
    """Return one entry as it is now."""
    found = connection.execute(
        f"SELECT {ROWS}, life FROM chat.texts"  # noqa: S608
        " WHERE life = (SELECT n FROM chat.lives WHERE epoch = %s) AND seq = %s",
        (epoch, seq),
        binary=True,
    ).fetchone()
    if found is None:
        return None
    return entries(connection, session, found[COUNT], [found[:COUNT]])[0]


def _entry(session: str, row: tuple[Any, ...], reactions: tuple[Reaction, ...]) -> AnyEntry:
    seq, time, source, id, kind, of, edited, redacted, _, note, guest, data = row
    source = source.decode()
    id = None if id is None else id.decode()
    if kind is None:
        return Text(
            session=session,
            seq=seq,
            time=time,
            source=source,
            data=data.decode(),
            id=id,
            guest=bool(guest),
            reply=of,
            edited=edited,
            redacted=redacted,
            reactions=reactions,
        )
    if kind == EDIT:
        return Edited(
            session=session, seq=seq, time=time, source=source, of=of, data=data.decode(), id=id
        )
    said = None if note is None else note.decode()
    if kind == REDACT:
        return Redacted(
            session=session, seq=seq, time=time, source=source, of=of, reason=said, id=id
        )
    return Reacted(
        session=session,
        seq=seq,
        time=time,
        source=source,
        of=of,
        data=said or "",
        undo=kind == UNDO,
        id=id,
    )
