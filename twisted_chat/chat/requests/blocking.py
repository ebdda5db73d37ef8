"""Blocking: a mute in a direct session, by one of its two for itself. See ``chat.blocking``."""

from __future__ import annotations

from twisted_chat.chat.blocking import other_of
from twisted_chat.chat.measures import Measure
from twisted_chat.chat.session import Session
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Mute, Muted, Unmute, Unmuted
from twisted_chat.vocabulary.names import key_of


async def block(user: User, session: Session, request: Mute) -> Muted:
    """Let the other one of a direct session reach one no more. Raises ChatError ``bad-request``.

    It is for ever: who wants it otherwise takes it back.
    """
    measure = _measure(user, session, request)
    await user.chat.log.keep([session.ruling.measured(measure)])
    session.ruling.mutes.add(measure)
    user.chat.directs.settle(session)
    return Muted(session=session.name, user=measure.user)


async def unblock(user: User, session: Session, request: Unmute) -> Unmuted:
    """Let the other one reach one again: what it said meanwhile is there to be read."""
    measure = _measure(user, session, request)
    if session.ruling.mutes.get(measure.key) is not None:
        await user.chat.log.keep([session.ruling.lifted(measure)])
        session.ruling.mutes.remove(measure.key)
        user.chat.directs.settle(session)
    return Unmuted(session=session.name, user=measure.user)


def _measure(user: User, session: Session, request: Mute | Unmute) -> Measure:
    other = key_of(request.user or "")
    if other is None or other != other_of(session, user.name.key):
        raise ChatError("bad-request", "Name the other one of the two.")
    if isinstance(request, Mute) and request.seconds is not None:
        raise ChatError("bad-request", "It lasts until it is taken back.")
    known = user.chat.people.known(other)
    name = known.text if known is not None else other
    return Measure(kind="mute", by=user.name.text, since=user.chat.millis(), user=name)
