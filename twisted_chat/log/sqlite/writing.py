"""The one that writes to the durable log's file: batches in, answers out.

Everything here runs in one thread, beside the reactor's. Both share Python's interpreter lock, and
to get it back from a busy reactor can take milliseconds. So what matters here is how *often* the
lock is let go: once for each call into SQLite, and therefore once for each row of an
``executemany``. A batch is one statement wherever that can be, many rows wide, and a transaction by
itself.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby, islice
from typing import assert_never

from attrs import Factory, define, evolve, field

from twisted_chat.log.contract import Life, NotStored, Record
from twisted_chat.log.sqlite import records
from twisted_chat.log.sqlite.appending import append
from twisted_chat.log.sqlite.changing import append_changing
from twisted_chat.log.sqlite.erasing import Erasing
from twisted_chat.log.sqlite.indexing import INDEX_BITE, index, prune, remove_ended
from twisted_chat.log.sqlite.jobs import (
    Amend,
    Answer,
    Append,
    Check,
    Create,
    Delete,
    Index,
    Job,
    Keep,
    Outcome,
    Prune,
    no_such_life,
)
from twisted_chat.log.sqlite.lives import Kept, Lives
from twisted_chat.log.sqlite.power import closed
from twisted_chat.log.sqlite.schema import amend_life, insert_life, load_lives
from twisted_chat.log.sqlite.steps import APPLICATION_ID, MAX_SEQ
from twisted_chat.log.sqlite.tables import MAX_ROWS


@define(eq=False)
class Writer:
    """Owns the connection that writes. Not for two threads at once."""

    _path: str
    _connection: sqlite3.Connection
    _synchronous: str
    _lives: Lives = field(factory=Lives, init=False)
    _erasing: Erasing = field(
        init=False, default=Factory(lambda self: Erasing(self._connection), takes_self=True)
    )
    _file: tuple[int, int] | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._file = _identity(self._path)
        for n, indexed, life in load_lives(self._connection):
            # What was pruned before it was indexed is not missing from the index.
            indexed = max(indexed, life.first - 1)
            self._lives.put(life.epoch, Kept(n, life.name, life.head, life.first, indexed))
        self._lives.settle()
        self._lives.ended.extend(
            Kept(n, name, MAX_SEQ, 1, indexed)
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
        self._lives.settle()
        return self._outcome(answers)

    def _do(self, batch: Sequence[Job]) -> list[Answer]:
        if _identity(self._path) != self._file:
            # SQLite would go on writing to a file that nobody will ever find again.
            raise sqlite3.OperationalError("the log's file was moved or removed")
        if self._connection.in_transaction:
            # One that could not be undone. Within it, no statement would be a commit.
            self._connection.execute("ROLLBACK")
        appends = [job for job in batch if isinstance(job, Append) and job.is_plain]
        if len(appends) == len(batch) and sum(len(job.entries) for job in appends) <= MAX_ROWS:
            return append(self._connection, self._lives, appends)  # it is a transaction by itself
        answers: list[Answer] = []
        self._connection.execute("BEGIN IMMEDIATE")
        for is_plain, jobs in groupby(batch, _is_plain):
            if is_plain:
                some = [job for job in jobs if isinstance(job, Append)]
                answers += append(self._connection, self._lives, some)
            else:
                answers += [self._do_one(job) for job in jobs]
        self._connection.execute("COMMIT")
        return answers

    def _do_one(self, job: Job) -> Answer:
        match job:
            case Append():
                if any(entry.kind in ("edit", "redact") for entry in job.entries):
                    self._erasing.note()
                return append_changing(self._connection, self._lives, job)
            case Create():
                return self._create(job.life)
            case Amend():
                return self._amend(job)
            case Keep():
                return self._keep(job.records)
            case Delete():
                return self._delete(job.epoch)
            case Prune():
                return prune(self._connection, self._lives, job)
            case Index():
                index(self._connection, self._lives, [job.epoch], INDEX_BITE)
                life = self._lives.there.get(job.epoch)
                return life is not None and life.indexed < job.seq
            case Check():
                # The mark that is there, but this is written. (A row that stays as it is, is not.)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                return None
            case _:
                assert_never(job)

    def _undo(self) -> None:
        self._lives.undo()
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # then it is undone before the next begins
                self._connection.execute("ROLLBACK")

    def _outcome(self, answers: Sequence[Answer], problem: Exception | None = None) -> Outcome:
        return Outcome(
            answers,
            self._lives.unindexed,
            bool(self._lives.ended),
            problem,
            self._erasing.is_pending,
        )

    # --- lives -----------------------------------------------------------------------------

    def _create(self, life: Life) -> Answer:
        try:
            n = insert_life(self._connection, life)
        except sqlite3.IntegrityError:
            return NotStored("there is such a session")
        self._lives.put(life.epoch, Kept(n, life.name, head=0, first=1, indexed=0))
        return None

    def _amend(self, job: Amend) -> Answer:
        life = self._lives.there.get(job.epoch)
        if life is None:
            return no_such_life()
        amend_life(self._connection, life.n, job.changes)
        return None

    def _keep(self, kept: Sequence[Record]) -> Answer:
        there = self._lives.there
        if any(record.epoch is not None and record.epoch not in there for record in kept):
            return no_such_life()
        return [records.keep(self._connection, record) for record in kept]

    def _delete(self, epoch: str) -> Answer:
        # The life is over with this; its texts are removed in bites, when there is time.
        life = self._lives.there.get(epoch)
        if life is not None:
            self._connection.execute("UPDATE lives SET ended = 1 WHERE n = ?", (life.n,))
            self._lives.end(epoch, life)
        return None

    # --- in the background -----------------------------------------------------------------

    def tidy(self) -> Outcome:
        """Do one bite of what can wait: remove what was deleted, index what was said.

        Nobody waits for it, and it acknowledges nothing: so it is not forced to the disk by
        itself, but with the next commit.
        """
        lives = self._lives
        try:
            self._connection.execute("PRAGMA synchronous = normal")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                if lives.ended:
                    gone = remove_ended(self._connection, lives.ended[0])
                else:
                    gone = False
                    # In the order of places: the index is built of ascending runs.
                    stale = sorted(lives.stale, key=lambda epoch: lives.there[epoch].n)
                    index(self._connection, lives, islice(stale, MAX_ROWS), INDEX_BITE)
                self._connection.execute("COMMIT")
            finally:
                self._connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        except Exception as problem:
            self._undo()
            return self._outcome((), problem)
        if gone:
            lives.ended.popleft()
        lives.settle()
        return self._outcome(())

    def erase(self, now: float) -> Outcome:
        """Do one bite of erasing what was edited away or redacted: see erasing.py."""
        try:
            is_erasing = self._erasing.bite(now)
        except sqlite3.Error as problem:
            return self._outcome((), problem)
        return evolve(self._outcome(()), is_erasing=is_erasing)

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            self._erasing.finish()
        if self._synchronous == "normal":
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA synchronous = full")
                closed(self._connection)
        self._connection.close()


def _is_plain(job: Job) -> bool:
    return isinstance(job, Append) and job.is_plain


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
