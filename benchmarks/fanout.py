"""The cost of a delivery: ours and other servers', the same work in the same run.

Every scenario is run in rounds, one round on each server in turn, so that what the machine does
in the meantime strikes all alike. A round fails unless each text arrived at each member exactly
once and in order, and unless its generator had idle time. Figures are medians over the rounds,
with the least and the most; ratios are taken within each round of turns.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from attrs import Factory, define, field, frozen

from benchmarks import machine
from benchmarks.figures import Logins, Round
from benchmarks.loads import Load, idle
from benchmarks.report import short, spread, table
from benchmarks.servers import PEERS, UNSLOWED, Daemon, IrcDaemon, NotThere, Server, peer

WARM_UP = 0.3
"""Seconds of each load before anything is measured."""


@frozen
class Scenario:
    """Who is there, and how they talk. ``sessions`` 0 means the lobby."""

    name: str
    what: str
    sessions: int
    members: int
    talkers: int
    window: int = 0
    rate: float = 0
    together: bool = False

    @property
    def crowd(self) -> tuple[int, int, int]:
        """Who is there: scenarios with the same crowd use the same connections."""
        return self.sessions, self.members, self.talkers

    def load(self, seconds: float, texts: int) -> dict[str, object]:
        """Return the arguments of a round."""
        return {
            "seconds": seconds,
            "texts": texts,
            "window": self.window,
            "rate": self.rate,
            "together": self.together,
        }


def scenarios(members: int, window: int, rate: float) -> dict[str, Scenario]:
    """Return the scenarios by name."""
    found = [
        Scenario(
            "A",
            f"1 sender, {members:,} receivers, one text at a time",
            0,
            members,
            10,
            together=True,
        ),
        Scenario(
            "B",
            f"10 senders, {members:,} receivers, {window} outstanding each",
            0,
            members,
            10,
            window,
        ),
        Scenario("E", f"100 members, all talking, {window} outstanding each", 0, 100, 100, window),
        Scenario(
            "C", f"100 sessions of 10, {rate:,.0f} texts/s in all, open loop", 100, 10, 1, rate=rate
        ),
    ]
    return {scenario.name: scenario for scenario in found}


@define
class Measured:
    """What one server did in one scenario."""

    server: str
    logins: Logins
    kib: float
    """Resident memory of the server for each connection, KiB."""
    rounds: list[Round] = Factory(list)

    def costs(self) -> list[float]:
        """Return the microseconds of the server's processor time for each delivery."""
        return [round["server_ns"] / 1000 / round["deliveries"] for round in self.rounds]

    def latency(self, which: str) -> list[float]:
        """Return a percentile of each round, in milliseconds."""
        return [
            getter[which]  # type: ignore[literal-required]
            for round in self.rounds
            if (getter := round["latencies"]) is not None
        ]

    def idle(self) -> float:
        """Return the least part of a round that the generator was idle."""
        return min(idle(round) for round in self.rounds)


def contenders(
    logs: Sequence[str], peers: Sequence[str], crowd: tuple[int, int, int], *, irc: bool = False
) -> list[Server]:
    """Return the servers that are to be compared, ours first; with ``irc`` by that door too."""
    found: list[Server] = [ours(log, crowd) for log in logs]
    if irc:
        found += [by_irc(log, crowd) for log in logs]
    for name in peers:
        try:
            found.append(peer(name))
        except NotThere as problem:
            print(f"--peer {name}: {problem}", file=sys.stderr)
    return found


def ours(log: str, crowd: tuple[int, int, int], *more: str) -> Daemon:
    """Return our daemon with the limits that a crowd needs, as the others have theirs raised."""
    sessions, members, _ = crowd
    options = [*UNSLOWED]
    if sessions:
        options += ["--lobby", "", "--max-sessions", str(sessions + 10)]
        options += ["--max-members", str(max(members, 1000) + 100)]
    return Daemon(*options, *more, log=log)


def by_irc(log: str, crowd: tuple[int, int, int]) -> IrcDaemon:
    """Return our daemon with its IRC door, where everyone joins a channel."""
    sessions, members, _ = crowd
    return IrcDaemon(
        *(*UNSLOWED, "--lobby", "", "--max-sessions", str(sessions + 10)),
        *("--max-members", str(max(members, 1000) + 100)),
        log=log,
    )


@define
class Arena:
    """Servers with the same crowd on each, which work in turns. Use it as a context manager."""

    servers: list[Server]
    crowd: tuple[int, int, int]
    _stack: ExitStack = field(factory=ExitStack, init=False)
    loads: list[Load] = field(factory=list, init=False)
    logins: list[Logins] = field(factory=list, init=False)
    kib: list[float] = field(factory=list, init=False)

    def __enter__(self) -> Arena:
        """Start everything and bring everyone in."""
        try:
            for server in self.servers:
                self._start(server)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, server: Server) -> None:
        sessions, members, talkers = self.crowd
        self._stack.enter_context(server)
        load = self._stack.enter_context(Load(server))
        before = machine.resident(server.pid)
        logins = load.connect(
            sessions=[f"s{number}" for number in range(sessions)] or [None],
            members=members,
            talkers=min(talkers, members),
            at_once=server.at_once,
            quiet=1.5,
        )
        grown = machine.resident(server.pid) - before
        self.loads.append(load)
        self.logins.append(logins)
        self.kib.append(grown / 1024 / logins["connections"])

    def measure(self, scenario: Scenario, runs: int, seconds: float, texts: int) -> list[Measured]:
        """Run a scenario on each server in turn, so many times."""
        found = [
            Measured(load.server.name, logins, kib)
            for load, logins, kib in zip(self.loads, self.logins, self.kib, strict=True)
        ]
        for load in self.loads:
            load.ask("round", **scenario.load(WARM_UP, 0))
        for _ in range(runs):
            for load, measured in zip(self.loads, found, strict=True):
                measured.rounds.append(load.round(**scenario.load(seconds, texts)))
        return found


