"""Accounts log in all at once, with argon2, while two users chat: the round trip of the two."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import machine
from benchmarks.loads import Load
from benchmarks.report import short, table
from benchmarks.servers import UNSLOWED, Daemon
from benchmarks.wire import user
from twisted_chat.accounts.passwords import hash_password

_PASSWORD = "correct horse"


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks storm``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks storm", description=__doc__)
    parser.add_argument("--log", default="memory:", help="memory: or sqlite:FILE [memory:]")
    parser.add_argument("--logins", type=int, default=300, help="logins at once [300]")
    parser.add_argument("--rate", type=float, default=100, help="texts a second of the two [100]")
    parser.add_argument("--runs", type=int, default=3, help="times, each with a new daemon [3]")
    parser.add_argument(
        "--all-cores", action="store_true", help="let the daemon use every core, not one alone"
    )
    options = parser.parse_args(argv)
    print(f"{machine.describe()}; goal: p99 under 100 ms")
    rows = []
    for _ in range(options.runs):
        with ExitStack() as stack:
            server = Daemon(
                *(*UNSLOWED, "--lobby", "", "--users", "users.csv"),
                log=options.log,
                pinned=not options.all_cores,
            )
            _write_users(server.folder / "users.csv", options.logins + 2)
            stack.enter_context(server)
            talk, storm = (stack.enter_context(Load(server)) for _ in range(2))
            talk.connect(sessions=["talk"], members=2, talkers=2, password=_PASSWORD)
            calm = talk.round(rate=options.rate, seconds=3)["latencies"]
            talk.tell("round", rate=options.rate, seconds=600, interruptible=True)
            logins = storm.connect(
                sessions=[""],
                members=options.logins,
                start=2,
                at_once=options.logins,
                password=_PASSWORD,
                create=False,
                quiet=0,
            )
            stormy = talk.interrupt()["latencies"]
        assert calm is not None
        rows.append(
            [
                short(logins["seconds"]),
                short(options.logins / logins["seconds"]),
                *(short(part[which]) for part in (calm, stormy) for which in ("p50", "p99", "max")),
            ]
        )
    head = ["seconds", "logins/s", "calm p50 ms", "p99 ms", "max ms"]
    head += ["storm p50 ms", "p99 ms", "max ms"]
    print(f"\n{options.logins} logins at once, {options.rate:g} texts/s\n\n{table(head, rows)}")
    return 0


def _write_users(path: Path, count: int) -> None:
    """Write accounts that all have the same password, and the same hash of it."""
    hashed = hash_password(_PASSWORD)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "password"])
        writer.writerows([user(index), hashed] for index in range(count))
