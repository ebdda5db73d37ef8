"""The log on its own: what a durable text costs, and what a million of them cost later.

``write``: writers with a window each, on the log itself: beside the log in memory and beside a bare
loop of inserts with a commit for each. ``chat``: the same through the daemon, whose other work is
then counted too. ``large``: a database of a million texts: start-up, memory, pages, searches.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from attrs import Factory, define
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from benchmarks.loads import Load
from benchmarks.machine import describe
from benchmarks.report import short, spread, table
from benchmarks.servers import UNSLOWED, Daemon
from twisted_chat.log.contract import Entry, Life, Log, Page
from twisted_chat.log.memory import MemoryLog
from twisted_chat.log.sqlite import open_sqlite
from twisted_chat.log.threads import ThreadWorker, Worker
from twisted_chat.vocabulary.messages import Text

T = TypeVar("T")

DATA = "x" * 100
IDS: dict[str, Callable[[str, int], str]] = {
    "by time": lambda source, number: f"{number:012d}-{source}",
    "by writer": lambda source, number: f"{source}-{number:012d}",
    "random": lambda _source, _number: f"{random.getrandbits(96):024x}",
}
"""How ids are chosen: as our clients do it, a prefix for each writer and a count, or by chance."""

WRITERS = ((1, "by time"), (10, "by time"), (100, "by time"), (100, "by writer"), (100, "random"))
IN_A_SESSION = 10
"""Writers in each session."""

CROWDS = ((1, 1), (1, 10), (1, 100), (10, 10))
"""Sessions, and writers in each, that talk through the daemon."""


@define
class CountingWorker:
    """A worker that knows how many commits it was asked for."""

    worker: Worker
    commits: int = 0

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See Worker."""
        self.commits += isinstance(job, partial) and job.func.__name__ == "_commit"
        return self.worker.do(job)

    def stop(self) -> Deferred[None]:
        """See Worker."""
        return self.worker.stop()


