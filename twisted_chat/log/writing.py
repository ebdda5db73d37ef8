"""The one that writes to the durable log's file: batches in, answers out.

Everything here runs in one thread, beside the reactor's. Both share Python's interpreter lock, and
to get it back from a busy reactor can take milliseconds. So what matters here is how *often* the
lock is let go: once for each call into SQLite, and therefore once for each row of an
``executemany``. A batch is one statement wherever that can be, many rows wide, and a transaction by
itself.
"""

# SQL is composed of constants here; what people send is always a parameter.
# ruff: noqa: S608

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import groupby, islice
from typing import Final, assert_never

from attrs import define, evolve, field, frozen
from msgspec.json import Decoder

from twisted_chat.log import records
from twisted_chat.log.contract import Entry, Life, NotStored, Record, Settings
from twisted_chat.log.schema import (
    APPLICATION_ID,
    MAX_SEQ,
    SEQ_BITS,
    amend_life,
    insert_life,
    load_lives,
)
from twisted_chat.vocabulary.messages import Text

MAX_ROWS: Final = 1_024
"""Rows in one statement, at most (SQLite takes 32,766 values)."""

INDEX_BITE: Final = 1_024
"""Texts that one bite of the search index takes, at most: about 10 ms."""

REMOVE_BITE: Final = 500
"""Texts of a deleted life that one bite removes, at most."""


@frozen
class Append:
    """See Log.append; ``time`` is when it was called."""

    epoch: str
    entries: Sequence[Entry]
    time: int


@frozen
class Create:
    """See Log.create."""

    life: Life


@frozen
class Amend:
    """See Log.amend."""

    epoch: str
    changes: Settings


@frozen
class Keep:
    """See Log.keep."""

    records: Sequence[Record]


@frozen
class Delete:
    """See Log.delete."""

    epoch: str


@frozen
class Prune:
    """See Log.prune."""

    epoch: str
    texts: int | None
    older_than: int | None
    bite: int


@frozen
class Index:
    """Let the search index know a life's texts up to ``seq``: somebody is about to search them.

    Answered with whether it lacks some still: they are taken in bites, as all that is long.
    """

    epoch: str
    seq: int


@frozen
class Check:
    """See Log.check."""


Job = Append | Create | Amend | Keep | Delete | Prune | Index | Check

Answer = list[Text] | list[bool] | bool | None | NotStored
"""What a job is answered with; the exception where it failed."""


@frozen
class Outcome:
    """What became of a batch: an answer for each job.

    ``unindexed`` texts are not in the search index yet; ``is_removable``: there are texts of
    deleted lives in the file. ``problem`` is why not all was stored.
    """

    answers: Sequence[Answer]
    unindexed: int
    is_removable: bool
    problem: BaseException | None = None


@frozen
class _Kept:
    """What the writer knows of a life: it is the only one that changes it."""

    n: int
    name: str
    head: int
    first: int
    indexed: int

    def place(self, seq: int) -> int:
        return (self.n << SEQ_BITS) + seq


