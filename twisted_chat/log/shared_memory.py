"""A shared log in memory: several nodes in one process, for tests and for trying things out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

from attrs import define, evolve, field
from msgspec.json import encode
from twisted.internet.defer import Deferred, fail, succeed

from twisted_chat.log.contract import (
    KEPT,
    PAGE_TEXTS,
    PRUNE_BITE,
    AnyPage,
    Entry,
    Life,
    Record,
    Settings,
    Stored,
    TextPage,
    Unreadable,
)
from twisted_chat.log.memory import MemoryLog
from twisted_chat.log.shared import (
    CLAIM,
    FEED_LINES,
    LEASE_SECONDS,
    UNTOLD,
    Changes,
    Lease,
    Line,
    LineKind,
    Moved,
)


@define(eq=False)
class Feed:
    """What the nodes share: one log in memory, and the lines. ``join`` adds a node.

    ``broken`` holds the nodes that can not reach it now: all that they ask fails.
    """

    log: MemoryLog
    lines: list[Line] = field(factory=list, init=False)
    forgot: int = field(default=0, init=False)
    """Up to which lines are gone."""
    until: dict[str, float] = field(factory=dict, init=False)
    said: dict[str, bytes] = field(factory=dict, init=False)
    moves: dict[str, int] = field(factory=dict, init=False)
    broken: set[str] = field(factory=set, init=False)
    _count: int = field(default=0, init=False)

    def join(self, node: str) -> SharedMemoryLog:
        """Return the log as that node has it."""
        return SharedMemoryLog(self, node)

    def write(self, node: str, kind: LineKind, body: bytes) -> None:
        """Add a line."""
        self.lines.append(Line(self.forgot + len(self.lines) + 1, node, kind, body))

    def forget(self) -> None:
        """Forget all lines, as time does."""
        self.forgot += len(self.lines)
        self.lines.clear()

    def move(self, epoch: str) -> None:
        """A life has had texts, or has lost some."""
        self._count += 1
        self.moves[epoch] = self._count

    @property
    def count(self) -> int:
        """How many moves there were."""
        return self._count

    def bury(self, node: str, by: str) -> None:
        """A node is no more."""
        del self.until[node]
        self.log.kept(CLAIM, "", limit=KEPT).addCallback(self._free, node)
        self.write(by, "buried", node.encode())

    def _free(self, claims: Sequence[Record], node: str) -> None:
        for claim in claims:
            if (claim.value or b"").startswith(node.encode() + b" "):
                self.log.keep([evolve(claim, value=None)])


def _life(log: MemoryLog, epoch: str) -> Life:
    return next(life for life in log.lives() if life.epoch == epoch)


@define(eq=False)
class SharedMemoryLog:
    """See SharedLog: one node's."""

    _feed: Feed
    node: str
    wrote: Callable[[], object] = field(default=lambda: None)

    def _write(self, kind: LineKind, body: bytes) -> None:
        self._feed.write(self.node, kind, body)
        self.wrote()

    @property
    def _is_cut_off(self) -> bool:
        return self.node in self._feed.broken

    def _cut_off(self) -> Deferred[Any]:
        return fail(Unreadable("the log is out of reach"))

    # --- the contract of a log ---------------------------------------------------------------

    def lives(self) -> Sequence[Life]:
        """See Log."""
        return self._feed.log.lives()

    def create(self, life: Life) -> Deferred[None]:
        """See Log."""
        if self._is_cut_off:
            return self._cut_off()
        done = self._feed.log.create(life)
        return done.addCallback(lambda _: self._write("life", encode(life)))

    def amend(self, epoch: str, **changes: Unpack[Settings]) -> Deferred[None]:
        """See Log."""
        if self._is_cut_off:
            return self._cut_off()

        def amended(_: None) -> None:
            self._write("life", encode(_life(self._feed.log, epoch)))

        return self._feed.log.amend(epoch, **changes).addCallback(amended)

    def delete(self, epoch: str) -> Deferred[None]:
        """See Log."""
        if self._is_cut_off:
            return self._cut_off()
        was_there = any(life.epoch == epoch for life in self._feed.log.lives())
        done = self._feed.log.delete(epoch)
        if was_there:
            self._feed.moves.pop(epoch, None)
            self._write("ended", epoch.encode())
        return done

    def keep(self, records: Sequence[Record]) -> Deferred[list[bool]]:
        """See Log."""
        if self._is_cut_off:
            return self._cut_off()

        def kept(took: list[bool]) -> list[bool]:
            told = [
                record
                for record, effect in zip(records, took, strict=True)
                if effect and record.kind not in UNTOLD
            ]
            for record in told:
                self._feed.write(self.node, "record", encode(record))
            if told:  # once for all: they are one commit
                self.wrote()
            return took

        return self._feed.log.keep(records).addCallback(kept)

    def kept(
        self,
        kind: str,
        scope: str | None = None,
        *,
        key: str | None = None,
        after: str | tuple[str, str] = "",
        limit: int = KEPT,
    ) -> Deferred[list[Record]]:
        """See Log."""
        if self._is_cut_off:
            return self._cut_off()
        return self._feed.log.kept(kind, scope, key=key, after=after, limit=limit)

    def append(self, epoch: str, entries: Sequence[Entry]) -> Stored:
        """See Log."""
        if self._is_cut_off:
            return self._cut_off()
        self._feed.move(epoch)
        return self._feed.log.append(epoch, entries)

    def read(
        self, epoch: str, after: int, before: int, limit: int = PAGE_TEXTS
    ) -> Deferred[AnyPage]:
        """See Log."""
        return (
            self._cut_off()
            if self._is_cut_off
            else self._feed.log.read(epoch, after, before, limit)
        )

    def read_last(
        self, epoch: str, after: int, before: int, limit: int = PAGE_TEXTS
    ) -> Deferred[AnyPage]:
        """See Log."""
        return self._feed.log.read_last(epoch, after, before, limit)

    def search(self, epoch: str, query: str, before: int, limit: int) -> Deferred[TextPage]:
        """See Log."""
        return self._feed.log.search(epoch, query, before, limit)

    def prune(
        self,
        epoch: str,
        *,
        texts: int | None = None,
        older_than: int | None = None,
        bite: int = PRUNE_BITE,
    ) -> Deferred[bool]:
        """See Log."""
        self._feed.move(epoch)
        return self._feed.log.prune(epoch, texts=texts, older_than=older_than, bite=bite)

    def check(self) -> Deferred[None]:
        """See Log."""
        return self._cut_off() if self._is_cut_off else self._feed.log.check()

    def close(self) -> Deferred[None]:
        """See Log. The other nodes go on."""
        return succeed(None)

    # --- what nodes need ---------------------------------------------------------------------

    def announce(self, note: bytes) -> Deferred[None]:
        """See SharedLog."""
        if self._is_cut_off:
            return self._cut_off()
        self._write("note", note)
        return succeed(None)

    def changes(self, after: int | None) -> Deferred[Changes]:
        """See SharedLog."""
        if self._is_cut_off:
            return self._cut_off()
        feed = self._feed
        last = feed.forgot + len(feed.lines)
        if after is None:
            return succeed(Changes([], last))
        lines = feed.lines[max(0, after - feed.forgot) :][:FEED_LINES]
        position = lines[-1].n if lines else max(after, last)
        return succeed(Changes(lines, position, after < feed.forgot))

    def moved(self, since: int) -> Deferred[Moved]:
        """See SharedLog."""
        if self._is_cut_off:
            return self._cut_off()
        feed = self._feed
        heads = {
            life.epoch: (life.head, life.first)
            for life in feed.log.lives()
            if not since or feed.moves.get(life.epoch, 0) >= since
        }
        return succeed(Moved(heads, feed.count + 1))

    @property
    def commit_seconds(self) -> float:
        """See SharedLog."""
        return 0.0

    def renew(self, said: bytes = b"") -> Deferred[Lease]:
        """See SharedLog."""
        if self._is_cut_off:
            return self._cut_off()
        feed = self._feed
        now = feed.log.clock.seconds()
        for node, until in tuple(feed.until.items()):
            if until <= now and node != self.node:
                feed.bury(node, self.node)
        was_over = feed.until.get(self.node, 0.0) <= now
        feed.until[self.node] = now + LEASE_SECONDS
        feed.said[self.node] = said
        others = {node: feed.said[node] for node in feed.until if node != self.node}
        return succeed(Lease(others, was_over))

    def resign(self) -> Deferred[None]:
        """See SharedLog."""
        if self._feed.until.pop(self.node, None) is not None:
            self._write("resigned", b"")
        return succeed(None)
