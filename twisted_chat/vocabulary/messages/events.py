"""What members are told. docs/protocol.md explains it."""

from __future__ import annotations

from msgspec import Struct

from twisted_chat.vocabulary.messages.limits import Level, Message

__all__ = [
    "Bye",
    "Changed",
    "Chosen",
    "Deleted",
    "Invited",
    "IsTyping",
    "Joined",
    "Kicked",
    "Left",
    "LevelOf",
    "Notice",
    "Presence",
    "ReadTo",
    "RoleGiven",
    "Snapshot",
    "TopicChanged",
    "WentAway",
]


class Snapshot(Message, frozen=True, tag="session"):
    """A session as it is now: all that a client needs to show it.

    ``reset``: the place that was asked for (``after``, ``epoch``) could not be honoured; forget
    what was seen, and read the past with ``history``. ``role`` is one's own; the settings are those
    of ``set``.
    """

    session: str
    epoch: str
    head: int
    users: list[str]
    count: int
    topic: str
    owner: str | None
    keep: bool = False
    locked: bool = False
    invite: bool = False
    moderated: bool = False
    hidden: bool = False
    open_topic: bool = False
    limit: int = 0
    role: str = "none"
    port: int | None = None
    read: int | None = None
    reset: bool = False
    id: str | None = None


class Joined(Message, frozen=True, tag="joined"):
    """A user came into a session; ``count`` users are there now."""

    session: str
    user: str
    count: int


class Left(Message, frozen=True, tag="left"):
    """A user went out of a session; as a reply (with ``id``) it is one's own leaving."""

    session: str
    user: str
    count: int
    id: str | None = None


class Presence(Message, frozen=True, tag="presence"):
    """Comings and goings of a large session, gathered: at most one a second."""

    session: str
    count: int
    joined: list[str] = []
    left: list[str] = []


class TopicChanged(Message, frozen=True, tag="topic"):
    """A session's topic is now this."""

    session: str
    user: str
    topic: str
    id: str | None = None


class Deleted(Message, frozen=True, tag="deleted"):
    """A session is no more, and its texts are gone; ``user`` ended it."""

    session: str
    user: str
    id: str | None = None


class Changed(Message, frozen=True, tag="changed"):
    """What is new in a session's settings, and who changed it; the rest is as it was."""

    session: str
    by: str
    locked: bool | None = None
    invite: bool | None = None
    moderated: bool | None = None
    hidden: bool | None = None
    open_topic: bool | None = None
    limit: int | None = None
    keep: bool | None = None
    id: str | None = None


class RoleGiven(Message, frozen=True, tag="role"):
    """A user has this role in a session now."""

    session: str
    user: str
    role: str
    by: str
    id: str | None = None


class Kicked(Message, frozen=True, tag="kicked"):
    """A user was taken out of a session; ``count`` users are there now."""

    session: str
    user: str
    by: str
    count: int
    reason: str | None = None
    id: str | None = None


class Invited(Message, frozen=True, tag="invited"):
    """A user may join a session, once, past its password, a ban and ``invite``.

    ``lasting``: as often as it likes, past ``invite``; ``undo``: no more.
    """

    session: str
    user: str
    by: str
    lasting: bool = False
    undo: bool = False
    id: str | None = None


class LevelOf(Struct, frozen=True, kw_only=True, gc=False):
    """Of what one is told in a session."""

    session: str
    level: Level


class Chosen(Message, frozen=True, tag="settings"):
    """What one has set for oneself, all of it: an answer, and told to one's other devices."""

    ignored: list[str]
    levels: list[LevelOf]
    id: str | None = None


class ReadTo(Message, frozen=True, tag="read"):
    """One has read so far, on this device or another."""

    session: str
    seq: int
    id: str | None = None


class WentAway(Message, frozen=True, tag="away"):
    """A user is away, or without ``data`` back."""

    user: str
    data: str = ""
    id: str | None = None


class IsTyping(Message, frozen=True, tag="typing"):
    """A user is writing: it is told at most every 3 seconds, and stored nowhere."""

    session: str
    user: str


class Notice(Message, frozen=True, tag="notice"):
    """A sentence from the server to a person; ``by``: an operator says it."""

    data: str
    by: str | None = None
    session: str | None = None
    id: str | None = None


class Bye(Message, frozen=True, tag="bye"):
    """The server is about to close the connection; come back after ``retry`` milliseconds."""

    data: str
    retry: int | None = None
    id: str | None = None
