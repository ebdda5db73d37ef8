"""Replies that fit in a frame each: as much as one holds, and the rest when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

from msgspec import Struct

from twisted_chat.chat.people import Person
from twisted_chat.chat.session import Session
from twisted_chat.vocabulary.messages import MAX_FRAME, ListedSession, ListedUser, Listing, encode

ROOM = MAX_FRAME - 2_048
"""Bytes for the parts of a reply: what is left in a frame is for the rest of it."""

MAX_LISTED = 100
"""Names of sessions beside one user in a list, at most."""

Part = TypeVar("Part", bound=Struct | str)


def fitting(parts: Sequence[Part], *, from_end: bool = False) -> Sequence[Part]:
    """Return as many of ``parts`` as fit in a frame, and one at least."""
    size = 0
    for count, part in enumerate(reversed(parts) if from_end else parts):
        size += len(encode(part)) + 1
        if size > ROOM and count:
            return parts[-count:] if from_end else parts[:count]
    return parts


def listing(rooms: Iterable[Session], people: Iterable[Person]) -> Iterator[Listing]:
    """Yield which sessions there are and who is here, a frame at a time, each as it is then."""
    listed_sessions: list[ListedSession] = []
    listed_users: list[ListedUser] = []
    size = 0
    parts: Iterator[ListedSession | ListedUser]
    parts = chain(_listed_sessions(rooms), _listed_users(people))
    for part in parts:
        length = len(encode(part)) + 1
        if size + length > ROOM:
            yield Listing(sessions=listed_sessions, users=listed_users, more=True)
            listed_sessions, listed_users, size = [], [], 0
        size += length
        match part:
            case ListedSession():
                listed_sessions.append(part)
            case ListedUser():
                listed_users.append(part)
    yield Listing(sessions=listed_sessions, users=listed_users)


def _listed_sessions(rooms: Iterable[Session]) -> Iterator[ListedSession]:
    for session in tuple(rooms):
        yield ListedSession(
            session=session.life.name,
            users=session.count,
            topic=session.life.topic,
            owner=session.life.owner,
            locked=session.life.password is not None,
            port=session.port,
        )


def _listed_users(people: Iterable[Person]) -> Iterator[ListedUser]:
    for person in tuple(people):
        if person.users:
            names = {
                member.session.life.name: None
                for user in person.users
                for member in user.members.values()
                if member.session.life.direct is None
            }
            yield ListedUser(user=person.name.text, sessions=list(islice(names, MAX_LISTED)))
