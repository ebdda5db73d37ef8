"""The durable log of many nodes: PostgreSQL, and a commit for many.

::

    append ---> waiting --(one batch at a time)--> writer's thread: one round trip, one commit
    caller <--- Deferreds fire, in order <-------- committed, as the database was told to
    read, search ----------------> readers' threads, each with a connection of its own

What *stored* means is the database's to say (``synchronous_commit``, a synchronous standby). Where
it can not be reached everything fails with NotStored, at once or after a while, and is tried again
on a new connection by whoever asks next. A commit whose answer was lost may have been done: a text
with an ``id`` is sent again, and is stored once.
"""

from __future__ import annotations

import os
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from socket import gethostname
from time import monotonic
from typing import Any, Final, TypeVar, Unpack

import psycopg
from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_chat.log import query as queries
from twisted_chat.log.contract import (
    AS_CLOCK,
    KEPT,
    PAGE_TEXTS,
    PRUNE_BITE,
    SEARCH_SECONDS,
    AnyPage,
    Entry,
    Life,
    LogError,
    NotStored,
    Record,
    Settings,
    Stored,
    TextPage,
    Unreadable,
)
from twisted_chat.log.postgres import feed, lives, reading, writing
from twisted_chat.log.postgres.changing import append_changing
from twisted_chat.log.postgres.database import Connection, Database, Unreachable, prepare, sentence
from twisted_chat.log.postgres.feed import Lines
from twisted_chat.log.postgres.reading import Reader
from twisted_chat.log.postgres.records import keep
from twisted_chat.log.postgres.writing import Alone, Small
from twisted_chat.log.shared import Changes, Lease, Moved
from twisted_chat.log.threads import Worker
from twisted_chat.vocabulary.errors import ChatError

BATCH_JOBS: Final = 1_024
"""Jobs that one turn of the writer does, at most."""


T = TypeVar("T")

Waiting = tuple[writing.Job, Deferred[Any]]