def ratios(mine: Measured, other: Measured) -> list[float]:
    """Return the ratio of costs in each round of turns."""
    return [a / b for a, b in zip(mine.costs(), other.costs(), strict=True)]


def rows(found: Sequence[Measured], against: Sequence[str]) -> Iterator[list[str]]:
    """Return the lines of a scenario's table."""
    for measured in found:
        line = [measured.server, spread(measured.costs())]
        for name in against:
            other = next(each for each in found if each.server == name)
            line.append("1" if other is measured else spread(ratios(measured, other)))
        rate = median(each["deliveries"] / each["seconds"] for each in measured.rounds)
        line.append(short(rate))
        for which in ("p50", "p90", "p99", "max") if measured.rounds[0]["latencies"] else ():
            line.append(spread(measured.latency(which), 2))
        line.append(f"{100 * measured.idle():.0f} %")
        others = median(each["others_ns"] / 1e9 / each["seconds"] for each in measured.rounds)
        line.append(f"{100 * others:.0f} %")
        yield line


def show(scenario: Scenario, found: Sequence[Measured], against: Sequence[str]) -> str:
    """Return a scenario's table."""
    head = ["server", "us/delivery", *(f"/ {name}" for name in against), "deliveries/s"]
    if scenario.rate:
        head += ["p50 ms", "p90 ms", "p99 ms", "max ms"]
    head += ["generator idle", "others busy"]
    return f"\n**{scenario.name}**: {scenario.what}\n\n{table(head, rows(found, against))}"


def crowds(found: Sequence[tuple[Arena, str]]) -> str:
    """Return the table of logins and memory."""
    lines = [
        [
            server.name,
            who,
            short(logins["connections"] / logins["seconds"]),
            f"{logins['slowest_ms']:,.0f}",
            short(kib),
        ]
        for arena, who in found
        for server, logins, kib in zip(arena.servers, arena.logins, arena.kib, strict=True)
    ]
    head = ["server", "crowd", "logins/s", "slowest ms", "KiB/connection"]
    return "\n**Coming in**\n\n" + table(head, lines)


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks fanout``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fanout", description=__doc__)
    parser.add_argument("--scenario", default="ABEC", help="which, such as AC [ABEC]")
    parser.add_argument("--peer", action="append", default=[], choices=PEERS, help="another server")
    parser.add_argument("--irc", action="store_true", help="our IRC door too")
    parser.add_argument("--log", action="append", help="memory: or sqlite:FILE; may be repeated")
    parser.add_argument("--members", type=int, default=1000, help="receivers in A and B [1000]")
    parser.add_argument("--window", type=int, default=16, help="outstanding texts in B and E [16]")
    parser.add_argument("--rate", type=float, default=2000, help="texts a second in C [2000]")
    parser.add_argument("--runs", type=int, default=5, help="rounds on each server [5]")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a round [1]")
    parser.add_argument("--texts", type=int, default=0, help="texts in a round, instead of seconds")
    parser.add_argument("--json", type=Path, help="write everything that was measured here")
    options = parser.parse_args(argv)
    logs = options.log or ["memory:", "sqlite:chat.db"]
    chosen = scenarios(options.members, options.window, options.rate)
    if not set(options.scenario) <= chosen.keys():
        parser.error(f"the scenarios are {', '.join(chosen)}")
    print(f"{machine.describe()}; medians of {options.runs} rounds (least to most)")
    arenas: list[tuple[Arena, str]] = []
    everything: dict[str, list[dict[str, object]]] = {}
    pending = [chosen[name] for name in options.scenario]
    while pending:
        crowd = pending[0].crowd
        mine = [scenario for scenario in pending if scenario.crowd == crowd]
        pending = [scenario for scenario in pending if scenario.crowd != crowd]
        servers = contenders(logs, options.peer, crowd, irc=options.irc)
        with Arena(servers, crowd) as arena:
            against = [server.name for server in arena.servers if server.name in PEERS]
            for scenario in mine:
                found = arena.measure(scenario, options.runs, options.seconds, options.texts)
                print(show(scenario, found, against), flush=True)
                everything[scenario.name] = [
                    {"server": each.server, "kib": each.kib, "rounds": each.rounds}
                    for each in found
                ]
            arenas.append((arena, f"{max(1, crowd[0])} x {crowd[1]:,}"))
    print(crowds(arenas))
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))
    return 0
