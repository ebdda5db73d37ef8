"""The rules of a session, and of the server."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from twisted_chat.vocabulary.messages.limits import (
    Address,
    Id,
    Message,
    NameField,
    Password,
    Reason,
    Seconds,
)

__all__ = [
    "Ban",
    "Bans",
    "Disconnect",
    "Invite",
    "Kick",
    "MakeWebhook",
    "Mute",
    "Revoke",
    "RoleName",
    "Roles",
    "SendNotice",
    "SetRole",
    "SetSettings",
    "Unban",
    "Unmute",
    "Webhooks",
]


class SetSettings(Message, frozen=True, tag="set"):
    """Change settings of a session; what is left out stays as it is.

    ``password``: null or empty takes it away. ``limit``: members, 0 for the server's own limit.
    """

    session: NameField | None = None
    password: Password | UnsetType | None = UNSET
    invite: bool | None = None
    moderated: bool | None = None
    hidden: bool | None = None
    open_topic: bool | None = None
    limit: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    keep: bool | None = None
    id: Id | None = None


RoleName = Literal["owner", "moderator", "voice", "none"]


class SetRole(Message, frozen=True, tag="role"):
    """Give a user a role in a session; ``owner`` hands it over, ``none`` takes a role away."""

    user: NameField
    role: RoleName
    session: NameField | None = None
    id: Id | None = None


class Roles(Message, frozen=True, tag="roles"):
    """Ask who has a role in a session, here or away; ``after`` so many of them."""

    session: NameField | None = None
    after: Annotated[int, Meta(ge=0)] = 0
    id: Id | None = None


class Kick(Message, frozen=True, tag="kick"):
    """Take a user out of a session."""

    user: NameField
    session: NameField | None = None
    reason: Reason | None = None
    id: Id | None = None


class _Measure(Message, frozen=True):
    """What bans and mutes share: of a user or of an address, in a session or in all of them.

    ``server``: of the whole server, for operators alone.
    """

    session: NameField | None = None
    server: bool = False
    user: NameField | None = None
    address: Address | None = None
    id: Id | None = None


class Ban(_Measure, frozen=True, tag="ban"):
    """Keep a user, an address or a network out; for ever, or for so many ``seconds``."""

    seconds: Seconds | None = None
    reason: Reason | None = None


class Mute(_Measure, frozen=True, tag="mute"):
    """Let a user, an address or a network say nothing; for ever, or for so many ``seconds``."""

    seconds: Seconds | None = None
    reason: Reason | None = None


class Unban(_Measure, frozen=True, tag="unban"):
    """Take a ban back."""


class Unmute(_Measure, frozen=True, tag="unmute"):
    """Take a mute back."""


class Bans(Message, frozen=True, tag="bans"):
    """Ask for the bans and mutes of a session, or of the server; ``after`` so many of them."""

    session: NameField | None = None
    server: bool = False
    after: Annotated[int, Meta(ge=0)] = 0
    id: Id | None = None


class Invite(Message, frozen=True, tag="invite"):
    """Let a user join once, past a password, a ban, and ``invite``.

    ``lasting``: past ``invite`` alone and as often as it likes, whoever is called so (``*`` and
    ``?`` stand for any letters, and for one); it is not told. ``undo`` takes back what was said of
    that name.
    """

    user: NameField
    session: NameField | None = None
    lasting: bool = False
    undo: bool = False
    id: Id | None = None


class SendNotice(Message, frozen=True, tag="notice"):
    """Tell everybody, or everybody in a session, a sentence: for operators."""

    data: Annotated[str, Meta(min_length=1, max_length=1_024)]
    session: NameField | None = None
    id: Id | None = None


class Disconnect(Message, frozen=True, tag="disconnect"):
    """End a user's connections: for operators."""

    user: NameField
    reason: Reason | None = None
    id: Id | None = None


class MakeWebhook(Message, frozen=True, tag="webhook"):
    """Let a program say texts in a session, by ``POST`` to a secret place, under that name."""

    name: NameField
    session: NameField | None = None
    id: Id | None = None


class Webhooks(Message, frozen=True, tag="webhooks"):
    """Ask which webhooks a session has."""

    session: NameField | None = None
    id: Id | None = None


class Revoke(Message, frozen=True, tag="revoke"):
    """Let a webhook say no more."""

    name: NameField
    session: NameField | None = None
    id: Id | None = None
