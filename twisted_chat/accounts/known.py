"""Addresses from which accounts have got in, as the log keeps them: see attempts.py."""

from __future__ import annotations

from typing import Final

from attrs import define
from twisted.logger import Logger

from twisted_chat.accounts.attempts import MAX_KNOWN, Attempts
from twisted_chat.log.contract import Log, Record
from twisted_chat.vocabulary.errors import ChatError

KIND: Final = "seen"
"""The kind of its records: an address (a ``network``) in the scope of its user."""


@define(eq=False)
class KnownAddresses:
    """Keeps what ``attempts`` learns, and tells it again after a restart."""

    _log: Log
    _attempts: Attempts
    _logger = Logger()

    async def load(self) -> None:
        """Take up what the log holds, and keep what is learned from now on."""
        self._attempts.learned = self._learned
        after, count = ("", ""), 0
        try:
            while count < MAX_KNOWN and (records := await self._log.kept(KIND, after=after)):
                for record in records:
                    self._attempts.know(record.key, record.scope.removeprefix("user:"))
                count += len(records)
                after = records[-1].scope, records[-1].key
        except ChatError:
            self._logger.warn("The log can not tell from where accounts have logged in before")

    async def forget(self, user: str) -> None:
        """Forget from where an account that is no more has got in. Raises ChatError."""
        for where in self._attempts.known_of(user):
            self._attempts.forget(where, user)
        scope = f"user:{user}"
        while records := await self._log.kept(KIND, scope):
            await self._log.keep([Record(KIND, scope, record.key, None) for record in records])

    def _learned(self, where: str, user: str) -> None:
        kept = self._log.keep([Record(KIND, f"user:{user}", where, b"", "absent")])
        kept.addErrback(lambda _: self._logger.warn("The log can not keep an address now"))