@define(eq=False)
class Writer:
    """Owns the connection that writes. Not for two threads at once."""

    _path: str
    _connection: sqlite3.Connection
    _synchronous: str
    _lives: dict[str, _Kept] = field(factory=dict, init=False)
    # Of this transaction: what its lives were before it (they are put back if it fails), and
    # which it ends.
    _before: dict[str, _Kept | None] = field(factory=dict, init=False)
    _ending: list[_Kept] = field(factory=list, init=False)
    _ended: deque[_Kept] = field(factory=deque, init=False)
    _unindexed: int = field(default=0, init=False)
    _stale: set[str] = field(factory=set, init=False)
    _file: tuple[int, int] | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._file = _identity(self._path)
        for n, indexed, life in load_lives(self._connection):
            # What was pruned before it was indexed is not missing from the index.
            indexed = max(indexed, life.first - 1)
            self._put(life.epoch, _Kept(n, life.name, life.head, life.first, indexed))
        self._before.clear()
        self._ended.extend(
            _Kept(n, name, MAX_SEQ, 1, indexed)
            for n, name, indexed in self._connection.execute(
                "SELECT n, name, indexed FROM lives WHERE ended"
            )
        )

    # --- batches ---------------------------------------------------------------------------

    def commit(self, batch: Sequence[Job]) -> Outcome:
        """Do the jobs in one transaction, all or none, and say what became of each.

        What a job asks for in vain (there is no such life) is its own answer and no failure.
        """
        try:
            answers = self._do(batch)
        except Exception as problem:
            self._undo()
            if len(batch) > 1 and not _is_environment(problem):
                # One of them is to blame, and the others shall not suffer for it.
                alone = [self.commit([job]) for job in batch]
                answers = [answer for outcome in alone for answer in outcome.answers]
                return self._outcome(answers, problem)
            return self._outcome([NotStored(str(problem))] * len(batch), problem)
        self._settle()
        return self._outcome(answers)

    def _do(self, batch: Sequence[Job]) -> list[Answer]:
        if _identity(self._path) != self._file:
            # SQLite would go on writing to a file that nobody will ever find again.
            raise sqlite3.OperationalError("the log's file was moved or removed")
        if self._connection.in_transaction:
            # One that could not be undone. Within it, no statement would be a commit.
            self._connection.execute("ROLLBACK")
        appends = [job for job in batch if isinstance(job, Append)]
        if len(appends) == len(batch) and sum(len(job.entries) for job in appends) <= MAX_ROWS:
            return self._append(appends)  # one statement: it is a transaction by itself
        answers: list[Answer] = []
        self._connection.execute("BEGIN IMMEDIATE")
        for kind, jobs in groupby(batch, type):
            if kind is Append:
                answers += self._append([job for job in jobs if isinstance(job, Append)])
            else:
                answers += [self._do_one(job) for job in jobs]
        self._connection.execute("COMMIT")
        return answers

    def _do_one(self, job: Job) -> Answer:
        match job:
            case Append():
                return self._append([job])[0]
            case Create():
                return self._create(job.life)
            case Amend():
                return self._amend(job)
            case Keep():
                return self._keep(job.records)
            case Delete():
                return self._delete(job.epoch)
            case Prune():
                return self._prune(job)
            case Index():
                self._index([job.epoch], INDEX_BITE)
                life = self._lives.get(job.epoch)
                return life is not None and life.indexed < job.seq
            case Check():
                # The mark that is there, but this is written. (A row that stays as it is, is not.)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                return None
            case _:
                assert_never(job)

    def _put(self, epoch: str, life: _Kept | None) -> None:
        """Remember what becomes of a life if this transaction is committed."""
        before = self._lives.get(epoch)
        self._before.setdefault(epoch, before)
        if before is not None:
            self._unindexed -= before.head - before.indexed
        if life is None:
            self._lives.pop(epoch, None)
            self._stale.discard(epoch)
            return
        self._lives[epoch] = life
        self._unindexed += life.head - life.indexed
        if life.indexed < life.head:
            self._stale.add(epoch)
        else:
            self._stale.discard(epoch)

    def _settle(self) -> None:
        self._ended += self._ending
        self._ending.clear()
        self._before.clear()

    def _undo(self) -> None:
        for epoch, before in list(self._before.items()):
            self._put(epoch, before)
        self._before.clear()
        self._ending.clear()
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # then it is undone before the next begins
                self._connection.execute("ROLLBACK")

    def _outcome(self, answers: Sequence[Answer], problem: Exception | None = None) -> Outcome:
        return Outcome(answers, self._unindexed, bool(self._ended), problem)

    # --- texts -----------------------------------------------------------------------------

    def _append(self, jobs: Sequence[Append]) -> list[Answer]:
        # An id that is used again is rare (somebody came back and sent it a second time), so it
        # is not looked for: the unique index refuses the statement, and then it is.
        rows = _Rows(self._lives, None)
        answers = [rows.add(job) for job in jobs]
        try:
            if len(rows.values) > 5 * MAX_ROWS:
                raise sqlite3.IntegrityError("one statement would be refused without the others")
            self._insert(rows)
        except sqlite3.IntegrityError:
            rows = _Rows(self._lives, self._known(jobs))
            answers = [rows.add(job) for job in jobs]
            self._insert(rows)
        for epoch, head in rows.heads.items():
            self._put(epoch, evolve(self._lives[epoch], head=head))
        return answers

    def _insert(self, rows: _Rows) -> None:
        for values, table in _tables(rows.values, 5):
            self._connection.execute(
                f"""
                INSERT INTO texts (place, life, time, source, data, id)
                SELECT column1, column1 >> {SEQ_BITS}, column2, column3, column4, column5
                FROM ({table}) WHERE column1 NOT NULL
                """,
                values,
            )

    def _known(self, jobs: Sequence[Append]) -> dict[_Mark, Text]:
        """Return the stored texts that bear an id of ``jobs``."""
        lives = {
            life.n: (job.epoch, life.name)
            for job in jobs
            if (life := self._lives.get(job.epoch)) is not None
        }
        wanted: list[object] = []
        for job in jobs:
            life = self._lives.get(job.epoch)
            if life is not None:
                for entry in job.entries:
                    if entry.id is not None:
                        wanted += (life.n, entry.source, entry.id)
        known = {}
        for values, table in _tables(wanted, 3):
            # All in one row, for the reason above.
            ((rows,),) = self._connection.execute(
                f"""
                SELECT json_group_array(json_array(
                    life, place & {MAX_SEQ}, time, texts.source, data, texts.id))
                FROM ({table}) CROSS JOIN texts
                ON life = column1 AND source = column2 AND id = column3 AND id NOT NULL
                """,
                values,
            )
            for n, seq, time, source, data, id in _KNOWN.decode(rows):
                epoch, name = lives[n]
                known[epoch, source, id] = Text(
                    session=name, seq=seq, time=time, source=source, data=data, id=id
                )
        return known

    # --- lives -----------------------------------------------------------------------------

    def _create(self, life: Life) -> Answer:
        try:
            n = insert_life(self._connection, life)
        except sqlite3.IntegrityError:
            return NotStored("there is such a session")
        self._put(life.epoch, _Kept(n, life.name, head=0, first=1, indexed=0))
        return None

    def _amend(self, job: Amend) -> Answer:
        life = self._lives.get(job.epoch)
        if life is None:
            return _no_such_life()
        amend_life(self._connection, life.n, job.changes)
        return None

    def _keep(self, kept: Sequence[Record]) -> Answer:
        if any(record.epoch is not None and record.epoch not in self._lives for record in kept):
            return _no_such_life()
        return [records.keep(self._connection, record) for record in kept]

    def _delete(self, epoch: str) -> Answer:
        # The life is over with this; its texts are removed in bites, when there is time.
        life = self._lives.get(epoch)
        if life is not None:
            self._connection.execute("UPDATE lives SET ended = 1 WHERE n = ?", (life.n,))
            self._put(epoch, None)
            self._ending.append(life)
        return None

    def _prune(self, job: Prune) -> Answer:
        life = self._lives.get(job.epoch)
        if life is None:
            return False
        bite = min(life.head, life.first + job.bite - 1)
        last = life.first - 1 if job.texts is None else max(life.first - 1, life.head - job.texts)
        if job.older_than is not None and last < bite:
            ((young,),) = self._connection.execute(
                f"SELECT min(place) & {MAX_SEQ} FROM texts"
                " WHERE place BETWEEN ? AND ? AND time >= ?",
                (life.place(last + 1), life.place(bite), job.older_than),
            )
            last = bite if young is None else young - 1
        last = min(last, bite)
        if last < life.first:
            return False
        self._remove(life, last)
        indexed = max(life.indexed, last)
        self._connection.execute(
            "UPDATE lives SET pruned = ?, indexed = ? WHERE n = ?", (last, indexed, life.n)
        )
        self._put(job.epoch, evolve(life, first=last + 1, indexed=indexed))
        return last == bite

    def _remove(self, life: _Kept, last: int) -> None:
        """Remove the texts up to ``last``, from the search index too where it knows them."""
        start = life.place(life.first)
        self._connection.execute(
            "INSERT INTO words (words, rowid, data) SELECT 'delete', place, data FROM texts"
            " WHERE place BETWEEN ? AND ? ORDER BY place",
            (start, life.place(min(last, life.indexed))),
        )
        self._connection.execute(
            "DELETE FROM texts WHERE place BETWEEN ? AND ?", (start, life.place(last))
        )

    # --- in the background -----------------------------------------------------------------

    def tidy(self) -> Outcome:
        """Do one bite of what can wait: remove what was deleted, index what was said.

        Nobody waits for it, and it acknowledges nothing: so it is not forced to the disk by
        itself, but with the next commit.
        """
        try:
            self._connection.execute("PRAGMA synchronous = normal")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                if self._ended:
                    gone = self._remove_ended(self._ended[0])
                else:
                    gone = False
                    # In the order of places: the index is built of ascending runs.
                    stale = sorted(self._stale, key=lambda epoch: self._lives[epoch].n)
                    self._index(islice(stale, MAX_ROWS), INDEX_BITE)
                self._connection.execute("COMMIT")
            finally:
                self._connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        except Exception as problem:
            self._undo()
            return self._outcome((), problem)
        if gone:
            self._ended.popleft()
        self._settle()
        return self._outcome(())

    def _remove_ended(self, life: _Kept) -> bool:
        """Remove a bite of a deleted life's texts; return whether that was the last of it."""
        ((last,),) = self._connection.execute(
            f"SELECT max(place) & {MAX_SEQ} FROM"
            " (SELECT place FROM texts WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?)",
            (life.place(1), life.place(MAX_SEQ), REMOVE_BITE),
        )
        if last is not None:
            self._remove(evolve(life, first=1), last)
            return False
        if records.remove_of_life(self._connection, life.n, REMOVE_BITE):
            return False
        self._connection.execute("DELETE FROM lives WHERE n = ?", (life.n,))
        return True

    def _index(self, epochs: Iterable[str], limit: int) -> None:
        """Let the search index know the texts of ``epochs`` that it lacks, ``limit`` at most."""
        spans: list[object] = []
        marks: list[object] = []
        for epoch in epochs:
            life = self._lives.get(epoch)
            if life is None or life.indexed == life.head:
                continue
            last = min(life.head, life.indexed + limit)
            limit -= last - life.indexed
            spans += (life.place(life.indexed + 1), life.place(last))
            marks += (life.n, last)
            self._put(epoch, evolve(life, indexed=last))
            if not limit:
                break
        for values, table in _tables(spans, 2):
            self._connection.execute(
                f"""
                INSERT INTO words (rowid, data)
                SELECT place, data FROM ({table}) CROSS JOIN texts
                ON place BETWEEN column1 AND column2
                """,
                values,
            )
        for values, table in _tables(marks, 2):
            self._connection.execute(
                f"UPDATE lives SET indexed = column2 FROM ({table}) WHERE n = column1", values
            )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


