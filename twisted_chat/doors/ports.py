"""A port for each session: who connects there and logs in is in that session without a join."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.logger import Logger

from twisted_chat.doors.native import ChatFactory
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye
from twisted_chat.vocabulary.names import Name

Listen = Callable[[int, ChatFactory], IListeningPort]
"""Binds a port, or raises CannotListenError."""

WAIT_SECONDS = 5.0
"""How long a new session waits for a port that is just being closed, at most."""


@define(eq=False)
class SessionPorts:
    """Native doors of single sessions, on the ports from ``low`` to ``high``.

    ``listen`` binds a port; ``make_factory`` makes the factory of a
    door whose visitors are in the session of that name.
    """

    low: int
    high: int
    _clock: IReactorTime
    _listen: Listen
    _make_factory: Callable[[str], ChatFactory]
    _open: dict[int, tuple[IListeningPort, ChatFactory]] = field(init=False, factory=dict)
    _stopping: int = field(init=False, default=0)
    """How many listen no more, but are still bound: a port is free a turn later, at least."""
    _waiting: dict[Deferred[None], None] = field(init=False, factory=dict)

    _logger = Logger()

    @property
    def connections(self) -> int:
        """How many are open, on all of them."""
        return sum(len(factory.watch.connections) for _, factory in self._open.values())

    async def open(self, name: Name) -> int:
        """Listen for that session, if need be on a port that is just being closed.

        Raises ChatError ``too-many-sessions`` when no port is free.
        """
        factory = self._make_factory(name.text)
        deadline = self._clock.seconds() + WAIT_SECONDS
        while (port := self._bind(factory)) is None:
            left = deadline - self._clock.seconds()
            if not self._stopping or left <= 0:
                raise ChatError(
                    "too-many-sessions",
                    f"No port from {self.low} to {self.high} is free for a session.",
                )
            await self._one_stopped(left)
        return port

    def _bind(self, factory: ChatFactory) -> int | None:
        for port in range(self.low, self.high + 1):
            if port in self._open:
                continue
            try:
                listening = self._listen(port, factory)
            except CannotListenError:
                continue  # another program has it, or it is still being closed
            self._open[port] = (listening, factory)
            return port
        return None

    def _one_stopped(self, seconds: float) -> Deferred[None]:
        waiter: Deferred[None] = Deferred()
        self._waiting[waiter] = None
        waiter.addTimeout(seconds, self._clock, lambda *_: self._waiting.pop(waiter))
        return waiter

    def close(self, port: int) -> None:
        """Stop listening, and close the connections that came there."""
        if port in self._open:  # else all of them are closed
            self._end(*self._open.pop(port), Bye(data="This session has ended."))

    def stop(self, farewell: Bye) -> Deferred[None]:
        """Close all of them; fires when the last connection is gone."""
        ends = [self._end(*opened, farewell) for opened in self._open.values()]
        self._open.clear()
        return DeferredList(ends).addCallback(lambda _: None)

    def _end(
        self, listening: IListeningPort, factory: ChatFactory, farewell: Bye
    ) -> Deferred[None]:
        ended = Deferred.fromCoroutine(self._ended(listening, factory, farewell))
        return ended.addErrback(
            lambda failure: self._logger.failure("Could not close {port}", failure, port=listening)
        )

    async def _ended(self, listening: IListeningPort, factory: ChatFactory, farewell: Bye) -> None:
        self._stopping += 1
        try:
            await maybeDeferred(listening.stopListening)
        finally:
            self._stopping -= 1
            waiting, self._waiting = self._waiting, {}
            for waiter in waiting:
                waiter.callback(None)
        await factory.close(farewell)
