"""The one way in, for every door."""

from __future__ import annotations

from typing import Protocol, cast

from attrs import define, field
from twisted.cred.credentials import ICredentials, UsernamePassword
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import Portal

from twisted_chat.accounts.accounts import GuestName
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.accounts.devices import Devices
from twisted_chat.accounts.passwords import TooLate
from twisted_chat.accounts.proof import Proof
from twisted_chat.accounts.refusals import Refusals
from twisted_chat.chat.member import Mind
from twisted_chat.chat.sparing import SparingLog
from twisted_chat.chat.user import IUser, User
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import Name, key_of, user_name


class Keeper(Protocol):
    """What makes accounts: see keeper.py."""

    @property
    def policy(self) -> str:
        """Who may make an account: ``open``, ``invite`` or ``closed``."""

    async def register(
        self, user: str, password: str, invite: str | None, mind: Mind, *, own: bool = False
    ) -> Name:
        """Make one; return its name."""


@define(eq=False)
class Admission:
    """The one way in, for every door: from what somebody typed to the User that it is."""

    portal: Portal
    attempts: Attempts
    accounts: bool = field(kw_only=True)
    """Whether there are accounts; without them, a password says nothing."""
    devices: Devices | None = field(default=None, kw_only=True)
    """Those that need no password."""
    keeper: Keeper | None = field(default=None, kw_only=True)
    """What makes accounts."""
    refusals: Refusals = field(factory=Refusals, kw_only=True)
    """What all doors have refused."""
    told: SparingLog | None = field(default=None, kw_only=True)
    """Where failed logins are written, for an operator or a program that bans addresses."""

    async def admit(self, user: str, password: str | None, token: str | None, mind: Mind) -> User:
        """Log in from ``mind.host``.

        Raises ChatError: ``invalid-name``, ``too-many-attempts``, ``bad-credentials``,
        ``server-full``, or what the realm refuses with (``name-in-use``).
        """
        name = user_name(user)
        if password is None and token is not None and self.devices is not None:
            await self.devices.loaded()
            device = self.devices.find(name.key, token)
            if device is not None:
                return await self._by_device(name, device, mind)
        if password is None or not self.accounts:
            self.attempts.check(mind.host, name.key)
            return await self._login(name.key, GuestName(user, token), mind)
        given = UsernamePassword(name.text.encode(), password.encode("utf-8", "surrogatepass"))
        await self.attempts.begin(mind.host, name.key)
        try:
            admitted = await self._login(name.key, given, mind)
            self.attempts.succeeded(mind.host, name.key)
            return admitted
        except TooLate:  # a guess all the same: else one would hang up before each answer
            self.failed(name.text, mind.host, mind.door)
            raise
        finally:
            self.attempts.end(mind.host, name.key)

    async def _by_device(self, name: Name, device: str, mind: Mind) -> User:
        user = await self._login(name.key, Proof(name, account=True), mind)
        user.device = device
        if self.devices is not None:
            self.devices.used(name.key, device, mind)
        return user

    async def remember(self, user: User) -> str | None:
        """Make a device of the connection of an account; return its token.

        Raises ChatError ``not-stored``.
        """
        if self.devices is None or user.is_guest:
            return None
        user.device, token = await self.devices.remember(user.name.key, user.mind)
        return token

    def failed(self, user: str, host: str, door: str) -> None:
        """Count a failed login, and write it down."""
        self.attempts.failed(host, key_of(user) or user)
        if self.told is not None:
            self.told.warn(
                "Failed login from {host} as {user} by the {door} door",
                host=host,
                user=user,
                door=door,
            )

    def asked(self, user: str, host: str) -> None:
        """Count that somebody has learnt that a name is an account's, and has guessed nothing."""
        self.attempts.asked(host, key_of(user) or user)

    async def _login(self, key: str, credentials: ICredentials, mind: Mind) -> User:
        try:
            _, user, _ = await self.portal.login(credentials, mind, IUser)
        except (UnauthorizedLogin, UnhandledCredentials) as refused:
            if not isinstance(credentials, GuestName) or credentials.token is not None:
                self.failed(key, mind.host, mind.door)
            elif isinstance(refused, UnauthorizedLogin):  # else no name comes in: nothing is learnt
                self.asked(key, mind.host)
            raise ChatError(
                "bad-credentials", "The name and the password do not match an account."
            ) from None
        return cast(User, user)
