"""Who may come in: accounts, guests, and the one way in for every door.

::

    door -> Admission.admit -> Portal.login -> AccountChecker -> Chat (the realm) -> User
                                            -> GuestChecker

A checker's answer is the realm's question: an account is its name as bytes, a guest is a Guest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from functools import partial
from hmac import compare_digest
from time import monotonic
from typing import Final, Protocol, TypeVar, cast

from attrs import field, frozen
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, execute
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.accounts import users_file
from twisted_chat.accounts.passwords import DECOY, Passwords, is_hash, prepared
from twisted_chat.accounts.roll import Roll
from twisted_chat.accounts.users_file import Account, AccountsError, UnreadableError
from twisted_chat.chat.people import Guest
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.lookalikes import Lookalikes, is_mixed
from twisted_chat.vocabulary.names import Name, key_of, user_name

T = TypeVar("T")

SMALL: Final = 128 * 1024
"""Bytes of a users file (1,000 accounts or so) that are read in the reactor's thread: 5 ms."""


class Run(Protocol):
    """Does a piece of work, here or in a thread; the Deferred fires in the reactor's."""

    def __call__(self, work: Callable[[], T], /) -> Deferred[T]:
        """Begin it."""


class Accounts(Roll):
    """The accounts of a users file, as it is now.

    ``run`` is for work that would hold up the reactor. The first reading raises AccountsError.
    Later a broken file is refused and logged, and what was read before stays in force.
    """

    _log = Logger()

    def __init__(
        self,
        path: str | os.PathLike[str],
        run: Run = execute,
        seconds: Callable[[], float] = monotonic,
        ended: Callable[[Collection[str]], object] = lambda _: None,
    ) -> None:
        super().__init__(seconds, ended)
        self._path = os.fspath(path)
        self._run = run
        self._state = _state(self._path)
        self._reading = False
        self._told: object = None
        """Which problem was told last, and of which state of the file."""
        self.put_in(*self._read({}))
        self.warn_of_passwords(self._path)

    def refresh(self) -> None:
        """Read the file again if it has changed: one system call where it has not.

        A large one is read by ``run``, and what was read before is in force until that is done.
        """
        state = _state(self._path)  # of before the reading: a change during it is seen next time
        if state == self._state or self._reading:
            return
        self._reading = True
        run = execute if state.size <= SMALL else self._run
        reading = run(partial(self._read, self._accounts))
        reading.addCallbacks(self._take, self._refuse, callbackArgs=(state,), errbackArgs=(state,))
        reading.addErrback(lambda failure: self._log.failure("Could not read accounts", failure))

    def _take(self, read: tuple[dict[str, Account], str, Lookalikes], state: _State) -> None:
        self._reading, self._state, self._told = False, state, None
        self.put_in(*read)
        self._log.info(
            "{file} has changed: {count} accounts.", file=self._path, count=len(self._accounts)
        )

    def _refuse(self, failure: Failure, state: _State) -> None:
        """Keep what there is; try an unreadable file again, and say each problem once."""
        self._reading = False
        failure.trap(AccountsError)
        problem = cast(AccountsError, failure.value)
        if not isinstance(problem, UnreadableError):
            self._state = state
        if self._told != (state, str(problem)):
            self._told = (state, str(problem))
            self._log.error(
                "{problem} The accounts that were read before stay in force.",
                problem=str(problem),
                file=problem.file,
                line=problem.line,
                reason=problem.reason,
            )

    def _read(self, before: Mapping[str, Account]) -> tuple[dict[str, Account], str, Lookalikes]:
        known = {account.name.text: account.name for account in before.values()}
        found = users_file.read(self._path, known).accounts
        accounts = {account.name.key: account for account in found}
        hashes = (one.password for one in accounts.values() if is_hash(one.password))
        looks = Lookalikes()
        for account in accounts.values():
            looks.add(account.name)
        return accounts, next(hashes, DECOY), looks


@frozen
class _State:
    """What differs when the file does (ctime is among it: it may have become readable)."""

    size: int = 0
    other: tuple[int, ...] = ()


def _state(path: str) -> _State:
    try:
        found = os.stat(path)
    except OSError as problem:
        return _State(other=(problem.errno or 0,))
    except ValueError:  # a NUL in the path
        return _State()
    other = (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)
    return _State(found.st_size, other)


