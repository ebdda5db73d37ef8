"""Names that an account has had in this log: nobody else gets them, whatever becomes of it.

What an account has said stays, under its name. So the name is no guest's, not even when the account
is taken out of the users file, until an operator lets it go (``release``).
"""

from __future__ import annotations

from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_chat.log.contract import Log, Record
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import Name

KIND: Final = "name"
"""The kind of its records: one a name, of the server."""

RETRY_SECONDS: Final = 5.0
"""After this long, what could not be read is read again."""


@define(eq=False)
class FormerNames:
    """The names that accounts have or had, by their compared form. It grows with the accounts."""

    _log: Log
    _clock: IReactorTime
    _keys: set[str] = field(factory=set, init=False)
    _logger = Logger()

    async def load(self) -> None:
        """Take up what the log holds; where it can not be read, by and by."""
        after = ""
        try:
            while records := await self._log.kept(KIND, "", after=after):
                self._keys.update(record.key for record in records)
                after = records[-1].key
        except ChatError:
            self._clock.callLater(RETRY_SECONDS, self._load_again)

    def _load_again(self) -> None:
        Deferred.fromCoroutine(self.load()).addErrback(
            lambda failure: self._logger.failure("Could not read names", failure)
        )

    def take(self, record: Record) -> None:
        """Know what another node has kept, or let go."""
        if record.value is None:
            self._keys.discard(record.key)
        else:
            self._keys.add(record.key)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def remember(self, name: Name) -> None:
        """An account of that name is here: the log keeps that, once."""
        if name.key not in self._keys:
            self._keys.add(name.key)
            kept = self._log.keep([Record(KIND, "", name.key, name.text.encode(), "absent")])
            kept.addErrback(self._not_kept, name.key)

    def _not_kept(self, failure: object, key: str) -> None:
        self._keys.discard(key)  # it is tried again at the next login
        self._logger.warn("The log can not keep the name {name} now", name=key)

    async def release(self, key: str) -> bool:
        """Let anybody have that name again; return whether it was kept."""
        (done,) = await self._log.keep([Record(KIND, "", key, None)])
        self._keys.discard(key)
        return done
