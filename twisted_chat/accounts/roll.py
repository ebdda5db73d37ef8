"""The roll: which accounts there are now, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from time import monotonic
from typing import Final

from twisted.logger import Logger

from twisted_chat.accounts.examples import known_to_all
from twisted_chat.accounts.passwords import DECOY, is_hash
from twisted_chat.accounts.users_file import Account
from twisted_chat.vocabulary.lookalikes import Lookalikes
from twisted_chat.vocabulary.names import Name

RESERVED_SECONDS: Final = 600.0
"""How long no guest may have the name of an account that is there no more."""

_SHOWN: Final = 10
"""Names in a warning, at most."""


class Roll:
    """The accounts that are known, by the compared forms of their names.

    ``ended`` is called with the keys of accounts that are gone, or have another password.
    """

    _log = Logger()

    def __init__(
        self,
        seconds: Callable[[], float] = monotonic,
        ended: Callable[[Collection[str]], object] = lambda _: None,
    ) -> None:
        self._seconds = seconds
        self.ended = ended
        self._accounts: dict[str, Account] = {}
        self._decoy = DECOY
        self._looks = Lookalikes()
        self._removed: dict[str, float] = {}

    def get(self, key: str) -> Account | None:
        """Return the account whose name compares as ``key``."""
        return self._accounts.get(key)

    def is_taken(self, key: str) -> bool:
        """Whether no guest may have that name: an account has it, or had it a short while ago.

        So a file that is half written, and valid, gives nobody's name away.
        """
        since = self._removed.get(key)
        return key in self._accounts or (
            since is not None and self._seconds() - since < RESERVED_SECONDS
        )

    def resembling(self, name: Name) -> Name | None:
        """Return the name of an account that looks like ``name`` and is another."""
        return self._looks.of(name)

    @property
    def decoy(self) -> str:
        """A hash to verify against, where there is no right one, and discard the answer."""
        return self._decoy

    async def ready(self) -> None:
        """Wait until it is known which accounts there are."""

    def refresh(self) -> None:
        """Look whether something has changed, where that is not told."""

    def warn_of_passwords(self, where: str) -> None:
        """Tell of passwords that everybody knows, or that are no hashes; ``where`` has them."""
        if known := known_to_all(self._accounts.values()):
            self._log.warn(
                "{where}: everybody knows the passwords of {users}: change them with"
                " 'twisted-chat users passwd'.",
                where=where,
                users=", ".join(known),
            )
        plain = [one.name.text for one in self._accounts.values() if not is_hash(one.password)]
        if plain:
            self._log.warn(
                "{where}: {count} passwords are plain text (of {users}); 'twisted-chat users"
                " passwd' replaces them by hashes.",
                where=where,
                count=len(plain),
                users=", ".join(plain[:_SHOWN]) + (", …" if len(plain) > _SHOWN else ""),
            )

    def put_in(self, accounts: dict[str, Account], decoy: str, looks: Lookalikes) -> None:
        """Let these be all that there are."""
        before, self._accounts = self._accounts, accounts
        self._decoy, self._looks = decoy, looks
        self._reserve(before)
        gone = [
            key
            for key, account in before.items()
            if key not in accounts or accounts[key].password != account.password
        ]
        if gone:
            self.ended(gone)

    def _reserve(self, before: Mapping[str, Account]) -> None:
        """Remember since when accounts are missing, for a while."""
        now = self._seconds()
        removed = {**self._removed, **dict.fromkeys(before.keys() - self._accounts.keys(), now)}
        self._removed = {
            key: since
            for key, since in removed.items()
            if key not in self._accounts and now - since < RESERVED_SECONDS
        }
