"""Saying things: a text on its way, what is shown while it waits, and why it was refused."""

from __future__ import annotations

from typing import Final, TypeVar

from attrs import define
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from twisted_chat.client.words import render
from twisted_chat.client.words.rooms import Room, Server
from twisted_chat.client.words.view import View
from twisted_chat.client.words.whereabouts import Whereabouts
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError

SLOW: Final = 2.0
"""Seconds after which a text without an answer is shown as waiting."""

T = TypeVar("T")


@define(eq=False)
class Speaker:
    """Says what is typed. Its Deferreds fire when it is stored or refused, and never fail."""

    view: View
    where: Whereabouts

    def say(self, data: str) -> Deferred[None]:
        """Say something in the current session; it waits where the server is not there."""
        room = self.where.room
        if room is None:
            server = self.where.server
            if server is not None and server.client.welcome is None:
                self.view.fail(f"Not said: {server.name} is not there yet.")
                return succeed(None)
            self.view.fail("You are in no session: /list shows them, /joinsession NAME joins one.")
            return succeed(None)
        return self.say_in(room, data)

    def say_in(self, room: Room, data: str) -> Deferred[None]:
        """Say something in a session, wherever the person is by now."""
        if room.direct:
            return self.message(room.server, room.peer, data)
        client = room.server.client
        return self._said(room.server, client.say(room.session, data), data, client.user)

    def message(self, server: Server, user: str, data: str) -> Deferred[None]:
        """Say something to one user alone."""
        return self._said(server, server.client.message(user, data), data, f"you to {user}")

    def _said(
        self, server: Server, said: Deferred[m.Text], data: str, speaker: str
    ) -> Deferred[None]:
        """Show that a text waits, or why it was refused; its echo is shown like any text."""

        def wait() -> None:
            place = "the server" if self.where.alone else server.name
            self.view.show(*render.waiting(data, speaker, place))

        if server.client.online:  # as far as anybody knows
            late = server.client.reactor.callLater(SLOW, wait)

            def answered(answer: T) -> T:
                if late.active():
                    late.cancel()
                return answer

            said.addBoth(answered)
        elif not said.called:
            wait()
        self.view.screen.refresh()
        return said.addCallbacks(lambda _: None, self._unsaid, errbackArgs=(server, data))

    def _unsaid(self, failure: Failure, server: Server, data: str) -> None:
        failure.trap(ChatError)
        if not server.closing:
            start = data if len(data) <= 40 else data[:39] + "…"
            where = "" if self.where.alone else f" on {server.name}"
            self.view.fail(f"Not said{where}: “{start}”. {failure.getErrorMessage()}")
