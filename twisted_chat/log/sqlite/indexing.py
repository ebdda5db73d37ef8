"""Forgetting texts, and letting the search index know of them: what is done in bites."""

# SQL is composed of constants here; what people send is always a parameter.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from attrs import evolve

from twisted_chat.log.sqlite import records
from twisted_chat.log.sqlite.jobs import Prune
from twisted_chat.log.sqlite.lives import Kept, Lives
from twisted_chat.log.sqlite.steps import MAX_SEQ
from twisted_chat.log.sqlite.tables import tables

INDEX_BITE: Final = 1_024
"""Texts that one bite of the search index takes, at most: about 10 ms."""

REMOVE_BITE: Final = 500
"""Texts of a deleted life that one bite removes, at most."""


def prune(connection: sqlite3.Connection, lives: Lives, job: Prune) -> bool:
    """Forget the oldest texts of a life: see Log.prune."""
    life = lives.there.get(job.epoch)
    if life is None:
        return False
    bite = min(life.head, life.first + job.bite - 1)
    last = life.first - 1 if job.texts is None else max(life.first - 1, life.head - job.texts)
    if job.older_than is not None and last < bite:
        ((young,),) = connection.execute(
            f"SELECT min(place) & {MAX_SEQ} FROM texts WHERE place BETWEEN ? AND ? AND time >= ?",
            (life.place(last + 1), life.place(bite), job.older_than),
        )
        last = bite if young is None else young - 1
    last = min(last, bite)
    if last < life.first:
        return False
    _remove(connection, life, last)
    indexed = max(life.indexed, last)
    connection.execute(
        "UPDATE lives SET pruned = ?, indexed = ? WHERE n = ?", (last, indexed, life.n)
    )
    lives.put(job.epoch, evolve(life, first=last + 1, indexed=indexed))
    return last == bite


def _remove(connection: sqlite3.Connection, life: Kept, last: int) -> None:
    """Remove the texts up to ``last``, from the search index too where it knows them."""
    start = life.place(life.first)
    connection.execute(
        "INSERT INTO words (words, rowid, data)"
        " SELECT 'delete', place, data FROM searched"
        " WHERE place BETWEEN ? AND ? ORDER BY place",
        (start, life.place(min(last, life.indexed))),
    )
    connection.execute("DELETE FROM texts WHERE place BETWEEN ? AND ?", (start, life.place(last)))


def remove_ended(connection: sqlite3.Connection, life: Kept) -> bool:
    """Remove a bite of a deleted life's texts; return whether that was the last of it."""
    ((last,),) = connection.execute(
        f"SELECT max(place) & {MAX_SEQ} FROM"
        " (SELECT place FROM texts WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?)",
        (life.place(1), life.place(MAX_SEQ), REMOVE_BITE),
    )
    if last is not None:
        _remove(connection, evolve(life, first=1), last)
        return False
    if records.remove_of_life(connection, life.n, REMOVE_BITE):
        return False
    connection.execute("DELETE FROM lives WHERE n = ?", (life.n,))
    return True


def index(connection: sqlite3.Connection, lives: Lives, epochs: Iterable[str], limit: int) -> None:
    """Let the search index know the texts of ``epochs`` that it lacks, ``limit`` at most."""
    spans: list[object] = []
    marks: list[object] = []
    for epoch in epochs:
        life = lives.there.get(epoch)
        if life is None or life.indexed == life.head:
            continue
        last = min(life.head, life.indexed + limit)
        limit -= last - life.indexed
        spans += (life.place(life.indexed + 1), life.place(last))
        marks += (life.n, last)
        lives.put(epoch, evolve(life, indexed=last))
        if not limit:
            break
    for values, table in tables(spans, 2):
        connection.execute(
            f"""
            INSERT INTO words (rowid, data)
            SELECT place, data FROM ({table}) CROSS JOIN searched
            ON place BETWEEN column1 AND column2
            """,
            values,
        )
    for values, table in tables(marks, 2):
        connection.execute(
            f"UPDATE lives SET indexed = column2 FROM ({table}) WHERE n = column1", values
        )
