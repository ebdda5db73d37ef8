"""What happens in the sessions, in words: from a server's events to lines."""

from __future__ import annotations

from attrs import define

from twisted_chat.client.events import Event
from twisted_chat.client.words import render
from twisted_chat.client.words.rooms import Room, Server
from twisted_chat.client.words.shared import shared
from twisted_chat.client.words.view import View
from twisted_chat.client.words.whereabouts import Whereabouts
from twisted_chat.client.words.wishes import Kept
from twisted_chat.vocabulary import messages as m


@define(eq=False)
class Teller:
    """Tells what servers say; what becomes of the connection to one is for the desk."""

    view: View
    where: Whereabouts
    kept: Kept

    def told(self, server: Server, event: Event) -> None:
        """Show an event, or hold it as unread where it is of no session that is looked at."""
        match event:
            case m.Text():
                self._text(server, event)
            case m.Edited() | m.Redacted() | m.Reacted():
                self._changed(server, event)
            case m.Kicked():
                self._kicked(server, event)
            case m.Invited() if event.user == server.client.user:
                words = f"{event.by} invites you to {event.session}: /joinsession {event.session}"
                self.view.info(self.where.of(server, words))
            case m.WentAway() if event.user != server.client.user:
                words = f"is away: {event.data}" if event.data else "is back"
                self.view.info(self.where.of(server, f"{event.user} {words}."))
            case m.Chosen():
                server.chose(event)
            case m.RoleGiven():
                self._note(server.room(event.session), render.role(event))
            case m.Changed():
                self._note(server.room(event.session), render.settings(event))
            case m.Snapshot():
                self._snapshot(server, event)
            case m.ReadTo():
                if (known := server.rooms.get(event.session)) is not None:
                    known.read_elsewhere(event.seq)
                    self.view.screen.refresh()
            case m.Joined():
                room = server.room(event.session)
                room.came([event.user])
                self._passing(room, f"{event.user} has come: {render.here(event.count)}.")
            case m.Left() if event.user == server.client.user:
                self._parted(
                    server, event.session, f"You have left {event.session}.", event.id is not None
                )
            case m.Left():
                room = server.room(event.session)
                room.went([event.user])
                self._passing(room, f"{event.user} has gone: {render.here(event.count)}.")
            case m.Presence():
                room = server.room(event.session)
                room.came(event.joined)
                room.went(event.left)
                self._passing(room, render.presence(event))
            case m.TopicChanged():
                room = server.room(event.session)
                room.topic = event.topic
                words = f"sets the topic: {event.topic}" if event.topic else "removes the topic"
                self._note(room, f"{event.user} {words}")
            case m.Deleted():
                own = event.user == server.client.user
                self._parted(server, event.session, render.deleted(event, server.client.user), own)
            case m.Notice():
                by = f"{event.by}: " if event.by else ""
                self.view.info(self.where.of(server, f"{by}{event.data}"))
            case m.Error():
                self._error(server, event)
            case _:  # a bye, whose reason comes with the connection's end
                pass

    def _text(self, server: Server, text: m.Text) -> None:
        room = server.room(text.session)
        room.head = text.seq
        if self.view.ignores(server, text.source):
            self.where.marker.passed(room, text.seq)
            return
        room.know([text])
        if self.kept.wishes.bell != "none" and text.source != server.client.user:
            self._ring(server, room, text)
        if room.entering:
            room.hold([text])
        elif room is self.where.room:
            self.view.texts(server, [text])
            self.where.marker.shown(room, text.seq)
        elif room.direct:
            tag = server.name if len(self.where.servers) > 1 else ""
            self.view.texts(server, [text], tag=tag, aside=True)
        else:
            room.hold([text])
            room.mentions += self.view.names(server, text)
            self.view.screen.refresh()

    def _ring(self, server: Server, room: Room, text: m.Text) -> None:
        """Ring where it is wanted: in all sessions, and in this one."""
        level = server.levels.get(room.session, "all" if room.direct else "mentions")
        wanted = room.direct or self.kept.wishes.bell == "mentions"
        if level == "none" or not wanted:
            return
        if level == "all" or self.view.names(server, text):
            self.view.screen.ring()

    def _changed(self, server: Server, event: m.Edited | m.Redacted | m.Reacted) -> None:
        room = server.room(event.session)
        room.head = event.seq
        self.where.marker.passed(room, event.seq)
        if self.view.ignores(server, event.source):
            if not isinstance(event, m.Reacted):
                room.change(event)
            return
        before = room.text(event.of) if isinstance(event, m.Reacted) else room.change(event)
        self._note(room, render.changed(event, before))

    def _kicked(self, server: Server, event: m.Kicked) -> None:
        room = server.room(event.session)
        why = f" ({event.reason})" if event.reason else ""
        if event.user == server.client.user:
            words = f"{event.by} has taken you out of {event.session}{why}."
            self._parted(server, event.session, words, wanted=False)
            return
        room.went([event.user])
        here = render.here(event.count)
        self._note(room, f"{event.by} has taken out {event.user}{why}: {here}.")

    def _snapshot(self, server: Server, snapshot: m.Snapshot) -> None:
        new = snapshot.session not in server.rooms
        room = server.room(snapshot.session)
        room.head = snapshot.head
        place = server.places.pop(snapshot.session, None)
        room.topic = snapshot.topic
        room.users.clear()
        room.came(snapshot.users)
        if snapshot.reset:
            name = self.where.path(room)
            self.view.info(f"{name} begins anew: this is what the server has of it.")
            self.where.recall(room, snapshot.head)
        elif new and place is not None and not self._is_wanted(server, snapshot):
            room.missed, room.unseen = place.unread, True  # one was in it, and looks elsewhere
            room.mentions, room.read = place.mentions, place.read
        elif (new or self._is_awaited(server, room, snapshot)) and not room.direct:
            self.view.show(render.snapshot(snapshot))
            self.where.enter(room, snapshot.head)
        kept = place is not None and not self._is_wanted(server, snapshot)
        if server.session is None and not room.direct and not kept:  # it is the lobby's
            server.settle()

    def _is_wanted(self, server: Server, snapshot: m.Snapshot) -> bool:
        """Whether somebody goes into a session now: it has asked for it, or it is the lobby."""
        welcome = server.client.welcome
        lobby = welcome.lobby if welcome is not None else None
        return snapshot.id is not None or (snapshot.session == lobby and server.session is None)

    def _is_awaited(self, server: Server, room: Room, snapshot: m.Snapshot) -> bool:
        """Whether one wants to come into it: one may be in it already, or since one has asked."""
        is_first = snapshot.session == server.session and not server.settled.called
        return is_first or (snapshot.id is not None and room is not self.where.room)

    def _error(self, server: Server, error: m.Error) -> None:
        if error.session is None:
            self.view.problem(self.where.of(server, error.data))
            return
        room = server.room(error.session)
        if room is self.where.room:  # what is said next would be said elsewhere
            self.view.fail(f"{self.where.path(room)}: {error.data}")
        elif not room.direct:  # a direct one goes with a guest, and matters less
            self.view.problem(f"{self.where.path(room)}: {error.data}")
        self.where.gone(server, error.session)
        welcome = server.client.welcome
        if server.session is None and welcome is not None and error.session == welcome.lobby:
            server.settle()  # no snapshot of the lobby will follow

    def _parted(self, server: Server, session: str, sentence: str, wanted: bool) -> None:
        """Tell that one is not in a session any more: what is said next is said elsewhere."""
        here = self.where.room is not None and self.where.room is server.rooms.get(session)
        (self.view.fail if here and not wanted else self.view.info)(sentence)
        self.where.gone(server, session)

    def _passing(self, room: Room, sentence: str) -> None:
        """Say who comes and goes, where that is wanted."""
        if self.kept.wishes.presence:
            self._note(room, sentence)

    def _note(self, room: Room, sentence: str) -> None:
        """Say what happens in the current session; elsewhere it would only disturb."""
        if room is self.where.room:
            self.view.show(shared.sentence(sentence))
