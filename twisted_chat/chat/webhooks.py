"""Webhooks: what programs say in a session, which know no more than a secret.

A webhook has a name that nobody else gets, and says texts in one session, as an account with the
role ``voice`` would; its secret is kept as a hash. All of it is in the log, as records of the
session's life, and nothing is in memory: so every node knows all of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from attrs import Factory, define, field
from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode
from twisted.internet.defer import Deferred

from twisted_chat.chat.claims import Claims
from twisted_chat.chat.home import Home
from twisted_chat.chat.session import Session
from twisted_chat.log.contract import Record
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.lookalikes import is_mixed
from twisted_chat.vocabulary.messages import Bye, Response
from twisted_chat.vocabulary.names import Name, user_name

KIND: Final = "webhook"
"""The kind of their records: by the hash of the secret, in the scope of the session's life."""

NAME: Final = "webhookname"
"""Names that a session's webhooks have or had, by their compared form: it may use them again."""

MAX_WEBHOOKS: Final = 50
"""Webhooks of one session, at most."""

BURST: Final = 30
"""Texts that a webhook may say at once; then one a second."""

MAX_PACED: Final = 10_000
"""Webhooks whose pace is remembered, at most."""


class Kept(Struct, frozen=True, kw_only=True):
    """A webhook, as it is kept; ``since`` is in milliseconds since 1970."""

    name: str
    by: str
    since: int


_kept: Final = Decoder(Kept)


@define(eq=False)
class _Voice:
    """Who says one text: as much of a User, and of its mind, as a session needs for that."""

    name: Name
    answered: Deferred[None] = field(init=False, factory=Deferred)
    _refusal: ChatError | None = field(init=False, default=None)
    gone: bool = False
    full: bool = False
    reading: bool = False
    is_guest: bool = False
    is_operator: bool = False
    unsettled: int = 0
    unsettled_size: int = 0
    members: dict[str, Any] = field(factory=dict)
    behind: dict[Any, None] = field(factory=dict)
    door: str = "webhook"
    host: str = ""
    port: int = 0
    mind: Any = field(init=False, default=Factory(lambda self: self, takes_self=True))
    """Its mind is itself."""

    def encode(self, response: Response, /) -> bytes:
        """Hear nothing."""
        return b""

    def deliver(self, data: bytes) -> None:
        """Hear nothing."""

    def close(self, farewell: Bye) -> None:
        """Something went wrong while it was answered."""
        self._refusal = ChatError("internal", "Something went wrong here.")
        self.settled()

    def refused(self, refusal: ChatError, id: str | None, session: str) -> None:
        """Note why it is refused."""
        self._refusal = refusal

    def slow(self, seconds: float) -> None:
        """It has a pace of its own."""

    def settled(self) -> None:
        """Its text has been answered."""
        if self.answered.called:
            return
        if self._refusal is not None:
            self.answered.errback(self._refusal)
        else:
            self.answered.callback(None)


