"""Logs for tests: lives, a file in a folder of its own, workers without threads, hostile texts."""

from __future__ import annotations

import argparse
import io
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import mock

from twisted.internet.defer import Deferred, execute, gatherResults, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.kit.held_log import later
from twisted_chat.log.contract import PAGE_TEXTS, Entry, Life, Log, LogError, NotStored, Record
from twisted_chat.log.files import add_commands
from twisted_chat.log.sqlite import SqliteLog, open_sqlite
from twisted_chat.log.sqlite.steps import MAX_SEQ

T = TypeVar("T")

OPS = Life(epoch="ops-1", key="ops", name="Ops")
DEV = Life(epoch="dev-1", key="dev", name="Dev", owner="alice", topic="we build", keep=True)


LOCKED = Life(
    epoch="e3",
    key="@älice,bob",
    name="@Älice,bob",
    direct=("älice", "bob"),
    password="$argon2id$…",
)
"""With a password, and direct."""

RECORDS = [
    Record("kind", "", "a", b'{"since":1}'),
    Record("kind", DEV.epoch, "älice", b"\0\xff"),
    Record("kind", "user:bob", "", b""),
]
"""Of each kind that there is: the server's, a session's, a user's."""

HOSTILE = [
    "",
    "\0",
    "a\0b",
    "\\u0000",
    '"quoted" \\ and \\"',
    "\r\n\t\x1b[31m\x7f\x85",
    "\u2028\u2029\ufeff\ufffe\uffff",
    "\u202eright to left\u202c",
    "e\u0301 is not \u00e9",
    "👩‍👩‍👧‍👦" * 50,
    "\U0010ffff",
    "'; DROP TABLE texts; --",
    "%s ? :1 @a $b {}",
    "x" * 16_384,
    "\0" * 16_384,
]
"""What a log must give back as it was."""


@implementer(IReactorFromThreads)
class NoThreads:
    """Stands for a reactor that no thread will ever call."""

    def callFromThread(self, callable: Any, *args: Any, **kwargs: Any) -> None:
        raise AssertionError


class InlineWorker:
    """Does each job at once, in the caller's thread."""

    def __init__(self, name: str) -> None:
        self.name = name

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        return execute(job)

    def stop(self) -> Deferred[None]:
        return succeed(None)


class HeldWorker(InlineWorker):
    """Begins its next job, and tells what came of it, when the test says so."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.held: list[Callable[[], None]] = []
        self.begun: Callable[[], object] | None = None

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        done: Deferred[T] = Deferred()

        def begin() -> None:
            self.begun = partial(execute(job).addBoth, done.callback)

        self.held.append(begin)
        return done

    def begin(self) -> None:
        """Do the next job; what came of it is not known until ``release``."""
        self.held[0]()

    def release(self) -> None:
        if self.begun is None:
            self.begin()
        told, self.begun = self.begun, None
        del self.held[0]
        assert told is not None
        told()

    def release_all(self) -> None:
        while self.held:
            self.release()


if TYPE_CHECKING:
    Base = SynchronousTestCase
else:
    Base = object  # so that the suite itself is not run


class LogCase(Base):
    """A test of a log: ``make_log`` gives a new, empty one that looks at ``self.clock``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000)
        self.log = self.make_log()
        self.addCleanup(lambda: self.got(self.log.close()))

    def make_log(self) -> Log:
        raise NotImplementedError

    def reopened(self, log: Log) -> Log | None:
        """End the log and open it again, as a restart does; None: it does not outlive one."""
        return None

    def got(self, deferred: Deferred[Any]) -> Any:
        return self.successResultOf(deferred)

    def refused(self, deferred: Deferred[Any], *kinds: type[Exception]) -> str:
        """Return the sentence with which it failed: as one of ``kinds``."""
        failure = self.failureResultOf(deferred, *(kinds or (NotStored,)))
        return str(failure.value)

    def append(self, epoch: str, entries: list[Entry]) -> Deferred[list[Any]]:
        """Append, and have a Deferred also where the log answers at once."""
        return later(self.log.append(epoch, entries))

    def say(self, *data: str, life: Life = OPS, source: str = "alice") -> list[Any]:
        said: list[Any] = self.got(self.append(life.epoch, [Entry(source, each) for each in data]))
        return said

    def all_of(self, life: Life, log: Log | None = None) -> list[Any]:
        """Read a life from its beginning, page by page."""
        texts: list[Any] = []
        while True:
            after = texts[-1].seq if texts else 0
            page = self.got((log or self.log).read(life.epoch, after, sys.maxsize))
            texts += page.texts
            if not page.more:
                return texts

    def found(self, query: str, life: Life = OPS, before: int = sys.maxsize) -> list[str]:
        page = self.got(self.log.search(life.epoch, query, before, PAGE_TEXTS))
        return [text.data for text in page.texts]

    def begin(self, *lives: Life) -> None:
        for life in lives or (OPS,):
            self.got(self.log.create(life))


