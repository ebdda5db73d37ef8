"""Somebody goes on by another name: a guest chose one, or has turned out to be an account's.

To the chat it is another user, who comes into the same sessions: from where the old one was, and as
what it was there. It was inside, so that neither password nor invitation is asked for again; a ban
of its new name holds, and one of its address does not: who is inside in spite of it may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from twisted_chat.chat.permissions import RANKS, rank_in, role_in
from twisted_chat.chat.requests.ruling import give
from twisted_chat.chat.returning import founded
from twisted_chat.chat.ruling import Role
from twisted_chat.chat.session import Session
from twisted_chat.chat.user import User
from twisted_chat.chat.ways_in import kept_out, named_ban

WAIT_SECONDS: Final = 10.0
"""How long an empty session is kept, at least, for who is only to have another name."""


@frozen
class Carried:
    """A session in which somebody was: as what, and up to which text it has seen it."""

    session: Session
    role: Role
    head: int

    @property
    def name(self) -> str:
        """The session's name."""
        return self.session.life.name


def carried_by(user: User) -> Sequence[Carried]:
    """Return where somebody is, without its direct sessions: those are its name's."""
    return [
        Carried(session, role_in(user.chat, session, user.name.key), session.head)
        for session in (member.session for member in user.members.values())
        if session.life.direct is None
    ]


def take_out(user: User, was: Carried) -> None:
    """Take somebody out of a session, which waits for it, also where an empty one ends at once."""
    sessions, session = user.chat.sessions, was.session
    if not session.life.keep and session is not sessions.lobby:
        sessions.lingering.end_later(session, max(user.chat.rules.linger, WAIT_SECONDS))
    user.leave(was.name)


async def carry_on(user: User, was: Carried) -> None:
    """Be in a session as whoever one was; one that has ended meanwhile begins again.

    Raises ChatError ``banned``, ``session-full`` (somebody has taken its place), and where it
    begins again as User.create.
    """
    session = was.session
    if user.chat.sessions.get(session.life.key) is not session:
        await user.create(was.name)
        return
    if (ban := named_ban(user, session)) is not None:
        raise kept_out(session, ban)
    if was.role == "owner" and session.life.is_owned_by(user.name.key):
        founded(user.chat, user, session)  # the same name, written otherwise
    user.chat.sessions.join(user, session, was.head, session.life.epoch)
    if RANKS[was.role] > rank_in(user.chat, session, user.name.key):
        await give(user, session, user.name.text, was.role)
