"""The durable log: SQLite in WAL mode, and a commit for many.

::

    append ---> waiting --(one batch at a time)--> Writer's thread: one transaction
    caller <--- Deferreds fire, in order <-------- committed, and forced to the disk
    read, search ----------------> Readers' threads, each with a connection of its own

Whatever is appended while a commit is under way is the next one's batch. The next commit is asked
for before the Deferreds of the last one fire, so that the disk works while the chat tells its
members. What a commit takes with it is decided as late as can be, by the writer's thread itself.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any, Final, Unpack

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_chat.log import query as queries
from twisted_chat.log.contract import (
    AS_CLOCK,
    KEPT,
    PAGE_TEXTS,
    PRUNE_BITE,
    Answered,
    AnyPage,
    Entry,
    Life,
    NotStored,
    Record,
    Settings,
    TextPage,
)
from twisted_chat.log.query import composed
from twisted_chat.log.sqlite.jobs import (
    Amend,
    Append,
    Check,
    Create,
    Delete,
    Index,
    Job,
    Keep,
    Outcome,
    Prune,
)
from twisted_chat.log.sqlite.reading import Asked, Reader, match_of
from twisted_chat.log.sqlite.schema import (
    load_lives,
    open_for_reading,
)
from twisted_chat.log.sqlite.tables import MAX_ROWS
from twisted_chat.log.sqlite.writing import Writer
from twisted_chat.log.threads import Worker

INDEX_WHEN_IDLE: Final = 256
"""Texts that the search index lacks, from which on an idle writer indexes them."""

IDLE_SECONDS: Final = 0.1
"""How long after a commit began, with nothing to store since, the writer is idle. Not at once: gaps
between commits are short, and a large bite costs less for each text than several small ones."""

INDEX_WHEN_BUSY: Final = 262_144
"""Texts that the search index lacks, from which on each commit is followed by a bite of indexing:
so it lacks no more than about these, however much is said. (All, after an older file was opened.)
"""

ERASE_SECONDS: Final = 20.0
"""How long what was edited away or redacted may stay in the write-ahead log, before it is gone
through."""

GATHER_SECONDS: Final = 0.00125
"""After a commit began, so long the next one waits for texts to go with it: a commit costs more of
the processor than several texts, and nobody sees a millisecond. It is the writer's thread that
waits: the reactor's timers would be late by up to a millisecond more."""

GATHER_TEXTS: Final = 16
"""Texts that a commit does not wait with."""

MakeWorker = Callable[[str], Worker]
"""Makes a worker of a name."""

Waiting = tuple[Job, Deferred[Any]]
"""A job, and who waits for its answer."""

Batch = list[Waiting]
"""What one commit does."""


