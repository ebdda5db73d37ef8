"""The durable log: what every log promises, also with real threads."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.held_log import texts_of
from tests.kit.logs import InlineWorker, check
from tests.log.suite import LogTests
from twisted_chat.log.contract import Entry, Life, Log
from twisted_chat.log.sqlite import open_sqlite
from twisted_chat.log.sqlite.log import SqliteLog
from twisted_chat.log.sqlite.steps import MAX_SEQ
from twisted_chat.log.threads import ThreadWorker


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
