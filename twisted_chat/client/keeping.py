"""Keeping a connection up: made, lost, and made again, until that is no longer wanted."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from twisted_chat.client.link import Connection, Way, sentence
from twisted_chat.client.retries import Retries
from twisted_chat.vocabulary.messages import Response

T = TypeVar("T")


class Kept(Protocol):
    """For whom a connection is kept up."""

    @property
    def wanted(self) -> bool:
        """Whether there is to be a connection."""

    def connected(self, link: Connection) -> None:
        """There is one."""

    def received(self, response: Response) -> None:
        """The server has said something."""

    def disconnected(self) -> None:
        """It is gone."""

    def offline(self, reason: str, delay: float) -> None:
        """It went, or could not be made; the next attempt is in ``delay`` seconds."""


@define(eq=False)
class Keeper:
    """Keeps one connection up. ``obstacle`` is what the server said before it closed it."""

    clock: IReactorTime
    way: Way
    kept: Kept
    random: Random
    link: Connection | None = field(default=None, init=False)
    obstacle: str | None = field(default=None, init=False)
    retries: Retries = field(init=False)
    _paused: bool = field(default=False, init=False)
    _awaited: Deferred[Any] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.retries = Retries(self.random)

    async def keep(self) -> None:
        """Connect, and connect again, until that is not wanted or ``give_up`` is called."""
        try:
            while self.kept.wanted:
                reason = await self._connection()
                if not self.kept.wanted:
                    break
                delay = self.retries.delay()
                self.kept.offline(reason, delay)
                if self.kept.wanted:  # whoever was told may have had enough
                    await self._unless_given_up(deferLater(self.clock, delay))
        except CancelledError:
            pass

    def give_up(self) -> None:
        """Wait for nothing any more: neither a connection nor its end."""
        if self._awaited is not None:
            self._awaited.cancel()

    def pause(self) -> None:
        """Read nothing, on this connection and on those to come."""
        self._paused = True
        if self.link is not None:
            self.link.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        self._paused = False
        if self.link is not None:
            self.link.resumeProducing()

    async def _unless_given_up(self, awaited: Deferred[T]) -> T:
        self._awaited = awaited
        try:
            return await awaited
        finally:
            self._awaited = None

    async def _connection(self) -> str:
        """Have one connection, from beginning to end; return why it ended."""
        self.obstacle = None
        received: Callable[[Response], None] = self.kept.received
        try:
            link = await self._unless_given_up(self.way.reach(received))
        except CancelledError:
            raise
        except Exception:
            return sentence(Failure())
        self.link = link
        if self._paused:
            link.pauseProducing()
        self.kept.connected(link)
        reason = await self._unless_given_up(link.gone)
        self.link = None
        self.kept.disconnected()
        return self.obstacle or reason
