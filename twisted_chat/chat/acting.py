"""What one act does to many connections: of this node, whoever acted and at whichever node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from twisted_chat.chat.home import Home
from twisted_chat.chat.measures import Measure, Measures
from twisted_chat.chat.member import Attendant, Encode
from twisted_chat.chat.people import Person
from twisted_chat.chat.permissions import Rank, rank_in
from twisted_chat.chat.session import Session
from twisted_chat.vocabulary.messages import Bye, Notice, ReadTo, Response, WentAway

TOLD_IN_A_TURN: Final = 200
"""Connections that are told of something in a turn, at most."""


def tell_all(home: Home, told: Notice, but: Attendant | None = None) -> Iterator[None]:
    """Tell everybody at this node, some in each turn."""
    connections = [one for person in home.people.here.values() for one in person.users]
    for number, one in enumerate(connections, 1):
        if one is not but and not one.gone:
            one.mind.deliver(one.mind.encode(told))
        if not number % TOLD_IN_A_TURN:
            yield


def tell_away(
    home: Home, person: Person, event: WentAway, but: Attendant | None = None
) -> Iterator[None]:
    """Tell who shares a session that is not too large, each connection once."""
    told = {but}
    frames: dict[Encode, bytes] = {}
    count = 0
    for session in sessions_of(home, person):
        if session.count > home.rules.presence_limit:
            continue
        for other in tuple(session.members):
            if other in told or other.gone:
                continue
            told.add(other)
            encode = other.mind.encode
            if encode not in frames:
                frames[encode] = encode(event)
            other.mind.deliver(frames[encode])
            count += 1
            if not count % TOLD_IN_A_TURN:
                yield


def tell_chosen(home: Home, key: str, but: Attendant | None = None) -> None:
    """Tell an account's connections what it has set for itself."""
    person = home.people.here.get(key)
    if person is not None and not person.guest:
        tell_user(person, home.places.chosen(key), but)


def tell_read(home: Home, key: str, session: Session, seq: int) -> None:
    """Tell an account's connections in a session how far it has read there."""
    person = home.people.here.get(key)
    if person is not None and not person.guest:
        tell_user(person, ReadTo(session=session.name, seq=seq), session=session)


def tell_user(
    person: Person, told: Response, but: Attendant | None = None, session: Session | None = None
) -> None:
    """Tell somebody's connections at this node; with a session, those that are in it."""
    for one in tuple(person.users):
        if one is but or one.gone:
            continue
        if session is None or session.life.key in one.members:
            one.mind.deliver(one.mind.encode(told))


def sessions_of(home: Home, person: Person) -> list[Session]:
    """Return the sessions that somebody is in, at this node or another."""
    found = {member.session: None for one in person.users for member in one.members.values()}
    for epochs in person.elsewhere.values():
        for epoch in epochs:
            if (session := home.sessions.by_epoch.get(epoch)) is not None:
                found[session] = None
    return list(found)


def end_user(person: Person, bye: Bye, but: Attendant | None = None) -> int:
    """End the connections of somebody, at this node; return how many there were."""
    users = [one for one in person.users if one is not but]
    for one in users:
        one.mind.close(bye)
        one.logout()
    return len(users)


def end_device(person: Person, device: str, but: Attendant | None = None) -> None:
    """End the connections, at this node, of a device that was forgotten."""
    for one in tuple(person.users):
        if one is not but and one.device == device:
            one.mind.close(Bye(data="This device was forgotten."))
            one.logout()


def put_out(
    home: Home,
    session: Session | None,
    measure: Measure,
    rank: Rank = Rank.OPERATOR,
    by: Attendant | None = None,
) -> None:
    """Take out whoever at this node a ban fits, unless they rank as high."""
    fits = Measures()
    fits.add(measure)
    now = home.millis()
    if session is not None:
        found: dict[str, None] = {}
        below = rank if measure.user is not None else min(rank, Rank.MODERATOR)
        for one in tuple(session.members):
            fit = fits.fitting(one.name.key, one.mind.host, now)
            if fit is None or one is by or one.is_operator:
                continue
            if rank_in(home, session, one.name.key) < below:
                found[one.name.key] = None
        for key in found:
            home.sessions.expel(session, key, measure.by, measure.reason, by)
        return
    because = f": {measure.reason}" if measure.reason else "."
    bye = Bye(data=f"You are banned from this server{because}")
    for person in tuple(home.people.here.values()):
        for one in tuple(person.users):
            if one is by or one.is_operator:
                continue
            if fits.fitting(person.name.key, one.mind.host, now) is not None:
                one.mind.close(bye)
                one.logout()
