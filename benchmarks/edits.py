"""A page of history beside the same page with a thousand edits beyond it: what it costs to read.

Each log holds 5,000 texts; then 1,000 edits of others of them follow, and a page in the middle is
read again and again, before and after. The ratio is to be near 1: a page costs what is in it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from twisted.internet.task import Clock

from benchmarks import machine
from benchmarks.report import short, spread, table
from tests.kit.logs import InlineWorker
from tests.kit.postgres import new_postgres
from twisted_chat.log.contract import Entry, Life, Log
from twisted_chat.log.memory import MemoryLog
from twisted_chat.log.sqlite import open_sqlite

TEXTS, EDITS, AT = 5_000, 1_000, 2_500


def _now(answer: Any) -> Any:
    found: list[Any] = []
    if isinstance(answer, list):
        return answer
    answer.addCallback(found.append)
    return found[0]


def _page(log: Log, reads: int) -> list[float]:
    """Return the microseconds of some reads of one page."""
    times = []
    for _ in range(reads):
        began = time.perf_counter()
        _now(log.read("e", AT, TEXTS, 200))
        times.append(1e6 * (time.perf_counter() - began))
    return times


def _measured(log: Log, reads: int) -> tuple[float, float]:
    _now(log.create(Life(epoch="e", key="s", name="s")))
    for start in range(0, TEXTS, 500):
        _now(log.append("e", [Entry("bob", "x" * 100) for _ in range(start, start + 500)]))
    before = median(_page(log, reads))
    for start in range(0, EDITS, 100):
        edits = [Entry("bob", "y" * 100, kind="edit", of=1 + start + n) for n in range(100)]
        _now(log.append("e", edits))
    return before, median(_page(log, reads))


def main(argv: list[str]) -> None:
    """Measure each log."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks edits", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--reads", type=int, default=200)
    args = parser.parse_args(argv)
    print(machine.describe())
    server = new_postgres("fsync=off")

    def postgres(_: Path) -> Log:
        from twisted_chat.log.postgres import open_postgres

        log = open_postgres(server.url(), Clock(), InlineWorker)
        log.lives()
        return log

    logs: dict[str, Callable[[Path], Log]] = {
        "memory": lambda _: MemoryLog(Clock()),
        "sqlite": lambda folder: open_sqlite(
            str(folder / "chat.db"), Clock(), InlineWorker, "normal"
        ),
        "postgresql": postgres,
    }
    rows = []
    for name, make in logs.items():
        found = []
        for _ in range(args.runs):
            with tempfile.TemporaryDirectory() as folder:
                log = make(Path(folder))
                found.append(_measured(log, args.reads))
                _now(log.close())
        before, after = ([one[place] for one in found] for place in (0, 1))
        ratios = [late / early for early, late in found]
        rows.append((name, spread(before), spread(after), short(median(ratios))))
    print(table(("log", "us/page before", "us/page after 1,000 edits", "ratio"), rows))
