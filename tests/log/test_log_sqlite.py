"""The durable log: what every log promises, what a commit for many is, and what can go wrong."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from glob import glob
from pathlib import Path

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.kit.logs import DEV, OPS, Folder, HeldWorker, InlineWorker, NoThreads, check
from tests.kit.support import texts_of
from tests.log.suite import LogTests
from twisted_chat.log.contract import (
    Entry,
    Life,
    Log,
    LogError,
    NotStored,
    Page,
    Record,
    Unreadable,
)
from twisted_chat.log.sqlite import open_sqlite
from twisted_chat.log.sqlite.indexing import INDEX_BITE, REMOVE_BITE, index
from twisted_chat.log.sqlite.lives import Kept, Lives
from twisted_chat.log.sqlite.log import (
    ERASE_SECONDS,
    GATHER_TEXTS,
    IDLE_SECONDS,
    INDEX_WHEN_BUSY,
    INDEX_WHEN_IDLE,
    SqliteLog,
)
from twisted_chat.log.sqlite.schema import open_database
from twisted_chat.log.sqlite.steps import APPLICATION_ID, MAX_SEQ, SEQ_BITS, STEPS
from twisted_chat.log.sqlite.tables import MAX_ROWS
from twisted_chat.log.threads import ThreadWorker
from twisted_chat.log.urls import open_log


class GatherTests(Folder):
    """Commits that wait a moment for company."""

    def test_a_commit_waits_for_others(self) -> None:
        """A text alone is stored at once; right after it others wait, a moment or for enough."""
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            """While the writer's thread sleeps, somebody else says something."""
            slept.append(seconds)
            said.append(log.append(OPS.epoch, [Entry("b", "meanwhile")]))
            self.clock.advance(seconds)

        writer = HeldWorker("log-write")
        log = open_sqlite(
            str(self.path),
            self.clock,
            lambda name: writer if "write" in name else InlineWorker(name),
            gather=0.25,
            sleep=sleep,
        )
        created = log.create(OPS)
        writer.release()
        self.successResultOf(created)
        self.clock.advance(1)
        said = [log.append(OPS.epoch, [Entry("a", "at once")])]
        writer.release()
        self.clock.advance(0.125)
        said.append(log.append(OPS.epoch, [Entry("a", "two")]))
        self.assertEqual(slept, [])
        writer.release()
        self.assertEqual(slept, [0.125])
        self.assertEqual([texts_of(self.successResultOf(one))[0].seq for one in said], [1, 2, 3])
        said = [log.append(OPS.epoch, [Entry("a", f"{n}") for n in range(GATHER_TEXTS)])]
        writer.release()
        self.assertEqual(slept, [0.125])
        closed = log.close()
        writer.release_all()
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SqliteLogTests(LogTests, SynchronousTestCase):
    """The promises of every log; after each test the file and its index are sound."""

    path = ""

    def make_log(self) -> Log:
        folder = tempfile.TemporaryDirectory()
        self.path = f"{folder.name}/chat.db"
        self.addCleanup(folder.cleanup)
        self.addCleanup(check, self.path)
        return open_sqlite(self.path, self.clock, InlineWorker)

    def reopened(self, log: Log) -> Log:
        self.got(log.close())
        return open_sqlite(self.path, self.clock, InlineWorker)


