"""The log in PostgreSQL: what every log promises, with a real server, and what many nodes add."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.held_log import texts_of
from tests.kit.logs import OPS, InlineWorker
from tests.kit.postgres import new_postgres, postgres
from tests.log.suite import LogTests
from twisted_chat.log.contract import Entry, Life, Log, LogError, NotStored, Page
from twisted_chat.log.postgres import PostgresLog, open_postgres
from twisted_chat.log.postgres.schema import STEPS

pytestmark = pytest.mark.slow


class PostgresLogTests(LogTests, SynchronousTestCase):
    """The suite of all logs."""

    def setUp(self) -> None:
        self.server = postgres()
        super().setUp()

    def make_log(self) -> Log:
        return self.open(self.server.url())

    def open(self, url: str) -> PostgresLog:
        self.url = url
        return open_postgres(url, self.clock, InlineWorker)

    def reopened(self, log: Log) -> Log | None:
        self.got(log.close())
        return self.open(self.url)


class NodesTests(SynchronousTestCase):
    """Several nodes with one database."""

    def setUp(self) -> None:
        self.url = postgres().url()

    def node(self, url: str | None = None) -> PostgresLog:
        log = open_postgres(url or self.url, Clock(), InlineWorker)
        self.addCleanup(lambda: self.successResultOf(log.close()))
        log.lives()
        return log

    def all_of(self, log: PostgresLog, life: Life) -> list[Any]:
        texts: list[Any] = []
        more = True
        while more:
            after = texts[-1].seq if texts else 0
            page: Page[Any] = self.successResultOf(log.read(life.epoch, after, sys.maxsize))
            texts += page.texts
            more = page.more
        return texts

    def test_one_order_for_all_nodes(self) -> None:
        """Four nodes that write into the same sessions never wait for ever, and leave no hole.

        What has an id is stored once, whichever of them is told it again.
        """
        lives = [Life(epoch=f"e{n}", key=f"k{n}", name=f"S{n}") for n in range(5)]
        first = self.node()
        for life in lives:
            self.successResultOf(first.create(life))
        nodes = [self.node() for _ in range(4)]

        def write(number: int) -> list[list[Any]]:
            node = nodes[number]
            answers = []
            for turn in range(40):
                # Two nodes are told the same: their client moved while it waited for its echo.
                source = f"user{number // 2}"
                for life in lives if number % 2 else reversed(lives):
                    entries = [Entry(source, f"{turn}.{n}", f"{turn}.{n}") for n in range(3)]
                    answer: list[list[Any]] = []
                    done = node.append(life.epoch, entries)
                    assert not isinstance(done, list)
                    done.addCallback(answer.append)
                    answers += answer
            return answers

        with ThreadPoolExecutor(4) as threads:
            told = list(threads.map(write, range(4)))
        for life in lives:
            texts = self.all_of(first, life)
            self.assertEqual([text.seq for text in texts], list(range(1, 241)))
            self.assertEqual(len({(text.source, text.id) for text in texts}), 240)
            stored = {text.seq: text for text in texts}
            for answers in told:
                for text in (text for answer in answers for text in answer):
                    if text.session == life.name:
                        self.assertEqual(text, stored[text.seq])

    def test_what_one_node_begins_the_others_know(self) -> None:
        """A life is begun once for all nodes, and all of them may write in it."""
        one, other = self.node(), self.node()
        self.successResultOf(one.create(OPS))
        self.failureResultOf(other.create(Life(epoch="x", key=OPS.key, name="ops")), NotStored)
        self.assertEqual(list(other.lives()), [OPS])
        for node in (one, other):
            done = node.append(OPS.epoch, [Entry("alice", "hello")])
            assert not isinstance(done, list)
            self.successResultOf(done)
        self.assertEqual([text.session for text in self.all_of(one, OPS)], ["Ops", "Ops"])
        self.successResultOf(other.delete(OPS.epoch))
        self.failureResultOf(one.read(OPS.epoch, 0, 9), NotStored)

    def test_many_nodes_start_at_once(self) -> None:
        """One of them makes the schema; the others wait for it."""
        with ThreadPoolExecutor(6) as threads:
            logs = list(threads.map(lambda _: self.node(), range(6)))
        self.successResultOf(logs[0].create(OPS))
        self.assertEqual([list(log.lives()) for log in logs], [[OPS]] * 6)

    def test_a_newer_database_is_left_alone(self) -> None:
        """A database that a newer version has made is refused, in a sentence."""
        log = self.node()
        log._writer.do(
            lambda connection: connection.execute("UPDATE chat.version SET version = 99")
        )
        problem = self.assertRaises(LogError, self.node)
        self.assertIn(f"version 99, made by a newer twisted-chat; this one knows {len(STEPS)}",
                      str(problem))  # fmt: skip


class CrashTests(SynchronousTestCase):
    """The database goes away and comes back."""

    def test_restart(self) -> None:
        """A killed server loses nothing acknowledged, and the log finds it when it is back."""
        server = new_postgres("fsync=on")
        self.addCleanup(server.remove)
        log = open_postgres(server.url(), Clock(), InlineWorker)
        self.addCleanup(lambda: self.successResultOf(log.close()))
        self.successResultOf(log.create(OPS))

        def say(data: str) -> Deferred[list[Any]]:
            done = log.append(OPS.epoch, [Entry("alice", data, data)])
            assert not isinstance(done, list)
            return done

        self.successResultOf(say("one"))
        server.stop(signal.SIGQUIT)
        self.failureResultOf(say("two"), NotStored)
        self.failureResultOf(log.read(OPS.epoch, 0, 9), NotStored)
        server.start()
        self.successResultOf(say("two"))
        page = self.successResultOf(log.read(OPS.epoch, 0, 9))
        self.assertEqual(
            [(text.seq, text.data) for text in texts_of(page.texts)], [(1, "one"), (2, "two")]
        )

    def test_no_server(self) -> None:
        """A database that is not there is one line for the operator, which names no password."""
        server = new_postgres()
        url = server.url().replace("chat@", "chat:s3cret@")
        server.remove()
        problem = self.assertRaises(LogError, open_postgres, url, Clock(), InlineWorker)
        self.assertRegex(str(problem), r"^The log's database can not be used: [^\n]+\.$")
        self.assertNotIn("s3cret", str(problem))
