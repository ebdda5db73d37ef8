"""Whom accounts ignore: kept with the log, so that it is so on each of their devices.

What an ignored user says is given out like all else, for there is no silent gap: it is clients that
do not show it. Here it is known so that it is no mention of who ignores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import define, field

from twisted_chat.log.contract import Log, Record

IGNORED: Final = "ignored"
"""The kind of the records: an ignored user, in the scope of who ignores it."""


@define(eq=False)
class Ignoring:
    """Whom each account ignores."""

    _log: Log
    _of: dict[str, dict[str, str]] = field(factory=dict, init=False)
    """By the key of the account: the keys and the names of whom it ignores."""

    async def load(self) -> None:
        """Take up what the log holds. Raises ChatError."""
        after: str | tuple[str, str] = ""
        while records := await self._log.kept(IGNORED, after=after):
            for record in records:
                self.take(record)
            after = (records[-1].scope, records[-1].key)

    def take(self, record: Record) -> str:
        """Take up what was kept; return the key of whose it is. It may be known already."""
        key = record.scope.removeprefix("user:")
        ignored = self._of.setdefault(key, {})
        if record.value is None:
            ignored.pop(record.key, None)
        else:
            ignored[record.key] = record.value.decode()
        if not ignored:
            del self._of[key]
        return key

    def of(self, key: str) -> Mapping[str, str]:
        """Return whom an account ignores: their keys, and their names."""
        return self._of.get(key, {})


def ignoring(key: str, other: str, name: str | None) -> Record:
    """Return what lets an account ignore a user, or without a name ignore it no more."""
    return Record(IGNORED, f"user:{key}", other, None if name is None else name.encode())
