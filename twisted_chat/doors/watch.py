"""What each door does for its connections: counts them, and ends them when their time is up."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar, cast

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol as Connection
from twisted.logger import Logger

from twisted_chat.doors.deadlines import Deadlines
from twisted_chat.doors.talk import Talk, Why
from twisted_chat.doors.weighing import restore, shorten, weigh
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye

LOGIN_SECONDS = 30.0
"""How long a client may be silent before it has logged in."""

CLOSE_SECONDS = 5.0
"""How long a client may take to read what was written before its connection is cut off."""

SWEEP_SECONDS = 1.0
"""How often it is looked whose time is up."""

STALLED_SECONDS = 1.0
"""How long a client whose buffer was full when the daemon stops may take to read on: who does not
read has no use for a farewell, and missed nothing that the log does not have."""

RETURNS = 50
"""Clients that a machine takes back in RETURN_MILLISECONDS: they are told to come back in turns."""

RETURN_MILLISECONDS = 100


@define(eq=False)
class Turnstile:
    """Counts the connections of all doors together, from their accept to their end.

    Past ``limit`` (0: none) a door closes new ones at once, and also while more than
    ``max_waiting`` bytes (0: any number) wait for those who are inside to read them.
    """

    limit: int = 0
    max_waiting: int = 0
    inside: int = field(init=False, default=0)
    refused: int = field(init=False, default=0)
    """How many found no room, since the start."""
    goodbyes: int = field(init=False, default=0)
    """How many have been told to come back."""
    weights: dict[object, int] = field(init=False, factory=dict)
    """Bytes that wait at each door, as of its last look."""
    _heavy: bool = field(init=False, default=False)
    _told: int = field(init=False, default=0)
    """How many the operator knows to have found no room."""

    _logger = Logger()

    @property
    def waiting(self) -> int:
        """Bytes that wait for clients to read them, at all doors."""
        return sum(self.weights.values())

    @property
    def is_full(self) -> bool:
        """Whether nobody else may come in."""
        return self._heavy or (bool(self.limit) and self.inside >= self.limit)

    def refuse(self) -> Refused:
        """Return what tells a connection that there is no room for it."""
        self.refused += 1
        return Refused()

    def tell(self) -> None:
        """Tell the operator how many found no room, since it was told last."""
        if self.refused > self._told:
            self._logger.warn(
                "{count} connections found no room ({inside} are here, of {limit})",
                count=self.refused - self._told,
                inside=self.inside,
                limit=self.limit,
            )
            self._told = self.refused

    def weighed(self, door: object, weight: int) -> int:
        """Take note of what waits at a door; return how much too much waits in all.

        0 is enough already, and still more than half of ``max_waiting``; -1 is little.
        """
        self.weights[door] = weight
        total = self.waiting
        if self.max_waiting and (total > self.max_waiting) != self._heavy:
            if not self._heavy:
                self._heavy = True
                self._logger.warn(
                    "{bytes} bytes wait for clients to read them: nobody new comes in for a while",
                    bytes=total,
                )
            elif total <= self.max_waiting // 2:
                self._heavy = False
                self._logger.info("There is room again for what waits to be read")
        return max(0, total - self.max_waiting) if self._heavy else -1

    def retry(self, farewell: Bye) -> Bye:
        """Return a farewell that says when this client is to come back: they take turns."""
        if farewell.retry is None:
            return farewell
        turn = self.goodbyes // RETURNS * RETURN_MILLISECONDS
        self.goodbyes += 1
        return replace(farewell, retry=farewell.retry + turn)

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
    def conversation(self) -> Talk | None:
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
    _shortened: bool = field(init=False, default=False)

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
        stalled = []
        for connection in tuple(self.connections):
            conversation = connection.conversation
            if conversation is None:
                connection.transport.abortConnection()
                continue
            if conversation.user is not None and conversation.user.full:
                stalled.append(connection)
            conversation.close(self.turnstile.retry(farewell), why)
        empty = self._empty = Deferred()
        if stalled:
            self.clock.callLater(STALLED_SECONDS, self._give_up, stalled)
        self._check_empty()
        return empty

    def _give_up(self, connections: list[P]) -> None:
        for connection in connections:
            if connection in self.connections:
                connection.transport.abortConnection()

    def _check_empty(self) -> None:
        if self.connections:
            return
        self.turnstile.weights.pop(self, None)
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
        self._weigh()

    def _weigh(self) -> None:
        """Look how much waits to be read, and do something where it is too much."""
        if not self.turnstile.max_waiting:
            return
        weights, total = weigh(self.connections)
        too_much = self.turnstile.weighed(self, total)
        if too_much > 0:
            shorten(weights, too_much)
            self._shortened = True
        elif too_much < 0 and self._shortened:
            restore(self.connections)
            self._shortened = False
