"""A client of a twisted-chat server, for bots and for the line client.

A bot that answers in the session "ops"::

    from twisted.internet.task import react
    from twisted_chat.client import ChatClient

    async def main(reactor):
        async with ChatClient.to(reactor, "tcp:chat.example.com:1234", "pinger") as bot:
            await bot.join("ops")
            async for text in bot.texts():
                if text.data == "!ping":
                    await bot.say(text.session, f"pong, {text.source}")

    react(main)

The client comes back by itself when the connection goes: to every session that it was in, with
what was missed meanwhile, and says again, with its old ``id``, what was not acknowledged. A text
that is told was never told before, and one that was said is stored once.

::

    say, join ... -> waiting (1,000) -> in flight (64) -> Link -> server
                        ^------ the connection went ----'           |
    Deferreds, listeners <- once, in order <- places (last seq) <---'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any, Final, TypeVar
from weakref import WeakSet

from attrs import define, field
from msgspec import structs
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, fail, succeed
from twisted.internet.interfaces import IPushProducer, IReactorTime, IStreamClientEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.client.events import Ended, Event, Listeners, Offline, Online
from twisted_chat.client.keeping import Keeper
from twisted_chat.client.link import Connection, Way, Wire, hopeless
from twisted_chat.client.outbox import SYSTEM, Fate, Ids, Outbox, Unanswered
from twisted_chat.client.places import Place, Places
from twisted_chat.client.reaching import described
from twisted_chat.client.requests import Requests
from twisted_chat.client.stream import TextStream
from twisted_chat.client.visit import Visit
from twisted_chat.client.waiters import Waiters
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError

__all__ = ["ChatClient", "Place", "TextStream", "Unanswered"]

LOGOUT_TIME: Final = 2.0
"""Seconds that a logout takes at most."""

PASSING: Final = frozenset({"server-full", "too-many-attempts", "internal", "not-stored"})
"""Refusals of a login that may succeed later by itself; any other one ends the attempts."""

T = TypeVar("T")


@implementer(IPushProducer)
@define(eq=False, slots=False, repr=False)
class ChatClient(Requests, Visit, Service):
    """One user's link to one server, kept up until ``logout``.

    ``reactor`` is the clock. ``endpoint`` is where the server is: ``to`` makes one from a string.
    ``user`` is the name to log in with, later the name as the server shows it. ``password`` is
    left out for a guest. ``random`` is where each ``id`` and the jitter of delays come from.
    ``token`` proves an earlier run, later this one; ``remembers`` makes one out of a password.
    ``stays``: an account is in all its sessions again, and a logout does not leave them.

    It is a Service too: in a program that twistd runs, give it a parent.
    """

    reactor: IReactorTime
    endpoint: IStreamClientEndpoint | Way
    user: str
    password: str | None = None
    random: Random = field(default=SYSTEM)
    token: str | None = None
    remembers: bool = field(default=False, kw_only=True)
    stays: bool = field(default=False, kw_only=True)
    welcome: m.Welcome | None = field(default=None, init=False)
    _outbox: Outbox = field(init=False)
    _places: Places = field(factory=Places, init=False)
    _online: bool = field(default=False, init=False)
    _login: str | None = field(default=None, init=False)
    _no_lobby: bool = field(default=False, init=False)
    _keeper: Keeper = field(init=False)
    _refusal: ChatError | None = field(default=None, init=False)
    _active: bool = field(default=False, init=False)
    _listeners: Listeners = field(factory=Listeners, init=False)
    _streams: WeakSet[TextStream] = field(factory=WeakSet, init=False)
    _arrivals: Waiters[m.Welcome] = field(factory=Waiters, init=False)
    _departures: Waiters[None] = field(factory=Waiters, init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._outbox = Outbox(Ids(self.reactor.seconds, self.random))
        end = self.endpoint
        way = end if isinstance(end, Way) else Wire(end, self.reactor)
        self._keeper = Keeper(self.reactor, way, self, self.random)

    def __repr__(self) -> str:
        return f"<ChatClient {self.user} {'online' if self.online else 'offline'}>"

    @classmethod
    def to(
        cls, reactor: IReactorTime, description: str, user: str, password: str | None = None
    ) -> ChatClient:
        """Make a client of the server at a Twisted endpoint description: ``tcp:HOST:1234``, say.

        Raises ValueError where the description is none, or verifies nothing: see ``reaching``.
        """
        return cls(reactor, described(reactor, description), user, password)

    # --- coming and going ------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether the login is done and the connection there."""
        return self._online

    @property
    def sessions(self) -> Mapping[str, Place]:
        """The sessions that the client is in, direct ones too, by their shown names."""
        return MappingProxyType(self._places.known)

    @property
    def unanswered(self) -> int:
        """How many requests have no answer yet."""
        return len(self._outbox)

    def start(self) -> Deferred[m.Welcome]:
        """Begin to connect; fire when the login is done.

        Fails with ChatError where the login is refused for good. While there is no connection it
        tries on and on: ``addTimeout`` on the Deferred is how to give up, and ``logout`` then.
        """
        if not self._active:
            self.startService()
        return self.arrival()

    def arrival(self) -> Deferred[m.Welcome]:
        """Fire when the client is online, at once if it is; fails as ``start``."""
        if self._online and self.welcome is not None:
            return succeed(self.welcome)
        if not self.running:
            return fail(self._refusal or Unanswered("The client has been stopped."))
        return self._arrivals.wait()

    def startService(self) -> None:
        """Begin to connect."""
        super().startService()
        self._active, self._refusal = True, None
        staying = Deferred.fromCoroutine(self._stay())
        staying.addErrback(lambda failure: self._log.failure("The client failed", failure))

    def stopService(self) -> Deferred[None]:
        """Log out."""
        return self.logout()

    def logout(self, timeout: float = LOGOUT_TIME) -> Deferred[None]:
        """Leave each session, log out, and stop; fire when the connection has gone.

        Waits for each answer, ``timeout`` seconds in all; requests that were made before are
        answered first. What has no answer in the end fails with Unanswered. Never fails.
        """
        if not self._active:
            return succeed(None)
        departed = self._departures.wait()
        if self.running:
            super().stopService()
            if self._online and self._keeper.link is not None:
                self._depart(self._keeper.link, timeout)
            else:
                self._keeper.give_up()
        return departed

    def _depart(self, link: Connection, timeout: float) -> None:
        stays = self.stays and self.welcome is not None and not self.welcome.guest
        steps: Sequence[Deferred[Any]] = [
            *(
                self.ask(m.Leave(session=place.session), m.Left, "forget")
                for place in self._places.known.values()
                if not place.direct and not stays
            ),
            self.ask(m.Logout(), m.Bye, "forget"),
        ]
        DeferredList(steps, consumeErrors=True).addCallback(lambda _: link.close())
        deadline = self.reactor.callLater(timeout, link.abort)

        def departed(_: None) -> None:
            if deadline.active():
                deadline.cancel()

        self._departures.wait().addCallback(departed)

    def come_back_to(self, places: Iterable[Place]) -> None:
        """Go on where an earlier run ended, told what was missed; to be called before ``start``.

        Save ``sessions`` and ``token`` for that.
        """
        for place in places:
            self._places.known[place.session] = place
        self._places.remembered = True

    # --- asking ----------------------------------------------------------------------------

    def ask(self, request: m.Request, expects: type[T], fate: Fate = "again") -> Deferred[T]:
        """Make a request of any kind: see ``Requests`` for those that have a method."""
        if not self._active:
            return fail(self._refusal or Unanswered("The client has not been started."))
        answer = self._outbox.put(request, expects, fate)
        self._send()
        return answer

    def _send(self) -> None:
        """Send what may be sent now."""
        if self._online and self._keeper.link is not None:
            while (call := self._outbox.next()) is not None:
                self._keeper.link.send(call.request, call.frame)

    # --- listening -------------------------------------------------------------------------

    def listen(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Tell ``listener`` every Event from now on, until what is returned is called.

        A listener that raises is logged, and harms nobody else.
        """
        return self._listeners.add(listener)

    def texts(self, session: str | None = None, *, own: bool = False) -> TextStream:
        """Return the texts from now on, of one session or of all, for ``async for``.

        What this user says is among them with ``own``. It ends with a logout.
        """
        stream = TextStream(self, session, own)
        self._streams.add(stream)  # weakly: a loop that is left is forgotten
        return stream

    def _tell(self, event: Event) -> None:
        for stream in tuple(self._streams) if self._streams else ():
            stream.heard(event)
        self._listeners.tell(event)

    # --- a slow listener -------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Read nothing: for a listener that writes to something slow (IPushProducer).

        Nothing is lost: the server waits, and goes on from its log.
        """
        self._keeper.pause()

    def resumeProducing(self) -> None:
        """Read on."""
        self._keeper.resume()

    def stopProducing(self) -> None:
        """Read on: what is slow has gone."""
        self.resumeProducing()

    # --- the connection --------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """Whether there is to be a connection (see ``keeping.Kept``, as all that follows)."""
        return bool(self.running) and self._refusal is None

    async def _stay(self) -> None:
        """Be there until a logout or a login that is refused for good."""
        await self._keeper.keep()
        self._stopped()

    def connected(self, link: Connection) -> None:
        """Log in."""
        self._log_in(link)

    def disconnected(self) -> None:
        """Keep what can be sent again."""
        self._online = False
        self._outbox.landed()

    def offline(self, reason: str, delay: float) -> None:
        """Tell everybody."""
        self._tell(Offline(reason, delay, hopeless(reason)))

    def _log_in(self, link: Connection) -> None:
        self._login = self._outbox.new_id()
        login = m.Login(user=self.user, password=self.password, token=self.token, id=self._login)
        remember = self.remembers and self.password is not None
        login = structs.replace(login, remember=remember, places=self.stays)
        link.send(self._places.named_in(login, self.welcome))

    def _stopped(self) -> None:
        """Tell everybody that there will be no further attempt."""
        if self.running:
            super().stopService()
        self._active = False
        if self._refusal is None:  # else it may be started again with another password
            self._places = Places()
        error = self._refusal or Unanswered("The client has logged out.")
        self._outbox.fail(error)
        self._arrivals.fire(Failure(error))
        self._departures.fire(None)
        self._tell(Ended(self._refusal))  # last: a listener may start the client anew

    # --- what the server says --------------------------------------------------------------

    def received(self, response: m.Response) -> None:
        """Take note of what the server says, and tell whoever it concerns."""
        match response:
            case m.Welcome():
                self._welcomed(response)
            case m.Error() if not self._online and response.id in (self._login, None):
                self._refused(response)
            case m.Text() | m.Edited() | m.Redacted() | m.Reacted():
                if self._places.heard(response):
                    self._tell(response)
                if response.source != self.user:
                    return  # an id of theirs, even where it is one of ours, answers nothing
            case m.Snapshot(id=None) if self._no_lobby and self._is_lobby(response.session):
                pass  # one leaves it again
            case m.Snapshot():
                self._places.snapshot(response, self._outbox.asked(response))
                self._no_lobby = self._no_lobby and not self._is_lobby(response.session)
                self._tell(response)
            case m.Left():
                known = response.session in self._places.known
                if response.user == self.user:
                    self._places.left(response.session)
                    self._no_lobby = self._no_lobby or self._is_lobby(response.session)
                if known:
                    self._tell(response)
            case m.Deleted() | m.Kicked():
                if isinstance(response, m.Deleted) or response.user == self.user:
                    self._places.left(response.session)
                self._tell(response)
            case m.Bye(id=None):
                self._keeper.obstacle = response.data
                self._keeper.retries.wish(response.retry)
                self._tell(response)
            case m.Error(id=None):
                if response.session is not None:  # it could not be resumed
                    self._places.left(response.session)
                self._tell(response)
            case m.Joined() | m.Presence() | m.TopicChanged() | m.Notice() | m.Chosen():
                self._tell(response)
            case (
                m.Changed() | m.RoleGiven() | m.Invited() | m.ReadTo() | m.WentAway() | m.IsTyping()
            ):
                self._tell(response)
            case _:  # whoever asked is told, and nobody else
                pass
        self._outbox.answered(response)
        self._send()

    def _is_lobby(self, session: str) -> bool:
        return self.welcome is not None and session == self.welcome.lobby

    def _welcomed(self, welcome: m.Welcome) -> None:
        again = self.welcome is not None
        self.welcome, self.user, self.token = welcome, welcome.user, welcome.token or self.token
        if self.remembers and welcome.token and not welcome.guest:
            self.password = None
        self._online = True
        self._keeper.retries.begin()
        self._places.welcomed(welcome.direct)
        self._tell(Online(welcome, again))
        for join in self._places.rejoin():
            answer = self._outbox.put(join, m.Snapshot, "forget", first=True)
            answer.addErrback(self._not_resumed, join.session)
        if self._no_lobby and welcome.lobby is not None:
            left = self._outbox.put(m.Leave(session=welcome.lobby), m.Left, "forget", first=True)
            left.addErrback(lambda failure: failure.trap(ChatError) and None)
        self._arrivals.fire(welcome)

    def _not_resumed(self, failure: Failure, session: str) -> None:
        failure.trap(ChatError)
        error = failure.value
        if isinstance(error, ChatError) and not isinstance(error, Unanswered):
            self._places.left(session)
            self._tell(m.Error(code=error.code, data=str(error), session=session))

    def _refused(self, refusal: m.Error) -> None:
        """Stop, unless it may go better by itself later."""
        self._keeper.obstacle = refusal.data
        if refusal.code not in PASSING:
            self._refusal = ChatError(refusal.code, refusal.data)
        if self._keeper.link is not None:
            self._keeper.link.close()
