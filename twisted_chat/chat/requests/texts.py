"""Saying something: in a session, or to one user alone."""

from __future__ import annotations

from twisted_chat.chat.asking import answers
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Say


@answers(Say)
async def say(user: User, request: Say) -> None:
    """Say a text; its echo comes by itself. A door's hot path calls User.say without this."""
    if request.to is None:
        user.say(request.data, request.session, request.id, request.reply)
    elif request.session is None:
        await user.message(request.to, request.data, request.id, request.reply)
    else:
        raise ChatError("bad-request", "A text goes to a session or to a user.")
