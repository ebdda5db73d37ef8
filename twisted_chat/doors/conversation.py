"""A conversation: request -> User -> reply, for every door that speaks messages.py.

What it has in common with doors of other languages is in ``talk``.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from attrs import define
from msgspec.structs import replace

from twisted_chat.doors.talk import Talk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    MAX_FRAME,
    MAX_FRAME_BEFORE_LOGIN,
    BadRequest,
    Bye,
    Login,
    Logout,
    NotAnObject,
    Notice,
    Ping,
    Pong,
    Register,
    Registered,
    Request,
    Say,
    decode,
)


@define(eq=False, repr=False)
class Conversation(Talk):
    """What is asked and answered on one connection in the words of messages.py."""

    @property
    def max_message(self) -> int:
        """Bytes that a message may have now, at most."""
        return MAX_FRAME_BEFORE_LOGIN if self.user is None else MAX_FRAME

    def take(self, message: bytes) -> Coroutine[Any, Any, None] | None:
        """Say a text, or return what will answer another request: see Talk."""
        try:
            request = decode(message)
        except NotAnObject as refused:
            self.refuse(refused)
            return None
        except BadRequest as refused:
            self.asked = refused.id
            raise
        self.asked = request.id
        user = self.user
        if type(request) is Say and request.to is None and user is not None:
            # The one request whose answer comes by itself: the next need not wait for it.
            user.say(request.data, request.session, request.id, request.reply)
            return None
        return self._answer(request)

    async def _answer(self, request: Request) -> None:
        id = request.id
        user = self.user
        if isinstance(request, Ping):
            self.tell(Pong(id=id))
            return
        if isinstance(request, Login):
            if user is not None:
                raise ChatError("already-logged-in", f"You are logged in as {user.name}.")
            await self._login(request)
            return
        if user is None:
            if isinstance(request, Register):
                await self._register(request)
                return
            raise ChatError("not-logged-in", "Log in first.")
        if isinstance(request, Register):
            raise ChatError("already-logged-in", f"You are logged in as {user.name}.")
        if isinstance(request, Logout):
            user.logout(for_good=True)
            self.tell(Bye(data="Goodbye.", id=id))
            self.end("logged-out")
            return
        await self.ask(request, id)

    async def _register(self, request: Register) -> None:
        keeper = self.admission.keeper
        if keeper is None:
            raise ChatError("not-allowed", "There are no accounts on this server.")
        name = await keeper.register(request.user, request.password, request.invite, self)
        self.tell(Registered(user=name.text, id=request.id))

    async def _login(self, request: Login) -> None:
        if not await self.admit(
            self.admission.admit(request.user, request.password, request.token, self)
        ):
            return
        user = self.user
        if user is None:
            return
        welcome = user.welcome(request.id)
        if request.remember and request.password is not None:
            welcome = replace(welcome, token=await self.admission.remember(user))
            if self.over:
                return
        self.tell(welcome)
        if request.places and not user.is_guest:
            chosen = user.chat.places.chosen(user.name.key)
            if chosen.ignored or chosen.levels:
                self.tell(chosen)
        if greeting := user.chat.rules.greeting:
            self.tell(Notice(data=greeting))
        await self.enter(request.resume, places=request.places)
