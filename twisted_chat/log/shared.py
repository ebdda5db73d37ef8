"""The contract of a log that several nodes share: what more it promises than a log of one.

Every change of what is kept is a *line* of the feed, in one order for all nodes, written by the
same commit that makes the change: the life of a session, a record. What nodes have to tell one
another otherwise, *notes*, are lines too. So a node that has read the feed up to a line knows all
that was so when it was written, whatever else was lost on the way.

::

    create, amend, delete, keep, announce --(one commit)--> what is kept, and a line
    changes <---- every other node, once a second, or at once where a hint says so

Each node has a lease, which it renews. One whose lease is over is buried by whichever node looks
first: that is a line, too, and what was claimed in its name is free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred

from twisted_chat.log.contract import Log

LEASE_SECONDS: Final = 8.0
"""After so long without a word a node is gone, with all its users."""

FEED_SECONDS: Final = 600
"""For how long lines are kept, at least: a node that was away for longer begins anew."""

FEED_LINES: Final = 1_000
"""Lines in one answer of ``changes``, at most."""

CLAIM: Final = "claim"
"""The kind of records that are held in a node's name: the value begins with it and a space."""

UNTOLD: Final = frozenset({"audit", "code", CLAIM})
"""Kinds of records that no other node has to hear of: they have no lines."""

LineKind = Literal["life", "ended", "record", "note", "buried", "resigned"]


@frozen
class Line:
    """A line of the feed: ``node`` wrote it.

    ``body`` is a Life or a Record as JSON, an epoch (``ended``), a node (``buried``), nothing
    (``resigned``), or whatever the note says.
    """

    n: int
    node: str
    kind: LineKind
    body: bytes


@frozen
class Changes:
    """Some lines, in order; ``position`` is where to read on. ``forgotten``: some are gone."""

    lines: Sequence[Line]
    position: int
    forgotten: bool = False


@frozen
class Moved:
    """Heads and firsts of lives, by epoch, that moved; ``since`` is what to ask with next."""

    heads: Mapping[str, tuple[int, int]]
    since: int


@frozen
class Lease:
    """What ``renew`` found: the other nodes and what they say, and whether it had been over."""

    others: dict[str, bytes]
    was_over: bool


def is_shared(url: str) -> bool:
    """Whether several nodes may have the log of that URL."""
    return url.partition(":")[0] in ("postgresql", "postgres")


class SharedLog(Log, Protocol):
    """A Log that other nodes have, too. What it can not do fails with NotStored, as there."""

    wrote: Callable[[], object]
    """Is called when this node has written lines: the others may be told to look."""

    @property
    def node(self) -> str:
        """The name of this node, and of no other: without a space."""

    def announce(self, note: bytes) -> Deferred[None]:
        """Write a note; every other node reads it, once, in the order of all lines."""

    def changes(self, after: int | None) -> Deferred[Changes]:
        """Return the first lines over ``after``, FEED_LINES at most; with None only the place."""

    def moved(self, since: int) -> Deferred[Moved]:
        """Return which lives have had texts, or have lost some, since then (0: all lives)."""

    @property
    def commit_seconds(self) -> float:
        """How long a commit took lately."""

    def renew(self, said: bytes = b"") -> Deferred[Lease]:
        """Say that this node is alive for LEASE_SECONDS from now; bury those that are not.

        ``said`` is for the other nodes to read.
        """

    def resign(self) -> Deferred[None]:
        """End, in an orderly way. What was claimed in its name stays claimed: see Node.claim."""
