"""Logging in, sessions, and what is said in them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from twisted_chat.vocabulary.messages.limits import (
    MAX_QUERY,
    MAX_RESUMED,
    Epoch,
    Id,
    Limit,
    Message,
    NameField,
    Password,
    Seq,
    Topic,
)

__all__ = [
    "Create",
    "Delete",
    "History",
    "Join",
    "Leave",
    "List",
    "Login",
    "Logout",
    "Ping",
    "Place",
    "Say",
    "Search",
    "SetTopic",
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

    ``token`` is the one that an earlier ``welcome`` gave: to a guest, or to an account that asked
    with ``remember`` and its password. Whoever has it is the same.
    """

    user: NameField
    password: Password | None = None
    token: Annotated[str, Meta(max_length=128)] | None = None
    remember: bool = False
    resume: Annotated[list[Place], Meta(max_length=MAX_RESUMED)] = []
    places: bool = False
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
    """Say something in a session, or with ``to`` to one user alone, in answer to ``reply``."""

    data: str
    session: NameField | None = None
    to: NameField | None = None
    reply: Seq | None = None
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
