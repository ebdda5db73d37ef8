"""A durable log that can not write: a full disk, a broken one, a file that is gone or held."""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from glob import glob

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from tests.kit.logs import DEV, OPS, CommitCase
from twisted_chat.log.contract import NotStored
from twisted_chat.log.sqlite.log import IDLE_SECONDS, INDEX_WHEN_IDLE


class GroupCommitTests(CommitCase):
    """Who speaks then is told that it is not stored; and what is said afterwards is."""

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
