"""The longest gap: many small sessions, texts at a steady rate, for a minute.

A gap is the longest time in which nobody received anything, though the generator was there to see:
where it had no core itself the time is not counted, but told beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks import machine
from benchmarks.fanout import contenders
from benchmarks.loads import Load
from benchmarks.report import short, table
from benchmarks.servers import PEERS


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks pauses``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pauses", description=__doc__)
    parser.add_argument("--log", action="append", help="memory: or sqlite:FILE; may be repeated")
    parser.add_argument("--peer", action="append", default=[], choices=PEERS, help="another server")
    parser.add_argument("--connections", type=int, default=5_000, help="in sessions of 10 [5,000]")
    parser.add_argument("--rate", type=float, default=2000, help="texts a second in all [2000]")
    parser.add_argument("--seconds", type=float, default=60, help="how long [60]")
    options = parser.parse_args(argv)
    sessions = options.connections // 10
    print(f"{machine.describe()}; goal: no gap over 20 ms")
    rows = []
    for server in contenders(options.log or ["memory:"], options.peer, (sessions, 10, 1)):
        with server, Load(server) as load:
            load.connect(
                sessions=[f"s{number}" for number in range(sessions)],
                members=10,
                talkers=1,
                at_once=server.at_once,
                quiet=2,
            )
            load.ask("round", rate=options.rate, seconds=1)
            found = load.round(rate=options.rate, seconds=options.seconds)
            latencies = found["latencies"]
            assert latencies is not None
            rows.append(
                [
                    server.name,
                    short(found["gap_ms"]),
                    *(short(latencies[which]) for which in ("p50", "p90", "p99", "p999", "max")),
                    short(found["late_ms"]),
                    short(found["server_ns"] / 1000 / found["deliveries"]),
                ]
            )
    head = ["server", "longest gap ms", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"]
    head += ["generator late ms", "us/delivery"]
    print(
        f"\n{options.connections:,} connections in {sessions:,} sessions, {options.rate:g} texts/s"
        f" for {options.seconds:g} s\n\n{table(head, rows)}"
    )
    return 0
