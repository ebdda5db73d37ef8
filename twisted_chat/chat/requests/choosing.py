"""What an account sets for itself: whom it ignores, and of what sessions are to tell it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from twisted_chat.chat.acting import tell_chosen
from twisted_chat.chat.asking import answers
from twisted_chat.chat.ignoring import ignoring
from twisted_chat.chat.places import level_of
from twisted_chat.chat.session import Session
from twisted_chat.chat.user import User
from twisted_chat.log.contract import Record
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_IGNORED, MAX_LEVELS, Choose, Chosen, NewLevel
from twisted_chat.vocabulary.names import key_of, user_name

USUAL: Final = "usual"
"""A level that is none: the choice is taken back."""


@answers(Choose)
async def choose(user: User, request: Choose) -> Chosen:
    """Return what one has set, after what is to be changed of it; one's connections are told.

    Raises ChatError ``not-allowed`` (guests; too much), ``invalid-name``, ``not-in-session``,
    ``not-stored``: then nothing is changed.
    """
    if user.is_guest:
        raise ChatError("not-allowed", "What a guest sets is for its client to keep.")
    places, key = user.chat.places, user.name.key
    of_users = _ignoring(user, request)
    of_sessions = _levels(user, request)
    if of_users or of_sessions:
        await user.chat.log.keep([*of_users, *of_sessions])
        for record in of_users:
            places.ignoring.take(record)
        for record in of_sessions:
            if (session := user.chat.sessions.by_epoch.get(record.scope)) is not None:
                places.take(session, record)
        tell_chosen(user.chat, key, but=user)
    return places.chosen(key)


def _ignoring(user: User, request: Choose) -> list[Record]:
    key = user.name.key
    gone = [user_name(name).key for name in request.unignore]
    new = {}
    for raw in request.ignore:
        name = user_name(raw)
        new[name.key] = (user.chat.people.known(name.key) or name).text
    if key in new:
        raise ChatError("bad-request", "Nobody ignores itself.")
    known = user.chat.places.ignoring.of(key).keys()
    if len((known - set(gone)) | new.keys()) > MAX_IGNORED:
        raise ChatError("not-allowed", f"You can ignore {MAX_IGNORED} users: let some go first.")
    records = [ignoring(key, other, None) for other in gone]
    return records + [ignoring(key, other, name) for other, name in new.items()]


def _levels(user: User, request: Choose) -> list[Record]:
    key = user.name.key
    known = {place.session for place in user.chat.places.chosen_by(key)}
    chosen = {_session(user, one, known): one.level for one in request.levels}
    kept = {session for session, level in chosen.items() if level != USUAL}
    if kept and len((known - chosen.keys()) | kept) > MAX_LEVELS:
        raise ChatError("not-allowed", f"You can choose for {MAX_LEVELS} sessions.")
    return [
        level_of(session, key, None if level == USUAL else level)
        for session, level in chosen.items()
    ]


def _session(user: User, one: NewLevel, known: Iterable[Session]) -> Session:
    """Return the session that is meant: one is in it, or takes back what was chosen there."""
    if one.level == USUAL:
        names = (one.session, key_of(one.session))
        for session in known:
            if session.life.key in names:
                return session
    return user.member(one.session).session