@define(eq=False)
class Writers:
    """Writers that always have ``window`` texts unanswered, as long as they are to.

    As in the chat, a session hands over what is ready once in a turn of the reactor, and has one
    batch with the log at a time.
    """

    reactor: Any
    log: Log
    count: int
    make_id: Callable[[str, int], str]
    window: int
    seconds: float
    stored: int = 0
    _ready: list[list[str]] = Factory(list)
    _flying: set[int] = Factory(set)
    _scheduled: bool = False
    _numbers: Iterator[int] = Factory(itertools.count)
    _done: Deferred[None] = Factory(Deferred)
    _until: float = 0.0

    async def run(self) -> float:
        """Write, and return how many texts were acknowledged in a second."""
        for n in range(-(-self.count // IN_A_SESSION)):
            await self.log.create(Life(epoch=f"e{n}", key=f"k{n}", name=f"Session {n}"))
            here = range(n * IN_A_SESSION, min((n + 1) * IN_A_SESSION, self.count))
            self._ready.append([f"user{writer}" for writer in here] * self.window)
        began = time.perf_counter()
        self._until = began + self.seconds
        self._turn()
        await self._done
        return self.stored / (time.perf_counter() - began)

    def _turn(self) -> None:
        self._scheduled = False
        if time.perf_counter() > self._until:
            if not self._flying and not self._done.called:
                self._done.callback(None)
            return
        for session, ready in enumerate(self._ready):
            if ready and session not in self._flying:
                self._flying.add(session)
                self._ready[session] = []
                entries = [
                    Entry(source, DATA, self.make_id(source, next(self._numbers)))
                    for source in ready
                ]
                maybeDeferred(self.log.append, f"e{session}", entries).addCallbacks(
                    self._acknowledged, self._done.errback, callbackArgs=(session,)
                )

    def _acknowledged(self, texts: Sequence[Text], session: int) -> None:
        self.stored += len(texts)
        self._flying.discard(session)
        self._ready[session] += [text.source for text in texts]
        if not self._scheduled:
            self._scheduled = True
            self.reactor.callLater(0, self._turn)


def bare_loop(path: Path, seconds: float) -> float:
    """Insert texts with a commit for each, and return how many there were in a second."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = full;"
            "CREATE TABLE texts (seq INTEGER PRIMARY KEY, time, source, data, id UNIQUE)"
        )
        began = time.perf_counter()
        for n in itertools.count(1):
            connection.execute(
                "INSERT INTO texts VALUES (?, ?, ?, ?, ?)", (n, n, "user1", DATA, f"m{n}")
            )
            if n % 100 == 0 and time.perf_counter() > began + seconds:
                return n / (time.perf_counter() - began)
    raise AssertionError


async def write(reactor: Any, options: argparse.Namespace) -> str:
    """Measure writers on the log itself."""
    bare: list[float] = []
    memory: dict[tuple[int, str], list[float]] = {kind: [] for kind in WRITERS}
    durable: dict[tuple[int, str], list[float]] = {kind: [] for kind in WRITERS}
    commits: dict[tuple[int, str], list[float]] = {kind: [] for kind in WRITERS}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            bare.append(bare_loop(Path(folder) / "bare.db", options.seconds))
        for kind in WRITERS:
            count, ids = kind
            load = partial(
                Writers,
                reactor,
                count=count,
                make_id=IDS[ids],
                window=options.window,
                seconds=options.seconds,
            )
            memory[kind].append(await load(log=MemoryLog(reactor)).run())
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                workers: list[CountingWorker] = []

                def worker(name: str, workers: list[CountingWorker] = workers) -> Worker:
                    workers.append(CountingWorker(ThreadWorker(name, reactor)))
                    return workers[-1]

                log = open_sqlite(f"{folder}/chat.db", reactor, worker, options.synchronous)
                writers = load(log=log)
                durable[kind].append(await writers.run())
                done = sum(each.commits for each in workers)
                commits[kind].append(done / writers.stored * durable[kind][-1])
                await log.close()
    rows = [["a bare loop, a commit for each", spread(bare), spread(bare), "1", "", "1"]]
    for kind in WRITERS:
        rows.append(
            [
                f"{kind[0]} writer{'s' * (kind[0] > 1)}, ids {kind[1]}",
                spread(durable[kind]),
                spread(commits[kind]),
                short(median(map(_ratio, durable[kind], commits[kind])), 2),
                short(median(map(_ratio, durable[kind], memory[kind])), 2),
                short(median(map(_ratio, durable[kind], bare)), 2),
            ]
        )
    return table(
        ["", "texts/s", "commits/s", "texts/commit", "to memory:", "to the bare loop"], rows
    )


def _ratio(one: float, other: float) -> float:
    return one / other


async def chat(_: Any, options: argparse.Namespace) -> str:
    """Measure writers that talk through the daemon."""
    rows = []
    for sessions, members in CROWDS:
        rates: dict[str, list[float]] = {}
        costs: dict[str, list[float]] = {}
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder))
            durable = f"sqlite:{folder}/chat.db?synchronous={options.synchronous}"
            loads = {}
            for log in ("memory:", durable):
                daemon = stack.enter_context(Daemon(*UNSLOWED, log=log))
                load = stack.enter_context(Load(daemon))
                load.connect(
                    sessions=[f"s{n}" for n in range(sessions)], members=members, talkers=members
                )
                loads[log] = load
                rates[log], costs[log] = [], []
            for _ in range(options.rounds):
                for log, load in loads.items():
                    found = load.round(seconds=options.seconds, window=options.window)
                    rates[log].append(found["texts"] / found["seconds"])
                    costs[log].append(found["server_ns"] / 1_000 / found["texts"])
        rows.append(
            [
                f"{sessions} x {members}",
                spread(rates[durable]),
                spread(rates["memory:"]),
                short(median(map(_ratio, rates[durable], rates["memory:"])), 2),
                spread(costs[durable]),
                spread(costs["memory:"]),
            ]
        )
    return table(
        [
            "sessions x writers",
            "sqlite: texts/s",
            "memory: texts/s",
            "ratio",
            "sqlite: us/text",
            "memory: us/text",
        ],
        rows,
    )


async def large(reactor: Any, options: argparse.Namespace) -> str:
    """Measure a large database: opening it, its memory, and reading anywhere in it."""
    lines = []
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        make = partial(ThreadWorker, reactor=reactor)
        for name, count in (("small", 1_000), ("large", options.texts)):
            began = time.perf_counter()
            log = open_sqlite(f"{folder}/{name}.db", reactor, make, options.synchronous)
            words = await fill(log, count)
            await log.close()
            size = os.path.getsize(f"{folder}/{name}.db") / 2**20
            start, rest = opened(f"{folder}/{name}.db")
            lines.append(
                f"{count:,} texts: {size:,.0f} MiB, written in {time.perf_counter() - began:.1f} s,"
                f" opened in {start * 1_000:.1f} ms, {rest:.1f} MiB resident when open."
            )
        log = open_sqlite(f"{folder}/large.db", reactor, make, options.synchronous)
        heads = {life.epoch: life.head for life in log.lives()}
        for name, epoch in (("the largest", "e0"), ("a small", f"e{len(heads) - 1}")):
            head = heads[epoch]
            common, known, rare = words[0], words[100], words[-1]
            asked: dict[str, Callable[[int], Deferred[Page[Any]]]] = {
                "a page of 200 forward": partial(log.read, epoch, before=2**40),
                "a page of 200 backward": partial(log.read_last, epoch, 0),
                "the most common word": partial(look, log, epoch, common),
                "a word of the 100th rank": partial(look, log, epoch, known),
                "a rare word": partial(look, log, epoch, rare),
                "a word that nobody said": partial(look, log, epoch, "nobodysaidit"),
                "two common words": partial(look, log, epoch, f"{common} {words[1]}"),
                "a phrase": partial(look, log, epoch, f'"{common} {words[1]}"'),
                "a common and a rare word": partial(look, log, epoch, f"{common} {rare}"),
                "a common prefix of 4": partial(look, log, epoch, f"{words[5][:4]}*"),
                "a common prefix of 3": partial(look, log, epoch, f"{words[5][:3]}*"),
                "a common prefix of 2": partial(look, log, epoch, f"{words[5][:2]}*"),
                "a prefix of 1": partial(look, log, epoch, f"{words[5][0]}*"),
            }
            for what, ask in asked.items():
                took = [await timed(ask, random.randrange(1, head + 1)) for _ in range(50)]
                rows.append([f"{what}, {name} session", short(median(took)), short(max(took))])
        await log.close()
    return "\n".join(lines) + "\n\n" + table(["at any place", "median ms", "worst ms"], rows)


def look(log: Log, epoch: str, query: str, at: int) -> Deferred[Page[Any]]:
    """Search from a place."""
    return log.search(epoch, query, at, 50)


async def timed(ask: Callable[[int], Deferred[Page[Any]]], at: int) -> float:
    """Return how many milliseconds an answer took."""
    began = time.perf_counter()
    await ask(at)
    return (time.perf_counter() - began) * 1_000


async def fill(log: Log, count: int) -> Sequence[str]:
    """Say so many texts of 16 words in 100 sessions, some large, some small; return the words.

    Words are as frequent as in a language: the n-th has 1/n of the first's frequency.
    """
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9)))
             for _ in range(20_000)]  # fmt: skip
    weights = list(itertools.accumulate(1 / n for n in range(1, len(words) + 1)))
    said = [" ".join(chance.choices(words, cum_weights=weights, k=16)) for _ in range(50_000)]
    for n in range(100):
        await log.create(Life(epoch=f"e{n}", key=f"k{n}", name=f"Session {n}"))
    shares = list(itertools.accumulate(1 / n for n in range(1, 101)))
    for start in range(0, count, 500):
        (n,) = chance.choices(range(100), cum_weights=shares)
        await maybeDeferred(
            log.append,
            f"e{n}",
            [
                Entry(f"user{number % 100}", chance.choice(said), f"m{number}")
                for number in range(start, min(start + 500, count))
            ],
        )
    return words


def opened(path: str) -> tuple[float, float]:
    """Open a log in a new process; return how many seconds it took, and MiB resident then."""
    program = (
        "import sys, time\n"
        "from twisted.internet import reactor\n"
        "from twisted_chat.log.urls import open_log\n"
        "began = time.perf_counter()\n"
        "log = open_log('sqlite:' + sys.argv[1], reactor, reactor)\n"
        "lives = log.lives()\n"
        "print(time.perf_counter() - began, open('/proc/self/statm').read().split()[1])\n"
    )
    seconds, pages = subprocess.check_output([sys.executable, "-c", program, path]).split()
    return float(seconds), int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


MEASURED: dict[str, Callable[[Any, argparse.Namespace], Awaitable[str]]] = {
    "write": write,
    "chat": chat,
    "large": large,
}


def main(argv: Sequence[str]) -> int:
    """Measure, and print Markdown."""
    from twisted.internet import reactor

    parser = argparse.ArgumentParser(prog="python -m benchmarks log", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*MEASURED, []], default=list(MEASURED))
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure (2)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds in turns (5)")
    parser.add_argument("--window", type=int, default=16, help="unanswered texts of a writer (16)")
    parser.add_argument("--texts", type=int, default=1_000_000, help="in the large database")
    parser.add_argument("--synchronous", choices=["full", "normal"], default="full")
    parser.add_argument("--folder", help="on the disk that is to be measured (temporary files)")
    options = parser.parse_args(argv)
    problems: list[Failure] = []

    async def measure() -> None:
        print(describe(), f"SQLite {sqlite3.sqlite_version}", sep=", ", end="\n\n")
        for what in options.what:
            print(await MEASURED[what](reactor, options), end="\n\n", flush=True)

    def begin() -> None:
        done = Deferred.fromCoroutine(measure())
        done.addErrback(problems.append)
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    for problem in problems:
        problem.raiseException()
    return 0