class Folder(SynchronousTestCase):
    """A test with a folder of its own, in which a log is ``chat.db``."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "chat.db"
        self.clock = Clock()

    def open(self, make_worker: Callable[[str], InlineWorker] = InlineWorker) -> SqliteLog:
        return open_sqlite(str(self.path), self.clock, make_worker)

    def refused(self) -> str:
        """Return the one line with which opening is refused."""
        sentence = str(self.assertRaises(LogError, self.open))
        self.assertRegex(sentence, r"^The (log|file) [^\n]*\.$")
        self.assertIn(str(self.path), sentence)
        return sentence

    def begun(self, entries: int = 0) -> None:
        """Make a log with some texts."""
        log = self.open()
        self.successResultOf(log.create(OPS))
        self.successResultOf(
            log.append(OPS.epoch, [Entry("a", f"word {n}", f"m{n}") for n in range(entries)])
        )
        self.successResultOf(log.close())


def check(path: str) -> None:
    """Raise where the file is not sound, or its search index not that of its texts."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO words (rowid, data) SELECT place, data FROM texts JOIN lives ON n = life"
            f" WHERE place & {MAX_SEQ} > indexed ORDER BY place"
        )
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.rollback()


class CommitCase(Folder):
    """A log whose writer does nothing until the test lets it: whoever waits is seen waiting."""

    def setUp(self) -> None:
        super().setUp()
        self.writer = HeldWorker("log-write")
        self.log = self.open(lambda name: self.writer if "write" in name else InlineWorker(name))
        created = gatherResults([self.log.create(OPS), self.log.create(DEV)])
        self.writer.release_all()
        self.successResultOf(created)
        self.fired: list[object] = []
        self.addCleanup(check, str(self.path))
        self.addCleanup(self.end)

    def end(self) -> None:
        """Close the log."""
        closed = self.log.close()
        self.writer.release_all()
        self.successResultOf(closed)

    def say(self, *data: str, life: Life = OPS) -> None:
        """Say something; what comes of it is in ``fired``."""
        said = self.log.append(life.epoch, [Entry("alice", each, each) for each in data])
        said.addCallbacks(
            lambda texts: self.fired.append("".join(f"{text.seq}{text.data}" for text in texts)),
            lambda failure: self.fired.append(failure.type),
        )

    def stored(self) -> list[str]:
        """Look into the file, as another program sees it."""
        with closing(sqlite3.connect(self.path)) as connection:
            return [data for (data,) in connection.execute("SELECT data FROM said ORDER BY seq")]

    def connection(self) -> sqlite3.Connection:
        """Return the writer's own."""
        return self.log._writer._connection


class Commands(Folder):
    """The commands, as ``twisted-chat`` runs them."""

    def run_command(self, *argv: str, lines: bytes = b"") -> str:
        """Run a command and return what it wrote. It raises what it is refused with."""
        parser = argparse.ArgumentParser()
        add_commands(parser.add_subparsers(required=True))
        args = parser.parse_args(argv)
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with (
            redirect_stdout(out),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines))),
        ):
            args.run(args)
            out.flush()
        assert isinstance(out.buffer, io.BytesIO)
        return out.buffer.getvalue().decode()

    def not_done(self, *argv: str, lines: bytes = b"") -> str:
        """Run a command that must be refused, by one line."""
        with self.assertRaises(LogError) as caught:
            self.run_command(*argv, lines=lines)
        self.assertRegex(str(caught.exception), r"^[^\n]+\.$")
        return str(caught.exception)

    def filled(self) -> SqliteLog:
        """Make a log with something of everything, and leave it open."""
        log = self.open()
        for life in (OPS, DEV, LOCKED):
            self.successResultOf(log.create(life))
        for n, data in enumerate(HOSTILE):
            self.clock.advance(0.001)
            entry = Entry("Älice", data, f"m{n}" if n % 2 else None)
            self.successResultOf(log.append(OPS.epoch, [entry]))
        self.successResultOf(log.append(LOCKED.epoch, [Entry("bob", f"{n}") for n in range(9)]))
        self.successResultOf(log.prune(LOCKED.epoch, texts=4))
        self.successResultOf(log.append(DEV.epoch, [Entry("bob", "word")]))
        self.successResultOf(log.prune(DEV.epoch, texts=0))
        self.successResultOf(log.keep(RECORDS))
        self.successResultOf(log.amend(DEV.epoch, moderated=True, limit=9))
        return log