_Mark = tuple[str, str, str]
"""What makes a text once-only: epoch, source, id."""

_KNOWN: Final = Decoder(list[tuple[int, int, int, str, str, str]])


@define(eq=False)
class _Rows:
    """The rows of some appends, and the heads that they lead to.

    ``known`` are the stored texts that bear one of the ids; None: it is hoped that none does.
    """

    lives: Mapping[str, _Kept]
    known: dict[_Mark, Text] | None
    values: list[object] = field(factory=list)
    heads: dict[str, int] = field(factory=dict)

    def add(self, job: Append) -> Answer:
        epoch, known, values = job.epoch, self.known, self.values
        life = self.lives.get(epoch)
        if life is None:
            return _no_such_life()
        start = life.place(0)
        head = self.heads.get(epoch, life.head)
        texts = []
        for entry in job.entries:
            source, data, id = entry.source, entry.data, entry.id
            if known is not None and id is not None and (epoch, source, id) in known:
                texts.append(known[epoch, source, id])
                continue
            head += 1
            values += (start + head, job.time, source, data, id)
            text = Text(session=life.name, seq=head, time=job.time, source=source, data=data, id=id)
            texts.append(text)
            if known is not None and id is not None:
                known[epoch, source, id] = text
        self.heads[epoch] = head
        return texts


def _tables(values: Sequence[object], width: int) -> Iterator[tuple[Sequence[object], str]]:
    """Cut rows of ``width`` values into tables for SQL, each with what it stands for.

    Tables have 1, 2, 4 … rows, the last of them NULL, so that a dozen statements, compiled once,
    serve every size.
    """
    most = MAX_ROWS * width
    for start in range(0, len(values), most):
        part = values[start : start + most]
        size = 1 << (len(part) // width - 1).bit_length()
        yield [*part, *[None] * (size * width - len(part))], _table(size, width)


@cache
def _table(rows: int, width: int) -> str:
    row = f"({','.join('?' * width)})"
    return f"VALUES {','.join([row] * rows)}"


def _identity(path: str) -> tuple[int, int] | None:
    """Return which file ``path`` names now, whatever it is called elsewhere."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_environment(problem: Exception) -> bool:
    """Whether it is the disk's or the file's fault, and not that of what is to be stored."""
    return isinstance(problem, sqlite3.OperationalError) or type(problem) is sqlite3.DatabaseError


def _no_such_life() -> NotStored:
    return NotStored("there is no such session")
