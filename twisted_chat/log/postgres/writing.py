"""What is written to the database: batches of texts in one round trip, and all else, one by one.

Everything here runs in one thread, beside the reactor's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any, Final

import psycopg
from attrs import frozen

from twisted_chat.log.changing import placed
from twisted_chat.log.contract import Entry, NotStored
from twisted_chat.log.postgres.database import Connection, Database, Unreachable, sentence
from twisted_chat.log.postgres.feed import Lines
from twisted_chat.log.postgres.rows import stored
from twisted_chat.log.postgres.words import lexemes
from twisted_chat.vocabulary.messages import AnyEntry

MAX_ROWS: Final = 2_048
"""Texts in one call of the database's function, at most."""

_APPEND: Final = """
SELECT place, seq, at, data FROM chat.append(
    %s::text[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[], %s::text[],
    %s::boolean[])
"""


@frozen
class Append:
    """See Log.append; ``time`` is when it was called, ``session`` the name that texts bear."""

    epoch: str
    session: str
    entries: Sequence[Entry]
    time: int


class Failed(NotStored):
    """The database failed, and not what was asked of it."""


Do = Callable[[Connection], Any]
"""What a job does: its answer, or NotStored raised."""


@frozen
class Alone:
    """A job with a transaction of its own: it locks lives."""

    do: Do


@frozen
class Small:
    """A job that is committed together with the small ones beside it."""

    do: Do


Job = Append | Alone | Small

Answers = list[Any]
"""An answer for each job, or the exception with which it failed."""


def commit(database: Database, batch: Sequence[Job], lines: Lines) -> Answers:
    """Do the jobs in their order, and say what became of each."""
    answers: Answers = []
    for kind, jobs in groupby(batch, type):
        if kind is Append:
            for some in _slices([job for job in jobs if isinstance(job, Append)]):
                answers += _append(database, some)
            continue
        dos = [job.do for job in jobs if not isinstance(job, Append)]
        if kind is Small:
            answers += _done(database, dos, lines)
        else:
            answers += chain.from_iterable(_done(database, [do], lines) for do in dos)
    return answers


def _slices(jobs: Sequence[Append]) -> Iterator[list[Append]]:
    """Yield what one call takes each: a job is in one of them, whole."""
    some: list[Append] = []
    rows = 0
    for job in jobs:
        if some and rows + len(job.entries) > MAX_ROWS:
            yield some
            some, rows = [], 0
        some.append(job)
        rows += len(job.entries)
    yield some


def _done(database: Database, jobs: Sequence[Do], lines: Lines) -> Answers:
    """Do some jobs in one transaction; one that is refused undoes nothing of the others."""
    lines.cut()
    try:
        return database.do(lambda connection: _together(connection, jobs, lines))
    except Unreachable as problem:
        return [Failed(sentence(problem))] * len(jobs)
    except psycopg.Error as problem:
        if len(jobs) > 1:  # one of them is to blame, and the others shall not suffer for it
            return list(chain.from_iterable(_done(database, [job], lines) for job in jobs))
        return [Failed(sentence(problem))]


def _together(connection: Connection, jobs: Sequence[Do], lines: Lines) -> Answers:
    answers: Answers = []
    with connection.transaction():
        for job in jobs:
            length = len(lines)
            try:
                if len(jobs) == 1:
                    answers.append(job(connection))
                else:
                    with connection.transaction():
                        answers.append(job(connection))
            except NotStored as refusal:
                lines.cut(length)
                answers.append(refusal)
                if len(jobs) == 1:
                    raise psycopg.Rollback from None
        lines.write(connection)
    return answers


def _append(database: Database, jobs: Sequence[Append]) -> Answers:
    try:
        found = database.do(lambda connection: _stored(connection, jobs))
    except Unreachable as problem:
        return [Failed(sentence(problem))] * len(jobs)
    except psycopg.Error as problem:
        if len(jobs) > 1:  # one of them is to blame, and the others shall not suffer for it
            return list(chain.from_iterable(_append(database, [job]) for job in jobs))
        return [Failed(sentence(problem))]
    answers: Answers = []
    start = 0
    for job in jobs:
        end = start + len(job.entries)
        texts = [found.get(place) for place in range(start + 1, end + 1)]
        if None in texts:
            answers.append(NotStored("there is no such session"))
        else:
            answers.append(texts)
        start = end
    return answers


def _stored(connection: Connection, jobs: Sequence[Append]) -> dict[int, AnyEntry | None]:
    """Store the entries of all jobs in one round trip; return what is stored, by its place."""
    rows = [(job, entry) for job in jobs for entry in job.entries]
    if not rows:
        return {}
    cursor = connection.execute(
        _APPEND,
        (
            [job.epoch for job, _ in rows],
            [job.time for job, _ in rows],
            [entry.source.encode() for _, entry in rows],
            [entry.data.encode() for _, entry in rows],
            [None if entry.id is None else entry.id.encode() for _, entry in rows],
            [lexemes(entry.data) for _, entry in rows],
            [True if entry.guest else None for _, entry in rows],
        ),
        binary=True,
    )
    found: dict[int, AnyEntry | None] = {}
    for place, seq, time, data in cursor.fetchall():
        job, entry = rows[place - 1]
        if data is None:
            found[place] = placed(job.session, seq, time, entry)
        else:  # it was stored before, and may be another by now
            found[place] = stored(connection, job.session, job.epoch, seq)
    return found