@define(eq=False)
class SqliteLog:
    """A Log in a file, and in three threads: one writes, one reads pages, one searches.

    Its memory does not depend on what is stored. What waits for the writer is bounded by those who
    append: each connection of the chat has a bounded number of texts unanswered, and one read.
    """

    clock: IReactorTime
    now: Callable[[], float] = field(default=AS_CLOCK, kw_only=True)
    """Seconds since 1970, for the time of what is stored: the clock's where it is not given."""
    _path: str
    _writer: Writer
    _pages: Reader
    _finder: Reader
    _lock: int
    """The descriptor by which the file is held."""
    _write: Worker
    _read: Worker
    _find: Worker
    _gather: float = 0.0
    """GATHER_SECONDS, or nothing."""
    _sleep: Callable[[float], None] = time.sleep
    _began: float = field(default=0.0, init=False)
    """When the last commit began, by the clock."""
    _rest: IDelayedCall | None = field(default=None, init=False)
    """What looks, after a pause, whether there is something to index."""
    _waiting: deque[Waiting] = field(factory=deque, init=False)
    _is_writing: bool = field(default=False, init=False)
    _unindexed: int = field(default=0, init=False)
    """Texts that the search index lacks."""
    _is_removable: bool = field(default=False, init=False)
    """Whether texts of deleted lives are still in the file."""
    _erase: IDelayedCall | None = field(default=None, init=False)
    """What begins to erase what was edited away or redacted: see erasing.py."""
    _is_erasing: bool = field(default=False, init=False)
    _is_commit_last: bool = field(default=False, init=False)
    """Whether what the writer did last was a commit, and not a bite of what can wait."""
    _is_failing: bool = field(default=False, init=False)
    """Whether the operator has been told that nothing can be stored."""
    _idle: Deferred[None] | None = field(default=None, init=False)
    """While the log is being closed: fires when the writer has nothing left to do."""
    _logger = Logger()

    # --- the contract ----------------------------------------------------------------------

    def lives(self) -> Sequence[Life]:
        """See Log."""
        with closing(open_for_reading(self._path)) as connection:
            return [life for _, _, life in load_lives(connection)]

    def create(self, life: Life) -> Deferred[None]:
        """See Log."""
        return self._submit(Create(life))

    def amend(self, epoch: str, **changes: Unpack[Settings]) -> Deferred[None]:
        """See Log."""
        return self._submit(Amend(epoch, changes))

    def delete(self, epoch: str) -> Deferred[None]:
        """See Log. The texts are removed from the file in bites, when there is time."""
        return self._submit(Delete(epoch))

    def keep(self, records: Sequence[Record]) -> Deferred[list[bool]]:
        """See Log."""
        return self._submit(Keep(records))

    def kept(
        self,
        kind: str,
        scope: str | None = None,
        *,
        key: str | None = None,
        after: str | tuple[str, str] = "",
        limit: int = KEPT,
    ) -> Deferred[list[Record]]:
        """See Log."""
        return self._read.do(partial(self._pages.kept, kind, scope, key, after, limit))

    def append(self, epoch: str, entries: Sequence[Entry]) -> Deferred[list[Answered]]:
        """See Log."""
        is_plain = not any(
            entry.of is not None or composed(entry.data) is not None for entry in entries
        )
        return self._submit(Append(epoch, entries, int(self.now() * 1000), is_plain))

    def read(
        self, epoch: str, after: int, before: int, limit: int = PAGE_TEXTS
    ) -> Deferred[AnyPage]:
        """See Log."""
        return self._read.do(partial(self._pages.read, epoch, after, before, limit))

    def read_last(
        self, epoch: str, after: int, before: int, limit: int = PAGE_TEXTS
    ) -> Deferred[AnyPage]:
        """See Log."""
        return self._read.do(partial(self._pages.read_last, epoch, after, before, limit))

    def search(self, epoch: str, query: str, before: int, limit: int) -> Deferred[TextPage]:
        """See Log. It waits for the writer only where the newest texts must be indexed first."""
        return Deferred.fromCoroutine(self._searched(epoch, query, before, limit))

    def prune(
        self,
        epoch: str,
        *,
        texts: int | None = None,
        older_than: int | None = None,
        bite: int = PRUNE_BITE,
    ) -> Deferred[bool]:
        """See Log."""
        return self._submit(Prune(epoch, texts, older_than, bite))

    def check(self) -> Deferred[None]:
        """See Log."""
        return self._submit(Check())

    def close(self) -> Deferred[None]:
        """See Log."""
        return Deferred.fromCoroutine(self._closed())

    # --- flows -----------------------------------------------------------------------------

    async def _searched(self, epoch: str, query: str, before: int, limit: int) -> TextPage:
        match = match_of(queries.parse(query))
        asked = Asked()
        search = partial(self._finder.search, epoch, match, before, limit, asked)
        try:
            return await self._found(epoch, search)
        except CancelledError:
            asked.over = True
            raise

    async def _found(self, epoch: str, search: Callable[[], tuple[TextPage, int]]) -> TextPage:
        page, unindexed = await self._find.do(search)
        if not unindexed:
            return page
        while await self._submit(Index(epoch, unindexed)):
            pass
        page, _ = await self._find.do(search)
        return page

    async def _closed(self) -> None:
        self._idle = Deferred()
        if self._erase is not None:
            self._erase.cancel()
        self._next()
        await self._idle
        # The writer is last: the last connection moves all there is from the WAL into the file.
        for worker, of in ((self._read, self._pages), (self._find, self._finder)):
            await worker.do(of.close)
            await worker.stop()
        await self._write.do(self._writer.close)
        await self._write.stop()
        os.close(self._lock)

    def _submit(self, job: Job) -> Deferred[Any]:
        if self._idle is not None:
            return fail(NotStored("the server is stopping"))
        done: Deferred[Any] = Deferred()
        self._waiting.append((job, done))
        self._next()
        return done

    def _next(self) -> None:
        """Give the writer something to do, if it has nothing and there is something."""
        if self._is_writing:
            return
        is_closing = self._idle is not None
        is_behind = self._unindexed >= INDEX_WHEN_BUSY and self._is_commit_last
        if self._waiting and (is_closing or not is_behind):
            self._is_commit_last = True
            written = self._write.do(partial(self._commit, self._company()))
        elif not is_closing and (is_behind or self._is_removable or self._is_at_rest()):
            self._is_commit_last = False
            written = self._write.do(partial(_tried, [], self._writer.tidy))
        elif not is_closing and self._is_erasing:
            erase = partial(self._writer.erase, self.clock.seconds())
            written = self._write.do(partial(_tried, [], erase))
        else:
            if self._idle is not None:
                if self._rest is not None:
                    self._rest.cancel()
                    self._rest = None
                self._idle.callback(None)
            return
        self._is_writing = True
        written.addCallback(self._written)
        written.addErrback(lambda failure: self._logger.failure("The log is broken", failure))

    def _company(self) -> float:
        """Return how long the commit that begins now waits for more: not if there is enough."""
        now = self.clock.seconds()
        rest = self._began + self._gather - now
        if not 0 < rest <= self._gather or self._idle is not None or self._weight() >= GATHER_TEXTS:
            rest = 0.0
        self._began = now + rest
        return rest

    def _commit(self, wait: float) -> tuple[Batch, Outcome]:
        """Store what waits, and say what that was. In the writer's thread, which alone takes it."""
        if wait:
            self._sleep(wait)
        batch = self._take()
        return _tried(batch, partial(self._writer.commit, [job for job, _ in batch]))

    def _is_at_rest(self) -> bool:
        """Whether there is time to index something, and something to index."""
        if self._unindexed < INDEX_WHEN_IDLE or self._rest is not None:
            return False
        rest = self._began + IDLE_SECONDS - self.clock.seconds()
        if 0 < rest <= IDLE_SECONDS:
            self._rest = self.clock.callLater(rest, self._rested)
            return False
        return True

    def _rested(self) -> None:
        self._rest = None
        self._next()

    def _begin_to_erase(self) -> None:
        self._erase = None
        self._is_erasing = True
        self._next()

    def _weight(self) -> int:
        """How much waits, in texts; what is no text does not wait for any."""
        return sum(
            len(job.entries) if isinstance(job, Append) else GATHER_TEXTS
            for job, _ in islice(self._waiting, GATHER_TEXTS)
        )

    def _take(self) -> Batch:
        """Return the next batch: all that waits, up to what one statement can hold."""
        batch: Batch = []
        room = MAX_ROWS
        while self._waiting:
            job, _ = self._waiting[0]
            room -= len(job.entries) if isinstance(job, Append) else 1
            if batch and room < 0:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _written(self, found: tuple[Batch, Outcome]) -> None:
        batch, outcome = found
        self._is_writing = False
        self._unindexed = outcome.unindexed
        self._is_removable = outcome.is_removable
        self._is_erasing = outcome.is_erasing
        if outcome.is_erasable and not outcome.is_erasing and self._erase is None:
            self._erase = self.clock.callLater(ERASE_SECONDS, self._begin_to_erase)
        self._report(outcome)
        self._next()
        for (_, done), answer in zip(batch, outcome.answers, strict=True):
            if isinstance(answer, NotStored):
                done.errback(answer)
            else:
                done.callback(answer)

    def _report(self, outcome: Outcome) -> None:
        """Tell the operator when storing begins to fail, and when it works again."""
        if outcome.problem is not None:
            # Nothing is tried again by itself: what can wait waits for a commit that succeeds.
            self._unindexed = 0
            self._is_removable = False
            if not self._is_failing:
                self._logger.error(
                    "The log {path} can not store: {problem}",
                    path=self._path,
                    problem=outcome.problem,
                )
        elif self._is_failing:
            self._logger.info("The log {path} stores again", path=self._path)
        self._is_failing = outcome.problem is not None


def _tried(batch: Batch, job: Callable[[], Outcome]) -> tuple[Batch, Outcome]:
    """Do the job; what the writer did not foresee is an outcome like any other."""
    try:
        return batch, job()
    except Exception as problem:
        return batch, Outcome([NotStored(str(problem))] * len(batch), 0, False, problem)
