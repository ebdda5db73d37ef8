"""What the durable log does when it has time: the search index, and texts that nobody can read."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.logs import DEV, OPS, CommitCase, HeldWorker, InlineWorker
from twisted_chat.log.sqlite.indexing import INDEX_BITE, REMOVE_BITE, index
from twisted_chat.log.sqlite.lives import Kept, Lives
from twisted_chat.log.sqlite.log import IDLE_SECONDS, INDEX_WHEN_BUSY, INDEX_WHEN_IDLE


class GroupCommitTests(CommitCase):
    """What follows a commit, in bites."""

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
