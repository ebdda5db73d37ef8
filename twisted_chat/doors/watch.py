"""What each door does for its connections: counts them, and ends them when their time is up."""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_chat.doors.deadlines import Deadlines
from twisted_chat.doors.talk import Why
from twisted_chat.doors.turnstile import Turnstile, Watched
from twisted_chat.doors.weighing import restore, shorten, weigh
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye

LOGIN_SECONDS = 30.0
"""How long a client may be silent before it has logged in."""

STRANGER_SECONDS = 120.0
"""How long it may take until then in all, however much it says."""

CLOSE_SECONDS = 5.0
"""How long a client may take to read what was written before its connection is cut off."""

SWEEP_SECONDS = 1.0
"""How often it is looked whose time is up."""

STALLED_SECONDS = 1.0
"""How long a client whose buffer was full when the daemon stops may take to read on: who does not
read has no use for a farewell, and missed nothing that the log does not have."""


P = TypeVar("P", bound=Watched)


@define(eq=False)
class Watch(Generic[P]):
    """Looks after the connections of one door, with one timer for all of them."""

    clock: IReactorTime
    turnstile: Turnstile
    connections: set[P] = field(init=False, factory=set)
    _silent: Deadlines[P] = field(init=False)
    _strangers: Deadlines[P] = field(init=False)
    _closing: Deadlines[P] = field(init=False)
    _next: IDelayedCall | None = field(init=False, default=None)
    _empty: Deferred[None] | None = field(init=False, default=None)
    _shortened: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._silent = Deadlines(self.clock, LOGIN_SECONDS)
        self._strangers = Deadlines(self.clock, STRANGER_SECONDS)
        self._closing = Deadlines(self.clock, CLOSE_SECONDS)

    def opened(self, connection: P) -> None:
        """A connection has begun, and should log in."""
        self.turnstile.enter(connection, connection.host)
        self.connections.add(connection)
        self._silent.set(connection)
        self._strangers.set(connection)
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
        self.turnstile.leave(connection)
        self.connections.remove(connection)
        self._silent.drop(connection)
        self._strangers.drop(connection)
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
        for connection in (*self._silent.take(), *self._strangers.take()):
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
