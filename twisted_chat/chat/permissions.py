"""Who may do what: the one place that every request asks, whichever door it came through.

A user has a rank in a session: that of its role, or of an operator of the server. Each request has
the least rank that may ask for it, in ``LEAST``; what depends on the session's settings too is said
beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, Protocol

from twisted_chat.chat.blocking import blocks
from twisted_chat.chat.home import Home
from twisted_chat.chat.member import Mind
from twisted_chat.chat.people import Person
from twisted_chat.chat.ruling import Role
from twisted_chat.chat.session import Session
from twisted_chat.log.contract import Life
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    Ban,
    Bans,
    Delete,
    Disconnect,
    Invite,
    Kick,
    MakeWebhook,
    Message,
    Mute,
    Redact,
    Revoke,
    SendNotice,
    SetRole,
    SetSettings,
    SetTopic,
    Unban,
    Unmute,
    Webhooks,
)
from twisted_chat.vocabulary.names import Name


class Rank(IntEnum):
    """What a user may do in a session, and whom it may do it to: those below."""

    NONE = 0
    VOICE = 1
    MODERATOR = 2
    OWNER = 3
    OPERATOR = 4


RANKS: Final[Mapping[Role, Rank]] = {
    "none": Rank.NONE,
    "voice": Rank.VOICE,
    "moderator": Rank.MODERATOR,
    "owner": Rank.OWNER,
}

LEAST: Final[Mapping[type[Message], Rank]] = {
    SetTopic: Rank.MODERATOR,  # with ``open_topic``: every member
    SetSettings: Rank.MODERATOR,
    SetRole: Rank.OWNER,  # moderators give and take ``voice``
    Invite: Rank.NONE,  # with ``invite``: moderators
    Kick: Rank.MODERATOR,
    Ban: Rank.MODERATOR,
    Unban: Rank.MODERATOR,
    Mute: Rank.MODERATOR,
    Unmute: Rank.MODERATOR,
    Bans: Rank.MODERATOR,
    Redact: Rank.MODERATOR,  # the author its own
    Delete: Rank.OWNER,
    MakeWebhook: Rank.OWNER,
    Webhooks: Rank.OWNER,
    Revoke: Rank.OWNER,
    SendNotice: Rank.OPERATOR,
    Disconnect: Rank.OPERATOR,
}
"""The least rank that may ask for something in a session. What is not here every member may."""

WHOSE: Final[Mapping[Rank, str]] = {
    Rank.VOICE: "for those who have a role in it",
    Rank.MODERATOR: "for its owner and moderators",
    Rank.OWNER: "for its owner",
    Rank.OPERATOR: "for operators of the server",
}


class Asker(Protocol):
    """Who asks for something: a User."""

    name: Name
    person: Person
    mind: Mind
    chat: Home

    @property
    def is_operator(self) -> bool:
        """Whether it may do what operators may."""


def rank_of(user: Asker, session: Session) -> Rank:
    """Return the rank of whoever asks."""
    if user.is_operator:
        return Rank.OPERATOR
    return _rank(user.chat, session, user.name.key, user.person if user.person.guest else None)


def rank_of_key(home: Home, session: Session, key: str) -> Rank:
    """Return the rank of whoever has that name, here or not."""
    person = home.people.here.get(key)
    if person is not None and person.guest:
        return _rank(home, session, key, person)
    account = home.people.account(key)
    if account is not None and account.operator:
        return Rank.OPERATOR
    return _rank(home, session, key, None)


def rank_in(home: Home, session: Session, key: str) -> Rank:
    """Return the rank that a user has in a session itself, whatever it may do on the server."""
    person = home.people.here.get(key)
    return _rank(home, session, key, person if person is not None and person.guest else None)


def role_in(home: Home, session: Session, key: str) -> Role:
    """Return the role that a user has in a session."""
    rank = rank_in(home, session, key)
    return next(role for role, of in RANKS.items() if of is rank)


def roles_in(home: Home, session: Session) -> list[tuple[str, Role]]:
    """Return who has a role in a session, by name: its owner first, then accounts, then guests."""
    owner, epoch = session.life.owner, session.life.epoch
    found: list[tuple[str, Role]] = [] if owner is None else [(owner, "owner")]
    found += [(name, role) for role, name in session.ruling.roles.values()]
    for person in home.people.here.values():
        if person.guest and person.roles.get(epoch, "owner") != "owner":
            found.append((person.name.text, person.roles[epoch]))
    return found


def _rank(home: Home, session: Session, key: str, guest: Person | None) -> Rank:
    life = session.life
    if life.direct is not None:
        return Rank.NONE
    if life.is_owned_by(key) and _is_owner(home, life, guest):
        return Rank.OWNER
    if guest is not None:
        role = guest.roles.get(life.epoch, "none")
        return RANKS["none" if role == "owner" else role]  # it was, and another is now
    return RANKS[session.ruling.role_of(key)]


def _is_owner(home: Home, life: Life, guest: Person | None) -> bool:
    """Whether who has the owner's name is the owner: a guest's name may be another's by now."""
    if guest is None or guest.roles.get(life.epoch) == "owner":
        return True
    if life.keep:  # where there are no accounts, a name is all that anybody has
        return home.rules.guests_keep
    return not guest.users  # it is at another node, and that one knows