@define(eq=False)
class PostgresLog:
    """A SharedLog in a PostgreSQL database, and in threads: to write, read, search and follow.

    Any number of nodes may have the same database. Its memory does not depend on what is stored.
    """

    clock: IReactorTime
    now: Callable[[], float] = field(default=AS_CLOCK, kw_only=True)
    """Seconds since 1970, for the time of what is stored: the clock's where it is not given."""
    _lines: Lines
    _writer: Database
    _pages: Reader
    _finder: Reader
    _feed: Database
    _write: Worker
    _read: Worker
    _find: Worker
    _follow: Worker
    wrote: Callable[[], object] = field(default=lambda: None, init=False)
    _names: dict[str, str] = field(factory=dict, init=False)
    """The sessions' names, by epoch: texts bear them."""
    _waiting: deque[Waiting] = field(factory=deque, init=False)
    _is_writing: bool = field(default=False, init=False)
    commit_seconds: float = field(default=0.0, init=False)
    _renewals: int = field(default=0, init=False)
    _is_failing: bool = field(default=False, init=False)
    """Whether the operator has been told that nothing can be stored."""
    _idle: Deferred[None] | None = field(default=None, init=False)
    """While the log is being closed: fires when the writer has nothing left to do."""
    _logger = Logger()

    # --- the contract ----------------------------------------------------------------------

    def lives(self) -> Sequence[Life]:
        """See Log."""
        try:
            found: Sequence[Life] = self._pages.database.do(reading.lives, again=True)
        except Unreachable as problem:
            raise LogError(f"The log's database can not be read: {problem}.") from None
        self._names.update((life.epoch, life.name) for life in found)
        return found

    def create(self, life: Life) -> Deferred[None]:
        """See Log."""
        self._names[life.epoch] = life.name
        return self._submit(Alone(partial(lives.create, life, self._lines)))

    def amend(self, epoch: str, **changes: Unpack[Settings]) -> Deferred[None]:
        """See Log."""
        return self._submit(Alone(partial(lives.amend, epoch, changes, self._lines)))

    def delete(self, epoch: str) -> Deferred[None]:
        """See Log."""
        self._names.pop(epoch, None)
        return self._submit(Alone(partial(lives.delete, epoch, self._lines)))

    def keep(self, records: Sequence[Record]) -> Deferred[list[bool]]:
        """See Log."""
        return self._submit(Small(partial(keep, records, self._lines)))

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

    def append(self, epoch: str, entries: Sequence[Entry]) -> Stored:
        """See Log."""
        if not entries:
            return []
        time = int(self.now() * 1000)
        name = self._names.get(epoch, "")
        if any(entry.of is not None for entry in entries):
            return self._submit(Alone(partial(append_changing, epoch, name, entries, time)))
        return self._submit(writing.Append(epoch, name, entries, time))

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
        """See Log."""
        try:
            terms = queries.parse(query)
        except ChatError:
            return fail()
        return self._find.do(partial(self._finder.search, epoch, terms, before, limit))

    def prune(
        self,
        epoch: str,
        *,
        texts: int | None = None,
        older_than: int | None = None,
        bite: int = PRUNE_BITE,
    ) -> Deferred[bool]:
        """See Log."""
        return self._submit(Alone(partial(lives.prune, epoch, texts, older_than, bite)))

    def check(self) -> Deferred[None]:
        """See Log."""
        return self._submit(Alone(lives.check))

    def close(self) -> Deferred[None]:
        """See Log."""
        return Deferred.fromCoroutine(self._closed())

    # --- what nodes need -------------------------------------------------------------------

    @property
    def node(self) -> str:
        """See SharedLog."""
        return self._lines.node

    def announce(self, note: bytes) -> Deferred[None]:
        """See SharedLog."""
        return self._submit(Small(lambda _: self._lines.add("note", note)))

    def changes(self, after: int | None) -> Deferred[Changes]:
        """See SharedLog."""
        return self._followed(partial(feed.changes, after)).addCallback(self._know)

    def _know(self, found: Changes) -> Changes:
        self._names.update(feed.names_in(found.lines))
        return found

    def moved(self, since: int) -> Deferred[Moved]:
        """See SharedLog."""
        return self._followed(partial(feed.moved, since))

    def _followed(self, work: Callable[[Connection], T]) -> Deferred[T]:
        def read() -> T:
            try:
                return self._feed.do(work, again=True)
            except (Unreachable, psycopg.Error) as problem:
                raise Unreadable(sentence(problem)) from None

        return self._follow.do(read)

    def renew(self, said: bytes = b"") -> Deferred[Lease]:
        """See SharedLog."""
        self._renewals += 1
        prunes = self._renewals % feed.PRUNE_EACH == 0
        return self._submit(Alone(partial(feed.renew, said, prunes, self._lines)))

    def resign(self) -> Deferred[None]:
        """See SharedLog."""
        return self._submit(Alone(partial(feed.resign, self._lines)))

    # --- flows -----------------------------------------------------------------------------

    async def _closed(self) -> None:
        self._idle = Deferred()
        self._next()
        await self._idle
        for worker, database in (
            (self._read, self._pages.database),
            (self._find, self._finder.database),
            (self._follow, self._feed),
            (self._write, self._writer),
        ):
            await worker.do(database.close)
            await worker.stop()

    def _submit(self, job: writing.Job) -> Deferred[Any]:
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
        if not self._waiting:
            if self._idle is not None:
                self._idle.callback(None)
            return
        self._is_writing = True
        written = self._write.do(self._commit)
        written.addCallback(self._written)
        written.addErrback(lambda failure: self._logger.failure("The log is broken", failure))

    def _commit(self) -> tuple[list[Waiting], writing.Answers]:
        """Store what waits by now. In the writer's thread, which alone takes it."""
        batch: list[Waiting] = []
        while self._waiting and len(batch) < BATCH_JOBS:
            batch.append(self._waiting.popleft())
        began = monotonic()
        try:
            answers = writing.commit(self._writer, [job for job, _ in batch], self._lines)
        except Exception as problem:  # what nobody foresaw is an answer like any other
            answers = [NotStored(str(problem))] * len(batch)
        self.commit_seconds += (monotonic() - began - self.commit_seconds) / 16
        return batch, answers

    def _written(self, found: tuple[list[Waiting], writing.Answers]) -> None:
        batch, answers = found
        self._is_writing = False
        self._report(answers)
        if self._lines.is_written:
            self._lines.is_written = False
            self.wrote()
        self._next()
        for (_, done), answer in zip(batch, answers, strict=True):
            if isinstance(answer, NotStored):
                done.errback(answer)
            else:
                done.callback(answer)

    def _report(self, answers: writing.Answers) -> None:
        """Tell the operator when storing begins to fail, and when it works again."""
        problem = next((one for one in answers if isinstance(one, writing.Failed)), None)
        if problem is not None and not self._is_failing:
            self._logger.error("The log's database can not store: {problem}", problem=str(problem))
        elif problem is None and self._is_failing:
            self._logger.info("The log's database stores again")
        self._is_failing = problem is not None


def open_postgres(
    url: str, clock: IReactorTime, make_worker: Callable[[str], Worker]
) -> PostgresLog:
    """Open the log in the database at ``url`` (all that libpq takes), and bring it up to date.

    Blocks: for before the reactor runs. Raises LogError.
    """
    prepare(url, "twisted-chat")
    patience = f"-c statement_timeout={int(SEARCH_SECONDS * 1_000)}"
    return PostgresLog(
        clock,
        Lines(f"{gethostname().replace(' ', '-')}-{os.getpid()}-{secrets.token_hex(3)}"),
        Database(url, "twisted-chat write"),
        Reader(Database(url, "twisted-chat read")),
        Reader(Database(url, "twisted-chat search", patience)),
        Database(url, "twisted-chat follow"),
        make_worker("log-write"),
        make_worker("log-read"),
        make_worker("log-search"),
        make_worker("log-follow"),
    )
