"""A log that nodes share: one feed of all changes, leases, claims, and which heads have moved."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import pytest
from msgspec.json import decode
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.held_log import later
from tests.kit.logs import InlineWorker
from tests.kit.postgres import postgres
from twisted_chat.log.contract import Entry, Life, NotStored, Record
from twisted_chat.log.memory import MemoryLog
from twisted_chat.log.postgres import open_postgres
from twisted_chat.log.postgres.database import connect
from twisted_chat.log.shared import CLAIM, LEASE_SECONDS, Line, SharedLog
from twisted_chat.log.shared_memory import Feed

DEN = Life(epoch="e1", key="den", name="Den")


class SharedLogTests:
    """The suite; ``one`` and ``two`` are two nodes of the same log."""

    one: SharedLog
    two: SharedLog

    @abstractmethod
    def pass_lease(self, node: SharedLog) -> None:
        """Let the lease of a node be over."""

    def got(self, answer: Deferred[Any]) -> Any:
        return self.successResultOf(answer)  # type: ignore[attr-defined]

    def lines(self, after: int = 0) -> list[Line]:
        return list(self.got(self.two.changes(after)).lines)

    def test_every_change_is_a_line(self) -> None:
        """Lives and records are told as they are after the change, in order, by its commit."""
        at = self.got(self.two.changes(None)).position
        self.got(self.one.create(DEN))
        self.got(self.one.amend("e1", topic="tea"))
        self.got(self.one.keep([Record("role", "e1", "bob", b"voice bob")]))
        self.got(self.one.keep([Record("role", "e1", "bob", None)]))
        self.got(self.one.announce(b"note"))
        self.got(self.one.delete("e1"))
        found = self.lines(at)
        kinds = [line.kind for line in found]
        self.assertEqual(kinds, ["life", "life", "record", "record", "note", "ended"])  # type: ignore[attr-defined]
        self.assertEqual([line.n for line in found], list(range(at + 1, at + 7)))  # type: ignore[attr-defined]
        self.assertEqual({line.node for line in found}, {self.one.node})  # type: ignore[attr-defined]
        self.assertEqual(decode(found[1].body, type=Life).topic, "tea")  # type: ignore[attr-defined]
        self.assertIsNone(decode(found[3].body, type=Record).value)  # type: ignore[attr-defined]
        self.assertEqual((found[4].body, found[5].body), (b"note", b"e1"))  # type: ignore[attr-defined]
        self.assertEqual(self.got(self.two.changes(at)).position, at + 6)  # type: ignore[attr-defined]

    def test_what_changes_nothing_is_no_line(self) -> None:
        """What is refused, and what is nobody else's business, is not told."""
        self.got(self.one.create(DEN))
        at = self.got(self.two.changes(None)).position
        self.failureResultOf(self.two.create(DEN), NotStored)  # type: ignore[attr-defined]
        self.failureResultOf(self.one.amend("e9", topic="x"), NotStored)  # type: ignore[attr-defined]
        self.failureResultOf(self.one.keep([Record("a", "e9", "b", b"")]), NotStored)  # type: ignore[attr-defined]
        self.got(self.one.delete("e9"))
        self.got(self.one.keep([Record("audit", "", "1", b"x")]))
        self.got(self.one.keep([Record(CLAIM, "", "dora", b"x y", "absent")]))
        self.assertEqual(self.lines(at), [])  # type: ignore[attr-defined]

    def test_wrote_is_called(self) -> None:
        """Whoever has written lines is told that it may tell the others."""
        told: list[str] = []
        self.one.wrote = lambda: told.append("told")
        self.got(self.one.announce(b"x"))
        self.assertEqual(told, ["told"])  # type: ignore[attr-defined]

    def test_names_of_others_sessions(self) -> None:
        """A session begun by another node has its name in what is stored by this one."""
        at = self.got(self.two.changes(None)).position
        self.got(self.one.create(DEN))
        self.got(self.two.changes(at))
        (text,) = self.got(later(self.two.append("e1", [Entry("bob", "hi")])))
        self.assertEqual((text.session, text.seq), ("Den", 1))  # type: ignore[attr-defined]

    def test_heads_that_moved(self) -> None:
        """It is told which heads have moved since it was asked, also what was not seen then."""
        self.got(self.one.create(DEN))
        everything = self.got(self.two.moved(0))
        self.assertEqual(everything.heads["e1"], (0, 1))  # type: ignore[attr-defined]
        since = everything.since
        self.got(later(self.one.append("e1", [Entry("bob", "1"), Entry("bob", "2")])))
        moved = self.got(self.two.moved(since))
        self.assertEqual(moved.heads["e1"], (2, 1))  # type: ignore[attr-defined]
        self.got(self.one.prune("e1", texts=1))
        self.assertEqual(self.got(self.two.moved(moved.since)).heads["e1"], (2, 2))  # type: ignore[attr-defined]
        self.got(later(self.one.append("e1", [Entry("bob", "3", of=2, kind="edit")])))
        self.assertEqual(self.got(self.two.moved(moved.since)).heads["e1"], (3, 2))  # type: ignore[attr-defined]

    def test_leases(self) -> None:
        """A node whose lease is over is buried, once, and its claims are free."""
        self.assertEqual(self.got(self.one.renew()).was_over, True)  # type: ignore[attr-defined]
        self.got(self.two.renew(b"two"))
        self.assertEqual(dict(self.got(self.one.renew()).others), {self.two.node: b"two"})  # type: ignore[attr-defined]
        for node in (self.one, self.two):
            name = node.node.encode()
            self.got(node.keep([Record(CLAIM, "", f"of {node.node}", name + b" token", "absent")]))
        at = self.got(self.one.changes(None)).position
        self.pass_lease(self.two)
        lease = self.got(self.one.renew())
        self.assertEqual((list(lease.others), lease.was_over), ([], False))  # type: ignore[attr-defined]
        self.got(self.one.renew())
        found = self.got(self.one.changes(at)).lines
        self.assertEqual([(x.kind, x.body) for x in found], [("buried", self.two.node.encode())])  # type: ignore[attr-defined]
        claims = [record.key for record in self.got(self.one.kept(CLAIM, ""))]
        self.assertEqual(claims, [f"of {self.one.node}"])  # type: ignore[attr-defined]
        self.assertEqual(self.got(self.two.renew()).was_over, True)  # type: ignore[attr-defined]

    def test_resigning(self) -> None:
        """A node that ends in an orderly way is gone at once; what it claimed is not yet free."""
        self.got(self.one.renew())
        self.got(self.two.renew())
        claim = Record(CLAIM, "", "dora", self.two.node.encode() + b" x", "absent")
        self.got(self.two.keep([claim]))
        self.got(self.two.resign())
        self.assertEqual(list(self.got(self.one.renew()).others), [])  # type: ignore[attr-defined]
        last = self.lines()[-1]
        self.assertEqual((last.kind, last.node), ("resigned", self.two.node))  # type: ignore[attr-defined]
        self.assertEqual(len(self.got(self.one.kept(CLAIM, ""))), 1)  # type: ignore[attr-defined]


