"""What operators of the server do: tell everybody something, and end somebody's connections."""

from __future__ import annotations

from twisted_chat.chat.acting import end_user, tell_all
from twisted_chat.chat.asking import answers
from twisted_chat.chat.notes import Ends, Everybody
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
        session.announce(told, user)
    else:
        chat.turn.work(tell_all(chat, told, user))
        chat.peers.tell(Everybody(told))
    chat.audit.note(
        chat.millis(), "notice", user.name.text, session=told.session, reason=request.data
    )
    return told


@answers(Disconnect)
async def disconnect(user: User, request: Disconnect) -> Disconnected:
    """End all connections of a user; it may come back.

    Raises ChatError ``not-allowed``, ``no-such-user``.
    """
    _check(user)
    person = user.chat.people.here.get(key_of(request.user) or "")
    if person is None or not person.is_here:
        raise ChatError("no-such-user", "Nobody is here by that name.")
    because = f": {request.reason}" if request.reason else "."
    bye = Bye(data=f"An operator has ended this connection{because}")
    count = len(person.users) + len(person.elsewhere)
    user.chat.peers.tell(Ends(person.name.key, bye))
    end_user(person, bye)
    user.chat.audit.note(
        user.chat.millis(),
        "disconnect",
        user.name.text,
        user=person.name.text,
        reason=request.reason,
    )
    return Disconnected(user=person.name.text, count=count)


def _check(user: User) -> None:
    if not user.is_operator:
        raise ChatError("not-allowed", "That is for operators of the server.")
