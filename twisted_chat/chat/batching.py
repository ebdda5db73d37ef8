"""Batching: what waits for the log, and goes to it together.

What is said in a turn is one batch. While a batch is with the log, what is said meanwhile waits and
is the next; a log that has stored it when it returns is handed one after the other.

Invariants: at most one batch is with the log; what comes out (``done``) comes in the order in which
it was put in, and everything that was put in comes out, stored or refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

from attrs import define, field, frozen
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.chat.member import Attendant
from twisted_chat.log.contract import Answered, Entry, Log
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import AnyEntry, Response

BATCH_TEXTS = 512
"""Texts that one batch holds, at most: what is over waits for the next."""

BATCH_BYTES = 131_072
"""Characters of ``data`` with which a batch is full: it bounds what a slow reader can cost."""


@final
class Said(Entry, eq=False, gc=False, kw_only=True):
    """An entry on its way; once the log has answered, ``outcome`` is what is stored or the refusal.

    There is one for each entry: a Struct is made, and looked over by no collector, in no time.
    """

    user: Attendant
    outcome: Answered | None = None
    given: bool = False
    """Whether everybody, its sender too, was given it before the log had answered."""


@final
@frozen(eq=False)
class Told:
    """An event on its way to everybody but the connection that caused it, which has a reply."""

    event: Response
    cause: Attendant | None


@final
@frozen(eq=False)
class Heard:
    """What another node has stored."""

    entry: AnyEntry


Item = Said | Told | Heard
"""What goes to the members, in one order."""


@define(eq=False)
class Batching:
    """Takes what is to be stored in one life; ``done`` gets what the log has answered.

    ``landed`` is called when the log has answered a batch later than at once.
    """

    _session: str
    _epoch: str
    _log: Log
    _done: Callable[[list[Item]], object]
    _landed: Callable[[], None]
    queue: list[Item] = field(init=False, factory=list)
    """What waits for the log, in order."""
    is_flying: bool = field(init=False, default=False)
    """Whether a batch is with the log."""

    _logger = Logger()

    def take_all(self) -> list[Item]:
        """Take out what waits and was not handed to the log: the session ends."""
        waiting, self.queue = self.queue, []
        return waiting

    def store(self) -> None:
        """Hand to the log what is queued, unless a batch is with it already: then it waits."""
        while self.queue and not self.is_flying:
            batch = self._next_batch()
            said = [item for item in batch if type(item) is Said]
            if not said:
                self._done(batch)
                continue
            try:
                stored = self._log.append(self._epoch, said)
            except Exception:
                self._not_stored(Failure(), batch, said)
                continue
            if isinstance(stored, list):
                self._stored(stored, batch, said)
                continue
            self.is_flying = True
            stored.addCallbacks(self._stored, self._not_stored, (batch, said), {}, (batch, said))
            stored.addCallback(self._has_landed).addErrback(self._broken)

    def _next_batch(self) -> list[Item]:
        size = 0
        for count, item in enumerate(self.queue):
            if type(item) is Said:
                size += len(item.data)
            if count and (count == BATCH_TEXTS or size > BATCH_BYTES):
                batch, self.queue = self.queue[:count], self.queue[count:]
                return batch
        batch, self.queue = self.queue, []
        return batch

    def _stored(self, texts: Sequence[Answered], batch: list[Item], said: Sequence[Said]) -> None:
        for item, text in zip(said, texts, strict=True):
            item.outcome = text
        self._done(batch)

    def _not_stored(self, failure: Failure, batch: list[Item], said: Sequence[Said]) -> None:
        refusal = failure.value
        if not isinstance(refusal, ChatError):
            self._logger.failure("The log failed for {session}", failure, session=self._session)
            refusal = ChatError("not-stored", "The server can not store this now.")
        for item in said:
            item.outcome = refusal
        self._done(batch)

    def _broken(self, failure: Failure) -> None:
        self._logger.failure("{session} is broken", failure, session=self._session)

    def _has_landed(self, _: object) -> None:
        self.is_flying = False
        self._landed()
