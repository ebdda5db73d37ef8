"""Following: what the others have written is read, and where heads have moved the log is.

Invariants: one read of the feed is under way; each line is heard once, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_chat.chat.hearing import Hearing
from twisted_chat.chat.sessions import Sessions
from twisted_chat.log.shared import SharedLog
from twisted_chat.vocabulary.errors import ChatError

STEPS_IN_A_TURN: Final = 256
"""Notes, or users of a node, that are heard in one turn, at most: about 2 ms."""


@define(eq=False)
class Following:
    """What one node has read. ``forgotten`` is called where the feed has lines no more."""

    _log: SharedLog
    _hearing: Hearing
    _sessions: Sessions
    _clock: IReactorTime
    _forgotten: Callable[[], object]
    position: int = field(default=0, init=False)
    """The last line that was heard."""
    lag: int = field(default=0, init=False)
    """How many texts were missing here when the heads were looked at last."""
    _since: int = field(default=0, init=False)
    _reading: list[Deferred[None]] | None = field(default=None, init=False)
    """While the feed is read: who waits until it is read once more."""
    _is_looking: bool = field(default=False, init=False)
    _logger = Logger()

    async def begin(self) -> None:
        """Know where the feed is: what comes after it is to be heard. Raises ChatError."""
        self.position = (await self._log.changes(None)).position

    def read_soon(self) -> None:
        """Read the feed: there is a new line, it is said."""
        Deferred.fromCoroutine(self.read()).addErrback(
            lambda failure: self._logger.failure("The feed can not be read", failure)
        )

    async def read(self) -> None:
        """Hear all that was written before now; where the log can not be read, not all."""
        if self._reading is not None:  # what is being read may have begun before
            waiter: Deferred[None] = Deferred()
            self._reading.append(waiter)
            await waiter
            return
        waiting: list[Deferred[None]] = []
        while True:
            self._reading = []
            await self._read_all()
            for done in waiting:
                done.callback(None)
            waiting, self._reading = self._reading, None
            if not waiting:
                return

    async def _read_all(self) -> None:
        try:
            while True:
                found = await self._log.changes(self.position)
                if found.forgotten:
                    self._forgotten()
                    return
                self.position = found.position
                for count, _ in enumerate(self._hearing.hear(found.lines), 1):
                    if count % STEPS_IN_A_TURN == 0:  # others are served in between
                        await deferLater(self._clock, 0)
                if not found.lines:
                    return
        except ChatError:
            return  # it is read again at the next look
        except Exception:  # whoever waits goes on, and so does the reading of what follows
            self._logger.failure("The feed can not be taken up")

    async def look_at_heads(self, *, strict: bool = False) -> None:
        """Look which heads have moved; what is missing is read, or passed over.

        Where the log can not be read it is tried at the next look, or with ``strict`` it raises
        ChatError ``not-stored``.
        """
        if self._is_looking and not strict:
            return
        self._is_looking = True
        try:
            moved = await self._log.moved(self._since)
        except ChatError:
            if strict:
                raise
            return
        finally:
            self._is_looking = False
        self._since = max(self._since, moved.since)
        lag = 0
        for epoch, (head, first) in moved.heads.items():
            session = self._sessions.by_epoch.get(epoch)
            if session is not None:
                if session.members:
                    lag += max(0, head - session.ordering.taken)
                session.reach(head, first)
        self.lag = lag
        for session in self._sessions.values():
            if session.ordering.is_lacking:  # what could not be read is tried again
                session.ordering.reach(0)
