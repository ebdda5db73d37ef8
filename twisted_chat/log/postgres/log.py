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

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Unpack

from attrs import define, evolve, field
from msgspec.json import Decoder, encode
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
)
from twisted_chat.log.postgres import reading, writing
from twisted_chat.log.postgres.changing import append_changing
from twisted_chat.log.postgres.database import Connection, Database, Unreachable, prepare
from twisted_chat.log.postgres.reading import Reader
from twisted_chat.log.postgres.records import keep
from twisted_chat.log.threads import Worker
from twisted_chat.vocabulary.errors import ChatError

BATCH_JOBS: Final = 1_024
"""Jobs that one turn of the writer does, at most."""


_LIFE: Final = Decoder(Life)

Waiting = tuple[writing.Job, Deferred[Any]]


@define(eq=False)
class PostgresLog:
    """A Log in a PostgreSQL database, and in three threads: one writes, one reads, one searches.

    Any number of nodes may have the same database. Its memory does not depend on what is stored.
    """

    clock: IReactorTime
    now: Callable[[], float] = field(default=AS_CLOCK, kw_only=True)
    """Seconds since 1970, for the time of what is stored: the clock's where it is not given."""
    _writer: Database
    _pages: Reader
    _finder: Reader
    _write: Worker
    _read: Worker
    _find: Worker
    _names: dict[str, str] = field(factory=dict, init=False)
    """The sessions' names, by epoch: texts bear them."""
    _waiting: deque[Waiting] = field(factory=deque, init=False)
    _is_writing: bool = field(default=False, init=False)
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
        return self._submit(partial(_create, life))

    def amend(self, epoch: str, **changes: Unpack[Settings]) -> Deferred[None]:
        """See Log."""
        return self._submit(partial(_amend, epoch, changes))

    def delete(self, epoch: str) -> Deferred[None]:
        """See Log."""
        self._names.pop(epoch, None)
        return self._submit(partial(_delete, epoch))

    def keep(self, records: Sequence[Record]) -> Deferred[list[bool]]:
        """See Log."""
        return self._submit(partial(keep, records))

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
            return self._submit(partial(append_changing, epoch, name, entries, time))
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
        return self._submit(partial(_prune, epoch, texts, older_than, bite))

    def check(self) -> Deferred[None]:
        """See Log."""
        return self._submit(_check)

    def close(self) -> Deferred[None]:
        """See Log."""
        return Deferred.fromCoroutine(self._closed())

    # --- flows -----------------------------------------------------------------------------

    async def _closed(self) -> None:
        self._idle = Deferred()
        self._next()
        await self._idle
        for worker, database in (
            (self._read, self._pages.database),
            (self._find, self._finder.database),
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
        try:
            answers = writing.commit(self._writer, [job for job, _ in batch])
        except Exception as problem:  # what nobody foresaw is an answer like any other
            answers = [NotStored(str(problem))] * len(batch)
        return batch, answers

    def _written(self, found: tuple[list[Waiting], writing.Answers]) -> None:
        batch, answers = found
        self._is_writing = False
        self._report(answers)
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


# --- jobs ----------------------------------------------------------------------------------


def _create(life: Life, connection: Connection) -> None:
    row = connection.execute(
        "INSERT INTO chat.lives (epoch, key, body) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING RETURNING n",
        (life.epoch, life.key, _body(life)),
    ).fetchone()
    if row is None:
        raise NotStored("there is such a session")


def _amend(epoch: str, changes: Settings, connection: Connection) -> None:
    with connection.transaction():
        row = connection.execute(
            "SELECT body FROM chat.lives WHERE epoch = %s AND NOT ended FOR NO KEY UPDATE", (epoch,)
        ).fetchone()
        if row is None:
            raise NotStored("there is no such session")
        life = evolve(_LIFE.decode(row[0]), **changes)
        connection.execute("UPDATE chat.lives SET body = %s WHERE epoch = %s", (_body(life), epoch))


def _body(life: Life) -> str:
    """Return all that a life says; its head and first are columns of their own."""
    return encode(evolve(life, head=0, first=1)).decode()


def _delete(epoch: str, connection: Connection) -> None:
    # The row goes with its texts, so that a name that is used often leaves nothing behind.
    with connection.transaction():
        row = connection.execute(
            "SELECT n FROM chat.lives WHERE epoch = %s FOR UPDATE", (epoch,)
        ).fetchone()
        if row is not None:
            connection.execute("DELETE FROM chat.texts WHERE life = %s", row)
            connection.execute("DELETE FROM chat.reactions WHERE life = %s", row)
            connection.execute("DELETE FROM chat.records WHERE scope = %s", (epoch,))
            connection.execute("DELETE FROM chat.lives WHERE n = %s", row)


def _prune(
    epoch: str, texts: int | None, older_than: int | None, bite: int, connection: Connection
) -> bool:
    with connection.transaction():
        row = connection.execute(
            "SELECT n, head, first FROM chat.lives WHERE epoch = %s FOR NO KEY UPDATE", (epoch,)
        ).fetchone()
        if row is None:
            return False
        n, head, first = row
        end = min(head, first + bite - 1)
        last = first - 1 if texts is None else max(first - 1, head - texts)
        if older_than is not None and last < end:
            found = connection.execute(
                "SELECT min(seq) FROM chat.texts"
                " WHERE life = %s AND seq BETWEEN %s AND %s AND time >= %s",
                (n, last + 1, end, older_than),
            ).fetchone()
            young = found[0] if found else None
            last = end if young is None else young - 1
        last = min(last, end)
        if last < first:
            return False
        connection.execute("DELETE FROM chat.texts WHERE life = %s AND seq <= %s", (n, last))
        connection.execute("DELETE FROM chat.reactions WHERE life = %s AND of <= %s", (n, last))
        connection.execute("UPDATE chat.lives SET first = %s WHERE n = %s", (last + 1, n))
        return bool(last == end)


def _check(connection: Connection) -> None:
    connection.execute("UPDATE chat.version SET version = version")


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
        Database(url, "twisted-chat write"),
        Reader(Database(url, "twisted-chat read")),
        Reader(Database(url, "twisted-chat search", patience)),
        make_worker("log-write"),
        make_worker("log-read"),
        make_worker("log-search"),
    )
