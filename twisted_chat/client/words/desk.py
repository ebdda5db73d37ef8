"""The desk: everything that one person is in, made of what several ChatClients tell.

It comes and goes. What is shown is the view's, where one is the whereabouts', what is said the
speaker's; the commands are in ``commands/``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from twisted_chat.client.address import Address
from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.events import Ended, Event, Offline, Online
from twisted_chat.client.memory import Memory
from twisted_chat.client.places import Place, peer
from twisted_chat.client.words import render
from twisted_chat.client.words.marking import Marker
from twisted_chat.client.words.rooms import Server
from twisted_chat.client.words.saying import Speaker
from twisted_chat.client.words.telling import Teller
from twisted_chat.client.words.view import Screen, View
from twisted_chat.client.words.whereabouts import Whereabouts
from twisted_chat.client.words.wishes import Kept
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError

DIRECT_NAMED: Final = 10
"""Direct sessions that are named at the login, at most."""

Upload = Callable[[str, str, str, str, Callable[[str, int], object]], Awaitable[str]]

ASKED: Final = 3
"""Times that the password of a session is asked for."""


@implementer(IPushProducer)
@define(eq=False)
class Desk:
    """What one person has before it.

    ``kept`` is what the person wants.
    ``make`` makes a client for an address, a user and a password. ``user`` is the name on servers
    for which no other is given. ``memory`` is what remains of earlier runs. ``zone`` is where the
    person lives (None: where the machine is). ``alone``: there is one server, and the person has
    no way to another; ``refusal`` is why it can not be there either.
    """

    screen: Screen
    make: Callable[[Address, str, str | None], ChatClient]
    user: str
    memory: Memory = field(factory=lambda: Memory(None))
    zone: tzinfo | None = None
    kept: Kept = field(factory=Kept)
    upload: Upload | None = None
    """Sends a file of the person's machine; see client/terminal/uploading.py."""
    alone: bool = False
    leaving: bool = False
    refusal: ChatError | None = field(default=None, init=False)
    view: View = field(init=False)
    where: Whereabouts = field(init=False)
    speaker: Speaker = field(init=False)
    _teller: Teller = field(init=False)
    _paused: bool = False

    def __attrs_post_init__(self) -> None:
        self.view = View(self.screen, self.kept, self.zone)
        self.where = Whereabouts(self.view, Marker(), self.alone)
        self.speaker = Speaker(self.view, self.where)
        self._teller = Teller(self.view, self.where, self.kept)

    # --- servers ---------------------------------------------------------------------------

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
        for known in self.where.servers.values():
            same = (known.address.host, known.address.port) == (address.host, address.port)
            if same and known.client.user.casefold() == user.casefold():
                raise ChatError("name-in-use", f"You are on {known.name} as {user} already.")
        names = (str(address), f"{user}@{address}", *(f"{address}#{n}" for n in range(2, 100)))
        name = next(name for name in names if name not in self.where.servers)
        server = Server(
            name, address, self.make(address, user, password), session, session_password
        )
        self.where.servers[name] = server
        server.client.stays = True
        server.client.remembers = self.memory.path is not None
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
        self.where.marker.say_all()
        server.closing = True
        await server.client.logout()
        self.where.forget(server)
        self.view.info(f"You have left {server.name}.")
        self.where.somewhere()

    async def leave(self) -> None:
        """Leave everything properly, 2 s at most in all, and go."""
        if not self.leaving:
            for server in self.where.servers.values():
                self._remember(server)
            self.where.marker.say_all()
            self.leaving = self.view.muted = True
            await DeferredList([server.client.logout() for server in self.where.servers.values()])
            self.screen.close()

    def interrupt(self) -> Deferred[None]:
        """Leave, because the program is told to end; fires when that is done."""
        return self.view.run(self.leave())

    def _remember(self, server: Server) -> None:
        client = server.client
        if client.welcome is not None and not server.closing:
            who = f"{client.user}@{server.address}"
            self.memory.keep(who, client.token, client.sessions.values())

    # --- a slow screen ---------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Read no server: the screen can not keep up (IPushProducer)."""
        self._paused = True
        for server in self.where.servers.values():
            server.client.pauseProducing()

    def resumeProducing(self) -> None:
        """Read on."""
        self._paused = False
        for server in self.where.servers.values():
            server.client.resumeProducing()

    def stopProducing(self) -> None:
        """Read on: the screen has gone."""
        self.resumeProducing()

    # --- what becomes of a connection ------------------------------------------------------

    def _told(self, server: Server, event: Event) -> None:
        if self.leaving or server.closing:
            return
        match event:
            case Online():
                self._online(server, event)
            case Offline():
                self._offline(server, event)
            case Ended(error):
                if error is not None:
                    self.view.run(self._refused(server, error))
            case _:
                self._teller.told(server, event)

    def _online(self, server: Server, event: Online) -> None:
        server.obstacle = None
        server.chose(m.Chosen(ignored=[], levels=[]))  # what is set is told behind the welcome
        welcome = event.welcome
        if not event.again:
            server.places = {place.session: place for place in welcome.places}
        if event.again:
            unanswered = server.client.unanswered
            waited = f", and says what waited ({unanswered})" if unanswered else ""
            self.view.info(f"{server.name} is back{waited}.")
        else:
            kind = "guest" if welcome.guest else "operator" if welcome.operator else ""
            place = welcome.server if self.alone else server.name
            self.view.info(f"You are on {place} as {welcome.user}{kind and f' ({kind})'}.")
            self._direct(server, welcome)
            self.view.run(self._settle(server))
        self._remember(server)  # the token, for the case that we are killed
        self.screen.refresh()

    def _offline(self, server: Server, event: Offline) -> None:
        known, server.obstacle = server.obstacle, event.reason
        reason = event.reason.rstrip(".")
        new = server.client.welcome is None
        if self.alone:  # there is nowhere to come back from
            self.view.fail(event.reason)
            self.view.run(self.leave())
        elif known is not None:
            pass  # it was said when it began
        elif event.hopeless and new:
            self.view.fail(f"{server.name}: {reason}")
        else:
            stop = f"; /disconnect {server.name} ends that" if new else ""
            self.view.problem(f"{server.name}: {reason}. Trying again until it is there{stop}.")
        self.screen.refresh()

    async def _settle(self, server: Server) -> None:
        try:
            if server.session is not None:
                await self.join(server, server.session, server.password)
        except ChatError as refused:
            self.view.fail(f"{server.name}: {refused}")
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
                    self.view.problem(str(refused))
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
            self.view.info(f"Direct messages: {known}. /switch @user goes there.")

    async def _refused(self, server: Server, error: ChatError) -> None:
        """Ask for a password where that is what is missing; else give the server up."""
        if self.alone:
            self.refusal = error
            await self.leave()
            server.settle()
            return
        if error.code == "bad-credentials":
            if server.client.password is not None:
                self.view.problem(str(error))
            name = f"{server.client.user}@{server.address}"
            password = await self.screen.ask(f"Password for {name}: ")
            if password:
                server.client.password = password
                self._start(server)
                return
        why = str(error)
        if error.code == "bad-credentials" and server.client.password is None:
            why = "no password was given (--password-file FILE)"
        self.view.fail(f"{server.name}: {why}")
        self.where.forget(server)
        self.where.somewhere()
