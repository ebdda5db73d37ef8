"""Several nodes: a log in PostgreSQL beside one in a file, and one node beside two.

``write``: texts a second and the time to the echo, of 16 writers in 1 session and in 1,000.
``cross``: from the echo at one node to the delivery at another, with a broker and without.
``deliver``: deliveries a second and processor time, of one node and of two. ``keep``: changes that
are no texts. ``others``: what a node pays for a user of another node. A PostgreSQL (``fsync`` on)
and a Redis are started for it, on loopback; they and the generator share the machine's cores.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles
from typing import Final

from benchmarks import machine
from benchmarks.report import short, spread, table
from benchmarks.servers import UNSLOWED, Daemon
from benchmarks.talkers import Talker, go_on, run
from tests.kit.postgres import new_postgres
from tests.kit.redis import Redis

WRITERS: Final = 16


@contextmanager
def running(kind: str, url: str, broker: str | None, *more: str) -> Iterator[list[Daemon]]:
    """Run the daemons of one kind: ``sqlite``, ``1 node``, ``2 nodes``."""
    log = "sqlite:chat.db" if kind == "sqlite" else url
    hints = [] if kind == "sqlite" or broker is None else ["--hints", broker]
    limits = ("--max-sessions", "2000", "--max-members", "2000", "--max-sessions-per-user", "0")
    options = (*UNSLOWED, *limits, *hints, *more)
    with ExitStack() as stack:
        yield [
            stack.enter_context(Daemon(*options, log=log, name=kind, pinned=False))
            for _ in range(2 if kind == "2 nodes" else 1)
        ]


def write(args: argparse.Namespace) -> None:
    """Texts a second, and the time to the echo."""
    for sessions in (1, 1_000):
        rows: dict[str, tuple[list[float], list[float], list[float]]] = {}
        for _ in range(args.runs):
            for kind in ("sqlite", "1 node", "2 nodes"):
                with running(kind, args.server.url(), args.broker) as daemons:
                    count, times = _written(daemons, sessions, args.seconds)
                cuts = quantiles(times, n=100)
                found = rows.setdefault(kind, ([], [], []))
                for values, value in zip(found, (count, cuts[49], cuts[98]), strict=True):
                    values.append(value)
        print(f"\n**{WRITERS} writers, window {args.window}, {sessions:,} sessions**\n")
        base = median(rows["sqlite"][0])
        print(
            table(
                ("log", "texts/s", "/ sqlite", "p50 ms", "p99 ms"),
                [
                    (
                        kind,
                        spread(found[0]),
                        short(median(found[0]) / base),
                        *(spread([1_000 * value for value in values]) for values in found[1:]),
                    )
                    for kind, found in rows.items()
                ],
            )
        )


def _written(daemons: Sequence[Daemon], sessions: int, seconds: float) -> tuple[float, list[float]]:
    names = ["lobby"] if sessions == 1 else [f"s{number}" for number in range(sessions)]
    talkers = [
        Talker(
            f"w{number}",
            daemons[number % len(daemons)].port,
            ARGS.window,
            names if sessions == 1 else names[number::WRITERS],
        )
        for number in range(WRITERS)
    ]
    for talker in talkers:
        talker.come()
    run(talkers, 1.0)
    for talker in talkers:
        talker.times.clear()
    took = go_on(talkers, seconds)
    times = [one for talker in talkers for one in talker.times]
    for talker in talkers:
        talker.link.close()
    return len(times) / took, times


def cross(args: argparse.Namespace) -> None:
    """From the echo at one node to the delivery at another."""
    rows = []
    for name, broker in (("with a broker", args.broker), ("without", None)):
        with running("2 nodes", args.server.url(), broker) as daemons:
            here, there = (Talker(n, d.port) for n, d in zip("ab", daemons, strict=True))
            here.come()
            there.come()
            time.sleep(1.5)
            late: list[float] = []
            for _ in range(args.texts if broker else max(10, args.texts // 20)):
                here.say(1)
                while here.waiting:
                    here.take()
                echo = time.monotonic()
                wanted = there.taken + 1
                while there.taken < wanted:
                    there.take()
                late.append(1_000 * (time.monotonic() - echo))
            cuts = quantiles(late, n=100)
            rows.append((name, short(cuts[49]), short(cuts[98])))
            here.link.close()
            there.link.close()
    print("\n**From the echo at one node to the delivery at another**\n")
    print(table(("hints", "p50 ms", "p99 ms"), rows))


def deliver(args: argparse.Namespace) -> None:
    """Deliveries a second, of one node and of two."""
    rows: dict[str, tuple[list[float], list[float]]] = {}
    for _ in range(args.runs):
        for kind in ("1 node", "2 nodes"):
            with running(kind, args.server.url(), args.broker) as daemons:
                rate, cost = _delivered(daemons, args)
            found = rows.setdefault(kind, ([], []))
            found[0].append(rate)
            found[1].append(cost)
    base = median(rows["1 node"][0])
    print(f"\n**{args.members} members, 4 of them talk with {args.window} texts outstanding**\n")
    print(
        table(
            ("nodes", "deliveries/s", "/ 1 node", "us/delivery, all nodes"),
            [
                (kind, spread(rates), short(median(rates) / base), spread(costs))
                for kind, (rates, costs) in rows.items()
            ],
        )
    )


def _delivered(daemons: Sequence[Daemon], args: argparse.Namespace) -> tuple[float, float]:
    talkers = [
        Talker(f"m{number}", daemons[number % len(daemons)].port, args.window if number < 4 else 0)
        for number in range(args.members)
    ]
    for talker in talkers:
        talker.come()
    time.sleep(1.0)
    run(talkers, 1.0)
    before = [machine.processor_ns(daemon.pid) for daemon in daemons]
    taken = sum(talker.taken for talker in talkers)
    took = go_on(talkers, args.seconds)
    count = sum(talker.taken for talker in talkers) - taken
    used = sum(
        machine.processor_ns(daemon.pid) - at for daemon, at in zip(daemons, before, strict=True)
    )
    for talker in talkers:
        talker.link.close()
    return count / took, used / 1_000 / count


def keep(args: argparse.Namespace) -> None:
    """Changes that are no texts (a read marker, a coming and going): a second, one and many."""
    rows = []
    for waiting in (1, 64, 1_000):
        command = [sys.executable, "-m", "benchmarks", "nodes"]
        command += ["--keep", args.server.url(), str(waiting)]
        said = subprocess.run(command, check=True, capture_output=True)
        rows.append((f"{waiting:,}", f"{float(said.stdout):,.0f}"))
    print("\n**Changes that are told by the feed, of one node**\n")
    print(table(("waiting together", "changes/s"), rows))


def _kept(url: str, waiting: int) -> None:
    from functools import partial

    from twisted.internet import reactor
    from twisted.internet.defer import Deferred, gatherResults

    from twisted_chat.log.contract import Record
    from twisted_chat.log.postgres import open_postgres
    from twisted_chat.log.threads import ThreadWorker

    log = open_postgres(url, reactor, partial(ThreadWorker, reactor=reactor))  # type: ignore[arg-type]
    log.lives()

    async def measure() -> None:
        began, count = time.monotonic(), 0
        while time.monotonic() - began < ARGS.seconds:
            some = range(count, count + waiting)
            await gatherResults([log.keep([Record("k", "", f"{n}", b"1")]) for n in some])
            count += waiting
        print(count / (time.monotonic() - began))
        await log.close()
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(measure()))
    reactor.run()


def others(args: argparse.Namespace) -> None:
    """What a node pays for each user of another node: memory, and the time to hear of it."""
    from tests.kit.nodes import Cluster
    from twisted_chat.chat.notes import Came, Entered, Note, encode_notes
    from twisted_chat.log.shared import Line

    def heard(users: int) -> float:
        cluster = Cluster(count=1)
        epoch = cluster.worlds[0].chat.sessions["lobby"].life.epoch
        began = time.perf_counter()
        for start in range(0, users, 250):
            notes: list[Note] = []
            for number in range(start, start + 250):
                notes += [Came(f"user{number}", True), Entered(epoch, f"user{number}")]
            line = Line(start, "another", "note", encode_notes(notes))
            for _ in cluster.nodes[0].hearing.hear([line]):
                pass
        took = time.perf_counter() - began
        kept.append(cluster)
        return 1e6 * took / users

    kept: list[Cluster] = []
    times = [heard(20_000) for _ in range(args.runs)]
    kept.clear()
    tracemalloc.start()
    heard(20_000)
    size = tracemalloc.get_traced_memory()[0] / 20_000
    tracemalloc.stop()
    print("\n**A user of another node, in one session**\n")
    print(table(("bytes", "us to hear of it"), [(f"{size:,.0f}", spread(times))]))


ARGS = argparse.Namespace(window=16)


MEASURES: Final[dict[str, Callable[[argparse.Namespace], None]]] = {
    "write": write,
    "cross": cross,
    "deliver": deliver,
    "keep": keep,
    "others": others,
}


def main(argv: list[str]) -> None:
    """Run what is asked for; everything, where nothing is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks nodes", description=__doc__)
    parser.add_argument(
        "what", nargs="*", choices=["write", "cross", "deliver", "keep", "others", []]
    )
    parser.add_argument("--keep", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--texts", type=int, default=400)
    args = parser.parse_args(argv, namespace=ARGS)
    if args.keep:
        _kept(args.keep[0], int(args.keep[1]))
        return
    print(machine.describe())
    server = new_postgres("fsync=on")
    with Redis() as broker:
        args.server, args.broker = server, broker.url
        for what in args.what or MEASURES:
            MEASURES[what](args)
            sys.stdout.flush()
