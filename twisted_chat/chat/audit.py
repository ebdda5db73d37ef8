"""What moderators and operators did: who, what, to whom, when, why. For the operator to read."""

from __future__ import annotations

import secrets
from collections import deque
from typing import Final

from attrs import define, field
from msgspec.json import encode
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_chat.log.contract import Log, Record

KIND: Final = "audit"
"""The kind of its records; their keys are in the order of time."""

MAX_ACTS: Final = 10_000
"""Acts that are kept: the oldest go."""


@define(eq=False)
class Audit:
    """Keeps what was done, with the log."""

    _log: Log
    _keys: deque[str] = field(factory=deque, init=False)
    _count: int = field(factory=lambda: secrets.randbelow(500_000), init=False)
    """So that two nodes do not give the same key to two acts of the same moment."""
    _logger = Logger()

    async def load(self) -> None:
        """Know what is kept already. Raises ChatError."""
        after = ""
        while records := await self._log.kept(KIND, "", after=after):
            self._keys.extend(record.key for record in records)
            after = records[-1].key

    def note(self, now: int, what: str, by: str, **more: str | int | None) -> None:
        """Keep that ``by`` did this, at ``now`` (milliseconds since 1970)."""
        self._count += 1
        key = f"{now:015d}.{self._count % 1_000_000:06d}"
        said = {"time": now, "what": what, "by": by}
        said |= {name: value for name, value in more.items() if value is not None}
        records = [Record(KIND, "", key, encode(said))]
        self._keys.append(key)
        while len(self._keys) > MAX_ACTS:
            records.append(Record(KIND, "", self._keys.popleft(), None))
        kept: Deferred[list[bool]] = self._log.keep(records)
        kept.addErrback(self._not_kept, what, by)

    def _not_kept(self, failure: object, what: str, by: str) -> None:
        self._logger.warn("The log can not keep that {by} did {what}", by=by, what=what)
