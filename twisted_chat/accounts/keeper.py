"""What users do with their accounts: register one, change its password, see and forget devices.

Where accounts are kept stays the truth: what is changed is written there, and read back from there.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, Literal

from attrs import define, evolve, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_chat.accounts.accounts import check_new
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.accounts.devices import Devices
from twisted_chat.accounts.passwords import (
    MIN_PASSWORD,
    MIN_REGISTERED,
    Passwords,
    is_hash,
    weakness_of,
)
from twisted_chat.accounts.roll import Roll
from twisted_chat.accounts.storing import AccountStore
from twisted_chat.accounts.users_file import Account
from twisted_chat.chat.acting import end_device
from twisted_chat.chat.chat import Chat
from twisted_chat.chat.member import Mind
from twisted_chat.chat.user import User
from twisted_chat.log.contract import Record
from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.lookalikes import Lookalikes
from twisted_chat.vocabulary.messages import Device
from twisted_chat.vocabulary.names import Name, user_name

Policy = Literal["closed", "invite", "open"]

CODE: Final = "code"
"""The kind of records that are invitation codes; their keys are hashes."""

MAX_REGISTERED: Final = 5
"""Accounts that one address may make in WINDOW_SECONDS."""

WINDOW_SECONDS: Final = 3_600.0

MAX_ADDRESSES: Final = 10_000


@define(eq=False)
class Keeper:
    """Keeps accounts for their users, in ``store``."""

    store: AccountStore
    accounts: Roll
    passwords: Passwords
    attempts: Attempts
    chat: Chat
    devices: Devices
    clock: IReactorTime
    policy: Policy = "closed"
    reserved: Lookalikes = field(factory=Lookalikes)
    min_password: int = MIN_REGISTERED
    """Characters of a password with which somebody makes an account, at least."""
    _registered: OrderedDict[str, deque[float]] = field(factory=OrderedDict, init=False)
    """When accounts were made lately, by address."""
    _logger = Logger()

    # --- registering -------------------------------------------------------------------------

    async def register(
        self, user: str, password: str, invite: str | None, mind: Mind, *, own: bool = False
    ) -> Name:
        """Make an account; return its name. ``own``: the guest of that name wants it.

        Raises ChatError ``not-allowed``, ``invalid-name``, ``name-in-use``, ``bad-request`` (the
        password is easily guessed), ``bad-credentials`` (the code), ``too-many-attempts``,
        ``banned``, ``not-stored``.
        """
        if self.policy == "closed":
            raise ChatError("not-allowed", "Accounts are made by who runs this server.")
        await self.chat.opened.passed()  # who is banned, and whose names were, is not known before
        if self.chat.ruling.bans.fitting("", mind.host, self.chat.millis()) is not None:
            raise ChatError("banned", "Your address is banned from this server.")
        self.attempts.check(mind.host)
        self._check_pace(mind.host)
        name = user_name(user)
        try:
            self._check_free(name, own=own)
        except ChatError as refused:
            if refused.code == "name-in-use":
                self.attempts.asked(mind.host, name.key)  # it has learnt of an account
            raise
        if (weakness := weakness_of(password, name.text, self.min_password)) is not None:
            raise ChatError("bad-request", weakness)
        code = None
        if self.policy == "invite":
            code = await self._take_code(invite, mind, name)
        try:
            hashed = await self.passwords.hash(password)
            self._check_free(name, own=own)
            await self.store.put(Account(name, hashed), new=True)
        except BaseException:
            if code is not None:
                self.chat.log.keep([code]).addErrback(lambda _: None)
            raise
        self._note(mind.host)
        self._logger.info("{user} has registered from {host}", user=name.text, host=mind.host)
        return name

    def _check_free(self, name: Name, *, own: bool) -> None:
        check_new(name, self.reserved)
        chat = self.chat
        self.accounts.refresh()
        taken = (
            self.accounts.is_taken(name.key)
            or name.key in chat.former
            or (name.key in chat.people.here and not own)
            or chat.directs.are_kept_for(name.key)
            or not self._may_inherit(name.key, own=own)
        )
        if taken:
            raise ChatError("name-in-use", f"The name {name} is taken.")
        if self.accounts.resembling(name) is not None or chat.people.resembling(name) is not None:
            raise ChatError("name-in-use", f"{name} looks too much like another's name.")

    def _may_inherit(self, key: str, *, own: bool) -> bool:
        """Whether nothing is owned in that name, or all by the guest who wants it."""
        guest = self.chat.people.here.get(key) if own else None
        owned = [
            room.life.epoch
            for room in self.chat.sessions.rooms.values()
            if room.life.is_owned_by(key)
        ]
        return all(guest is not None and guest.roles.get(one) == "owner" for one in owned)

    def _check_pace(self, host: str) -> None:
        made = self._registered.get(network(host))
        if made is None or len(made) < MAX_REGISTERED:
            return
        if made[0] > self.clock.seconds() - WINDOW_SECONDS:
            raise ChatError("too-many-attempts", "Too many accounts were made from here.")

    def _note(self, host: str) -> None:
        made = self._registered.setdefault(network(host), deque(maxlen=MAX_REGISTERED))
        made.append(self.clock.seconds())
        self._registered.move_to_end(network(host))
        if len(self._registered) > MAX_ADDRESSES:
            self._registered.popitem(last=False)

    # --- codes -------------------------------------------------------------------------------

    async def invite(self) -> str:
        """Return a new invitation code, for one account. Raises ChatError ``not-stored``."""
        code = secrets.token_urlsafe(12)
        await self.chat.log.keep([Record(CODE, "", _hash(code), b"1")])
        return code

    async def _take_code(self, code: str | None, mind: Mind, name: Name) -> Record:
        """Use up a code; return what puts it back."""
        if code is not None:
            (was_there,) = await self.chat.log.keep([Record(CODE, "", _hash(code), None)])
            if was_there:
                return Record(CODE, "", _hash(code), b"1")
            self.attempts.failed(mind.host, name.key)
        raise ChatError("bad-credentials", "An invitation code is needed, and this is none.")

    # --- one's own account --------------------------------------------------------------------

    async def change_password(self, user: User, old: str, new: str) -> None:
        """Change one's own password; all other connections and devices of the account end.

        Raises ChatError ``not-allowed``, ``bad-credentials``, ``bad-request``,
        ``too-many-attempts``, ``not-stored``.
        """
        key, host = user.name.key, user.mind.host
        account = self._own(user)
        await self.attempts.begin(host, key)
        try:
            if not await self._is_right(account, old):
                self.attempts.failed(host, key)
                raise ChatError("bad-credentials", "That is not your password.")
            self.attempts.succeeded(host, key)
        finally:
            self.attempts.end(host, key)
        least = max(MIN_PASSWORD, self.min_password)
        if (weakness := weakness_of(new, user.name.text, least)) is not None:
            raise ChatError("bad-request", weakness)
        hashed = await self.passwords.hash(new)
        await self.devices.forget(key)
        self.chat.spared = user
        try:
            await self.store.put(evolve(self._own(user), password=hashed), new=False)
            self.chat.end_accounts([key])  # those who came while it was written
        finally:
            self.chat.spared = None
        user.device = None

    async def _is_right(self, account: Account, password: str) -> bool:
        if is_hash(account.password):
            return await self.passwords.verify(account.password, password)
        return secrets.compare_digest(account.password.encode(), password.encode())

    def devices_of(self, user: User) -> Sequence[Device]:
        """Return one's devices. Raises ChatError ``not-allowed``."""
        return list(self.devices.of(self._own(user).name.key))

    async def forget(self, user: User, device: str) -> None:
        """Forget one of one's devices, and end its connections.

        Raises ChatError ``not-allowed``, ``bad-request``, ``not-stored``.
        """
        key = self._own(user).name.key
        if not await self.devices.forget(key, device):
            raise ChatError("bad-request", "There is no such device.")
        end_device(user.person, device, user)

    def _own(self, user: User) -> Account:
        account = None if user.is_guest else self.accounts.get(user.name.key)
        if account is None:
            raise ChatError("not-allowed", "A guest has no account.")
        return account


def _hash(code: str) -> str:
    return sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
