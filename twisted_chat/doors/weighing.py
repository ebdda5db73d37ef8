"""How many bytes wait for clients to read them, and what is done where that is too much."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from twisted.protocols.policies import ProtocolWrapper

FULL: Final = 65_536
"""Bytes that a transport holds before it has had enough: Twisted's own measure."""

SHORT: Final = 4_096
"""The same for those who read too little while too much waits for all together."""


class Weighed(Protocol):
    """A connection."""

    transport: Any
    """A stream transport."""


def _stream(transport: Any) -> Any:
    """Return what is at the bottom of a transport: TLS is a wrapper."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


def waiting(transport: Any) -> int:
    """Return how many bytes this process holds for one client."""
    total = 0
    while isinstance(transport, ProtocolWrapper):
        total += sum(map(len, getattr(transport, "_appSendBuffer", ())))
        transport = transport.transport
    held = getattr(transport, "dataBuffer", b"")
    return total + len(held) + int(getattr(transport, "_tempDataLen", 0))


def weigh(connections: Iterable[Weighed]) -> tuple[dict[Weighed, int], int]:
    """Return for whom something waits, and how much; and what all of it takes.

    What several outlets keep of the same bytes takes its room once.
    """
    weights: dict[Weighed, int] = {}
    kept: dict[int, int] = {}
    for one in connections:
        outlet = getattr(one, "_outlet", None)
        if outlet is not None and not outlet.waiting:
            continue  # as of almost all: no more of them is looked at
        if size := waiting(one.transport):
            weights[one] = size
        if outlet is not None:
            kept.update((id(data), len(data)) for data in outlet.kept)
    return weights, sum(weights.values()) + sum(kept.values())


def shorten(weights: dict[Weighed, int], too_much: int) -> None:
    """Let those for whom most waits have had enough sooner, until they make up for ``too_much``.

    The next that is written to one of them sends it to the log: it reads on at its own pace, and
    holds next to nothing.
    """
    for one, size in sorted(weights.items(), key=lambda item: -item[1]):
        if too_much <= 0 or size <= SHORT:
            break
        _stream(one.transport).bufferSize = SHORT
        too_much -= size


def hold_at_most(transport: Any, size: int) -> None:
    """Let a connection have had enough at so many bytes; as many are read from it at once."""
    _stream(transport).bufferSize = size


def restore(connections: Iterable[Weighed]) -> None:
    """Let everybody hold as much as before."""
    for one in connections:
        stream = _stream(one.transport)
        if getattr(stream, "bufferSize", FULL) == SHORT:
            stream.bufferSize = FULL
