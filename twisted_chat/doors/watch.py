"""What each door does for its connections: counts them, and ends them when their time is up."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar, cast

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol as Connection

from twisted_chat.doors.conversation import Conversation, Why
from twisted_chat.doors.deadlines import Deadlines
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye

LOGIN_SECONDS = 30.0
"""How long a client may be silent before it has logged in."""

CLOSE_SECONDS = 5.0
"""How long a client may take to read what was written before its connection is cut off."""

SWEEP_SECONDS = 1.0
"""How often it is looked whose time is up."""


@define(eq=False)
class Turnstile:
    """Counts the connections of all doors together, from their accept to their end.

    Past ``limit`` (0: none) a door closes new ones at once.
    """

    limit: int = 0
    inside: int = field(init=False, default=0)

    @property
    def is_full(self) -> bool:
        """Whether nobody else may come in."""
        return bool(self.limit) and self.inside >= self.limit

    def enter(self) -> None:
        """Count a connection."""
        self.inside += 1

    def leave(self) -> None:
        """Count it no longer."""
        self.inside -= 1


class Refused(Connection):
    """A connection for which there is no room: closed at once.

    A factory that builds no protocol says the same over TCP; over TLS it leaves it open.
    """

    def connectionMade(self) -> None:
        """Close it."""
        cast(Any, self.transport).loseConnection()


class Watched(Protocol):
    """A door's connection."""

    transport: Any
    """A stream transport: ITransport, which can be aborted."""

    def __hash__(self) -> int: ...

    @property
    def conversation(self) -> Conversation | None:
        """What is said on it; None before that begins."""


P = TypeVar("P", bound=Watched)


@define(eq=False)
class Watch(Generic[P]):
    """Looks after the connections of one door, with one timer for all of them."""

    clock: IReactorTime
    turnstile: Turnstile
    connections: set[P] = field(init=False, factory=set)
    _silent: Deadlines[P] = field(init=False)
    _closing: Deadlines[P] = field(init=False)
    _next: IDelayedCall | None = field(init=False, default=None)
    _empty: Deferred[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._silent = Deadlines(self.clock, LOGIN_SECONDS)
        self._closing = Deadlines(self.clock, CLOSE_SECONDS)

    def opened(self, connection: P) -> None:
        """A connection has begun, and should log in."""
        self.turnstile.enter()
        self.connections.add(connection)
        self._silent.set(connection)
        if self._next is None:
            self._next = self.clock.callLater(SWEEP_SECONDS, self.sweep)

    def heard(self, connection: P) -> None:
        """A connection that is not logged in has said something."""
        self._silent.set(connection)

    def closing(self, connection: P) -> None:
        """A connection is being closed."""
        self._closing.set(connection)

    def gone(self, connection: P) -> None:
        """A connection is gone."""
        self.turnstile.leave()
        self.connections.remove(connection)
        self._silent.drop(connection)
        self._closing.drop(connection)
        self._check_empty()

    def close(self, farewell: Bye, why: Why) -> Deferred[None]:
        """Say farewell on every connection; fires when all of them are gone, in a while."""
        for connection in tuple(self.connections):
            if connection.conversation is None:
                connection.transport.abortConnection()
            else:
                connection.conversation.close(farewell, why)
        empty = self._empty = Deferred()
        self._check_empty()
        return empty

    def _check_empty(self) -> None:
        if self.connections:
            return
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._empty is not None:
            empty, self._empty = self._empty, None
            empty.callback(None)

    def sweep(self) -> None:
        """End those whose time is up."""
        self._next = self.clock.callLater(SWEEP_SECONDS, self.sweep)
        for connection in self._silent.take():
            conversation = connection.conversation
            if conversation is None:
                connection.transport.abortConnection()
            elif conversation.user is None and conversation.answering:
                self._silent.set(connection)
            elif conversation.user is None:
                conversation.refuse(ChatError("not-logged-in", "No login came: goodbye."))
        for connection in self._closing.take():
            connection.transport.abortConnection()
