"""Storing texts: as many as there are, in one statement."""

# SQL is composed of constants here; what people send is always a parameter.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import define, field

from twisted_chat.log.contract import Answered
from twisted_chat.log.sqlite.jobs import Answer, Append, no_such_life
from twisted_chat.log.sqlite.lives import Kept, Lives
from twisted_chat.log.sqlite.rows import ENTRIES, columns, decode
from twisted_chat.log.sqlite.steps import SEQ_BITS
from twisted_chat.log.sqlite.tables import MAX_ROWS, tables
from twisted_chat.vocabulary.messages import AnyEntry, Text

WIDTH: Final = 6
"""Values of a row."""

_Mark = tuple[str, str, str]
"""What makes a text once-only: epoch, source, id."""


@define(eq=False)
class _Rows:
    """The rows of some appends, and the heads that they lead to.

    ``known`` are the stored texts that bear one of the ids; None: it is hoped that none does.
    """

    lives: Mapping[str, Kept]
    known: dict[_Mark, AnyEntry] | None
    values: list[object] = field(factory=list)
    heads: dict[str, int] = field(factory=dict)

    def add(self, job: Append) -> Answer:
        epoch, known, values = job.epoch, self.known, self.values
        life = self.lives.get(epoch)
        if life is None:
            return no_such_life()
        start = life.place(0)
        head = self.heads.get(epoch, life.head)
        texts: list[Answered] = []
        for entry in job.entries:
            source, data, id = entry.source, entry.data, entry.id
            if known is not None and id is not None and (epoch, source, id) in known:
                texts.append(known[epoch, source, id])
                continue
            head += 1
            values += (start + head, job.time, source, data, id, entry.guest or None)
            text = Text(
                session=life.name,
                seq=head,
                time=job.time,
                source=source,
                data=data,
                id=id,
                guest=entry.guest,
            )
            texts.append(text)
            if known is not None and id is not None:
                known[epoch, source, id] = text
        self.heads[epoch] = head
        return texts


def append(connection: sqlite3.Connection, lives: Lives, jobs: Sequence[Append]) -> list[Answer]:
    """Store the texts of ``jobs`` in one statement, and answer each."""
    # An id that is used again is rare (somebody came back and sent it a second time), so it
    # is not looked for: the unique index refuses the statement, and then it is.
    rows = _Rows(lives.there, None)
    answers = [rows.add(job) for job in jobs]
    try:
        if len(rows.values) > WIDTH * MAX_ROWS:
            raise sqlite3.IntegrityError("one statement would be refused without the others")
        _insert(connection, rows)
    except sqlite3.IntegrityError:
        rows = _Rows(lives.there, _known(connection, lives, jobs))
        answers = [rows.add(job) for job in jobs]
        _insert(connection, rows)
    for epoch, head in rows.heads.items():
        life = lives.there[epoch]
        lives.put(epoch, Kept(life.n, life.name, head, life.first, life.indexed))
    return answers


def _insert(connection: sqlite3.Connection, rows: _Rows) -> None:
    for values, table in tables(rows.values, WIDTH):
        connection.execute(
            f"""
            INSERT INTO texts (place, life, time, source, data, id, guest)
            SELECT column1, column1 >> {SEQ_BITS}, column2, column3, column4, column5, column6
            FROM ({table}) WHERE column1 NOT NULL
            """,
            values,
        )


def _known(
    connection: sqlite3.Connection, lives: Lives, jobs: Sequence[Append]
) -> dict[_Mark, AnyEntry]:
    """Return the stored entries that bear an id of ``jobs``."""
    epochs: dict[str, str] = {}
    wanted: list[object] = []
    for job in jobs:
        life = lives.there.get(job.epoch)
        if life is not None:
            epochs[life.name] = job.epoch
            for entry in job.entries:
                if entry.id is not None:
                    wanted += (life.n, entry.source, entry.id)
    return {
        (epochs[entry.session], entry.source, entry.id): entry
        for values, table in tables(wanted, 3)
        for entry in stored(connection, values, table)
        if entry.id is not None
    }


def stored(connection: sqlite3.Connection, values: Sequence[object], table: str) -> list[AnyEntry]:
    """Return the stored entries that a table of numbers of lives, sources and ids tells."""
    # All in one row: see writing.py.
    ((rows,),) = connection.execute(
        f"""
        WITH page AS (
            SELECT {columns(f"(life << {SEQ_BITS})")}, name, life << {SEQ_BITS} AS start
            FROM ({table}) CROSS JOIN texts
            ON life = column1 AND texts.source = column2 AND texts.id = column3
               AND texts.id NOT NULL
            JOIN lives ON n = life
        )
        SELECT {ENTRIES} FROM page
        """,
        values,
    )
    return decode(rows)
