"""Devices: long-lived tokens of accounts, one for each device, kept as hashes with the log.

A token is the device's name and a secret of 256 bits, so that a plain hash is enough. Whoever has
it is let in without the password, until it is forgotten, the password is changed, or the account is
removed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from attrs import define, field
from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_chat.chat.latch import Latch
from twisted_chat.chat.member import Mind
from twisted_chat.log.contract import Log, Record
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Device

KIND: Final = "device"
"""The kind of its records: a device in the scope of its user."""

MAX_DEVICES: Final = 50
"""Devices of one account, at most: the one not used for longest goes."""


class Kept(Struct, frozen=True, kw_only=True):
    """A device, as it is kept. Times are in milliseconds since 1970."""

    hash: str
    since: int
    last: int
    door: str
    address: str


_kept: Final = Decoder(Kept)


@define(eq=False)
class Devices:
    """The devices of all accounts. ``now`` is the time of day, in seconds since 1970."""

    _log: Log
    _now: Callable[[], float]
    _of: dict[str, dict[str, Kept]] = field(factory=dict, init=False)
    """By the key of the account, and the device's name."""
    _known: Latch = field(factory=Latch, init=False)
    _logger = Logger()

    async def loaded(self) -> None:
        """Wait until it is known which devices there are."""
        await self._known.passed()

    async def load(self) -> None:
        """Take up what the log holds."""
        await self._load()
        self._known.open()

    async def _load(self) -> None:
        after: str | tuple[str, str] = ""
        try:
            while records := await self._log.kept(KIND, after=after):
                for record in records:
                    self.take(record)
                after = (records[-1].scope, records[-1].key)
        except ChatError:
            self._logger.warn(
                "The log can not tell which devices are known: passwords are asked for"
            )

    def take(self, record: Record) -> str:
        """Know what is kept, or was by another node; return whose it is."""
        key = record.scope.removeprefix("user:")
        mine = self._of.setdefault(key, {})
        if record.value is None:
            mine.pop(record.key, None)
            return key
        with suppress(DecodeError):
            mine[record.key] = _kept.decode(record.value)
        return key

    def of(self, key: str) -> Iterator[Device]:
        """Yield the devices of an account, in the order in which they came."""
        for name, kept in sorted(self._of.get(key, {}).items(), key=lambda item: item[1].since):
            yield Device(
                device=name, since=kept.since, last=kept.last, door=kept.door, address=kept.address
            )

    def find(self, key: str, token: str) -> str | None:
        """Return the device of an account whose token this is."""
        name, _, secret = token.partition(".")
        kept = self._of.get(key, {}).get(name)
        if kept is None or not compare_digest(kept.hash, _hash(secret)):
            return None
        return name

    async def remember(self, key: str, mind: Mind) -> tuple[str, str]:
        """Return a new device of an account, and its token. Raises ChatError ``not-stored``."""
        name, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        now = self._millis()
        kept = Kept(hash=_hash(secret), since=now, last=now, door=mind.door, address=mind.host)
        mine = self._of.setdefault(key, {})
        records = [_record(key, name, kept)]
        oldest = sorted(mine, key=lambda one: mine[one].last)[: max(0, len(mine) + 1 - MAX_DEVICES)]
        records += [_record(key, one, None) for one in oldest]
        await self._log.keep(records)
        for one in oldest:
            mine.pop(one, None)
        mine[name] = kept
        return name, f"{name}.{secret}"

    def used(self, key: str, name: str, mind: Mind) -> None:
        """Note that a device has logged in."""
        kept = self._of.get(key, {}).get(name)
        if kept is not None:
            kept = replace(kept, last=self._millis(), door=mind.door, address=mind.host)
            self._of[key][name] = kept
            noted: Deferred[list[bool]] = self._log.keep([_record(key, name, kept)])
            noted.addErrback(lambda _: None)  # it is only for people to look at

    async def forget(self, key: str, name: str | None = None) -> list[str]:
        """Forget a device of an account, or all; return which. Raises ChatError ``not-stored``."""
        mine = self._of.get(key, {})
        gone = {one: mine.pop(one) for one in tuple(mine) if name in (None, one)}
        if gone:  # from now on, whenever it is stored
            try:
                await self._log.keep([_record(key, one, None) for one in gone])
            except ChatError:
                mine.update(gone)
                raise
        return list(gone)

    def _millis(self) -> int:
        return int(self._now() * 1_000)


def _record(key: str, name: str, kept: Kept | None) -> Record:
    return Record(KIND, f"user:{key}", name, None if kept is None else encode(kept))


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