def check(user: Asker, session: Session, what: type[Message], least: Rank | None = None) -> Rank:
    """Return one's rank, where that may ask for something. Raises ChatError ``not-allowed``."""
    rank = rank_of(user, session)
    least = LEAST.get(what, Rank.NONE) if least is None else least
    if session.life.direct is not None and what is not Redact:
        raise ChatError("not-allowed", "A direct session belongs to its two users.")
    if rank < least:
        raise ChatError("not-allowed", f"That is {WHOSE[least]}.")
    return rank


def check_over(user: Asker, session: Session, key: str, rank: Rank) -> None:
    """Refuse to act upon somebody of the same rank or above. Raises ChatError ``not-allowed``."""
    if rank_of_key(user.chat, session, key) >= rank:
        raise ChatError("not-allowed", "That user has no lower rank than you.")


def check_topic(user: Asker, session: Session) -> None:
    """See SetTopic."""
    rank = check(user, session, SetTopic, Rank.NONE if session.life.open_topic else None)
    check_muted(user, session, rank)


def check_role(user: Asker, session: Session, request: SetRole, key: str) -> Rank:
    """See SetRole: moderators give and take ``voice``, of those who have no more."""
    target = rank_of_key(user.chat, session, key)
    is_voice = request.role in ("voice", "none") and target <= Rank.VOICE
    return check(user, session, SetRole, Rank.MODERATOR if is_voice else None)


def is_invited(user: Asker, session: Session) -> bool:
    """Whether somebody was asked in, and has not come yet."""
    if user.person.guest:
        return session.life.epoch in user.person.invited
    return user.name.key in session.ruling.invited


def invited_to(home: Home, session: Session) -> list[str]:
    """Return the names of those who were asked in, and have not come yet, or may always come."""
    people, ruling = home.people, session.ruling
    names = [one.name for key in ruling.invited if (one := people.account(key)) is not None]
    guests = [one for one in people.here.values() if one.guest]
    names += [one.name for one in guests if session.life.epoch in one.invited]
    others = [name.text for name in names if name.key not in ruling.standing]
    return [*ruling.standing.values(), *others]


def check_invite(user: Asker, session: Session) -> None:
    """See Invite."""
    check(user, session, Invite, Rank.MODERATOR if session.life.invite else None)


def check_speech(user: Asker, session: Session) -> None:
    """Refuse a text of who may not speak. Raises ChatError ``muted``."""
    rank = rank_of(user, session)
    if session.life.moderated and rank < Rank.VOICE:
        raise ChatError("muted", "Only who has a role speaks in this session.")
    if rank is Rank.OPERATOR:
        return
    if blocks(session, user.name.key):
        raise ChatError("not-allowed", "You have blocked that user: take it back first.")
    check_muted(user, session, rank)


def check_muted(user: Asker, session: Session | None = None, rank: Rank = Rank.NONE) -> None:
    """Refuse whatever else than a text others would read, of who is muted there, or everywhere.

    Raises ChatError ``muted``.
    """
    if user.is_operator:
        return
    mutes = [user.chat.ruling.mutes]
    if session is not None and session.life.direct is None:  # who is blocked isn't told so
        mutes.append(session.ruling.mutes)
    for found in mutes:
        mute = found.fitting(user.name.key, user.mind.host, user.chat.millis())
        # An address may be many: that of a moderator is mute for the others. A name is meant.
        if mute is not None and (rank < Rank.MODERATOR or mute.user is not None):
            because = f": {mute.reason}" if mute.reason else "."
            raise ChatError("muted", f"You may not speak here{because}")
