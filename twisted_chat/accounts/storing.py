"""Where accounts are kept that users make and change: the users file, or the log (kept.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_chat.accounts.roll import Roll
from twisted_chat.accounts.users_edit import editing
from twisted_chat.accounts.users_file import Account, AccountsError
from twisted_chat.vocabulary.errors import ChatError

READ_SECONDS: Final = 0.02
"""How often it is looked whether a large users file has been read again."""

READS: Final = 500


class AccountStore(Protocol):
    """Keeps accounts."""

    async def put(self, account: Account, *, new: bool) -> None:
        """Keep an account, and return when it is known.

        Raises ChatError ``name-in-use`` (where it is to be ``new``), ``not-stored``.
        """


@define(eq=False)
class FileStore:
    """Keeps them in a users file. ``run`` runs what blocks."""

    path: str
    accounts: Roll
    clock: IReactorTime
    run: Callable[[Callable[[], None]], Deferred[None]]
    _logger = Logger()

    async def put(self, account: Account, *, new: bool) -> None:
        """See AccountStore."""

        def write() -> None:
            with editing(self.path, new=True) as edit:
                if new and edit.file.find(account.name.key) is not None:
                    raise ChatError("name-in-use", f"The name {account.name} is taken.")
                edit.file = edit.file.with_account(account)

        try:
            await self.run(write)
        except (OSError, AccountsError) as problem:
            self._logger.error("The users file can not be changed: {why}", why=str(problem))
            raise ChatError("not-stored", "The server can not change accounts now.") from None
        await self._read_back(account)

    async def _read_back(self, account: Account) -> None:
        """Wait until the accounts are those that were written."""
        for _ in range(READS):
            self.accounts.refresh()
            found = self.accounts.get(account.name.key)
            if found is not None and found.password == account.password:
                return
            await deferLater(self.clock, READ_SECONDS)
        raise ChatError("not-stored", "The server can not read its accounts now.")
