"""What a node says of itself when it renews its lease: for operators, at any node."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen
from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode


class NodeState(Struct, kw_only=True, omit_defaults=True):
    """A node, some seconds ago at most. ``commit`` is in seconds."""

    version: str = ""
    users: int = 0
    """Users with a connection there."""
    connections: int = 0
    lag: int = 0
    """Texts that were missing there at its last look at the heads, of sessions it has users in."""
    repaired: int = 0
    """Texts that no hint had told, since its start: they were read from the log."""
    heard: int = 0
    """Hints that came, since its start."""
    dropped: int = 0
    """Hints that it could not send, since its start."""
    hints: bool = True
    """Whether the broker is there for it."""
    commit: float = 0.0
    """How long a commit took lately."""


@frozen
class Other:
    """Another node, by its name, and what it says."""

    name: str
    state: NodeState


def said(state: NodeState) -> bytes:
    """Return what the lease bears."""
    return encode(state)


_state = Decoder(NodeState)


def others(leases: dict[str, bytes]) -> Iterator[Other]:
    """Yield what leases say; of a node of another version, as much as is understood."""
    for name, body in leases.items():
        try:
            yield Other(name, _state.decode(body))
        except DecodeError:
            yield Other(name, NodeState())
