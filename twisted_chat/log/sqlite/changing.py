"""Storing what is about a text that is stored: answers, edits, redactions, reactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from attrs import evolve

from twisted_chat.log.changing import Target, placed, refusal
from twisted_chat.log.contract import Answered, Entry, Kind
from twisted_chat.log.query import composed
from twisted_chat.log.sqlite.appending import stored
from twisted_chat.log.sqlite.jobs import Answer, Append, no_such_life
from twisted_chat.log.sqlite.lives import Kept, Lives
from twisted_chat.log.sqlite.rows import EDIT, REACT, REDACT, UNDO
from twisted_chat.vocabulary.messages import AnyEntry

KINDS: Final[dict[Kind, int | None]] = {
    "text": None,
    "edit": EDIT,
    "redact": REDACT,
    "react": REACT,
    "undo": UNDO,
}


def append_changing(connection: sqlite3.Connection, lives: Lives, job: Append) -> Answer:
    """Store entries of any kind, in a transaction of the caller's."""
    life = lives.there.get(job.epoch)
    if life is None:
        return no_such_life()
    answers: list[Answered] = []
    for entry in job.entries:
        known = _known(connection, life, entry)
        if known is not None:
            answers.append(known)
            continue
        refused = None if entry.of is None else refusal(entry, _target(connection, life, entry))
        if refused is not None:
            answers.append(refused)
            continue
        seq = life.head + 1
        _insert(connection, life, seq, job.time, entry)
        if entry.of is not None and entry.kind != "text":
            _change(connection, life, seq, entry, entry.of)
        life = evolve(life, head=seq)
        answers.append(placed(life.name, seq, job.time, entry))
    lives.put(job.epoch, life)
    return answers


def _known(connection: sqlite3.Connection, life: Kept, entry: Entry) -> AnyEntry | None:
    if entry.id is None:
        return None
    values: Sequence[object] = (life.n, entry.source, entry.id)
    return next(iter(stored(connection, values, "VALUES (?, ?, ?)")), None)


def _target(connection: sqlite3.Connection, life: Kept, entry: Entry) -> Target | None:
    if entry.of is None or not life.first <= entry.of <= life.head:
        return None
    place = life.place(entry.of)
    row = connection.execute(
        "SELECT source, redacted FROM texts WHERE place = ? AND kind IS NULL", (place,)
    ).fetchone()
    if row is None:
        return None
    source, redacted = row
    ((marks, there, own),) = connection.execute(
        "SELECT count(DISTINCT mark), coalesce(sum(mark = ?1), 0),"
        " coalesce(sum(mark = ?1 AND source = ?2), 0) FROM reactions WHERE at = ?3",
        (entry.data, entry.source, place),
    )
    return Target(source, redacted is not None, marks, bool(there), bool(own))


def _insert(connection: sqlite3.Connection, life: Kept, seq: int, time: int, entry: Entry) -> None:
    is_text = entry.kind == "text"
    connection.execute(
        "INSERT INTO texts (place, life, time, source, data, id, guest, kind, of, note, composed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            life.place(seq),
            life.n,
            time,
            entry.source,
            entry.data if is_text else "",
            entry.id,
            (entry.guest or None) if is_text else None,
            KINDS[entry.kind],
            entry.of,
            None if entry.kind in ("text", "edit") else entry.data or None,
            composed(entry.data) if is_text else None,
        ),
    )


def _change(connection: sqlite3.Connection, life: Kept, seq: int, entry: Entry, of: int) -> None:
    place = life.place(of)
    if entry.kind in ("edit", "redact"):
        data = entry.data if entry.kind == "edit" else ""
        is_indexed = of <= life.indexed
        if is_indexed:
            connection.execute(
                "INSERT INTO words (words, rowid, data)"
                " SELECT 'delete', place, data FROM searched WHERE place = ?",
                (place,),
            )
        column = "edited" if entry.kind == "edit" else "redacted"
        connection.execute(
            f"UPDATE texts SET data = ?, composed = ?, {column} = ? WHERE place = ?",  # noqa: S608
            (data, composed(data), seq, place),
        )
        if is_indexed:
            connection.execute(
                "INSERT INTO words (rowid, data) SELECT place, data FROM searched WHERE place = ?",
                (place,),
            )
    if entry.kind == "redact":
        connection.execute("DELETE FROM reactions WHERE at = ?", (place,))
        connection.execute("UPDATE texts SET reacted = NULL WHERE place = ?", (place,))
    elif entry.kind == "react":
        connection.execute(
            "INSERT INTO reactions VALUES (?, ?, ?, ?)", (place, entry.data, entry.source, seq)
        )
        connection.execute("UPDATE texts SET reacted = 1 WHERE place = ?", (place,))
    elif entry.kind == "undo":
        connection.execute(
            "DELETE FROM reactions WHERE at = ? AND mark = ? AND source = ?",
            (place, entry.data, entry.source),
        )
        connection.execute(
            "UPDATE texts SET reacted = (SELECT 1 FROM reactions WHERE at = place LIMIT 1)"
            " WHERE place = ?",
            (place,),
        )
