"""Storing what is about a text that is stored: answers, edits, redactions, reactions."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_chat.log.changing import Target, placed, refusal
from twisted_chat.log.contract import Answered, Entry, NotStored
from twisted_chat.log.postgres.database import Connection
from twisted_chat.log.postgres.rows import KINDS, stored
from twisted_chat.log.postgres.words import lexemes


def append_changing(
    epoch: str, session: str, entries: Sequence[Entry], time: int, connection: Connection
) -> list[Answered]:
    """Store entries of any kind in one transaction, one by one. Raises NotStored."""
    answers: list[Answered] = []
    with connection.transaction():
        row = connection.execute(
            "SELECT n, head FROM chat.lives WHERE epoch = %s AND NOT ended FOR NO KEY UPDATE",
            (epoch,),
        ).fetchone()
        if row is None:
            raise NotStored("there is no such session")
        n, head = row
        for entry in entries:
            known = _known(connection, session, epoch, n, entry)
            refused = None
            if known is None and entry.of is not None:
                refused = refusal(entry, _target(connection, n, entry))
            if known is not None or refused is not None:
                answers.append(known or refused or NotStored("it is neither"))
                continue
            head += 1
            _insert(connection, n, head, time, entry)
            if entry.kind != "text":
                _change(connection, n, head, entry)
            answers.append(placed(session, head, time, entry))
        connection.execute(
            "UPDATE chat.lives SET head = %s, moved = txid_current() WHERE n = %s", (head, n)
        )
    return answers


def _known(
    connection: Connection, session: str, epoch: str, n: int, entry: Entry
) -> Answered | None:
    if entry.id is None:
        return None
    row = connection.execute(
        "SELECT seq FROM chat.texts WHERE life = %s AND source = %s AND id = %s",
        (n, entry.source.encode(), entry.id.encode()),
    ).fetchone()
    return None if row is None else stored(connection, session, epoch, row[0])


def _target(connection: Connection, n: int, entry: Entry) -> Target | None:
    row = connection.execute(
        "SELECT source, redacted FROM chat.texts WHERE life = %s AND seq = %s AND kind IS NULL",
        (n, entry.of),
        binary=True,
    ).fetchone()
    if row is None:
        return None
    source, redacted = row
    found = connection.execute(
        "SELECT count(DISTINCT mark), count(*) FILTER (WHERE mark = %(mark)s),"
        " count(*) FILTER (WHERE mark = %(mark)s AND source = %(source)s)"
        " FROM chat.reactions WHERE life = %(n)s AND of = %(of)s",
        {"n": n, "of": entry.of, "mark": entry.data.encode(), "source": entry.source.encode()},
    ).fetchone()
    marks, there, own = found or (0, 0, 0)
    return Target(source.decode(), redacted is not None, marks, bool(there), bool(own))


def _insert(connection: Connection, n: int, seq: int, time: int, entry: Entry) -> None:
    is_text = entry.kind == "text"
    note = None if entry.kind in ("text", "edit") else entry.data or None
    connection.execute(
        "INSERT INTO chat.texts"
        " (life, seq, time, source, data, id, words, guest, kind, of, note)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s::tsvector, %s, %s, %s, %s)",
        (
            n,
            seq,
            time,
            entry.source.encode(),
            entry.data.encode() if is_text else b"",
            None if entry.id is None else entry.id.encode(),
            lexemes(entry.data) if is_text else "",
            True if is_text and entry.guest else None,
            KINDS[entry.kind],
            entry.of,
            None if note is None else note.encode(),
        ),
    )


def _change(connection: Connection, n: int, seq: int, entry: Entry) -> None:
    at = {"n": n, "of": entry.of}
    if entry.kind in ("edit", "redact"):
        data = entry.data if entry.kind == "edit" else ""
        column = "edited" if entry.kind == "edit" else "redacted"
        connection.execute(
            f"UPDATE chat.texts SET data = %(data)s, words = %(words)s::tsvector,"  # noqa: S608
            f" {column} = %(seq)s WHERE life = %(n)s AND seq = %(of)s",
            {**at, "data": data.encode(), "words": lexemes(data), "seq": seq},
        )
        if entry.kind == "edit":
            return
        connection.execute("DELETE FROM chat.reactions WHERE life = %(n)s AND of = %(of)s", at)
    else:
        reaction = {**at, "mark": entry.data.encode(), "source": entry.source.encode(), "seq": seq}
        if entry.kind == "react":
            connection.execute(
                "INSERT INTO chat.reactions (life, of, mark, source, seq)"
                " VALUES (%(n)s, %(of)s, %(mark)s, %(source)s, %(seq)s)",
                reaction,
            )
        else:
            connection.execute(
                "DELETE FROM chat.reactions WHERE life = %(n)s AND of = %(of)s"
                " AND mark = %(mark)s AND source = %(source)s",
                reaction,
            )
    connection.execute(
        "UPDATE chat.texts SET reacted ="
        " (SELECT true FROM chat.reactions WHERE life = %(n)s AND of = %(of)s LIMIT 1)"
        " WHERE life = %(n)s AND seq = %(of)s",
        at,
    )
