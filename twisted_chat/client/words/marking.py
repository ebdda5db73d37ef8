"""How far one has read: said to the server a while after it was shown, so that all devices know."""

from __future__ import annotations

from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from twisted_chat.client.words.rooms import Room
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Read, ReadTo

READ_SECONDS: Final = 5.0
"""How long what is shown waits to be said as read: what comes meanwhile is said with it."""


@define(eq=False)
class Marker:
    """Says how far somebody who has an account has read."""

    _waiting: dict[Room, IDelayedCall] = field(factory=dict)

    def shown(self, room: Room, seq: int) -> None:
        """A text was shown, and so was all before it."""
        welcome = room.server.client.welcome
        if welcome is None or welcome.guest or seq <= room.read:
            return
        room.read = seq
        if room not in self._waiting:
            clock = room.server.client.reactor
            self._waiting[room] = clock.callLater(READ_SECONDS, self._say, room)

    def passed(self, room: Room, seq: int) -> None:
        """Of an entry nothing is to be read: it is read where all before it is."""
        if room.read == seq - 1:
            self.shown(room, seq)

    def _say(self, room: Room) -> None:
        waiting = self._waiting.pop(room, None)
        if waiting is not None and waiting.active():
            waiting.cancel()
        client = room.server.client
        if client.online and room.session in client.sessions:
            # Nobody waits for it: what is lost with a connection is said with the next text.
            request = Read(session=room.session, seq=room.read)
            said = client.ask(request, ReadTo, "forget")
            said.addErrback(self._unsaid, room)

    @staticmethod
    def _unsaid(failure: Failure, room: Room) -> None:
        failure.trap(ChatError)
        room.read = 0

    def say_all(self) -> None:
        """Say what waits: one leaves."""
        for room in tuple(self._waiting):
            self._say(room)

    def forget(self, room: Room) -> None:
        """One is not in that session any more."""
        waiting = self._waiting.pop(room, None)
        if waiting is not None and waiting.active():
            waiting.cancel()
