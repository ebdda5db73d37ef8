"""How far one has read, that one is away, that one is writing."""

from __future__ import annotations

from twisted_chat.chat.acting import tell_away, tell_user
from twisted_chat.chat.asking import answers
from twisted_chat.chat.notes import IsAway
from twisted_chat.chat.permissions import check_muted, check_speech
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Away, IsTyping, Read, ReadTo, Typing, WentAway


@answers(Read)
async def read(user: User, request: Read) -> ReadTo:
    """Say how far one has read; one's other connections are told.

    Raises ChatError ``not-in-session``, ``not-stored``.
    """
    session = user.member(request.session).session
    seq = min(request.seq, session.head)
    if not user.is_guest:
        seq = await user.chat.places.read(user.name, session, seq)
    event = ReadTo(session=session.name, seq=seq)
    tell_user(user.person, event, user, session)
    return event


@answers(Away)
async def away(user: User, request: Away) -> WentAway:
    """Say that one is away, or back; who shares a session that is not too large is told.

    Raises ChatError ``muted``: why one is away is something that is said.
    """
    if request.data:
        check_muted(user)
    event = WentAway(user=user.name.text, data=request.data)
    if user.person.away != request.data:
        user.person.away = request.data
        user.chat.sessions.version += 1
        user.chat.turn.work(tell_away(user.chat, user.person, event, user))
        user.chat.peers.tell(IsAway(event))
    return event


@answers(Typing)
async def typing(user: User, request: Typing) -> None:
    """Say that one is writing; of who may not speak nobody notices it.

    Raises ChatError ``not-in-session``.
    """
    session = user.member(request.session).session
    try:
        check_speech(user, session)
    except ChatError:
        return
    if session.count <= user.chat.rules.presence_limit:
        session.is_typing(user.name.key, IsTyping(session=session.name, user=user.name.text))
