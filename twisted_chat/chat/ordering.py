"""Ordering: what this node stored and what the others stored becomes one order, without a hole.

::

    own batches (stored) --> waiting --\
                                        +--> the next seq, and the next ... --> given out
    other nodes' entries ---> known ---/
          ^                     ^
        hints (may be lost)     the log, where a seq is missing

Invariants: what is given out has seqs one after the other, each once; own items come out in the
order in which they were stored, whatever else comes between; ``known`` holds no entry that was
given out, and at most MAX_KNOWN.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.chat.batching import Heard, Item, Said
from twisted_chat.chat.giving import is_entry
from twisted_chat.log.contract import AnyPage, Log
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import AnyEntry

MAX_KNOWN: Final = 2_048
"""Entries that are held because one before them is missing, at most: the rest is read again."""


@define(eq=False)
class Ordering:
    """The one order of one life. ``give`` gets it; ``jumped`` is told of a head without texts.

    ``is_flying``: whether something of this node is with the log.
    """

    epoch: str
    _log: Log
    _give: Callable[[list[Item]], object]
    _jumped: Callable[[int], object]
    _is_flying: Callable[[], bool]
    taken: int
    """The seq of the last entry that was given out."""
    head: int = field(init=False, default=0)
    """What the log is known to hold, at least."""
    filled: int = field(init=False, default=0)
    """How many entries had to be read, because no hint told them."""
    _waiting: deque[Item] = field(init=False, factory=deque)
    _known: dict[int, AnyEntry] = field(init=False, factory=dict)
    _read: set[int] = field(init=False, factory=set)
    """Seqs that were read while something of this node was with the log: it may be that itself."""
    _is_reading: bool = field(init=False, default=False)
    _waiters: list[tuple[int, Deferred[None]]] = field(init=False, factory=list)
    _logger = Logger()

    # --- what comes in -----------------------------------------------------------------------

    def take(self, items: Sequence[Item]) -> None:
        """What the log has answered to this node."""
        for item in items:
            if type(item) is Said and is_entry(said := item.outcome):
                item.given = said.seq <= self.taken and said.seq in self._read
        self._read.clear()
        self._waiting += items
        self._go_on()

    def hear(self, entries: Sequence[AnyEntry]) -> None:
        """What another node says that it has stored: it may be known, or come too early."""
        for entry in entries:
            if self.taken < entry.seq:
                self.head = max(self.head, entry.seq)
                if len(self._known) < MAX_KNOWN and entry.seq <= self.taken + MAX_KNOWN:
                    self._known.setdefault(entry.seq, entry)
        self._go_on()

    def reach(self, head: int) -> None:
        """The log holds so many; where some are missing they are read."""
        self.head = max(self.head, head)
        self._go_on()

    def jump(self, seq: int) -> None:
        """Nobody here has to be told what was said up to ``seq``."""
        if seq > self.taken:
            self.taken = seq
            self._known = {at: entry for at, entry in self._known.items() if at > seq}
            self._jumped(seq)
        self._tell()

    def reached(self, seq: int) -> Deferred[None]:
        """Fire when what was stored up to ``seq`` is given out; or can not be read now."""
        done: Deferred[None] = Deferred()
        self._waiters.append((seq, done))
        self._go_on()
        return done

    def take_all(self) -> list[Item]:
        """Take out what still waits: the session ends."""
        waiting, self._waiting = list(self._waiting), deque()
        self._known.clear()
        self._tell(all=True)
        return waiting

    @property
    def is_lacking(self) -> bool:
        """Whether something is known to be stored that was not given out."""
        return self._target() > self.taken

    # --- the order ---------------------------------------------------------------------------

    def _go_on(self) -> None:
        items: list[Item] = []
        while (item := self._next()) is not None:
            items.append(item)
        if items:
            self._give(items)
        self._tell()
        if self.is_lacking and not self._is_reading:
            self._is_reading = True
            page = self._log.read(self.epoch, self.taken, self._target() + 1)
            page.addCallback(self._fill, self.taken).addErrback(self._can_not)

    def _next(self) -> Item | None:
        after = self.taken + 1
        if self._waiting:
            item = self._waiting[0]
            outcome = item.outcome if type(item) is Said else None
            if not is_entry(outcome) or outcome.seq < after:
                return self._waiting.popleft()
            if outcome.seq == after:
                self._known.pop(after, None)
                self.taken = after
                return self._waiting.popleft()
        entry = self._known.pop(after, None)
        if entry is None:
            return None
        self.taken = after
        return Heard(entry)

    def _target(self) -> int:
        target = self.head
        if self._waiting and type(item := self._waiting[0]) is Said and is_entry(item.outcome):
            target = max(target, item.outcome.seq - 1)
        return target

    def _fill(self, page: AnyPage, after: int) -> None:
        self._is_reading = False
        if not page.texts and page.first <= after + 1:
            self.head = min(self.head, after)  # a head that was promised and is not there
        for entry in page.texts:
            if entry.seq > self.taken and entry.seq not in self._known:
                self._known[entry.seq] = entry
                self.filled += 1
                if self._is_flying():
                    self._read.add(entry.seq)
        if page.first > self.taken + 1:  # pruned before it was read here
            self.jump(page.first - 1)
        self._go_on()

    def _can_not(self, failure: Failure) -> None:
        self._is_reading = False
        if failure.check(ChatError) is None:
            self._logger.failure("What others stored can not be read", failure)
        self._tell(all=True)  # it is tried again at the next look at the heads

    def _tell(self, *, all: bool = False) -> None:
        if not self._waiters:
            return
        waiters, self._waiters = self._waiters, []
        for seq, done in waiters:
            if all or seq <= self.taken or not self.is_lacking:
                done.callback(None)
            else:
                self._waiters.append((seq, done))