@define(eq=False)
class Webhooks:
    """The webhooks of all sessions."""

    _home: Home
    _making: Claims = field(factory=Claims, init=False)
    _pace: dict[str, tuple[float, float]] = field(factory=dict, init=False)
    """Of each, by its record's key: how many it may say at once, and when that was so."""

    async def make(self, session: Session, by: str, name: str) -> tuple[Name, str]:
        """Make one; return its name and its secret. Its maker's right to is judged before.

        Raises ChatError ``invalid-name``, ``name-in-use``, ``not-allowed``, ``not-stored``.
        """
        wanted = user_name(name)
        epoch = session.life.epoch
        async with self._making.of(epoch):
            there = await self.of(session)
            if any(user_name(one.name).key == wanted.key for one in there):
                raise ChatError("name-in-use", f"{session.name} has a webhook {wanted} already.")
            if len(there) >= MAX_WEBHOOKS:
                raise ChatError("not-allowed", f"{session.name} has {MAX_WEBHOOKS} webhooks.")
            own = await self._home.log.kept(NAME, epoch, key=wanted.key)
            self._check_free(wanted, own=bool(own))
            secret = secrets.token_urlsafe(24)
            kept = Kept(name=wanted.text, by=by, since=self._home.millis())
            records = [Record(KIND, epoch, _hash(secret), encode(kept))]
            records.append(Record(NAME, epoch, wanted.key, b"1"))
            await self._home.log.keep(records)
        self._home.former.remember(wanted)
        return wanted, secret

    def _check_free(self, name: Name, *, own: bool) -> None:
        people = self._home.people
        if is_mixed(name.text):
            raise ChatError("invalid-name", "A name is written in one script.")
        known = people.known(name.key) is not None
        if known or (name.key in self._home.former and not own):
            raise ChatError("name-in-use", f"The name {name} is taken.")
        if people.resembling(name) is not None:
            raise ChatError("name-in-use", f"{name} looks too much like another's name.")

    async def of(self, session: Session) -> Sequence[Kept]:
        """Return those of a session, the oldest first. Raises ChatError ``not-stored``."""
        records = await self._home.log.kept(KIND, session.life.epoch)
        found = [kept for record in records if (kept := _read(record)) is not None]
        return sorted(found, key=lambda one: one.since)

    async def revoke(self, session: Session, name: str) -> str:
        """Let one say no more; return its name.

        Raises ChatError ``no-such-user``, ``not-stored``.
        """
        key = user_name(name).key
        for record in await self._home.log.kept(KIND, session.life.epoch):
            kept = _read(record)
            if kept is not None and user_name(kept.name).key == key:
                await self._home.log.keep([_gone(record)])
                return kept.name
        raise ChatError("no-such-user", f"{session.name} has no webhook of that name.")

    async def say(self, secret: str, data: str) -> None:
        """Say a text, which is not empty; return when it is stored. What is too long is cut.

        Raises ChatError ``no-such-session`` (nobody has that secret), ``too-many-attempts``,
        ``muted``, ``not-allowed``, ``not-stored``.
        """
        await self._home.opened.passed()  # which sessions there are is not known before
        found = await self._home.log.kept(KIND, key=_hash(secret), limit=1)
        kept = _read(found[0]) if found else None
        if found and found[0].scope not in self._home.sessions.by_epoch:
            await self._home.peers.look()  # another node has begun it just now
        session = self._home.sessions.by_epoch.get(found[0].scope) if found else None
        if kept is None or session is None:
            raise ChatError("no-such-session", "There is no such webhook, or not any more.")
        self._check_pace(found[0].key)
        name = user_name(kept.name)
        self._check_speech(session, name.key)
        voice = _Voice(name)
        session.say(voice, shortened(data, self._home.rules.max_text), None)
        await voice.answered

    def _check_speech(self, session: Session, key: str) -> None:
        if self._home.people.account(key) is not None:
            raise ChatError("not-allowed", "An account has the name of this webhook by now.")
        now = self._home.millis()
        for ruling in (self._home.ruling, session.ruling):
            for measures in (ruling.mutes, ruling.bans):
                if measures.fitting(key, "", now) is not None:
                    raise ChatError("muted", "This webhook may not speak here.")

    def _check_pace(self, key: str) -> None:
        """Let each say BURST texts at once, and then one a second."""
        now = self._home.millis() / 1_000
        left, then = self._pace.pop(key, (float(BURST), now))
        left = min(float(BURST), left + max(0.0, now - then))
        if len(self._pace) >= MAX_PACED:
            self._pace.pop(next(iter(self._pace)))
        self._pace[key] = (max(0.0, left - 1), now)
        if left < 1:
            raise ChatError("too-many-attempts", "Too many texts: one a second.")


def _gone(record: Record) -> Record:
    """Return what keeps it no longer."""
    return Record(record.kind, record.scope, record.key, None)


def _read(record: Record) -> Kept | None:
    try:
        return _kept.decode(record.value or b"")
    except DecodeError:
        return None


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def shortened(text: str, longest: int) -> str:
    """Return a text of at most so many bytes in UTF-8; what is cut off leaves a mark."""
    text = text.encode("utf-8", "replace").decode()
    if 6 * len(text) <= longest:
        return text
    # JSON writes a control character in six bytes: a long text with many would fit in no frame.
    text = "".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in text)
    data = text.encode()
    return text if len(data) <= longest else data[: longest - 3].decode(errors="ignore") + "…"
