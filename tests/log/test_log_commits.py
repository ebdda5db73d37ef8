"""The durable log's commits: one for many, which wait a moment for company, and acknowledge."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.kit.held_log import texts_of
from tests.kit.logs import DEV, OPS, CommitCase, Folder, HeldWorker, InlineWorker
from twisted_chat.log.contract import Entry, Life, NotStored, Page
from twisted_chat.log.sqlite import open_sqlite
from twisted_chat.log.sqlite.log import GATHER_TEXTS, IDLE_SECONDS, INDEX_WHEN_IDLE
from twisted_chat.log.sqlite.tables import MAX_ROWS


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


class GroupCommitTests(CommitCase):
    """What is said while a commit is under way."""

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
