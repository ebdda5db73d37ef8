"""Who may come into a session: past its bans and its settings."""

from __future__ import annotations

from twisted_chat.chat.permissions import Asker, Rank, rank_of
from twisted_chat.chat.session import Session
from twisted_chat.vocabulary.errors import ChatError


async def may_come_in(user: Asker, session: Session) -> bool:
    """Return whether somebody was invited, and so needs no password; it was asked in once.

    Raises ChatError ``banned``, ``invite-only``.
    """
    if session.life.direct is not None:
        return False
    rank = rank_of(user, session)
    ban = session.ruling.bans.fitting(user.name.key, user.mind.host, user.chat.millis())
    is_away = not user.person.guest and user.chat.places.has(user.name.key, session)
    if is_away and ban is None:
        return True  # it is in that session, and was only away
    # An address may be many: that of a moderator is banned for the others. A name is meant.
    is_meant = ban is not None and ban.user is not None and rank is not Rank.OPERATOR
    is_open = ban is None and not session.life.invite and not _locked(session)
    if is_open or (rank >= Rank.MODERATOR and not is_meant):
        return rank is Rank.OPERATOR
    if await _take_invitation(user, session):
        return True
    if ban is not None:
        because = f": {ban.reason}" if ban.reason else "."
        raise ChatError("banned", f"You are kept out of {session.life.name}{because}")
    if session.life.invite and rank < Rank.VOICE:
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
