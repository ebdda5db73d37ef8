"""Asking: each request has one handler, beside the rules that it is about.

A handler is a function of a User and a request; it registers itself::

    @answers(Leave)
    async def leave(user: User, request: Leave) -> Left:
        return user.leave(request.session)

``User.ask`` finds it. So a request is added in one place of the chat, and every door, whatever its
language, asks in the same words: ``await user.ask(Leave(session="ops"))``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from twisted_chat.vocabulary.messages import Message, Response

Answer = Response | Iterator[Response] | None
"""What a handler returns: one reply, several (each is made when the one before it is sent), or none
where the answer comes by itself, as the echo of a text does."""

R = TypeVar("R", bound=Message)
U = TypeVar("U")

Handler = Callable[[U, R], Awaitable[Answer]]
"""Raises ChatError, and has then changed nothing."""

HANDLERS: dict[type[Message], Callable[[Any, Any], Awaitable[Answer]]] = {}
"""Which handler each request has."""


def answers(kind: type[R]) -> Callable[[Handler[U, R]], Handler[U, R]]:
    """Make a function the handler of that request."""

    def register(handler: Handler[U, R]) -> Handler[U, R]:
        if kind in HANDLERS:
            raise TypeError(f"{kind.__name__} has a handler already")
        HANDLERS[kind] = handler
        return handler

    return register
