"""What a load generator answers: how fast it was, for whom, and what it cost."""

from __future__ import annotations

import time
from array import array
from typing import TypedDict

from benchmarks.checking import percentile


class Latencies(TypedDict):
    """Percentiles, in milliseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class Round(TypedDict):
    """What a round of texts cost."""

    texts: int
    deliveries: int
    bytes: int
    seconds: float
    server_ns: int
    """Processor time of the server."""
    generator_ns: int
    """Processor time of this generator."""
    waited_ns: int
    """How long this generator could have run, but something else had its core."""
    others_ns: int
    """Processor time of everything else on the machine."""
    latencies: Latencies | None
    """From when a text was due until a member had it; open loop only."""
    gap_ms: float
    """The longest time without any delivery while this generator was there; open loop only."""
    late_ms: float
    """How late this generator itself was at most in saying a text; open loop only."""


class Logins(TypedDict):
    """How it went to bring many connections in."""

    connections: int
    seconds: float
    slowest_ms: float


def summary(latencies: array[int]) -> Latencies:
    """Return the percentiles of latencies in microseconds."""
    ordered = sorted(latencies) or [0]
    p50, p90, p99, p999 = (percentile(ordered, part) / 1000 for part in (0.5, 0.9, 0.99, 0.999))
    return {
        "count": len(latencies),
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "p999": p999,
        "max": ordered[-1] / 1000,
    }


def microseconds() -> int:
    """Return the time in microseconds, from which latencies are counted."""
    return time.monotonic_ns() // 1000
