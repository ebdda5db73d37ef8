"""What moderators and operators did: who, what, to whom, when, why. For the operator to read."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Final

from attrs import define, field
from msgspec import DecodeError
from msgspec.json import Decoder, encode
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_chat.log.contract import Log, Record

KIND: Final = "audit"
"""The kind of its records; their keys are in the order of time."""

MAX_ACTS: Final = 10_000
"""Acts that are kept of the server, and as many of all sessions together.

The oldest go: of sessions, those of the one that has most. So nobody who rules a session of its own
can push out what others did.
"""

_acts: Final = Decoder(dict[str, Any])


@define(eq=False)
class Audit:
    """Keeps what was done, with the log."""

    _log: Log
    _keys: dict[str, deque[str]] = field(factory=dict, init=False)
    """By the name of the session; those of the server by none."""
    _in_sessions: int = field(default=0, init=False)
    _count: int = field(factory=lambda: secrets.randbelow(500_000), init=False)
    """So that two nodes do not give the same key to two acts of the same moment."""
    _logger = Logger()

    async def load(self) -> None:
        """Know what is kept already. Raises ChatError."""
        async for record in self._kept():
            self._know(str(_read(record).get("session") or ""), record.key)

    async def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the last acts, the newest last; of all nodes. Raises ChatError."""
        last: deque[Record] = deque(maxlen=limit)
        async for record in self._kept():
            last.append(record)
        return [_read(record) for record in last]

    async def _kept(self) -> AsyncIterator[Record]:
        after = ""
        while records := await self._log.kept(KIND, "", after=after):
            for record in records:
                yield record
            after = records[-1].key

    def _know(self, session: str, key: str) -> None:
        self._keys.setdefault(session, deque()).append(key)
        self._in_sessions += bool(session)

    def _too_many(self, session: str) -> list[str]:
        """Forget as many as are too many; return their keys."""
        gone = []
        if session:
            while self._in_sessions > MAX_ACTS:
                named = (name for name in self._keys if name)
                most = max(named, key=lambda name: len(self._keys[name]))
                gone.append(self._keys[most].popleft())
                self._in_sessions -= 1
                if not self._keys[most]:
                    del self._keys[most]
        while len(self._keys.get("", ())) > MAX_ACTS:
            gone.append(self._keys[""].popleft())
        return gone

    def note(self, now: int, what: str, by: str, **more: str | int | None) -> None:
        """Keep that ``by`` did this, at ``now`` (milliseconds since 1970)."""
        self._count += 1
        key = f"{now:015d}.{self._count % 1_000_000:06d}"
        said = {"time": now, "what": what, "by": by}
        said |= {name: value for name, value in more.items() if value is not None}
        records = [Record(KIND, "", key, encode(said))]
        where = str(more.get("session") or "")
        self._know(where, key)
        records += [Record(KIND, "", old, None) for old in self._too_many(where)]
        kept: Deferred[list[bool]] = self._log.keep(records)
        kept.addErrback(self._not_kept, what, by)

    def _not_kept(self, failure: object, what: str, by: str) -> None:
        self._logger.warn("The log can not keep that {by} did {what}", by=by, what=what)


def _read(record: Record) -> dict[str, Any]:
    try:
        return _acts.decode(record.value or b"{}")
    except DecodeError:
        return {}
