"""The requests: all that a client may ask for. docs/protocol.md explains them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from twisted_chat.vocabulary.messages.limits import (
    MAX_QUERY,
    MAX_REACTION,
    MAX_REASON,
    MAX_RESUMED,
    Address,
    Epoch,
    Id,
    Limit,
    Message,
    NameField,
    Password,
    Seconds,
    Seq,
    Topic,
)

__all__ = [
    "Away",
    "Ban",
    "Bans",
    "ChangePassword",
    "Create",
    "Delete",
    "Devices",
    "Disconnect",
    "Edit",
    "Forget",
    "History",
    "Invite",
    "Join",
    "Kick",
    "Leave",
    "List",
    "Login",
    "Logout",
    "Mute",
    "Ping",
    "Place",
    "React",
    "Read",
    "Reason",
    "Redact",
    "Register",
    "Request",
    "RoleName",
    "Say",
    "Search",
    "SendNotice",
    "SetRole",
    "SetSettings",
    "SetTopic",
    "Typing",
    "Unban",
    "Unmute",
    "Who",
]


class Place(Struct, frozen=True, kw_only=True, gc=False):
    """Where a client that comes back was: the last ``seq`` it saw, and in which life."""

    session: NameField
    after: Seq | None = None
    epoch: Epoch | None = None
    password: Password | None = None


class Login(Message, frozen=True, tag="login"):
    """Log in, as an account or as a guest, and come back to the sessions in ``resume``.

    ``token`` is the one that a guest's earlier ``welcome`` gave: whoever has it is the same guest.
    """

    user: NameField
    password: Password | None = None
    token: Annotated[str, Meta(max_length=128)] | None = None
    resume: Annotated[list[Place], Meta(max_length=MAX_RESUMED)] = []
    id: Id | None = None


class Create(Message, frozen=True, tag="create"):
    """Create a session and become its owner and first member."""

    session: NameField
    password: Password | None = None
    keep: bool = False
    topic: Topic = ""
    id: Id | None = None


class Join(Message, frozen=True, tag="join"):
    """Become a member; with ``after``, get the texts after it first."""

    session: NameField
    password: Password | None = None
    after: Seq | None = None
    epoch: Epoch | None = None
    id: Id | None = None


class Leave(Message, frozen=True, tag="leave"):
    """Stop being a member."""

    session: NameField | None = None
    id: Id | None = None


class Delete(Message, frozen=True, tag="delete"):
    """End a session, and its log: for its owner and for operators."""

    session: NameField
    id: Id | None = None


class Say(Message, frozen=True, tag="text"):
    """Say something in a session, or with ``to`` to one user alone."""

    data: str
    session: NameField | None = None
    to: NameField | None = None
    id: Id | None = None


class SetTopic(Message, frozen=True, tag="topic"):
    """Change a session's topic: for its owner and for operators."""

    topic: Topic
    session: NameField | None = None
    id: Id | None = None


class List(Message, frozen=True, tag="list"):
    """Ask which sessions there are and who is here."""

    id: Id | None = None


class Who(Message, frozen=True, tag="who"):
    """Ask who is in a session; ``after`` a name, in the order of the names' compared forms."""

    session: NameField
    after: NameField | None = None
    id: Id | None = None


class History(Message, frozen=True, tag="history"):
    """Ask for stored texts: those before a seq, after one, between the two, or the latest."""

    session: NameField | None = None
    before: Seq | None = None
    after: Seq | None = None
    limit: Limit = 50
    id: Id | None = None


class Search(Message, frozen=True, tag="search"):
    """Ask for the stored texts that a query finds, the newest of those before ``before``."""

    query: Annotated[str, Meta(max_length=MAX_QUERY)]
    session: NameField | None = None
    before: Seq | None = None
    limit: Limit = 50
    id: Id | None = None


class Ping(Message, frozen=True, tag="ping"):
    """Ask for a ``pong``; allowed before login."""

    id: Id | None = None


class Logout(Message, frozen=True, tag="logout"):
    """Leave every session and be let go with ``bye``."""

    id: Id | None = None


# --- the rules of a session ------------------------------------------------------------------


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


Reason = Annotated[str, Meta(max_length=MAX_REASON)]


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
    """Let a user join once, past a password, a ban, and ``invite``."""

    user: NameField
    session: NameField | None = None
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


# --- more than plain texts -------------------------------------------------------------------


class Edit(Message, frozen=True, tag="edit"):
    """Say that one's text ``of`` reads ``data`` now."""

    of: Seq
    data: str
    session: NameField | None = None
    id: Id | None = None


class Redact(Message, frozen=True, tag="redact"):
    """Take a text back: what it said is gone, that it was said is not."""

    of: Seq
    session: NameField | None = None
    reason: Reason | None = None
    id: Id | None = None


class React(Message, frozen=True, tag="react"):
    """Put a mark beside a text, or with ``undo`` take one's own away."""

    of: Seq
    data: Annotated[str, Meta(min_length=1, max_length=MAX_REACTION)]
    session: NameField | None = None
    undo: bool = False
    id: Id | None = None


class Read(Message, frozen=True, tag="read"):
    """Say how far one has read; it never goes back."""

    seq: Seq
    session: NameField | None = None
    id: Id | None = None


class Away(Message, frozen=True, tag="away"):
    """Say that one is away, and why; without ``data``, that one is back."""

    data: Annotated[str, Meta(max_length=MAX_REASON)] = ""
    id: Id | None = None


class Typing(Message, frozen=True, tag="typing"):
    """Say that one is writing; it has no reply."""

    session: NameField | None = None
    id: Id | None = None


# --- accounts --------------------------------------------------------------------------------


class Register(Message, frozen=True, tag="register"):
    """Make an account, before login, where the server takes them."""

    user: NameField
    password: Password
    invite: Annotated[str, Meta(max_length=128)] | None = None
    id: Id | None = None


class ChangePassword(Message, frozen=True, tag="passwd"):
    """Change one's own password; all other connections and devices of the account end."""

    old: Password
    new: Password
    id: Id | None = None


class Devices(Message, frozen=True, tag="devices"):
    """Ask for the devices that may log in without the password."""

    id: Id | None = None


class Forget(Message, frozen=True, tag="forget"):
    """Let a device log in no more, and end its connections."""

    device: Annotated[str, Meta(max_length=64)]
    id: Id | None = None


Request = (
    Login
    | Create
    | Join
    | Leave
    | Delete
    | Say
    | SetTopic
    | List
    | Who
    | History
    | Search
    | Ping
    | Logout
)
"""Everything that a client can ask for."""
