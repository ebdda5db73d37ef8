"""What operators of the server do: tell everybody something, and end somebody's connections."""

from __future__ import annotations

from collections.abc import Iterator

from twisted_chat.chat.asking import answers
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    Bye,
    Disconnect,
    Disconnected,
    Notice,
    SendNotice,
)
from twisted_chat.vocabulary.names import key_of

TOLD_IN_A_TURN = 200
"""Connections that a notice reaches in a turn, at most."""


@answers(SendNotice)
async def notice(user: User, request: SendNotice) -> Notice:
    """Tell everybody, or everybody in a session, a sentence.

    Raises ChatError ``not-allowed``, ``no-such-session``.
    """
    _check(user)
    chat = user.chat
    told = Notice(data=request.data, by=user.name.text)
    if request.session is not None:
        session = user.find(request.session)
        told = Notice(data=request.data, by=user.name.text, session=session.name)
        session.notify(told, user)
    else:
        chat.turn.work(_tell_all(user, told))
    chat.audit.note(
        chat.millis(), "notice", user.name.text, session=told.session, reason=request.data
    )
    return told


def _tell_all(user: User, told: Notice) -> Iterator[None]:
    connections = [one for person in user.chat.people.here.values() for one in person.users]
    for number, one in enumerate(connections, 1):
        if one is not user and not one.gone:
            one.mind.deliver(one.mind.encode(told))
        if not number % TOLD_IN_A_TURN:
            yield


@answers(Disconnect)
async def disconnect(user: User, request: Disconnect) -> Disconnected:
    """End all connections of a user; it may come back.

    Raises ChatError ``not-allowed``, ``no-such-user``.
    """
    _check(user)
    person = user.chat.people.here.get(key_of(request.user) or "")
    if person is None or not person.users:
        raise ChatError("no-such-user", "Nobody is here by that name.")
    users = tuple(person.users)
    because = f": {request.reason}" if request.reason else "."
    for one in users:
        one.mind.close(Bye(data=f"An operator has ended this connection{because}"))
        one.logout()
    user.chat.audit.note(
        user.chat.millis(),
        "disconnect",
        user.name.text,
        user=person.name.text,
        reason=request.reason,
    )
    return Disconnected(user=person.name.text, count=len(users))


def _check(user: User) -> None:
    if not user.is_operator:
        raise ChatError("not-allowed", "That is for operators of the server.")
