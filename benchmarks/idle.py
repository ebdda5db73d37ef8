"""Many guests come into one lobby: logins a second, memory, and what one notices who is there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import machine
from benchmarks.loads import Load
from benchmarks.report import short, table
from benchmarks.servers import UNSLOWED, Daemon


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks idle``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks idle", description=__doc__)
    parser.add_argument("--log", default="memory:", help="memory: or sqlite:FILE [memory:]")
    parser.add_argument("--members", type=int, default=10_000, help="guests [10,000]")
    parser.add_argument("--at-once", type=int, default=500, help="logins under way at a time [500]")
    parser.add_argument("--runs", type=int, default=3, help="times, each with a new daemon [3]")
    options = parser.parse_args(argv)
    print(f"{machine.describe()}; goals: 10 s, 50 ms, 4 KiB")
    rows = []
    for _ in range(options.runs):
        with ExitStack() as stack:
            server = stack.enter_context(Daemon(*UNSLOWED, log=options.log))
            bystander, guests = (stack.enter_context(Load(server)) for _ in range(2))
            bystander.connect(members=1, start=options.members)
            before = machine.resident(server.pid), machine.processor_ns(server.pid)
            bystander.tell("pings", interval=0.005)
            logins = guests.connect(members=options.members, at_once=options.at_once, quiet=2.5)
            pings = bystander.interrupt()
            after = machine.resident(server.pid), machine.processor_ns(server.pid)
            rows.append(
                [
                    short(logins["seconds"]),
                    short(options.members / logins["seconds"]),
                    short((after[1] - before[1]) / 1000 / options.members),
                    f"{logins['slowest_ms']:,.0f}",
                    *(short(pings[which]) for which in ("p50", "p99", "max")),
                    short((after[0] - before[0]) / 1024 / options.members),
                ]
            )
    head = ["seconds", "logins/s", "server us/login", "slowest login ms"]
    head += ["ping p50 ms", "p99 ms", "max ms", "KiB/connection"]
    print(f"\n{options.members:,} guests, {options.at_once} at a time\n\n{table(head, rows)}")
    return 0
