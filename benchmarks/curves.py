"""The cost of a delivery against members and against outstanding texts: a table and two plots."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.fanout import Arena, Measured, Scenario, contenders
from benchmarks.report import Points, plot, short, table
from benchmarks.servers import PEERS

TALKERS = 10
WINDOWS = (1, 2, 4, 8, 16, 32, 64)
MEMBERS = (1, 10, 100, 1_000, 10_000)
MOST_ON_IRC = 1_000
"""Members on an IRC server, at most: each one's coming is told to all others."""

Lines = dict[str, list[tuple[float, float]]]


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks curves``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks curves", description=__doc__)
    parser.add_argument("--peer", action="append", default=[], choices=PEERS, help="another server")
    parser.add_argument("--log", action="append", help="memory: or sqlite:FILE; may be repeated")
    parser.add_argument("--runs", type=int, default=3, help="rounds on each server [3]")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a round [0.5]")
    parser.add_argument("--most", type=int, default=MEMBERS[-1], help="members at most [10,000]")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where plots go [docs]")
    options = parser.parse_args(argv)
    logs = options.log or ["memory:", "sqlite:chat.db"]
    print(f"{machine.describe()}; medians of {options.runs} rounds")
    alone: Lines = {}
    many: Lines = {}
    outstanding: Lines = {}
    for members in (count for count in MEMBERS if count <= options.most):
        peers = [
            name for name in options.peer if members <= MOST_ON_IRC or PEERS[name].kind != "irc"
        ]
        crowd = (0, members, min(TALKERS, members))
        with Arena(contenders(logs, peers, crowd), crowd) as arena:
            print(f"{members:,} members", file=sys.stderr)

            def run(window: int, arena: Arena = arena, members: int = members) -> list[Measured]:
                scenario = Scenario("", "", 0, members, TALKERS, window, together=not window)
                return arena.measure(scenario, options.runs, options.seconds, 0)

            _add(alone, members, run(0))
            _add(many, members, run(16))
            if members == 1_000:
                for window in WINDOWS:
                    _add(outstanding, window, run(window))
    for name, (title, across, lines) in {
        "cost-against-members": ("One text at a time", "members", alone),
        "cost-against-members-busy": ("10 senders, 16 texts outstanding each", "members", many),
        "cost-against-outstanding": ("1,000 members, 10 senders", "outstanding texts", outstanding),
    }.items():
        if lines:
            print(f"\n{title}: us/delivery against {across}\n\n{_table(across, lines)}")
            drawn: dict[str, Points] = dict(lines)
            text = plot(title, across, "server's processor time, us/delivery", drawn)
            (options.docs / f"{name}.svg").write_text(text)
    return 0


def _add(lines: Lines, place: int, found: Sequence[Measured]) -> None:
    for measured in found:
        lines.setdefault(measured.server, []).append((place, median(measured.costs())))


def _table(across: str, lines: Lines) -> str:
    places = sorted({x for points in lines.values() for x, _ in points})
    rows = [
        [name, *(short(known[x]) if x in known else "-" for x in places)]
        for name, known in ((name, dict(points)) for name, points in lines.items())
    ]
    return table([across, *(f"{x:,.0f}" for x in places)], rows)
