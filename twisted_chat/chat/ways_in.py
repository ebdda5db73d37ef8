"""Who may come into a session: past its bans and its settings."""

from __future__ import annotations

from twisted_chat.chat.measures import Measure
from twisted_chat.chat.permissions import Asker, Rank, rank_of
from twisted_chat.chat.session import Session
from twisted_chat.vocabulary.errors import ChatError


def named_ban(user: Asker, session: Session) -> Measure | None:
    """Return a ban of somebody's own name: it holds for whoever has it, unless it is an operator.

    An address may be many: that of a moderator, or of who was invited, is banned for the others.
    """
    ban = _ban(user, session)
    return None if ban is None or ban.user is None or user.is_operator else ban


def kept_out(session: Session, ban: Measure) -> ChatError:
    """Return how somebody is refused who is banned."""
    because = f": {ban.reason}" if ban.reason else "."
    return ChatError("banned", f"You are kept out of {session.life.name}{because}")


async def may_come_in(user: Asker, session: Session) -> bool:
    """Return whether somebody was invited, and so needs no password; it was asked in once.

    Raises ChatError ``banned``, ``invite-only``.
    """
    if session.life.direct is not None:
        return False
    rank = rank_of(user, session)
    ban = _ban(user, session)
    is_away = not user.person.guest and user.chat.places.has(user.name.key, session)
    if is_away and ban is None:
        return True  # it is in that session, and was only away
    is_meant = named_ban(user, session) is not None
    is_open = ban is None and not session.life.invite and not _locked(session)
    if is_open or (rank >= Rank.MODERATOR and not is_meant):
        return rank is Rank.OPERATOR
    if await _take_invitation(user, session):
        return True
    if ban is not None:
        raise kept_out(session, ban)
    is_let_in = rank >= Rank.VOICE or session.ruling.lets_in(user.name.key)
    if session.life.invite and not is_let_in:
        raise ChatError("invite-only", f"Only who was invited comes into {session.life.name}.")
    return False


async def unlock(user: Asker, session: Session, password: str | None) -> None:
    """Check the password of a locked session; wrong ones are counted by address.

    Raises ChatError ``bad-password``, ``too-many-attempts``.
    """
    wrong = ChatError("bad-password", f"{session.life.name} has another password.")
    if password is None:
        raise wrong
    guesses, host, key = user.chat.guesses, user.mind.host, session.life.key
    await guesses.begin(host)
    try:
        if not await user.chat.passwords.verify(session.life.password or "", password):
            guesses.failed(host, key)
            raise wrong
        guesses.succeeded(host, key)
    finally:
        guesses.end(host)


def _ban(user: Asker, session: Session) -> Measure | None:
    return session.ruling.bans.fitting(user.name.key, user.mind.host, user.chat.millis())


def _locked(session: Session) -> bool:
    return session.life.password is not None


async def _take_invitation(user: Asker, session: Session) -> bool:
    """Use up an invitation, if there is one."""
    epoch, key = session.life.epoch, user.name.key
    if user.person.guest:
        return user.person.invited.pop(epoch, None) is not None
    if key not in session.ruling.invited:
        return False
    await user.chat.log.keep([session.ruling.asked_in(key, None)])
    return session.ruling.invited.pop(key, None) is not None
