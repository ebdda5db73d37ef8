"""Forgetting all that is kept for an account that is no more: its name may be somebody else's."""

from __future__ import annotations

from twisted_chat.chat.chat import Chat
from twisted_chat.chat.requests.ruling import give
from twisted_chat.chat.user import User
from twisted_chat.doors import wishing
from twisted_chat.log.contract import Record
from twisted_chat.vocabulary.names import Name, key_of


async def forget(chat: Chat, by: User, name: Name) -> None:
    """Take its roles and places away, and what it has set; who ``by`` takes them is told to all.

    Raises ChatError ``not-stored``: then some of it may be gone, and it may be called again.
    """
    key = name.key
    records = [Record(wishing.KIND, f"user:{key}", wishing.KEY, None)]
    for session in tuple(chat.sessions.by_epoch.values()):
        owner = session.life.owner
        if key in session.ruling.roles or (owner is not None and key_of(owner) == key):
            await give(by, session, name.text, "none")
        if key in session.ruling.invited:
            records.append(session.ruling.asked_in(key, None))
            session.ruling.take(records[-1])
    await chat.log.keep(records)
    await chat.places.forget(key)
