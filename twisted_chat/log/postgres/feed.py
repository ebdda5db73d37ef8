"""The feed in the database, and the leases: what nodes that share it need (log/shared.py).

The row ``chat.feed_head`` is taken last in a transaction and held until its commit: so lines are
numbered in the order in which they become visible, and a reader that has read up to a line has
missed none before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define, field
from msgspec.json import Decoder

from twisted_chat.log.contract import Life
from twisted_chat.log.postgres.database import Connection
from twisted_chat.log.shared import (
    CLAIM,
    FEED_LINES,
    FEED_SECONDS,
    LEASE_SECONDS,
    Changes,
    Lease,
    Line,
    LineKind,
    Moved,
)

PRUNE_EACH: Final = 24
"""How many renewals pass before old lines are forgotten: about a minute."""

_LIFE: Final = Decoder(Life)


@define(eq=False)
class Lines:
    """The lines that a transaction is to write with its commit. Of the writer's thread."""

    node: str
    _kinds: list[LineKind] = field(factory=list, init=False)
    _bodies: list[bytes] = field(factory=list, init=False)
    is_written: bool = field(default=False, init=False)
    """Whether some were written lately: whoever tells the others of it says so no more."""

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, kind: LineKind, body: bytes) -> None:
        """Write a line with the commit."""
        self._kinds.append(kind)
        self._bodies.append(body)

    def cut(self, length: int = 0) -> None:
        """Forget those that were added after there were so many."""
        del self._kinds[length:], self._bodies[length:]

    def write(self, connection: Connection) -> None:
        """Write them: the last thing before the commit."""
        if not self._kinds:
            return
        connection.execute(
            "SELECT chat.write(%s, %s::text[], %s::bytea[])",
            (self.node, self._kinds, self._bodies),
        )
        self.cut()
        self.is_written = True


def changes(after: int | None, connection: Connection) -> Changes:
    """See SharedLog.changes."""
    (head,) = connection.execute("SELECT n FROM chat.feed_head").fetchone() or (0,)
    if after is None:
        return Changes([], head)
    rows = connection.execute(
        "SELECT n, node, kind, body FROM chat.feed WHERE n > %s ORDER BY n LIMIT %s",
        (after, FEED_LINES),
        binary=True,
    ).fetchall()
    lines = [Line(n, node, kind, bytes(body)) for n, node, kind, body in rows]
    if lines:
        return Changes(lines, lines[-1].n, forgotten=lines[0].n != after + 1)
    return Changes([], max(after, head), forgotten=head > after)


def names_in(lines: Sequence[Line]) -> dict[str, str]:
    """Return the names of the sessions that lines tell of, by epoch."""
    lives = (_LIFE.decode(line.body) for line in lines if line.kind == "life")
    return {life.epoch: life.name for life in lives}


def moved(since: int, connection: Connection) -> Moved:
    """See SharedLog.moved. What is not committed yet has a number that is asked for again."""
    rows = connection.execute(
        "SELECT NULL, txid_snapshot_xmin(txid_current_snapshot()), 0 UNION ALL"
        " SELECT epoch, head, first FROM chat.lives WHERE moved >= %s AND NOT ended",
        (since,),
    ).fetchall()
    horizon = next(head for epoch, head, _ in rows if epoch is None)
    return Moved({epoch: (head, first) for epoch, head, first in rows if epoch}, horizon)


def renew(said: bytes, prunes: bool, lines: Lines, connection: Connection) -> Lease:
    """See SharedLog.renew."""
    row = connection.execute(
        "SELECT until > clock_timestamp() FROM chat.nodes WHERE node = %s FOR UPDATE",
        (lines.node,),
    ).fetchone()
    connection.execute(
        "INSERT INTO chat.nodes VALUES (%s, clock_timestamp() + %s * interval '1 second', %s)"
        " ON CONFLICT (node) DO UPDATE SET until = excluded.until, said = excluded.said",
        (lines.node, LEASE_SECONDS, said),
    )
    dead = connection.execute(
        "DELETE FROM chat.nodes WHERE node IN (SELECT node FROM chat.nodes"
        " WHERE until <= clock_timestamp() FOR UPDATE SKIP LOCKED) RETURNING node"
    ).fetchall()
    for (node,) in dead:
        _bury(node, lines, connection)
    others = connection.execute(
        "SELECT node, said FROM chat.nodes WHERE node <> %s ORDER BY node",
        (lines.node,),
        binary=True,
    ).fetchall()
    if prunes:
        connection.execute(
            "DELETE FROM chat.feed WHERE at < clock_timestamp() - %s * interval '1 second'",
            (FEED_SECONDS,),
        )
    return Lease({node: bytes(body) for node, body in others}, was_over=row is None or not row[0])


def resign(lines: Lines, connection: Connection) -> None:
    """See SharedLog.resign."""
    gone = connection.execute("DELETE FROM chat.nodes WHERE node = %s", (lines.node,))
    if gone.rowcount:
        lines.add("resigned", b"")


def _bury(node: str, lines: Lines, connection: Connection) -> None:
    connection.execute(
        "DELETE FROM chat.records WHERE kind = %s AND scope = ''"
        " AND substring(value FROM 1 FOR %s) = %s",
        (CLAIM, len(node.encode()) + 1, node.encode() + b" "),
    )
    lines.add("buried", node.encode())