class SharedMemoryLogTests(SharedLogTests, SynchronousTestCase):
    """In memory."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(100.0)
        feed = Feed(MemoryLog(self.clock))
        self.one, self.two = feed.join("node-one"), feed.join("node-two")

    def pass_lease(self, node: SharedLog) -> None:
        self.clock.advance(LEASE_SECONDS)
        self.got((self.one if node is self.two else self.two).renew())


@pytest.mark.slow
class SharedPostgresTests(SharedLogTests, SynchronousTestCase):
    """In a real PostgreSQL."""

    def setUp(self) -> None:
        self.url = postgres().url()
        self.one, self.two = self.open(), self.open()

    def open(self) -> SharedLog:
        log = open_postgres(self.url, Clock(), InlineWorker)
        self.addCleanup(lambda: self.got(log.close()))
        log.lives()
        return log

    def pass_lease(self, node: SharedLog) -> None:
        with connect(self.url, "test") as connection:
            connection.execute(
                "UPDATE chat.nodes SET until = clock_timestamp() WHERE node = %s", (node.node,)
            )

    def test_old_lines_are_forgotten(self) -> None:
        """Lines go after ten minutes, and who has not read them by then is told so."""
        self.got(self.one.announce(b"old"))
        with connect(self.url, "test") as connection:
            connection.execute("UPDATE chat.feed SET at = at - interval '11 minutes'")
        for _ in range(24):
            self.got(self.one.renew())
        self.assertTrue(self.got(self.two.changes(0)).forgotten)
        self.got(self.one.announce(b"new"))
        found = self.got(self.two.changes(0))
        self.assertTrue(found.forgotten)
        self.assertFalse(self.got(self.two.changes(found.position)).forgotten)

    def test_lines_are_seen_in_order(self) -> None:
        """A line is never seen before one with a lower number, whoever commits first."""
        at = self.got(self.two.changes(None)).position
        with connect(self.url, "test") as connection:
            connection.autocommit = False
            connection.execute("SELECT chat.write('slow', '{note}', '{slow}')")
            self.assertEqual(self.got(self.two.changes(at)).lines, [])
            # Another would wait for it: it does not get a number before.
            other = connect(self.url, "test")
            other.execute("SET lock_timeout = 100")
            with self.assertRaises(Exception):  # noqa: B017
                other.execute("SELECT chat.write('fast', '{note}', '{fast}')")
            other.close()
            connection.commit()
        self.assertEqual([line.body for line in self.lines(at)], [b"slow"])
