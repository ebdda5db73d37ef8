"""A log that answers when the test says so; and what a log has answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Unpack

from twisted.internet.defer import Deferred, fail, succeed

from twisted_chat.log.contract import Entry, Life, Log, NotStored, Page, Record, Settings, Stored
from twisted_chat.vocabulary.messages import Text


def texts_of(answers: Any) -> list[Text]:
    """Return what a log has answered, or read, where all of it is texts."""
    texts = [answer for answer in answers if isinstance(answer, Text)]
    assert len(texts) == len(answers), answers
    return texts


def later(stored: Stored) -> Deferred[list[Any]]:
    """Return what a log answered to ``append`` as a Deferred, also where it answered at once."""
    return stored if isinstance(stored, Deferred) else succeed(stored)


class HeldLog:
    """A log whose answers come when the test says so, in order; what they say is a MemoryLog's.

    ``hold`` makes it slow: commits wait for ``commit``, reads for ``answer``; with ``late`` they
    are done at once, and their answers wait. ``broken`` makes every call fail with NotStored, as a
    full disk does.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.hold = False
        self.late = False
        self.broken = False
        self.commits: deque[Callable[[], None]] = deque()
        self.reads: deque[Callable[[], None]] = deque()
        self.appends = 0

    def lives(self) -> Sequence[Life]:
        return self.log.lives()

    def create(self, life: Life) -> Deferred[None]:
        return self._do(self.commits, lambda: self.log.create(life))

    def amend(self, epoch: str, **changes: Unpack[Settings]) -> Deferred[None]:
        return self._do(self.commits, lambda: self.log.amend(epoch, **changes))

    def delete(self, epoch: str) -> Deferred[None]:
        return self._do(self.commits, lambda: self.log.delete(epoch))

    def keep(self, records: Sequence[Record]) -> Deferred[list[bool]]:
        return self._do(self.commits, lambda: self.log.keep(records))

    def kept(self, *args: Any, **kwargs: Any) -> Deferred[list[Record]]:
        return self._do(self.reads, lambda: self.log.kept(*args, **kwargs))

    def append(self, epoch: str, entries: Sequence[Entry]) -> Stored:
        self.appends += 1
        if not self.hold and not self.broken:
            return self.log.append(epoch, entries)  # a MemoryLog answers at once
        return self._do(self.commits, lambda: later(self.log.append(epoch, entries)))

    def read(self, epoch: str, after: int, before: int, limit: int = 200) -> Deferred[Page[Any]]:
        return self._do(self.reads, lambda: self.log.read(epoch, after, before, limit))

    def read_last(
        self, epoch: str, after: int, before: int, limit: int = 200
    ) -> Deferred[Page[Any]]:
        return self._do(self.reads, lambda: self.log.read_last(epoch, after, before, limit))

    def search(self, epoch: str, query: str, before: int, limit: int) -> Deferred[Page[Any]]:
        return self._do(self.reads, lambda: self.log.search(epoch, query, before, limit))

    def prune(self, epoch: str, **what: Any) -> Deferred[bool]:
        return self._do(self.commits, lambda: self.log.prune(epoch, **what))

    def check(self) -> Deferred[None]:
        return self._do(self.commits, self.log.check)

    def close(self) -> Deferred[None]:
        return self.log.close()

    def commit(self) -> None:
        """Do the oldest change that waits."""
        self.commits.popleft()()

    def answer(self) -> None:
        """Do the oldest read that waits."""
        self.reads.popleft()()

    def let_go(self) -> None:
        """Do all that waits, and hold nothing more."""
        self.hold = False
        while self.commits:
            self.commit()
        while self.reads:
            self.answer()

    def _do(
        self, waiting: deque[Callable[[], None]], work: Callable[[], Deferred[Any]]
    ) -> Deferred[Any]:
        def begun() -> Deferred[Any]:
            return fail(NotStored("the disk is full")) if self.broken else work()

        if not self.hold:
            return begun()
        done: Deferred[Any] = Deferred()
        result = begun() if self.late else None

        def release() -> None:
            (begun() if result is None else result).chainDeferred(done)

        waiting.append(release)
        return done