class GroupCommitTests(Folder):
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
        return self.log._writer._connection

    def test_nothing_is_acknowledged_before_its_commit(self) -> None:
        """While a commit is under way nothing fires and nothing is read; after it, both."""
        self.say("a")
        self.assertEqual((self.fired, self.stored()), ([], []))
        self.assertEqual(self.successResultOf(self.log.read(OPS.epoch, 0, 9)), Page([], False))
        self.writer.release()
        self.assertEqual((self.fired, self.stored()), (["1a"], ["a"]))

    def test_what_arrives_meanwhile_is_one_commit(self) -> None:
        """Whatever is appended while a commit is under way is committed together by the next."""
        self.say("a")
        self.writer.begin()
        for data in "bcd":
            self.say(data)
        self.say("x", life=DEV)
        self.say("e", "f")
        self.assertEqual(len(self.writer.held), 1)
        self.writer.release()
        self.assertEqual(self.fired, ["1a"])
        self.assertEqual(len(self.writer.held), 1)
        self.writer.release()
        self.assertEqual(self.fired, ["1a", "2b", "3c", "4d", "1x", "5e6f"])
        self.assertEqual(self.writer.held, [])

    def test_the_next_commit_begins_before_the_last_is_told(self) -> None:
        """The disk works while the chat tells its members."""
        begun: list[int] = []
        self.log.append(OPS.epoch, [Entry("a", "b")]).addCallback(
            lambda _: begun.append(len(self.writer.held))
        )
        self.writer.begin()
        self.say("c")
        self.writer.release()
        self.assertEqual(begun, [1])
        self.writer.release()

    def test_a_batch_is_bounded(self) -> None:
        """A commit takes what one statement holds; the rest is the one after it."""
        self.say("first")
        self.writer.begin()
        for n in range(3):
            self.say(*(f"{n}.{i}" for i in range(MAX_ROWS // 2)))
        self.writer.release()
        self.writer.release()
        self.assertEqual(len(self.fired), 3)
        self.writer.release()
        self.assertEqual(len(self.fired), 4)
        self.assertEqual(len(self.stored()), 1 + 3 * (MAX_ROWS // 2))

    def test_jobs_keep_their_order(self) -> None:
        """A life that is begun, spoken in, named and ended in one batch: in that order."""
        self.say("a")
        life = Life(epoch="new", key="new", name="New")
        for done in (
            self.log.append("new", [Entry("a", "too early")]),
            self.log.create(life),
            self.log.append("new", [Entry("a", "hello", "m"), Entry("a", "again", "m")]),
            self.log.prune("new", texts=0),
            self.log.append("new", [Entry("a", "more")]),
            self.log.delete("new"),
            self.log.append("new", [Entry("a", "too late")]),
        ):
            done.addBoth(lambda result: self.fired.append(getattr(result, "type", result)))
        self.writer.release_all()
        self.assertEqual(self.fired[:3], ["1a", NotStored, None])
        self.assertEqual([text.seq for text in self.fired[3]], [1, 1])  # type: ignore[attr-defined]
        self.assertEqual(self.fired[4], True)
        self.assertEqual([text.seq for text in self.fired[5]], [2])  # type: ignore[attr-defined]
        self.assertEqual(self.fired[6:], [None, NotStored])
        with closing(sqlite3.connect(self.path)) as connection:
            self.assertEqual(connection.execute("SELECT data FROM texts").fetchall(), [("a",)])

    def test_ids_within_a_batch(self) -> None:
        """The same id twice in one commit, and once more from an earlier one, is stored once."""
        self.say("a")
        self.say("b")
        self.say("b")
        self.say("a", "c", "b")
        self.say("c", life=DEV)
        self.writer.release_all()
        self.assertEqual(self.fired, ["1a", "2b", "2b", "1a3c2b", "1c"])

    def test_reads_do_not_wait_for_commits(self) -> None:
        """While a commit is under way, pages and searches are answered from the last one."""
        self.say("word")
        self.writer.release_all()
        self.say(*(f"m{n}" for n in range(INDEX_WHEN_IDLE - 1)))
        self.writer.release_all()
        self.clock.advance(IDLE_SECONDS)
        self.writer.release_all()
        self.say("more")
        read = self.successResultOf(self.log.read_last(OPS.epoch, 0, 3))
        self.assertEqual([text.data for text in texts_of(read.texts)], ["word", "m0"])
        found = self.successResultOf(self.log.search(OPS.epoch, "word", 9, 9))
        self.assertEqual([text.data for text in found.texts], ["word"])
        self.writer.release_all()

    def test_the_index_follows_when_there_is_time(self) -> None:
        """New texts are indexed when nothing has been said for a moment."""
        self.say(*(f"m{n}" for n in range(INDEX_WHEN_IDLE)))
        self.writer.release_all()
        self.clock.advance(IDLE_SECONDS / 2)
        self.say("meanwhile")
        self.writer.release_all()
        self.clock.advance(IDLE_SECONDS / 2)
        self.assertEqual(self.writer.held, [])
        self.clock.advance(IDLE_SECONDS / 2)
        self.assertEqual(len(self.writer.held), 1)  # a bite, with nobody waiting for it
        self.say("more")
        self.writer.release()
        self.assertEqual(self.indexed(), INDEX_WHEN_IDLE + 1)
        self.writer.release_all()
        self.assertEqual(self.fired[-1], f"{INDEX_WHEN_IDLE + 2}more")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_was_pruned_is_not_missing_from_the_index(self) -> None:
        """Texts that were pruned before they were indexed leave nothing to do after a restart."""
        self.say(*(f"m{n}" for n in range(INDEX_WHEN_IDLE)))
        self.log.prune(OPS.epoch, texts=0)
        self.writer.release_all()
        self.end()
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("UPDATE lives SET indexed = 0")  # as an older version left it
        self.writer = HeldWorker("log-write")
        self.log = self.open(lambda name: self.writer if "write" in name else InlineWorker(name))
        self.say("more")
        self.writer.release_all()
        self.clock.advance(IDLE_SECONDS)
        self.assertEqual((self.writer.held, self.clock.getDelayedCalls()), ([], []))

    @pytest.mark.slow
    def test_the_index_follows_where_there_is_never_time(self) -> None:
        """Where the writer is never idle, commits and bites take turns: neither waits for long."""
        said = 0
        while self.indexed() == 0:
            self.say(*(f"n{said}.{n}" for n in range(500)))
            if said:
                self.writer.release()
            said += 1
        self.assertLessEqual(500 * (said - 1), INDEX_WHEN_BUSY + 1_000)
        for _ in range(8):
            stored, indexed = len(self.stored()), self.indexed()
            for _ in range(2):
                if self.writer.held and self.writer.begun is None:
                    self.writer.begin()
                self.say(f"more {said}")
                said += 1
            self.writer.release()
            self.writer.release()
            self.assertGreater(len(self.stored()), stored)
            self.assertLessEqual(self.indexed(), indexed + INDEX_BITE)
        self.assertLess(len(self.stored()) - self.indexed(), INDEX_WHEN_BUSY)
        self.writer.release_all()

    @pytest.mark.slow
    def test_nothing_waits_for_the_index_at_the_end(self) -> None:
        """What was said is stored when the log closes, however much is to be indexed."""
        for n in range(INDEX_WHEN_BUSY // 500 + 2):
            self.say(*(f"n{n}.{i}" for i in range(500)))
        self.end()
        self.assertEqual(len(self.fired), INDEX_WHEN_BUSY // 500 + 2)
        self.log = self.open()
        self.writer = HeldWorker("log-write")

    def indexed(self) -> int:
        with closing(sqlite3.connect(self.path)) as connection:
            ((indexed,),) = connection.execute("SELECT sum(indexed) FROM lives")
        return int(indexed)

    def test_a_deleted_life_goes_in_bites(self) -> None:
        """A long session's end is one short commit; its texts go while nobody waits."""
        self.say(*(f"{n}" for n in range(2 * REMOVE_BITE)))
        self.writer.release_all()
        ended = self.log.delete(OPS.epoch)
        self.writer.release()
        self.successResultOf(ended)
        self.assertEqual(len(self.writer.held), 1)
        self.writer.release()
        self.say("between", life=DEV)
        self.writer.release()
        self.writer.release()
        self.assertEqual(self.fired[-1], "1between")
        self.writer.release_all()
        with closing(sqlite3.connect(self.path)) as connection:
            self.assertEqual(connection.execute("SELECT count(*) FROM texts").fetchone(), (1,))
            self.assertEqual(connection.execute("SELECT count(*) FROM lives").fetchone(), (1,))

    def test_a_deletion_goes_on_after_a_restart(self) -> None:
        """Texts of a deleted session that a restart left in the file are removed later."""
        self.say(*(f"{n}" for n in range(3 * REMOVE_BITE)))
        self.writer.release_all()
        ended = self.log.delete(OPS.epoch)
        self.writer.release()
        self.successResultOf(ended)
        closed = self.log.close()
        self.writer.release_all()
        self.successResultOf(closed)
        self.log = self.open(lambda name: self.writer if "write" in name else InlineWorker(name))
        self.say("new", life=DEV)
        self.writer.release_all()
        with closing(sqlite3.connect(self.path)) as connection:
            self.assertEqual(connection.execute("SELECT count(*) FROM texts").fetchone(), (1,))

    # --- failure ---------------------------------------------------------------------------

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Let SQLite find no room: it then does what it does on a full disk."""
        connection = self.connection()
        ((pages,),) = connection.execute("PRAGMA page_count")
        connection.execute(f"PRAGMA max_page_count = {pages}")
        yield
        connection.execute("PRAGMA max_page_count = 1000000")

    @contextmanager
    def broken_disk(self) -> Iterator[int]:
        """Let no file grow past some size, which is given: writing there is an I/O error.

        It leaves some room to trial's own log, which the process writes too.
        """
        files = map(os.path.realpath, [f"{self.path}-wal", *glob("/proc/self/fd/*")])
        size = max(os.path.getsize(file) for file in files if os.path.isfile(file)) + 65_536
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield size
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def fails_and_recovers(self, trouble: str, size: int = 16_000) -> None:
        big = "x" * size
        with self.logged() as told:
            for n in range(3):
                self.say(f"{n}{big}")
                self.say(f"{n}{big}b", life=DEV)
                self.writer.release_all()
            self.assertEqual(self.fired, [NotStored] * 6)
        self.assertEqual(len(told), 1)
        self.assertIn(trouble, told[0])

    def test_a_full_disk(self) -> None:
        """Nothing is stored, everyone is told, and with room again it works, without a hole."""
        self.say("before")
        self.writer.release_all()
        self.fired.clear()
        with self.full_disk():
            self.fails_and_recovers("disk is full")
            self.assertEqual(self.stored(), ["before"])
        self.recovered()

    def test_an_input_output_error(self) -> None:
        """The same where writing itself fails."""
        self.say("before")
        self.writer.release_all()
        self.fired.clear()
        with self.broken_disk() as size:
            self.fails_and_recovers("I/O", size)
        self.recovered()

    def recovered(self) -> None:
        self.fired.clear()
        with self.logged() as told:
            self.say("after", "before")
            self.say("x", life=DEV)
            self.writer.release_all()
        self.assertEqual(self.fired, ["2after1before", "1x"])
        self.assertIn("stores again", told[0])
        self.assertEqual(self.stored().count("after"), 1)

    @contextmanager
    def logged(self) -> Iterator[list[str]]:
        """Gather what the operator is told."""
        told: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            told.append(str(event["log_format"]).format(**event))

        globalLogPublisher.addObserver(observe)
        try:
            yield told
        finally:
            globalLogPublisher.removeObserver(observe)

    def test_no_room_for_the_index(self) -> None:
        """What can wait is not tried over and over; texts are acknowledged all the same."""
        self.say(*(" ".join(f"word{n}x{i}" for i in range(200)) for n in range(INDEX_WHEN_IDLE)))
        self.writer.release()
        self.clock.advance(IDLE_SECONDS)
        with self.full_disk():
            self.writer.release()
            self.assertEqual(self.writer.held, [])
            searched = self.log.search(OPS.epoch, "word1x7", 999, 9)
            self.writer.release_all()
            self.failureResultOf(searched, NotStored)
        searched = self.log.search(OPS.epoch, "word1x7", 999, 9)
        self.writer.release_all()
        self.assertEqual(len(self.successResultOf(searched).texts), 1)

    def test_a_file_that_was_moved(self) -> None:
        """Texts are not written to a file that nobody will find again."""
        elsewhere = self.folder / "elsewhere.db"
        os.rename(self.path, elsewhere)
        self.say("lost?")
        self.writer.release_all()
        os.rename(elsewhere, self.path)
        self.say("kept")
        self.writer.release_all()
        self.assertEqual(self.fired, [NotStored, "1kept"])

    def test_another_program_that_writes(self) -> None:
        """A file that somebody else has locked: not stored, and then it is."""
        self.connection().execute("PRAGMA busy_timeout = 0")
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("BEGIN IMMEDIATE")
            self.say("a")
            self.writer.release_all()
            other.rollback()
        self.say("b")
        self.writer.release_all()
        self.assertEqual(self.fired, [NotStored, "1b"])

    def test_a_transaction_that_was_not_undone(self) -> None:
        """Whatever failed before, an acknowledged text is committed."""
        self.connection().execute("BEGIN IMMEDIATE")
        self.connection().execute("UPDATE lives SET topic = 'never'")
        self.say("a")
        self.writer.release_all()
        self.assertEqual((self.fired, self.stored()), (["1a"], ["a"]))
        self.assertEqual({life.topic for life in self.log.lives()}, {OPS.topic, DEV.topic})

    def test_one_that_can_not_be_stored(self) -> None:
        """Where one call is to blame, the others of its batch are stored."""
        self.say("a")
        self.say("b")
        self.say("c", "\ud800")
        self.say("d")
        self.writer.release_all()
        self.assertEqual(self.fired, ["1a", "2b", NotStored, "3d"])

    def test_closing_finishes_what_was_appended(self) -> None:
        """What was appended before ``close`` is stored; what comes later is refused."""
        self.say("a")
        self.say("b")
        closed = self.log.close()
        self.say("c")
        self.assertNoResult(closed)
        self.writer.release_all()
        self.successResultOf(closed)
        self.assertEqual(self.fired, [NotStored, "1a", "2b"])
        self.log = self.open(lambda name: self.writer if "write" in name else InlineWorker(name))


class OpeningTests(Folder):
    def test_the_file_is_private(self) -> None:
        """What people say is for the daemon's user alone."""
        self.begun(1)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_a_check_is_written(self) -> None:
        """A check takes its way to the disk, as a text would: it can fail as one would."""
        log = self.open()
        wal = self.folder / "chat.db-wal"
        before = wal.stat().st_size
        self.successResultOf(log.check())
        self.assertGreater(wal.stat().st_size, before)
        self.successResultOf(log.close())

    def test_one_daemon_at_a_time(self) -> None:
        """A second daemon on the same file is refused, and told by whom it is held."""
        log = self.open()
        self.assertIn(f"in use by process {os.getpid()}", self.refused())
        self.successResultOf(log.close())
        self.successResultOf(self.open().close())

    def test_a_daemon_that_was_killed(self) -> None:
        """A kill -9 leaves nothing that stands in the way, and nothing acknowledged is lost."""
        daemon = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys, time\n"
                "from twisted.internet.task import Clock\n"
                "from tests.log.test_log_sqlite import InlineWorker\n"
                "from twisted_chat.log.contract import Entry, Life\n"
                "from twisted_chat.log.sqlite import open_sqlite\n"
                "log = open_sqlite(sys.argv[1], Clock(), InlineWorker)\n"
                "log.create(Life(epoch='e', key='k', name='K'))\n"
                "print(len(log.append('e', [Entry('a', 'hello')]).result), flush=True)\n"
                "time.sleep(60)\n",
                str(self.path),
            ],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent.parent,
        )
        with daemon:
            assert daemon.stdout is not None
            self.assertEqual(daemon.stdout.readline(), b"1\n")
            self.assertIn(f"process {daemon.pid}", self.refused())
            daemon.kill()
        log = self.open()
        (text,) = texts_of(self.successResultOf(log.read("e", 0, 9)).texts)
        self.assertEqual(text.data, "hello")
        self.successResultOf(log.close())

    def test_no_place_for_a_file(self) -> None:
        """A folder that is not there, or a folder where the file should be: one line."""
        self.path = self.folder / "no" / "chat.db"
        self.assertIn("No such file", self.refused())
        self.path = self.folder / "folder"
        self.path.mkdir()
        self.assertIn("directory", self.refused())

    def test_what_is_not_a_database(self) -> None:
        """A file that is something else is refused, and left as it is."""
        for content in (b"hello, I am a letter\n" * 500, b"SQLite format 3\0" + b"\xff" * 5_000):
            self.path.write_bytes(content)
            self.assertIn("damaged, or not a log", self.refused())
            self.assertEqual(self.path.read_bytes(), content)

    def test_somebody_elses_database(self) -> None:
        """A database of another program is refused, and left as it is."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE songs (name)")
            connection.commit()
        content = self.path.read_bytes()
        self.assertIn("not a chat log", self.refused())
        self.assertEqual(self.path.read_bytes(), content)

    def test_a_file_that_was_cut_off(self) -> None:
        """A file that lacks its end is refused, and left as it is."""
        self.begun(500)
        content = self.path.read_bytes()
        self.path.write_bytes(content[: len(content) // 2])
        self.assertIn("malformed", self.refused())
        self.assertEqual(self.path.stat().st_size, len(content) // 2)

    def test_damage_within(self) -> None:
        """Damage that shows itself later is told to whoever meets it; the file stays."""
        self.begun(3_000)
        content = bytearray(self.path.read_bytes())
        for page in range(12, len(content) // 4_096 - 1):
            content[page * 4_096 : page * 4_096 + 64] = b"\xff" * 64
        self.path.write_bytes(content)
        try:
            log = self.open()
        except LogError as refusal:
            self.assertIn("damaged", str(refusal))
            return
        failure = self.failureResultOf(log.read(OPS.epoch, 1_000, 1_200), Unreadable)
        self.assertIn("malformed", str(failure.value))
        self.failureResultOf(log.append(OPS.epoch, [Entry("a", "b", "m1500")]), NotStored)
        self.successResultOf(log.close())
        self.assertEqual(self.path.stat().st_size, len(content))

    def test_a_file_of_a_newer_program(self) -> None:
        """A file that this program does not know is refused, and left as it is."""
        self.begun(1)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
        content = self.path.read_bytes()
        self.assertIn("newer version", self.refused())
        self.assertEqual(self.path.read_bytes(), content)

    def test_a_file_of_an_older_program(self) -> None:
        """An older file is brought up to date, step by step, with all that is in it."""
        self.begun(3)
        steps = (
            *STEPS,
            "ALTER TABLE lives ADD COLUMN colour TEXT DEFAULT 'red'",
            "CREATE TABLE extra (x); INSERT INTO extra SELECT colour FROM lives",
        )
        for _ in range(2):
            with closing(open_database(str(self.path), steps=steps)) as connection:
                self.assertEqual(
                    connection.execute("PRAGMA user_version").fetchone(), (len(steps),)
                )
                self.assertEqual(connection.execute("SELECT x FROM extra").fetchall(), [("red",)])
                self.assertEqual(connection.execute("SELECT count(*) FROM texts").fetchone(), (3,))

    def test_a_file_of_version_1(self) -> None:
        """All that is in it stays; it is searched as a new one is; what was begun is finished."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(VERSION_1)
        self.clock.advance(1_000)
        log = self.open()
        self.assertEqual(
            [(life.name, life.topic, life.first, life.head) for life in log.lives()],
            [("Ops", "we run it", 2, 4), ("Dev", "", 1, 1)],
        )
        for query, expected in (
            ("dep*", ["deploy it", "deployed", "departed"]),
            ("d*", ["deploy it", "deployed", "departed"]),
            ("de* i*", ["deploy it"]),
            ("deployed", ["deployed"]),
        ):
            found = self.successResultOf(log.search("ops-1", query, 99, 9))
            self.assertEqual([text.data for text in found.texts], expected)
        found = self.successResultOf(log.search("dev-1", "dep*", 99, 9))
        self.assertEqual([text.data for text in found.texts], ["depend on it"])
        (again,) = texts_of(
            self.successResultOf(log.append("ops-1", [Entry("alice", "new", "m2")]))
        )
        self.assertEqual((again.seq, again.data), (2, "deploy it"))
        (new,) = texts_of(self.successResultOf(log.append("ops-1", [Entry("alice", "new", "m1")])))
        self.assertEqual(new.seq, 5)
        self.successResultOf(log.close())
        with closing(sqlite3.connect(self.path)) as connection:
            self.assertEqual(connection.execute("SELECT count(*) FROM lives").fetchone(), (2,))
            self.assertEqual(connection.execute("SELECT count(*) FROM texts").fetchone(), (5,))
        check(str(self.path))

    def test_a_file_of_version_3(self) -> None:
        """A file from before anything could change a text: it has its texts, and takes that."""
        with closing(open_database(str(self.path), steps=STEPS[:3])) as connection:
            connection.execute("INSERT INTO lives (n, epoch, key, name, topic, keep)"
                               " VALUES (1, 'ops-1', 'ops', 'Ops', '', 1)")  # fmt: skip
            connection.executemany(
                "INSERT INTO texts VALUES (?, 1, 5, 'alice', ?, NULL)",
                [((1 << SEQ_BITS) + seq, data) for seq, data in ((1, "teh"), (2, "ничеи\u0306"))],
            )
            connection.execute("INSERT INTO words (rowid, data) SELECT place, data FROM texts")
            connection.execute("UPDATE lives SET indexed = 2")
        log = self.open()
        before = self.successResultOf(log.read("ops-1", 0, 9)).texts
        self.assertEqual([(one.data, one.guest) for one in texts_of(before)],
                         [("teh", False), ("ничеи\u0306", False)])  # fmt: skip
        for query in ("ничей", "ничеи\u0306", "teh"):
            found = self.successResultOf(log.search("ops-1", query, 99, 9)).texts
            self.assertEqual(len(found), 1, query)
        edit = Entry("alice", "the", None, "edit", 1)
        self.successResultOf(log.append("ops-1", [edit]))
        first, *_ = texts_of(self.successResultOf(log.read("ops-1", 0, 3)).texts)
        self.assertEqual((first.data, first.edited), ("the", 3))

    def test_what_is_redacted_leaves_the_files(self) -> None:
        """What was edited away or redacted is in no file any more, soon or when it is closed.

        Not in the table, nor in the search index, nor in the write-ahead log.
        """
        for is_closed in (False, True):
            log = self.open()
            epoch = f"e{is_closed}"
            self.successResultOf(log.create(Life(epoch=epoch, key=epoch, name=epoch)))
            texts = [f"hushhush{n}" for n in range(300)] + ["unsayable"]
            self.successResultOf(log.append(epoch, [Entry("alice", data) for data in texts]))
            self.successResultOf(log.search(epoch, "unsayable", 999, 9))  # they are indexed
            edits = [Entry("alice", "fine", None, "edit", n) for n in range(1, 301)]
            redaction = Entry("alice", "a slip", None, "redact", 301)
            self.successResultOf(log.append(epoch, [*edits, redaction]))
            if is_closed:
                self.successResultOf(log.close())
            else:
                self.assertIn(b"unsayable", self.bytes_of_files())
                self.clock.advance(ERASE_SECONDS)
            self.assertNotIn(b"unsayable", self.bytes_of_files())
            self.assertNotIn(b"hushhush", self.bytes_of_files())
            if not is_closed:
                self.assertEqual(self.clock.getDelayedCalls(), [])
                self.successResultOf(log.close())

    def bytes_of_files(self) -> bytes:
        return b"".join(
            path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file()
        )

    def test_the_index_of_an_older_file_is_filled_in_bites(self) -> None:
        """Nobody waits for all of it: not who opens it, nor who says or searches something."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(VERSION_1)
            connection.execute(
                f"""
                WITH RECURSIVE more (n) AS (SELECT 5 UNION ALL SELECT n + 1 FROM more
                                            WHERE n < {INDEX_WHEN_BUSY + 2 * INDEX_BITE})
                INSERT INTO texts SELECT (1 << 36) + n, 1, 1700000000004, 'bob', 'it ' || n, n
                FROM more
                """
            )
            connection.commit()
        self.clock.advance(1_000)
        writer = HeldWorker("log-write")
        log = self.open(lambda name: writer if "write" in name else InlineWorker(name))
        one = log.append("dev-1", [Entry("bob", "one")])
        writer.begin()
        two = log.append("dev-1", [Entry("bob", "two")])
        writer.release()
        self.assertEqual(texts_of(self.successResultOf(one))[0].seq, 2)
        self.assertNoResult(two)
        writer.release()  # a bite
        writer.release()
        self.assertEqual(texts_of(self.successResultOf(two))[0].seq, 3)
        searched = log.search("dev-1", "one*", 99, 9)
        for _ in range(3):
            writer.release()
        self.assertEqual(len(self.successResultOf(searched).texts), 1)
        closed = log.close()
        writer.release_all()
        self.successResultOf(closed)

    def test_a_step_that_fails(self) -> None:
        """A step is done wholly or not at all."""
        self.begun(3)
        steps = (*STEPS, "CREATE TABLE extra (x); INSERT INTO nothing VALUES (1)")
        refusal = self.assertRaises(LogError, open_database, str(self.path), steps=steps)
        self.assertIn("nothing", str(refusal))
        log = self.open()
        self.assertEqual(log.lives()[0].head, 3)
        self.successResultOf(log.close())
        with closing(sqlite3.connect(self.path)) as connection:
            ((found,),) = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE name = 'extra'"
            )
            self.assertEqual(found, 0)

    def test_a_power_cut_may_have_taken_texts(self) -> None:
        """Then each session has another epoch, and clients are told; after a kill it has not."""
        path, make = str(self.path), InlineWorker

        def epoch_after(synchronous: str, boot: str, *, orderly: bool) -> str:
            log = open_sqlite(path, self.clock, make, synchronous, boot=lambda: boot)
            (life,) = log.lives() or [OPS]
            if life is OPS:
                self.successResultOf(log.create(OPS))
                self.successResultOf(log.keep([Record("role", OPS.epoch, "alice", b"owner")]))
            self.assertEqual(len(self.successResultOf(log.kept("role", life.epoch))), 1)
            if orderly:
                self.successResultOf(log.close())
            else:  # as if it was killed
                for close in (log._pages.close, log._finder.close, log._writer._connection.close):
                    close()
                os.close(log._lock)
            return life.epoch

        first = epoch_after("normal", "boot-1", orderly=False)
        self.assertEqual(first, OPS.epoch)
        self.assertEqual(epoch_after("normal", "boot-1", orderly=False), first)
        second = epoch_after("normal", "boot-2", orderly=True)
        self.assertNotEqual(second, first)
        self.assertEqual(epoch_after("normal", "boot-3", orderly=False), second)
        third = epoch_after("full", "boot-4", orderly=False)
        self.assertNotEqual(third, second)
        self.assertEqual(epoch_after("full", "boot-5", orderly=True), third)

    def test_synchronous(self) -> None:
        """Full unless the operator says normal; and it is back after work in the background."""
        for option, expected in (("", 2), ("?synchronous=full", 2), ("?synchronous=normal", 1)):
            log = open_log(f"sqlite:{self.path}{option}", self.clock, NoThreads())
            assert isinstance(log, SqliteLog)
            connection = log._writer._connection
            self.assertEqual(connection.execute("PRAGMA synchronous").fetchone(), (expected,))
            log._writer.tidy()
            self.assertEqual(connection.execute("PRAGMA synchronous").fetchone(), (expected,))
            for close in (log._pages.close, log._finder.close, log._writer.close):
                close()
            os.close(log._lock)


VERSION_1 = f"""
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = 1;
    CREATE TABLE lives (
        n INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, key TEXT NOT NULL, name TEXT NOT NULL,
        owner TEXT, topic TEXT NOT NULL, keep INTEGER NOT NULL, password TEXT, direct_first TEXT,
        direct_second TEXT, pruned INTEGER NOT NULL DEFAULT 0, indexed INTEGER NOT NULL DEFAULT 0,
        ended INTEGER NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX one_life_at_once ON lives (key) WHERE NOT ended;
    CREATE TABLE texts (
        place INTEGER PRIMARY KEY, life INTEGER NOT NULL, time INTEGER NOT NULL,
        source TEXT NOT NULL, data TEXT NOT NULL, id TEXT
    );
    CREATE UNIQUE INDEX once ON texts (life, id, source) WHERE id IS NOT NULL;
    CREATE VIRTUAL TABLE words USING fts5 (
        data, content = 'texts', content_rowid = 'place', columnsize = 0,
        tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
    );
    CREATE VIEW said AS
        SELECT name AS session, place & 68719476735 AS seq,
               datetime(time / 1000, 'unixepoch') AS time, source, data, id
        FROM texts JOIN lives ON n = life WHERE NOT ended;
    INSERT INTO lives VALUES
        (1, 'ops-1', 'ops', 'Ops', NULL, 'we run it', 1, NULL, NULL, NULL, 1, 3, 0),
        (2, 'dev-1', 'dev', 'Dev', 'alice', '', 0, NULL, NULL, NULL, 0, 1, 0),
        (3, 'old-1', 'old', 'Old', NULL, '', 0, NULL, NULL, NULL, 0, 1, 1);
    INSERT INTO texts VALUES
        (68719476738, 1, 1700000000000, 'alice', 'deploy it', 'm2'),
        (68719476739, 1, 1700000000000, 'alice', 'deployed', NULL),
        (68719476740, 1, 1700000000003, 'bob', 'departed', 'b1'),
        (137438953473, 2, 1700000000001, 'bob', 'depend on it', 'b1'),
        (206158430209, 3, 1700000000002, 'eve', 'depths', 'e1');
    INSERT INTO words (rowid, data) SELECT place, data FROM texts WHERE place <> 68719476740;
"""
"""A file as version 1 left it: a text of Ops is pruned, one not indexed; Old is not removed yet."""


@ensureDeferred
async def test_a_worker_tells_what_was_raised() -> None:
    """A job that fails is told to who gave it; the next is done; one that never had any ends."""
    from twisted.internet import reactor

    worker = ThreadWorker("test", reactor)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        await worker.do(lambda: 1 // 0)
    assert await worker.do(lambda: 1) == 1
    await worker.stop()
    await ThreadWorker("idle", reactor).stop()  # type: ignore[arg-type]


@ensureDeferred
async def test_many_at_once_with_threads(tmp_path: Path) -> None:
    """With real threads: order, once-only and every acknowledgement, under 40 writers."""
    from twisted.internet import reactor

    path = tmp_path / "chat.db"

    def open_it() -> SqliteLog:
        return open_sqlite(str(path), reactor, lambda name: ThreadWorker(name, reactor))  # type: ignore[arg-type]

    log = open_it()
    lives = [Life(epoch=f"e{n}", key=f"k{n}", name=f"K{n}") for n in range(4)]
    await gatherResults([log.create(life) for life in lives])
    told: dict[str, list[int]] = {life.epoch: [] for life in lives}

    async def write(writer: int) -> None:
        epoch = lives[writer % 4].epoch
        for n in range(25):
            entry = Entry(f"w{writer}", f"text {n}", f"m{n}")
            texts = texts_of(await log.append(epoch, [entry, entry]))
            assert texts[0] == texts[1]
            told[epoch].append(texts[0].seq)

    async def read() -> int:
        last = 0
        while last < 250:
            page = await log.read("e0", last, MAX_SEQ)
            for text in page.texts:
                assert text.seq == last + 1
                last = text.seq
        found = await log.search("e0", '"text 7"', MAX_SEQ, 99)
        return len(found.texts)

    reading = Deferred.fromCoroutine(read())
    await gatherResults([Deferred.fromCoroutine(write(n)) for n in range(40)])
    assert await reading == 10
    for seqs in told.values():
        assert seqs == list(range(1, 251))  # acknowledged in order, too
    last = [log.append("e1", [Entry("late", f"{n}")]) for n in range(50)]
    await log.close()
    assert [texts_of(texts)[0].seq for texts in await gatherResults(last)] == list(range(251, 301))
    log = open_it()
    assert {life.epoch: life.head for life in log.lives()} == {
        "e0": 250, "e1": 300, "e2": 250, "e3": 250,
    }  # fmt: skip
    await log.close()
    check(str(path))


class IndexTests(SynchronousTestCase):
    """What the search index is told at once is bounded, whosever it is."""

    def test_a_bite(self) -> None:
        """A life that is gone holds up none behind it, and all of them together have one bound."""
        lives = Lives()
        for n, epoch in enumerate(("one", "two", "three"), 1):
            lives.put(epoch, Kept(n=n, name=epoch, head=6, first=1, indexed=0))
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(
                "CREATE TABLE words (rowid, data); CREATE TABLE searched (place, data);"
                "CREATE TABLE lives (n, indexed)"
            )
            index(connection, lives, ["gone", "one", "two", "three"], 10)
        self.assertEqual([life.indexed for life in lives.there.values()], [6, 4, 0])
