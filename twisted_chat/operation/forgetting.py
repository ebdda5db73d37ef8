"""Forgetting all that is kept for an account that is no more: its name may be somebody else's."""

from __future__ import annotations

from typing import Protocol

from twisted_chat.accounts.devices import Devices
from twisted_chat.accounts.known import KnownAddresses
from twisted_chat.chat.chat import Chat
from twisted_chat.chat.requests.ruling import give
from twisted_chat.chat.user import User
from twisted_chat.doors import wishing
from twisted_chat.log.contract import Record
from twisted_chat.vocabulary.names import Name


class Parts(Protocol):
    """Whatever keeps something for accounts."""

    chat: Chat
    devices: Devices
    known: KnownAddresses


async def forget(parts: Parts, by: User, name: Name) -> None:
    """Take all of it away: ways in, roles, places, what it has set; all are told of the roles.

    ``by`` is who takes them.

    Raises ChatError ``not-stored``: then some of it may be gone, and it may be called again.
    """
    chat, key = parts.chat, name.key
    await parts.devices.forget(key)  # first: with one of them its old owner would come in
    await parts.known.forget(key)
    records = [Record(wishing.KIND, f"user:{key}", wishing.KEY, None)]
    for session in tuple(chat.sessions.by_epoch.values()):
        if key in session.ruling.roles or session.life.is_owned_by(key):
            await give(by, session, name.text, "none")
        if key in session.ruling.invited:
            records.append(session.ruling.asked_in(key, None))
            session.ruling.take(records[-1])
        if key in session.ruling.standing:
            records.append(session.ruling.let_in(key, None))
            session.ruling.take(records[-1])
    await chat.log.keep(records)
    await chat.places.forget(key)
