"""The lives in the durable log's file, as its writer knows them: it alone changes them.

What a transaction makes of them is put here at once, and put back where it fails.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field, frozen

from twisted_chat.log.sqlite.steps import SEQ_BITS


@frozen
class Kept:
    """A life: its number, and how far its texts go."""

    n: int
    name: str
    head: int
    first: int
    indexed: int
    """The last seq that the search index knows."""

    def place(self, seq: int) -> int:
        """Return where the text with this seq is."""
        return (self.n << SEQ_BITS) + seq


@define(eq=False)
class Lives:
    """All that are there, by their epochs, and those that are over and being removed."""

    there: dict[str, Kept] = field(factory=dict, init=False)
    ended: deque[Kept] = field(factory=deque, init=False)
    unindexed: int = field(default=0, init=False)
    """Texts that the search index lacks, and whose they are."""
    stale: set[str] = field(factory=set, init=False)
    _before: dict[str, Kept | None] = field(factory=dict, init=False)
    """What the lives of this transaction were before it."""
    _ending: list[Kept] = field(factory=list, init=False)
    """Those that this transaction ends."""

    def put(self, epoch: str, life: Kept | None) -> None:
        """Remember what becomes of a life if this transaction is committed."""
        before = self.there.get(epoch)
        self._before.setdefault(epoch, before)
        if before is not None:
            self.unindexed -= before.head - before.indexed
        if life is None:
            self.there.pop(epoch, None)
            self.stale.discard(epoch)
            return
        self.there[epoch] = life
        self.unindexed += life.head - life.indexed
        if life.indexed < life.head:
            self.stale.add(epoch)
        else:
            self.stale.discard(epoch)

    def end(self, epoch: str, life: Kept) -> None:
        """A life is over if this transaction is committed."""
        self.put(epoch, None)
        self._ending.append(life)

    def settle(self) -> None:
        """The transaction is committed."""
        self.ended += self._ending
        self._ending.clear()
        self._before.clear()

    def undo(self) -> None:
        """It is not: all is as it was before it."""
        for epoch, before in list(self._before.items()):
            self.put(epoch, before)
        self._before.clear()
        self._ending.clear()
