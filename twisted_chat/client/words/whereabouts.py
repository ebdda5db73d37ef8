"""Where one person is: the servers, their sessions, and the current one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define, field

from twisted_chat.client.words import render
from twisted_chat.client.words.marking import Marker
from twisted_chat.client.words.render import Line
from twisted_chat.client.words.rooms import Room, Server
from twisted_chat.client.words.view import View
from twisted_chat.vocabulary.messages import MAX_HISTORY

UNREAD_NAMED: Final = 4
"""Sessions with unread texts that the prompt names, at most."""

RECENT: Final = 10
"""Texts of the past that are shown to who comes into a session."""


@define(eq=False)
class Whereabouts:
    """The ``servers`` by their names, and the current ``room``: None where one is in none.

    ``alone``: there is one server and no way to another, so that nobody needs its name.
    """

    view: View
    marker: Marker
    alone: bool = False
    servers: dict[str, Server] = field(factory=dict)
    room: Room | None = None

    @property
    def server(self) -> Server | None:
        """The server of the current session, or the one that was added last."""
        if self.room is not None:
            return self.room.server
        return next(reversed(self.servers.values()), None)

    @property
    def rooms(self) -> Sequence[Room]:
        """All sessions of all servers."""
        return [room for server in self.servers.values() for room in server.rooms.values()]

    def switch(self, room: Room) -> None:
        """Make a session the current one, and show what is unread in it."""
        if room is not self.room:
            self.view.info(f"Now in {self.tag(room)}.")
        self.room = room
        if room.unseen and not room.entering:
            count = room.missed + room.dropped + len(room.unread)
            self.recall(room, room.head, max(RECENT, min(count, MAX_HISTORY)))
        elif not room.entering:
            self.read(room)
        self.view.screen.refresh()

    def tag(self, room: Room) -> str:
        """Name a session: with its server where another one has such a session too."""
        name = room.name.casefold()
        alone = all(other is room or other.name.casefold() != name for other in self.rooms)
        return room.name if alone else room.path

    def path(self, room: Room) -> str:
        """Name a session among all servers, where there may be several."""
        return room.name if self.alone else room.path

    def of(self, server: Server, sentence: str) -> str:
        """Say of which server a sentence is, where there may be several."""
        return sentence if self.alone else f"{server.name}: {sentence}"

    def prompt(self) -> Line:
        """Return where one is, what is unread elsewhere, and whether the server is there."""
        server = self.server
        if server is None:
            return [("prompt", "> ")]
        place = self.path(self.room) if self.room is not None else server.name
        line: Line = [("prompt", render.harmless(place))]
        if not server.client.online:
            state = "connecting" if server.obstacle is None else "offline"
            waiting = f", {server.client.unanswered} waiting" if server.client.unanswered else ""
            line.append(("error", f" ({state}{waiting})"))
        unread = sorted((room for room in self.rooms if room.count), key=lambda room: -room.count)
        if unread:
            names = [self._counted(room) for room in unread[:UNREAD_NAMED]]
            more = ["…"] if len(unread) > UNREAD_NAMED else []
            line.append(("mark", f" [{', '.join(names + more)}]"))
        return [*line, ("prompt", "> ")]

    def _counted(self, room: Room) -> str:
        """Name a session, how much is unread there, and how much of it names the person."""
        mentions = f" @{room.mentions}" if room.mentions else ""
        return f"{render.harmless(self.tag(room))} {room.count}{mentions}"

    # --- coming and going ------------------------------------------------------------------

    def enter(self, room: Room, head: int) -> None:
        """Make a new session the current one; its past is shown before what is new."""
        self.room = room
        self.recall(room, head)

    def recall(self, room: Room, head: int, count: int = RECENT) -> None:
        """Show the last of a session's past, before what is new."""
        room.take()
        room.missed, room.mentions, room.unseen = 0, 0, False
        if head:
            room.entering = True
            self.view.run(self._past(room, head, count))

    async def _past(self, room: Room, head: int, count: int) -> None:
        try:
            texts, _ = await room.past(count, head + 1)
        finally:
            room.entering = False
        _, since = room.take()
        room.recent.clear()
        shown = [one for one in texts if not self.view.ignores(room.server, one.source)]
        room.know([*shown, *since])
        room.hold([*shown, *since])
        if room is self.room:
            self.read(room)
            self.marker.shown(room, head)

    def read(self, room: Room) -> None:
        """Show what is unread."""
        dropped, texts = room.take()
        if dropped:
            self.view.info(f"{dropped:,} more before these: /history")
        self.view.texts(room.server, texts)
        if texts:
            self.marker.shown(room, texts[-1].seq)

    def gone(self, server: Server, session: str) -> None:
        """Forget a session that one is not in any more."""
        room = server.rooms.pop(session, None)
        if room is not None:
            self.marker.forget(room)
        if room is not None and room is self.room:
            self.room = None
            self.somewhere()
        self.view.screen.refresh()

    def forget(self, server: Server) -> None:
        """Forget a server."""
        self.servers.pop(server.name, None)
        for room in server.rooms.values():
            self.marker.forget(room)
        server.settle()
        if self.room is not None and self.room.server is server:
            self.room = None
        self.view.screen.refresh()

    def somewhere(self) -> None:
        """Have some current session, where there is one left."""
        if self.room is None and self.rooms:
            self.switch(min(self.rooms, key=lambda room: room.direct))
