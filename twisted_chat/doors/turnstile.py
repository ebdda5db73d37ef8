"""Who comes in by any of the doors: how many, from where, and who makes room for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping
from typing import Any, Final, Literal, Protocol, cast

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol as Connection
from twisted.logger import Logger

from twisted_chat.chat.crowd import Crowd
from twisted_chat.chat.pace import Pace
from twisted_chat.doors.talk import Talk
from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye

RETURNS = 50
"""Clients that a machine takes back in RETURN_MILLISECONDS: they are told to come back in turns."""

RETURN_MILLISECONDS = 100

Limit = Literal[
    "max-connections", "max-connections-per-address", "connects-per-minute", "max-waiting"
]
"""What a connection may meet before anything is said on it: an option of the operator's."""

REFUSALS: Final[Mapping[Limit, ChatError]] = {
    "max-connections": ChatError(
        "server-full", "The server has no room for one more; try again later."
    ),
    "max-connections-per-address": ChatError(
        "server-full", "There are too many connections from your address already."
    ),
    "connects-per-minute": ChatError(
        "too-many-attempts", "Too many connections come from your address; wait a minute."
    ),
    "max-waiting": ChatError("server-full", "The server is too busy; try again later."),
}

Say = Callable[[ChatError], bytes]
"""A refusal in the words of a door."""


class Watched(Protocol):
    """A door's connection."""

    host: str
    transport: Any
    """A stream transport: ITransport, which can be aborted."""

    def __hash__(self) -> int: ...

    @property
    def conversation(self) -> Talk | None:
        """What is said on it; None before that begins."""


@define(eq=False)
class Turnstile:
    """Counts the connections of all doors together, from their accept to their end.

    A door closes new ones at once past ``limit`` (0: none) in all, past ``per_address`` from one
    address that is not ``trusted`` or ``pace`` of it in a minute, and while more than
    ``max_waiting`` bytes (0: any number) wait for those who are inside to read them. Where all the
    room is taken it is shared: the address that has most of it gives some to one that has less, of
    those who are not logged in first.
    """

    limit: int = 0
    max_waiting: int = 0
    per_address: int = 0
    trusted: Container[str] = ()
    pace: Pace | None = None
    """How many one address may open in a minute."""
    _crowd: Crowd[Watched] = field(init=False, factory=Crowd)
    refused: Counter[str] = field(init=False, factory=Counter)
    """How many were turned away, since the start, by the limit that they met."""
    displaced: int = field(init=False, default=0)
    """How many had to make room for others."""
    goodbyes: int = field(init=False, default=0)
    """How many have been told to come back."""
    weights: dict[object, int] = field(init=False, factory=dict)
    """Bytes that wait at each door, as of its last look."""
    _heavy: bool = field(init=False, default=False)
    _told: Counter[str] = field(init=False, factory=Counter)
    """How many the operator knows to have been turned away."""

    _logger = Logger()

    @property
    def waiting(self) -> int:
        """Bytes that wait for clients to read them, at all doors."""
        return sum(self.weights.values())

    @property
    def inside(self) -> int:
        """How many are here."""
        return len(self._crowd)

    @property
    def is_full(self) -> bool:
        """Whether nobody else may come in without another going."""
        return self._heavy or (bool(self.limit) and self.inside >= self.limit)

    def turns_away(self, host: str, say: Say) -> Refused | None:
        """Return what tells a connection from there why it can not come in.

        None: it may, and another may have had to go for it.
        """
        limit = self._limit_met(host)
        return None if limit is None else self.refuse(limit, say)

    def _limit_met(self, host: str) -> Limit | None:
        if self._heavy:
            return "max-waiting"
        count = self._crowd.count(host)
        is_trusted = host in self.trusted
        if self.per_address and count >= self.per_address and not is_trusted:
            return "max-connections-per-address"
        if self.pace is not None and not is_trusted and not self.pace.takes(network(host)):
            return "connects-per-minute"
        return None if not self.is_full or self._make_room(count) else "max-connections"

    def _make_room(self, count: int) -> bool:
        if self._crowd.most() <= count + 1:
            return False
        found = list(self._crowd.newest_of_busiest())
        strangers = (one for one in found if one.conversation is None or not one.conversation.user)
        given = next(strangers, found[0])
        self.leave(given)
        self.displaced += 1
        if given.conversation is None or not given.conversation.user:
            given.transport.abortConnection()
        else:
            farewell = Bye(data="There is no room for so many from your address.", retry=60_000)
            given.conversation.close(farewell, "server-full")
        return True

    def refuse(self, limit: Limit, say: Say) -> Refused:
        """Return what tells a connection which ``limit`` it has met, in the words of its door."""
        self.refused[limit] += 1
        return Refused(say(REFUSALS[limit]))

    def tell(self) -> None:
        """Tell the operator how many found no room, since it was told last."""
        if new := self.refused - self._told:
            self._logger.warn(
                "{count} connections were turned away, by {limits} ({inside} are here, of {limit})",
                count=new.total(),
                limits=", ".join(f"{limit} ({count})" for limit, count in new.most_common()),
                inside=self.inside,
                limit=self.limit,
            )
            self._told = self.refused.copy()

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

    def enter(self, connection: Watched, host: str) -> None:
        """Count a connection from there."""
        self._crowd.add(connection, host)

    def leave(self, connection: Watched) -> None:
        """Count it no longer."""
        self._crowd.discard(connection)


def in_words(refused: ChatError) -> bytes:
    """Return a refusal for people; a server of SSH may say lines first (RFC 4253, 4.2)."""
    return f"{refused}\r\n".encode()


class Refused(Connection):
    """A connection for which there is no room: told so, and closed at once.

    A factory that builds no protocol says the same over TCP; over TLS it leaves it open. There
    nothing is said: it would wait for a handshake, which whoever wants room can make long.
    """

    def __init__(self, words: bytes) -> None:
        self._words = words

    def connectionMade(self) -> None:
        """Close it."""
        transport = cast(Any, self.transport)
        if self._words and not ISSLTransport.providedBy(transport):
            transport.write(self._words)
        transport.loseConnection()
