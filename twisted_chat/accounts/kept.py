"""Accounts and public keys that are kept in the log that nodes share: ``--users postgresql:``.

Each is a record of the server. Every node has all of them in memory, and hears of a change by the
log's feed, as of any other record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from time import monotonic
from typing import Final

from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode
from twisted.logger import Logger

from twisted_chat.accounts.keys import BadKey, PublicKey, parse_key
from twisted_chat.accounts.passwords import is_hash
from twisted_chat.accounts.roll import Roll
from twisted_chat.accounts.users_file import Account
from twisted_chat.chat.latch import Latch
from twisted_chat.log.contract import Log, Record
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import key_of, user_name

ACCOUNT: Final = "account"
"""The kind of records that are accounts, by their keys."""

PUBLIC_KEY: Final = "publickey"
"""The kind of records that are public keys, by their fingerprints, each of its user."""


class KeptAccount(Struct, frozen=True, omit_defaults=True):
    """An account, as it is kept."""

    name: str
    password: str
    operator: bool = False
    rest: tuple[str, ...] = ()


_account: Final = Decoder(KeptAccount)


def record_of(account: Account) -> Record:
    """Return what keeps an account."""
    kept = KeptAccount(account.name.text, account.password, account.operator, account.rest)
    return Record(ACCOUNT, "", account.name.key, encode(kept))


def account_of(record: Record) -> Account | None:
    """Return the account of a record; None for one that is gone, or can not be understood."""
    if record.value is None:
        return None
    try:
        kept = _account.decode(record.value)
        return Account(user_name(kept.name), kept.password, kept.operator, kept.rest)
    except (DecodeError, ChatError):
        return None


def record_of_key(key: PublicKey) -> Record:
    """Return what keeps a public key."""
    scope = f"user:{key_of(key.user) or key.user}"
    return Record(PUBLIC_KEY, scope, key.fingerprint, key.line().encode())


def key_in(record: Record) -> PublicKey | None:
    """Return the public key of a record; None for one that is gone, or can not be understood."""
    user, _, rest = (record.value or b"").decode(errors="replace").partition(" ")
    try:
        return parse_key(user, rest)
    except BadKey:
        return None


async def _see_nothing() -> None:
    """There is no other node."""


class KeptAccounts(Roll):
    """The accounts that a log keeps. Nobody is known before they are loaded."""

    def __init__(
        self,
        log: Log,
        seconds: Callable[[], float] = monotonic,
        ended: Callable[[Collection[str]], object] = lambda _: None,
    ) -> None:
        super().__init__(seconds, ended)
        self._kept = log
        self.look: Callable[[], Awaitable[None]] = _see_nothing
        """Hears what other nodes have written."""
        self._known = Latch()

    async def load(self) -> None:
        """Take up what the log holds. Raises ChatError ``not-stored``."""
        after = ""
        while records := await self._kept.kept(ACCOUNT, "", after=after):
            for record in records:
                self.take(record)
            after = records[-1].key
        self.warn_of_passwords("The database")
        self._known.open()

    async def ready(self) -> None:
        """See Roll. What another node has changed before now is known then, too."""
        if self._known.is_open:
            await self.look()
        else:
            await self._known.passed()

    def take(self, record: Record) -> None:
        """Know what is kept, here or by another node."""
        account, before = account_of(record), self._accounts.get(record.key)
        if before is not None:
            self._looks.discard(before.name)
        if account is None:
            if self._accounts.pop(record.key, None) is not None:
                self._removed[record.key] = self._seconds()
        else:
            self._accounts[record.key] = account
            self._looks.add(account.name)
            if is_hash(account.password):
                self._decoy = account.password
        if before is not None and (account is None or account.password != before.password):
            self.ended([record.key])

    async def put(self, account: Account, *, new: bool) -> None:
        """Keep an account. Raises ChatError ``name-in-use`` (``new``), ``not-stored``."""
        record = record_of(account)
        if new:
            record = Record(record.kind, record.scope, record.key, record.value, "absent")
        (took,) = await self._kept.keep([record])
        if not took:
            raise ChatError("name-in-use", f"The name {account.name} is taken.")
        self.take(record)


class KeptKeys:
    """The public keys that a log keeps: see ``proofs.KeyRing``."""

    _log = Logger()

    def __init__(self, log: Log) -> None:
        self._kept = log
        self._keys: dict[tuple[str, str], PublicKey] = {}
        """By the user's key and the fingerprint."""

    async def load(self) -> None:
        """Take up what the log holds. Raises ChatError ``not-stored``."""
        after: str | tuple[str, str] = ""
        while records := await self._kept.kept(PUBLIC_KEY, after=after):
            for record in records:
                self.take(record)
            after = (records[-1].scope, records[-1].key)

    def take(self, record: Record) -> None:
        """Know what is kept, here or by another node."""
        at = (record.scope.removeprefix("user:"), record.key)
        key = key_in(record)
        if key is None:
            self._keys.pop(at, None)
        else:
            self._keys[at] = key

    def has(self, user: str, blob: bytes) -> bool:
        """Whether the account with the compared name ``user`` has that key."""
        return any(owner == user and key.blob == blob for (owner, _), key in self._keys.items())

    def whose(self, blob: bytes) -> str | None:
        """Return the compared name of the one account that has that key."""
        owners = {owner for (owner, _), key in self._keys.items() if key.blob == blob}
        return owners.pop() if len(owners) == 1 else None
