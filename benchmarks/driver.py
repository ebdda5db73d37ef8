"""psycopg in a thread of its own beside psycopg under asyncio: what a commit costs in each shape.

The same function of the database is called again and again, one call at a time, as the log's writer
does: by a ThreadWorker, which answers in the reactor, and by an AsyncConnection under asyncio. A
PostgreSQL without ``fsync`` is started for it, so that the driver is what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from statistics import median
from typing import Any, Final

import psycopg

from benchmarks import machine
from benchmarks.report import short, spread, table
from tests.kit.postgres import new_postgres
from twisted_chat.log.contract import Life
from twisted_chat.log.postgres.database import connect, prepare

SHAPES: Final = ("thread", "asyncio")
BATCHES: Final = (1, 16, 256)

_APPEND: Final = """
SELECT place, seq, at, data FROM chat.append(
    %s::text[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[], %s::text[],
    %s::boolean[])
"""


def _rows(count: int, number: int) -> tuple[list[Any], ...]:
    ids = [f"{number}.{place}".encode() for place in range(count)]
    return (
        ["e"] * count, [1] * count, [b"bob"] * count, [b"x" * 100] * count, ids,
        ["'word'"] * count, [None] * count,
    )  # fmt: skip


def _by_thread(url: str, batch: int, calls: int) -> None:
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    from twisted_chat.log.threads import ThreadWorker

    worker = ThreadWorker("write", reactor)  # type: ignore[arg-type]
    connection = connect(url, "benchmark")

    def one(number: int) -> None:
        connection.execute(_APPEND, _rows(batch, number), binary=True).fetchall()

    async def all_of_them() -> None:
        for number in range(calls):
            await worker.do(lambda number=number: one(number))  # type: ignore[misc]
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(all_of_them()))
    reactor.run()


def _by_asyncio(url: str, batch: int, calls: int) -> None:
    async def all_of_them() -> None:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        for number in range(calls):
            found = await connection.execute(_APPEND, _rows(batch, number), binary=True)
            await found.fetchall()
        await connection.close()

    asyncio.run(all_of_them())


def _one(url: str, shape: str, batch: int, calls: int) -> None:
    """Run in a process of its own, and print the microseconds of a call: wall, and processor."""
    call = _by_thread if shape == "thread" else _by_asyncio
    wall, used = time.monotonic(), time.process_time()
    call(url, batch, calls)
    wall, used = time.monotonic() - wall, time.process_time() - used
    print(json.dumps([1e6 * wall / calls, 1e6 * used / calls]))


def main(argv: list[str]) -> None:
    """Measure both, in turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks driver", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.one:
        url, shape, batch, calls = args.one
        _one(url, shape, int(batch), int(calls))
        return
    print(machine.describe())
    server = new_postgres("fsync=off")
    rows = []
    for batch in BATCHES:
        found: dict[str, list[list[float]]] = {shape: [] for shape in SHAPES}
        for _ in range(args.runs):
            for shape in SHAPES:
                url = server.url()
                prepare(url, "benchmark")
                life = Life(epoch="e", key="s", name="s")
                with connect(url, "benchmark") as connection:
                    connection.execute(
                        "INSERT INTO chat.lives (epoch, key, body) VALUES (%s, %s, '{}')",
                        (life.epoch, life.key),
                    )
                said = subprocess.run(
                    [sys.executable, "-m", "benchmarks", "driver", "--one", url, shape, str(batch),
                     str(args.calls)],
                    check=True, capture_output=True,
                )  # fmt: skip
                found[shape].append(json.loads(said.stdout))
        for shape in SHAPES:
            wall, used = ([one[place] for one in found[shape]] for place in (0, 1))
            beside = [
                mine[1] / other[1]
                for mine, other in zip(found[shape], found["thread"], strict=True)
            ]
            rows.append((f"{shape}, {batch}", spread(wall), spread(used), short(median(beside))))
    print(table(("shape, texts", "wall us/call", "processor us/call", "/ thread"), rows))
