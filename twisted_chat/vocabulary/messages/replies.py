"""What is answered to whoever asked, and the union of all that a server says."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from twisted_chat.vocabulary.errors import Code
from twisted_chat.vocabulary.messages.entries import AnyEntry, Edited, Reacted, Redacted, Text
from twisted_chat.vocabulary.messages.events import (
    Bye,
    Changed,
    Chosen,
    Deleted,
    Invited,
    IsTyping,
    Joined,
    Kicked,
    Left,
    Notice,
    Presence,
    ReadTo,
    RoleGiven,
    Snapshot,
    TopicChanged,
    WentAway,
)
from twisted_chat.vocabulary.messages.limits import MAX_FRAME, MAX_HISTORY, Message, Millis

__all__ = [
    "AwayUser",
    "BanList",
    "Banned",
    "Device",
    "DeviceList",
    "Direct",
    "Disconnected",
    "Error",
    "Forgotten",
    "Found",
    "KeptPlace",
    "Limits",
    "ListedBan",
    "ListedSession",
    "ListedUser",
    "ListedWebhook",
    "Listing",
    "Members",
    "Muted",
    "PasswordChanged",
    "Pong",
    "Registered",
    "Response",
    "Revoked",
    "RoleList",
    "RoleOf",
    "Texts",
    "Unbanned",
    "Unmuted",
    "WebhookList",
    "WebhookMade",
    "Welcome",
]


class Limits(Struct, frozen=True, kw_only=True, gc=False):
    """What this server takes: ``text`` and ``frame`` in bytes, ``history`` in texts.

    ``file``: bytes of a file, where the web door takes some.
    """

    text: int
    frame: int = MAX_FRAME
    history: int = MAX_HISTORY
    file: int | UnsetType = UNSET


class Direct(Struct, frozen=True, kw_only=True, gc=False):
    """One of a user's direct sessions, and how far it goes: what is unread can be told from it."""

    session: str
    epoch: str
    head: int


class KeptPlace(Struct, frozen=True, kw_only=True, gc=False):
    """A session that one is in while one is away, and what is unread there."""

    session: str
    epoch: str
    head: int
    read: int
    unread: int
    mentions: int


class Welcome(Message, frozen=True, tag="welcome"):
    """The login is done. ``token`` is a guest's proof for coming back."""

    user: str
    server: str
    limits: Limits
    protocol: int
    lobby: str | None = None
    token: str | None = None
    operator: bool = False
    guest: bool = False
    direct: list[Direct] = []
    places: list[KeptPlace] = []
    id: str | None = None


