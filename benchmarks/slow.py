"""A member that never reads: what it costs the server and the others; then it reads everything."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks import machine
from benchmarks.fanout import ours
from benchmarks.figures import Round
from benchmarks.loads import Load
from benchmarks.report import short, table


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks slow``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks slow", description=__doc__)
    parser.add_argument("--log", default="sqlite:chat.db", help="memory: or sqlite:FILE [sqlite]")
    parser.add_argument("--members", type=int, default=10, help="those who read [10]")
    parser.add_argument("--texts", type=int, default=200_000, help="texts said [200,000]")
    parser.add_argument("--rate", type=float, default=5000, help="texts a second [5000]")
    options = parser.parse_args(argv)
    print(machine.describe())
    server = ours(options.log, (1, options.members, options.members))
    with server, Load(server) as talk, Load(server) as lazy:
        talk.connect(sessions=["s0"], members=options.members, talkers=options.members, quiet=1)
        talk.round(rate=options.rate, seconds=2)

        def measured(name: str) -> tuple[Round, list[str]]:
            before = machine.resident(server.pid)
            found = talk.round(rate=options.rate, texts=options.texts)
            grown = machine.resident(server.pid) - before
            latencies = found["latencies"]
            assert latencies is not None
            return found, [
                name,
                *(short(latencies[which]) for which in ("p50", "p90", "p99", "max")),
                short(found["server_ns"] / 1000 / found["deliveries"]),
                short(grown / 1024 / 1024),
            ]

        rows = [measured("everyone reads")[1]]
        lazy.connect(sessions=["s0"], members=1, start=options.members, create=False, quiet=0.5)
        found, row = measured("one does not read")
        rows.append(row)
        caught = lazy.ask("catch_up", texts=found["texts"])
        resident = machine.resident(server.pid) / 1024 / 1024
    head = ["", "p50 ms", "p90 ms", "p99 ms", "max ms", "us/delivery", "server grew MiB"]
    print(
        f"\n{options.members} members, {options.texts:,} texts, {options.rate:g} a second,"
        f" {server.name}\n\n{table(head, rows)}"
    )
    print(
        f"\nThen it read {caught['texts']:,} texts, in order, in {caught['seconds']:.1f} s;"
        f" the server had {resident:.0f} MiB at the end."
    )
    return 0
