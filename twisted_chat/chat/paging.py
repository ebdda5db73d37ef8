"""Replies that fit in a frame each: as much as one holds, and the rest when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count

from attrs import Factory, define

from twisted_chat.chat.fitting import ROOM, fitting
from twisted_chat.chat.people import People, Person
from twisted_chat.chat.session import Session
from twisted_chat.chat.sessions import Sessions
from twisted_chat.vocabulary.messages import (
    ListedSession,
    ListedUser,
    Listing,
    encode,
)

MAX_LISTED = 100
"""Names of sessions beside one user in a list, at most."""


@define(eq=False)
class SharedListing:
    """A list that is made once, a page when somebody first wants it, for all who ask for it."""

    _source: Iterator[Listing]
    _pages: list[Listing] = Factory(list)

    def __iter__(self) -> Iterator[Listing]:
        for place in count():
            if place == len(self._pages):
                page = next(self._source, None)
                if page is None:
                    return
                self._pages.append(page)
            yield self._pages[place]


@define(eq=False)
class Listings:
    """The list of what is there, made anew when something is different."""

    _made: SharedListing = Factory(lambda: SharedListing(iter(())))
    _version: int = -1

    def of(self, sessions: Sessions, people: People) -> SharedListing:
        """Return the list as it is now."""
        if sessions.version != self._version:
            rooms, here = sessions.rooms.values(), people.here.values()
            self._made = SharedListing(listing(rooms, here, sessions.by_epoch))
            self._version = sessions.version
        return self._made


def listing(
    rooms: Iterable[Session], people: Iterable[Person], by_epoch: Mapping[str, Session]
) -> Iterator[Listing]:
    """Yield which sessions there are and who is here, a frame at a time, each as it is then."""
    listed_sessions: list[ListedSession] = []
    listed_users: list[ListedUser] = []
    size = 0
    parts: Iterator[ListedSession | ListedUser]
    parts = chain(_listed_sessions(rooms), _listed_users(people, by_epoch))
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
        if not session.life.hidden:
            yield listed(session)


def hidden(rooms: Iterable[Session]) -> Iterator[Listing]:
    """Yield those of ``rooms`` that are in no list, for somebody who knows of them."""
    found = [listed(room) for room in rooms if room.life.hidden and room.life.direct is None]
    while found:
        some = fitting(found)
        yield Listing(sessions=list(some), users=[], more=True)
        found = found[len(some) :]


def listed(session: Session) -> ListedSession:
    """Return a session as a line of a list."""
    return ListedSession(
        session=session.life.name,
        users=session.count,
        topic=session.life.topic,
        owner=session.life.owner,
        locked=session.life.password is not None,
        port=session.port,
    )


def _listed_users(
    people: Iterable[Person], by_epoch: Mapping[str, Session]
) -> Iterator[ListedUser]:
    for person in tuple(people):
        if person.is_here:
            where = _whereabouts(person, by_epoch)
            yield ListedUser(user=person.name.text, sessions=where, away=person.away or None)


def _whereabouts(person: Person, by_epoch: Mapping[str, Session]) -> list[str]:
    """Return the sessions that somebody is in, MAX_LISTED at most, without looking at all."""
    names: dict[str, None] = {}
    here = (member.session for user in person.users for member in user.members.values())
    there = (by_epoch.get(epoch) for epochs in person.elsewhere.values() for epoch in epochs)
    for session in chain(here, there):
        if session is not None and session.life.direct is None and not session.life.hidden:
            names[session.life.name] = None
            if len(names) == MAX_LISTED:
                break
    return list(names)