class ListedSession(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A line of a list: ``users`` is a count."""

    session: str
    users: int
    topic: str
    owner: str | None
    locked: bool
    port: int | None = None


class ListedUser(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A line of a list: a user, and the sessions that it is in."""

    user: str
    sessions: list[str]
    away: str | None = None


class Listing(Message, frozen=True, tag="list"):
    """Which sessions there are and who is here; with ``more``, another with the same id follows."""

    sessions: list[ListedSession]
    users: list[ListedUser]
    more: bool = False
    id: str | None = None


class AwayUser(Struct, frozen=True, kw_only=True, gc=False):
    """Somebody who is away, and why."""

    user: str
    data: str


class Members(Message, frozen=True, tag="who"):
    """Who is in a session, in the order of compared names; ``more`` after the last of them."""

    session: str
    users: list[str]
    count: int
    more: bool = False
    away: list[AwayUser] = []
    id: str | None = None


class Texts(Message, frozen=True, tag="history"):
    """What is stored, oldest first; ``more`` lies beyond, in the direction that was asked for.

    Texts are as they are now; what changed them stands in its place too: no seq is left out.
    """

    session: str
    texts: list[AnyEntry]
    more: bool
    epoch: str
    id: str | None = None


class Found(Message, frozen=True, tag="found"):
    """The texts that a search found, oldest first; ``more`` lie before the first of them.

    Without ``session`` they are of all sessions that one is in.
    """

    texts: list[Text]
    more: bool
    session: str | None = None
    id: str | None = None


class Pong(Message, frozen=True, tag="pong"):
    """The answer to a ``ping``."""

    id: str | None = None


class Error(Message, frozen=True, tag="error"):
    """A refusal. ``session`` is named where a ``resume``, or a text said there, is refused."""

    code: Code
    data: str
    session: str | None = None
    id: str | None = None


class _Measured(Message, frozen=True):
    """What the answers about bans and mutes share; without ``session`` it is the server's."""

    session: str | None = None
    user: str | None = None
    address: str | None = None
    id: str | None = None


class Banned(_Measured, frozen=True, tag="banned"):
    """It is kept out, for ever or until a time."""

    until: Millis | None = None
    reason: str | None = None


class Muted(_Measured, frozen=True, tag="muted"):
    """It says nothing any more, for ever or until a time."""

    until: Millis | None = None
    reason: str | None = None


class Unbanned(_Measured, frozen=True, tag="unbanned"):
    """It may come in again."""


class Unmuted(_Measured, frozen=True, tag="unmuted"):
    """It may speak again."""


class ListedBan(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A ban or a mute: of whom, by whom, since when and until when."""

    kind: Literal["ban", "mute"]
    by: str
    since: Millis
    user: str | None = None
    address: str | None = None
    until: Millis | None = None
    reason: str | None = None


class BanList(Message, frozen=True, tag="bans"):
    """Bans and mutes; ``more`` come after these."""

    entries: list[ListedBan]
    session: str | None = None
    more: bool = False
    id: str | None = None


class RoleOf(Struct, frozen=True, kw_only=True, gc=False):
    """Somebody who has a role."""

    user: str
    role: str


class RoleList(Message, frozen=True, tag="roles"):
    """Who has a role in a session, its owner first; ``more`` come after these."""

    session: str
    entries: list[RoleOf]
    more: bool = False
    id: str | None = None


class WebhookMade(Message, frozen=True, tag="webhook"):
    """A webhook is made. ``link``, below the page's address, is told this once alone."""

    session: str
    name: str
    link: str
    id: str | None = None


class ListedWebhook(Struct, frozen=True, kw_only=True, gc=False):
    """A webhook: who made it, and when."""

    name: str
    by: str
    since: Millis


class WebhookList(Message, frozen=True, tag="webhooks"):
    """The webhooks of a session, the oldest first."""

    session: str
    entries: list[ListedWebhook]
    id: str | None = None


class Revoked(Message, frozen=True, tag="revoked"):
    """A webhook says no more."""

    session: str
    name: str
    id: str | None = None


class Disconnected(Message, frozen=True, tag="disconnected"):
    """A user's connections were ended: so many."""

    user: str
    count: int
    id: str | None = None


class Registered(Message, frozen=True, tag="registered"):
    """The account is made; one is not logged in yet."""

    user: str
    id: str | None = None


class PasswordChanged(Message, frozen=True, tag="passwd"):
    """The password is another now."""

    id: str | None = None


class Device(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A device that may log in: since when, and when, by which door and from where it last did."""

    device: str
    since: Millis
    last: Millis
    door: str
    address: str


class DeviceList(Message, frozen=True, tag="devices"):
    """The devices that may log in without the password."""

    devices: list[Device]
    id: str | None = None


class Forgotten(Message, frozen=True, tag="forgotten"):
    """That device logs in no more."""

    device: str
    id: str | None = None


Response = (
    Welcome
    | Snapshot
    | Text
    | Edited
    | Redacted
    | Reacted
    | Joined
    | Left
    | Presence
    | TopicChanged
    | Deleted
    | ReadTo
    | WentAway
    | IsTyping
    | Changed
    | RoleGiven
    | Kicked
    | Invited
    | Banned
    | Muted
    | Unbanned
    | Unmuted
    | BanList
    | RoleList
    | WebhookMade
    | WebhookList
    | Revoked
    | Disconnected
    | Registered
    | PasswordChanged
    | Chosen
    | DeviceList
    | Forgotten
    | Listing
    | Members
    | Texts
    | Found
    | Pong
    | Notice
    | Bye
    | Error
)
"""Everything that the server says: replies and events."""