@implementer(ICredentialsChecker)
@frozen(eq=False)
class AccountChecker:
    """Checks a name and a password against the accounts; the avatar id is the account's name.

    A user who is not there, a wrong password and a plain-text one all cost one verification, so
    that the time an answer takes tells nothing.
    """

    accounts: Roll
    passwords: Passwords
    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:
        """Return the account's name in UTF-8.

        Fails with UnauthorizedLogin, or with ChatError where too many wait.
        """
        return Deferred.fromCoroutine(self._check(credentials.username, credentials.password))

    async def _check(self, username: bytes, password: bytes) -> bytes | tuple[()]:
        await self.accounts.ready()
        self.accounts.refresh()
        # What is not UTF-8 becomes lone surrogates here, which no name and no password has.
        key = key_of(username.decode("utf-8", "surrogateescape"))
        given = password.decode("utf-8", "surrogateescape")
        account = None if key is None else self.accounts.get(key)
        if account is not None and is_hash(account.password):
            right = await self.passwords.verify(account.password, given)
        else:
            await self.passwords.verify(self.accounts.decoy, given)
            right = account is not None and compare_digest(
                prepared(account.password), prepared(given)
            )
        if account is None or not right:
            raise UnauthorizedLogin
        return account.name.text.encode()


class IGuestName(ICredentials):
    """A name without a password, and perhaps the token of who had it before."""


@implementer(IGuestName)
@frozen
class GuestName:
    """What a guest has: a name, and the token from its earlier ``welcome`` where it comes back."""

    name: str
    token: str | None = field(default=None, repr=False)


@implementer(ICredentialsChecker)
@frozen(eq=False)
class GuestChecker:
    """Lets in whoever takes no account's name, nor one like it; the avatar id is a Guest.

    Whether another guest has the name now, or an account left something under it, is for the
    realm to say.
    """

    accounts: Roll | None
    reserved: Lookalikes = field(factory=Lookalikes)
    """Names that no guest has, nor one like them."""
    credentialInterfaces = (IGuestName,)

    def requestAvatarId(  # type: ignore[override]  # the realm is ours, and knows what a Guest is
        self, credentials: GuestName
    ) -> Guest:
        """Return the guest.

        Raises UnauthorizedLogin for an account's name, and ChatError ``invalid-name`` or
        ``name-in-use`` for one that could be taken for another's.
        """
        name = user_name(credentials.name)
        check_new(name, self.reserved)
        if self.accounts is not None:
            self.accounts.refresh()
            if self.accounts.is_taken(name.key):
                raise UnauthorizedLogin
            if self.accounts.resembling(name) is not None:
                raise ChatError("name-in-use", f"{name} looks too much like another's name.")
        return Guest(name, credentials.token)


def check_new(name: Name, reserved: Lookalikes) -> None:
    """Judge a name that somebody chooses: a guest, or who makes an account.

    Raises ChatError ``invalid-name`` where it is reserved, or written in scripts that do not go
    together.
    """
    if is_mixed(name.text):
        raise ChatError("invalid-name", "A user name is written in one script.")
    if reserved.has(name):
        raise ChatError("invalid-name", f"The name {name} is kept for the server itself.")


def make_portal(
    chat: IRealm,
    passwords: Passwords,
    accounts: Roll | None,
    guests: bool,
    reserved: Lookalikes | None = None,
) -> Portal:
    """Return the portal to ``chat``: for accounts where there are any, and for guests.

    Guests are let in where ``guests`` says so, and where there is no users file.
    """
    portal = Portal(chat)
    if accounts is not None:
        portal.registerChecker(AccountChecker(accounts, passwords))
    if guests or accounts is None:
        portal.registerChecker(GuestChecker(accounts, reserved or Lookalikes()))
    return portal


class _ReactorThreads:
    """The reactor's own thread pool, which it starts when it is needed, and stops."""

    size = 2

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        return deferToThread(work)


def standalone_checker(path: str) -> AccountChecker:
    """Return a checker of a users file for any Twisted program: ``--auth chatusers:FILE``.

    It needs no starting and no stopping. Raises AccountsError.
    """
    return AccountChecker(Accounts(path), Passwords(_ReactorThreads()))
