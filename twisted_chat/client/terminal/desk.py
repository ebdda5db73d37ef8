"""The desk: everything that one person is in, made of what several ChatClients tell.

It turns events into lines on a ``Screen``, and what is typed into texts. It knows no terminal:
``terminal.py`` and ``plain.py`` have the screens, ``commands.py`` the commands.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import date, tzinfo
from typing import Any, Final, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.client.address import Address
from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.events import Ended, Event, Offline, Online
from twisted_chat.client.memory import Memory
from twisted_chat.client.places import Place, peer
from twisted_chat.client.terminal import render
from twisted_chat.client.terminal.render import Line
from twisted_chat.client.terminal.rooms import Room, Server
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError

UNREAD_NAMED: Final = 4
"""Sessions with unread texts that the prompt names, at most."""

DIRECT_NAMED: Final = 10
"""Direct sessions that are named at the login, at most."""

ASKED: Final = 3
"""Times that the password of a session is asked for."""

SLOW: Final = 2.0
"""Seconds after which a text without an answer is shown as waiting."""

RECENT: Final = 10
"""Texts of the past that are shown to who comes into a session."""

T = TypeVar("T")


class Screen(Protocol):
    """What a person sees."""

    def show(self, *lines: Line) -> None:
        """Show lines, without disturbing what is being typed."""

    def fail(self, sentence: str) -> None:
        """What was asked for can not be had: a person is told, a program ends."""

    def refresh(self) -> None:
        """The prompt may have changed."""

    def ask(self, question: str) -> Deferred[str | None]:
        """Ask for a password, without echo; None where nobody can be asked or will answer."""

    def close(self) -> None:
        """The person has left."""


@implementer(IPushProducer)
@define(eq=False)
class Desk:
    """The servers, the current session, and what is shown of them.

    ``make`` makes a client for an address, a user and a password. ``user`` is the name on servers
    for which no other is given. ``memory`` is what remains of earlier runs. ``zone`` is where the
    person lives (None: where the machine is).
    """

    screen: Screen
    make: Callable[[Address, str, str | None], ChatClient]
    user: str
    memory: Memory = field(factory=lambda: Memory(None))
    zone: tzinfo | None = None
    servers: dict[str, Server] = field(factory=dict)
    room: Room | None = None
    leaving: bool = False
    _day: date | None = None
    _paused: bool = False
    _log = Logger()

    # --- servers ---------------------------------------------------------------------------

    @property
    def server(self) -> Server | None:
        """The server of the current session, or the one that was added last."""
        if self.room is not None:
            return self.room.server
        return next(reversed(self.servers.values()), None)

    def connect(
        self,
        address: Address,
        user: str,
        password: str | None = None,
        session: str | None = None,
        session_password: str | None = None,
    ) -> Server:
        """Begin to be on a server, and there in a session.

        Raises ChatError where one is there as that user already.
        """
        for known in self.servers.values():
            same = (known.address.host, known.address.port) == (address.host, address.port)
            if same and known.client.user.casefold() == user.casefold():
                raise ChatError("name-in-use", f"You are on {known.name} as {user} already.")
        names = (str(address), f"{user}@{address}", *(f"{address}#{n}" for n in range(2, 100)))
        name = next(name for name in names if name not in self.servers)
        server = Server(
            name, address, self.make(address, user, password), session, session_password
        )
        self.servers[name] = server
        if (stay := self.memory.of(f"{user}@{address}")) is not None:
            server.client.token = stay.token
            server.client.come_back_to(
                Place(session, seen.epoch, seen.seq) for session, seen in stay.direct.items()
            )
        if self._paused:
            server.client.pauseProducing()
        server.client.listen(lambda event: self._told(server, event))
        self._start(server)
        self.screen.refresh()
        return server

    def _start(self, server: Server) -> None:
        # How it goes is told by events.
        server.client.start().addErrback(lambda failure: failure.trap(ChatError) and None)

    async def disconnect(self, server: Server) -> None:
        """Leave a server properly: its sessions, then itself; 2 s at most."""
        self._remember(server)
        server.closing = True
        await server.client.logout()
        self._forget(server)
        self.info(f"You have left {server.name}.")
        self._anywhere()

    async def leave(self) -> None:
        """Leave everything properly, 2 s at most in all, and go."""
        if not self.leaving:
            for server in self.servers.values():
                self._remember(server)
            self.leaving = True
            await DeferredList([server.client.logout() for server in self.servers.values()])
            self.screen.close()

    def interrupt(self) -> Deferred[None]:
        """Leave, because the program is told to end; fires when that is done."""
        return self.run(self.leave())

    def _remember(self, server: Server) -> None:
        client = server.client
        if client.welcome is not None and not server.closing:
            who = f"{client.user}@{server.address}"
            self.memory.keep(who, client.token, client.sessions.values())

    def _forget(self, server: Server) -> None:
        self.servers.pop(server.name, None)
        server.settle()
        if self.room is not None and self.room.server is server:
            self.room = None
        self.screen.refresh()

    # --- a slow screen ---------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Read no server: the screen can not keep up (IPushProducer)."""
        self._paused = True
        for server in self.servers.values():
            server.client.pauseProducing()

    def resumeProducing(self) -> None:
        """Read on."""
        self._paused = False
        for server in self.servers.values():
            server.client.resumeProducing()

    def stopProducing(self) -> None:
        """Read on: the screen has gone."""
        self.resumeProducing()

    # --- sessions --------------------------------------------------------------------------

    @property
    def rooms(self) -> Sequence[Room]:
        """All sessions of all servers."""
        return [room for server in self.servers.values() for room in server.rooms.values()]

    def switch(self, room: Room) -> None:
        """Make a session the current one, and show what is unread in it."""
        if room is not self.room:
            self.info(f"Now in {self.tag(room)}.")
        self.room = room
        if not room.entering:
            self._read(room)
        self.screen.refresh()

    def tag(self, room: Room) -> str:
        """Name a session: with its server where another one has such a session too."""
        name = room.name.casefold()
        alone = all(other is room or other.name.casefold() != name for other in self.rooms)
        return room.name if alone else room.path

    def prompt(self) -> Line:
        """Return where one is, what is unread elsewhere, and whether the server is there."""
        server = self.server
        if server is None:
            return [("prompt", "> ")]
        place = self.room.path if self.room is not None else server.name
        line: Line = [("prompt", render.harmless(place))]
        if not server.client.online:
            state = "connecting" if server.obstacle is None else "offline"
            waiting = f", {server.client.unanswered} waiting" if server.client.unanswered else ""
            line.append(("error", f" ({state}{waiting})"))
        unread = sorted((room for room in self.rooms if room.count), key=lambda room: -room.count)
        if unread:
            names = [
                f"{render.harmless(self.tag(room))} {room.count}" for room in unread[:UNREAD_NAMED]
            ]
            more = ["…"] if len(unread) > UNREAD_NAMED else []
            line.append(("mark", f" [{', '.join(names + more)}]"))
        return [*line, ("prompt", "> ")]

    def _recall(self, room: Room, head: int) -> None:
        """Show the last of a session's past, before what is new."""
        room.take()
        if head:
            room.entering = True
            self.run(self._past(room, head))

    async def _past(self, room: Room, head: int) -> None:
        try:
            page = await room.server.client.history(room.session, before=head + 1, limit=RECENT)
        finally:
            room.entering = False
        _, since = room.take()
        room.hold([*page.texts, *since])
        if room is self.room:
            self._read(room)

    def _read(self, room: Room) -> None:
        dropped, texts = room.take()
        if dropped:
            self.info(f"{dropped:,} more before these: /history")
        self.show_texts(room.server, texts)

    def _parted(self, server: Server, session: str, sentence: str, wanted: bool) -> None:
        """Tell that one is not in a session any more: what is said next is said elsewhere."""
        here = self.room is not None and self.room is server.rooms.get(session)
        (self.fail if here and not wanted else self.info)(sentence)
        self._gone(server, session)

    def _gone(self, server: Server, session: str) -> None:
        room = server.rooms.pop(session, None)
        if room is not None and room is self.room:
            self.room = None
            self._anywhere()
        self.screen.refresh()

    def _anywhere(self) -> None:
        """Have some current session, where there is one left."""
        if self.room is None and self.rooms:
            room = min(self.rooms, key=lambda room: room.direct)
            self.switch(room)

    # --- saying ----------------------------------------------------------------------------

    def say(self, data: str) -> Deferred[None]:
        """Say something in the current session; it waits where the server is not there.

        Fires when it is stored or refused; it never fails.
        """
        room = self.room
        if room is None:
            self.fail("You are in no session: /list shows them, /joinsession NAME joins one.")
            return succeed(None)
        if room.direct:
            return self.message(room.server, room.peer, data)
        client = room.server.client
        return self._said(room.server, client.say(room.session, data), data, client.user)

    def message(self, server: Server, user: str, data: str) -> Deferred[None]:
        """Say something to one user alone; fires as ``say``."""
        return self._said(server, server.client.message(user, data), data, f"you to {user}")

    def _said(
        self, server: Server, said: Deferred[m.Text], data: str, speaker: str
    ) -> Deferred[None]:
        """Show that a text waits, or why it was refused; its echo is shown like any text."""

        def wait() -> None:
            self.show(*render.waiting(data, speaker, server.name))

        if server.client.online:  # as far as anybody knows
            late = server.client.reactor.callLater(SLOW, wait)

            def answered(answer: T) -> T:
                if late.active():
                    late.cancel()
                return answer

            said.addBoth(answered)
        elif not said.called:
            wait()
        self.screen.refresh()
        return said.addCallbacks(lambda _: None, self._unsaid, errbackArgs=(server, data))

    def _unsaid(self, failure: Failure, server: Server, data: str) -> None:
        failure.trap(ChatError)
        if not server.closing:
            start = data if len(data) <= 40 else data[:39] + "…"
            self.fail(f"Not said on {server.name}: “{start}”. {failure.getErrorMessage()}")

    # --- showing ---------------------------------------------------------------------------

    def show(self, *lines: Line) -> None:
        """Show lines."""
        if lines:
            self.screen.show(*lines)

    def info(self, sentence: str) -> None:
        """Tell the person something."""
        self.show(render.info(sentence))

    def problem(self, sentence: str) -> None:
        """Tell the person what went wrong."""
        self.show(render.problem(sentence))

    def fail(self, sentence: str) -> None:
        """Tell that something can not be had that was asked for: more than a ``problem``."""
        self.screen.fail(sentence)

    def show_texts(
        self, server: Server, texts: Sequence[m.Text], *, tag: str = "", aside: bool = False
    ) -> None:
        """Show texts, oldest first, with a line where a day begins."""
        lines: list[Line] = []
        for text in texts:
            when = render.moment(text.time, self.zone)
            if when.date() != self._day:
                self._day = when.date()
                lines.append(render.day(when))
            user = server.client.user
            lines.extend(render.said(text, user, tag=tag, aside=aside, zone=self.zone))
        self.show(*lines)

    def run(self, flow: Coroutine[Deferred[Any], Any, None]) -> Deferred[None]:
        """Let something happen, and show what goes wrong with it."""
        return Deferred.fromCoroutine(flow).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if failure.check(ChatError):
            if not self.leaving:
                self.fail(failure.getErrorMessage())
        else:
            self._log.failure("Something went wrong here", failure)

    # --- what the servers tell -------------------------------------------------------------

    def _told(self, server: Server, event: Event) -> None:
        if self.leaving or server.closing:
            return
        match event:
            case m.Text():
                self._text(server, event)
            case m.Snapshot():
                self._snapshot(server, event)
            case m.Joined():
                room = server.room(event.session)
                room.came([event.user])
                self._note(room, f"{event.user} has come: {render.here(event.count)}.")
            case m.Left() if event.user == server.client.user:
                self._parted(
                    server, event.session, f"You have left {event.session}.", event.id is not None
                )
            case m.Left():
                room = server.room(event.session)
                room.went([event.user])
                self._note(room, f"{event.user} has gone: {render.here(event.count)}.")
            case m.Presence():
                room = server.room(event.session)
                room.came(event.joined)
                room.went(event.left)
                self._note(room, render.presence(event))
            case m.TopicChanged():
                room = server.room(event.session)
                room.topic = event.topic
                words = f"sets the topic: {event.topic}" if event.topic else "removes the topic"
                self._note(room, f"{event.user} {words}")
            case m.Deleted():
                own = event.user == server.client.user
                self._parted(server, event.session, render.deleted(event, server.client.user), own)
            case m.Notice():
                self.info(f"{server.name}: {event.data}")
            case m.Error():
                self._error(server, event)
            case Online():
                self._online(server, event)
            case Offline():
                self._offline(server, event)
            case Ended(error) if error is not None:
                self.run(self._refused(server, error))
            case _:  # a bye, whose reason comes with the connection's end
                pass

    def _text(self, server: Server, text: m.Text) -> None:
        room = server.room(text.session)
        if room.entering:
            room.hold([text])
        elif room is self.room:
            self.show_texts(server, [text])
        elif room.direct:
            tag = server.name if len(self.servers) > 1 else ""
            self.show_texts(server, [text], tag=tag, aside=True)
        else:
            room.hold([text])
            self.screen.refresh()

    def _snapshot(self, server: Server, snapshot: m.Snapshot) -> None:
        new = snapshot.session not in server.rooms
        room = server.room(snapshot.session)
        room.topic = snapshot.topic
        room.users.clear()
        room.came(snapshot.users)
        if snapshot.reset:
            self.info(f"{room.path} begins anew: this is what the server has of it.")
            self._recall(room, snapshot.head)
        elif new and not room.direct:
            self.show(render.snapshot(snapshot))
            self.room = room
            self._recall(room, snapshot.head)
        if server.session is None and not room.direct:  # it is the lobby's
            server.settle()

    def _error(self, server: Server, error: m.Error) -> None:
        if error.session is None:
            self.problem(f"{server.name}: {error.data}")
            return
        room = server.room(error.session)
        if room is self.room:  # what is said next would be said elsewhere
            self.fail(f"{room.path}: {error.data}")
        elif not room.direct:  # a direct one goes with a guest, and matters less
            self.problem(f"{room.path}: {error.data}")
        self._gone(server, error.session)

    def _note(self, room: Room, sentence: str) -> None:
        """Say what happens in the current session; elsewhere it would only disturb."""
        if room is self.room:
            self.info(sentence)

    def _online(self, server: Server, event: Online) -> None:
        server.obstacle = None
        welcome = event.welcome
        if event.again:
            unanswered = server.client.unanswered
            waited = f", and says what waited ({unanswered})" if unanswered else ""
            self.info(f"{server.name} is back{waited}.")
        else:
            kind = "guest" if welcome.guest else "operator" if welcome.operator else ""
            self.info(f"You are on {server.name} as {welcome.user}{kind and f' ({kind})'}.")
            self._direct(server, welcome)
            self.run(self._settle(server))
        self._remember(server)  # the token, for the case that we are killed
        self.screen.refresh()

    def _offline(self, server: Server, event: Offline) -> None:
        known, server.obstacle = server.obstacle, event.reason
        reason = event.reason.rstrip(".")
        new = server.client.welcome is None
        if known is not None:
            pass  # it was said when it began
        elif event.hopeless and new:
            self.fail(f"{server.name}: {reason}")
        else:
            stop = f"; /disconnect {server.name} ends that" if new else ""
            self.problem(f"{server.name}: {reason}. Trying again until it is there{stop}.")
        self.screen.refresh()

    async def _settle(self, server: Server) -> None:
        try:
            if server.session is not None:
                await self.join(server, server.session, server.password)
        except ChatError as refused:
            self.fail(f"{server.name}: {refused}")
        welcome = server.client.welcome
        if server.session is not None or welcome is None or welcome.lobby is None:
            server.settle()  # else the lobby's snapshot follows

    async def join(
        self, server: Server, session: str, password: str | None = None, *, unseen: bool = False
    ) -> None:
        """Join a session; the password of a locked one is asked for where none is given.

        ``unseen``: the one given was asked for, so that a wrong one is asked for again: what
        is typed a second time must not be said aloud. Raises ChatError.
        """
        unseen = unseen or password is None
        left = ASKED if password is None else ASKED - 1
        while True:
            try:
                await server.client.join(session, password)
                return
            except ChatError as refused:
                if refused.code != "bad-password" or not unseen or not left:
                    raise
                if password is not None:
                    self.problem(str(refused))
            left -= 1
            password = await self.screen.ask(f"Password of {session}: ")
            if not password:
                raise ChatError("bad-password", f"{session} needs a password.")

    def _direct(self, server: Server, welcome: m.Welcome) -> None:
        """Name the direct sessions that were there before; what is unread in them follows."""
        names = []
        for life in welcome.direct:
            server.room(life.session)
            if life.head:
                names.append(f"@{peer(life.session, welcome.user)} ({life.head})")
        if names:
            known = render.names(names[:DIRECT_NAMED], len(names))
            self.info(f"Direct messages: {known}. /switch @user goes there.")

    async def _refused(self, server: Server, error: ChatError) -> None:
        """Ask for a password where that is what is missing; else give the server up."""
        if error.code == "bad-credentials":
            if server.client.password is not None:
                self.problem(str(error))
            name = f"{server.client.user}@{server.address}"
            password = await self.screen.ask(f"Password for {name}: ")
            if password:
                server.client.password = password
                self._start(server)
                return
        why = str(error)
        if error.code == "bad-credentials" and server.client.password is None:
            why = "no password was given (--password-file FILE)"
        self.fail(f"{server.name}: {why}")
        self._forget(server)
        self._anywhere()
