"""Where accounts are kept, from the operator's settings: in a users file, or in the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from attrs import frozen
from twisted.logger import Logger

from twisted_chat.accounts.accounts import Accounts
from twisted_chat.accounts.kept import KeptAccounts, KeptKeys
from twisted_chat.accounts.keys import SUFFIX, FileKeys
from twisted_chat.accounts.passwords import NiceThreads
from twisted_chat.accounts.proofs import KeyRing
from twisted_chat.accounts.roll import Roll
from twisted_chat.accounts.storing import AccountStore, FileStore
from twisted_chat.accounts.users_edit import editing
from twisted_chat.log.contract import Log
from twisted_chat.log.shared import is_shared
from twisted_chat.operation import settings
from twisted_chat.operation.settings import Settings, SettingsError

_logger = Logger()


@frozen
class Keeping:
    """The accounts, how one is changed, and their public keys."""

    accounts: Roll
    store: AccountStore
    keys: KeyRing

    @classmethod
    def in_file(cls, chosen: Settings, threads: NiceThreads, reactor: Any) -> Self | None:
        """Read a users file; None where there is none. Raises AccountsError, SettingsError."""
        path = users_of(chosen)
        if chosen.registration != "closed":
            if path is None:
                raise SettingsError("--registration needs --users FILE, where accounts are kept.")
            if not Path(path).exists():
                with editing(path, new=True):
                    pass
        if path is None:
            _logger.info("There is no users file: everyone is a guest.")
            return None
        accounts = Accounts(path, threads.run)
        store = FileStore(path, accounts, reactor, threads.run)
        return cls(accounts, store, FileKeys(path + SUFFIX))

    @classmethod
    def in_log(cls, log: Log) -> Self:
        """Let the log keep them: it is read when the daemon runs."""
        accounts = KeptAccounts(log)
        return cls(accounts, accounts, KeptKeys(log))

    async def load(self) -> None:
        """Read what is kept in the log. Raises ChatError ``not-stored``."""
        if isinstance(self.accounts, KeptAccounts):
            await self.accounts.load()
        if isinstance(self.keys, KeptKeys):
            await self.keys.load()


def are_in_log(chosen: Settings) -> bool:
    """Whether the log is to keep the accounts. Raises SettingsError where it can not."""
    if chosen.users is None or not is_shared(chosen.users):
        return False
    if not is_shared(chosen.log) or chosen.users not in ("postgresql:", chosen.log):
        raise SettingsError(
            "--users postgresql: keeps accounts in the log's database: --log postgresql://…"
        )
    return True


def users_of(chosen: Settings) -> str | None:
    """Return the users file, if there is one."""
    return chosen.users or (settings.USERS if Path(settings.USERS).exists() else None)
