"""Who somebody is that asks by HTTP: a name, and a password or the token of a ``welcome``."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from hmac import compare_digest
from typing import Final

from attrs import frozen

from twisted_chat.accounts.proofs import Prover
from twisted_chat.chat.chat import Chat
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import Name, key_of, user_name

MAX_HEADER: Final = 8_192
"""Characters of an ``Authorization`` that are looked at."""


@frozen
class Bearer:
    """Who asks. ``guest``: it is no account."""

    name: Name
    guest: bool


@frozen(eq=False)
class Bearers:
    """Proves who asks, by what counts against an address everywhere."""

    chat: Chat
    prover: Prover

    async def of(self, authorization: str, host: str) -> Bearer:
        """Return who asks, by HTTP's Basic.

        A guest proves itself by the token of its ``welcome``, while it is here; an account by that
        of a device, or by its password.

        Raises ChatError ``not-logged-in``, ``bad-credentials``, ``invalid-name``,
        ``too-many-attempts``, ``server-full``, ``banned``, ``muted``.
        """
        user, secret = _read(authorization)
        name = user_name(user)
        await self.chat.opened.passed()  # who is banned is not known before
        bearer = await self._guest(name, secret) or await self._device(name, secret)
        if bearer is None:
            proof = await self.prover.password(user, secret, host, "web")
            bearer = Bearer(proof.name, guest=False)
        self._check(bearer, host)
        return bearer

    async def _guest(self, name: Name, secret: str) -> Bearer | None:
        person = self.chat.people.here.get(name.key)
        if person is not None and person.users:
            is_it = person.guest and person.token is not None and _same(person.token, secret)
            return Bearer(person.name, guest=True) if is_it else None
        # It may be at another node, of which this one may not have heard yet.
        is_it = await self.chat.peers.proves(name.key, secret)
        return Bearer(name, guest=True) if is_it else None

    async def _device(self, name: Name, secret: str) -> Bearer | None:
        devices = self.prover.admission.devices
        account = self.chat.people.account(name.key)
        if devices is None or account is None:
            return None
        await devices.loaded()
        found = devices.find(name.key, secret) is not None
        return Bearer(account.name, guest=False) if found else None

    def _check(self, bearer: Bearer, host: str) -> None:
        """Refuse who is kept out of the server, or is to say nothing there."""
        if not bearer.guest and self.chat.people.is_operator(bearer.name):
            return
        now, ruling = self.chat.millis(), self.chat.ruling
        if ruling.bans.fitting(bearer.name.key, host, now) is not None:
            raise ChatError("banned", "You are banned from this server.")
        if ruling.mutes.fitting(bearer.name.key, host, now) is not None:
            raise ChatError("muted", "You may not speak here.")


def _read(authorization: str) -> tuple[str, str]:
    """Return the name and the secret of a Basic header. Raises ChatError ``not-logged-in``."""
    scheme, _, given = authorization[:MAX_HEADER].partition(" ")
    try:
        user, colon, secret = b64decode(given.strip(), validate=True).decode().partition(":")
    except (NotBase64, UnicodeDecodeError, ValueError):
        user = colon = secret = ""
    if scheme.lower() != "basic" or not colon or key_of(user) is None:
        raise ChatError("not-logged-in", "Say who you are: a name, and a password or a token.")
    return user, secret


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode(), other.encode("utf-8", "surrogatepass"))
