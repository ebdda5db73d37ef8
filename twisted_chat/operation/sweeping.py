"""Files that are in no text any more are removed, a day after they were sent or last found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_chat.chat.session import Session
from twisted_chat.doors.web.files.store import Kept, Store
from twisted_chat.log.contract import Log
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Text

SWEEP_SECONDS: Final = 3_600.0
"""How often it is looked which are due."""

DAY: Final = 86_400.0
"""How long a file stays that is in no text, and how often each is looked for."""

_logger = Logger()


@frozen(eq=False)
class Sweeper:
    """Looks for each file once a day: where it was found last, and else in every session."""

    store: Store
    log: Log
    sessions: Mapping[str, Session]
    now: Callable[[], float]
    """The time of day, in seconds since 1970."""

    def __call__(self) -> Deferred[None]:
        """Sweep; the Deferred never fails."""
        swept = Deferred.fromCoroutine(self.sweep())
        return swept.addErrback(lambda failure: _logger.failure("Could not sweep files", failure))

    async def sweep(self) -> None:
        """Remove what is due. What can not be looked for stays, until it can."""
        self.store.refresh()
        gone = 0
        for id in self.store:
            kept = self.store.get(id)
            if kept is None or self.now() - kept.since < DAY:
                continue
            try:
                place = await self._place(id, kept)
            except ChatError:
                continue
            if place is not None:
                self.store.renew(id, self.now(), *place)
            elif self.store.get(id) is kept:  # it was not sent again meanwhile
                self.store.remove(id)
                gone += 1
        if gone:
            _logger.info("{count} files were in no text any more, and are gone", count=gone)

    async def _place(self, id: str, kept: Kept) -> tuple[str, int] | None:
        """Return a text that has it. Raises ChatError."""
        epochs = {session.life.epoch for session in self.sessions.values()}
        if kept.epoch in epochs:
            page = await self.log.read(kept.epoch, kept.seq - 1, kept.seq + 1, 1)
            if any(isinstance(text, Text) and id in text.data for text in page.texts):
                return kept.epoch, kept.seq
        for key, session in tuple(self.sessions.items()):
            epoch = session.life.epoch
            try:
                found = await self.log.search(epoch, id, session.head + 1, 1)
            except ChatError:
                if self.sessions.get(key) is session:
                    raise
                continue  # it was deleted meanwhile
            if found.texts:
                return epoch, found.texts[0].seq
        return None
