"""HTTP connections, bounded: what one may hold, ask and take time for."""

from __future__ import annotations

from collections import deque
from types import MappingProxyType
from typing import Any, Final, cast

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from twisted_chat.doors.tcp import host_of, keep_alive, peer_of
from twisted_chat.doors.turnstile import Turnstile
from twisted_chat.doors.web.bodies import Takers, taker_of
from twisted_chat.doors.weighing import FULL, SHORT, hold_at_most
from twisted_chat.vocabulary.errors import ChatError

HTTP_SECONDS: Final = 15.0
"""How long an HTTP connection may be idle, or take for the head of a request."""

MAX_REQUESTS: Final = 100
"""Requests that one connection is good for: the page needs a dozen."""

ANSWERS_IN_A_TURN: Final = 8
"""Answers that are given in one turn of the reactor, at most: about 2 ms of work."""


BODY_SECONDS: Final = 30.0
"""How long a body may take, and a second more for each SLOWEST bytes of it."""

SLOWEST: Final = 8_192


class BodylessRequest(Request):
    """A request without a body, but where something takes one: a large one would go to the disk.

    Each is answered when the answers before it have been taken, and a few of all connections in a
    turn: thousands of them fit into one read.
    """

    def process(self) -> None:
        """Answer, when everybody else has been heard."""
        channel: Any = self.channel
        channel.answer_soon(self)

    def answer(self) -> None:
        """Answer now."""
        if self.channel is not None:  # the client is still there
            super().process()

    def gotLength(self, length: int | None) -> None:
        """Refuse a body before it comes, or have it taken."""
        super().gotLength(0)
        channel: Any = self.channel
        if length:
            taker = taker_of(channel.site.takers, channel._command, channel._path)
            body = None if taker is None else taker(cast(Request, self), length)
            if body is not None:
                self.content = cast(Any, body)
                self.requestHeaders.removeHeader(b"Content-Type")  # nobody else is to read it
                channel.setTimeout(BODY_SECONDS + length / SLOWEST)
                return
        if length != 0:
            channel.transport.write(
                b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            channel.loseConnection()


class BoundChannel(HTTPChannel):
    """An HTTP connection that is counted, and ends in time and without a word.

    HTTP_SECONDS are for the whole head of a request, from the beginning or the answer before it.
    """

    site: BoundSite
    transport: Any
    host = ""
    conversation = None
    """Nothing is said here."""

    _asked = 0
    _waits: BodylessRequest | None = None
    """What is answered when the client has taken what was written to it."""
    _stalled: Any = None
    """The call that ends it, unless the client takes something."""

    def connectionMade(self) -> None:
        """Count it."""
        super().connectionMade()
        keep_alive(self.transport)
        hold_at_most(self.transport, SHORT)
        self.host, _ = peer_of(self.transport)
        self.site.turnstile.enter(self, self.host)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count it no longer."""
        self.site.turnstile.leave(self)
        self._waits = None
        self._goes_on()
        super().connectionLost(reason)

    def answer_soon(self, request: BodylessRequest) -> None:
        """Answer a request when the client has taken the answers before it."""
        self._asked += 1
        if self._asked >= MAX_REQUESTS:
            self.persistent = False
            request.setHeader("Connection", "close")
        if self._stalled is not None:
            self._waits = request
        else:
            self.site.answer_soon(request)

    def pauseProducing(self) -> None:
        """The client does not take what was written: it has a while to begin to."""
        if self._stalled is None:
            self._stalled = self.callLater(HTTP_SECONDS, self.forceAbortClient)
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """It has taken all of it."""
        self._goes_on()
        super().resumeProducing()
        if self._waits is not None:
            waits, self._waits = self._waits, None
            self.site.answer_soon(waits)

    def _goes_on(self) -> None:
        if self._stalled is not None and self._stalled.active():
            self._stalled.cancel()
        self._stalled = None

    def hand_over(self) -> bytes:
        """Its transport is another protocol's now; return what has come behind the request."""
        self._goes_on()
        hold_at_most(self.transport, FULL)
        self.transport = None
        self.site.turnstile.leave(self)
        return b"".join(self._dataBuffer)

    def resetTimeout(self) -> None:
        """Give no more time for a part of a head: a trickle could go on for ever."""

    def timeoutConnection(self) -> None:
        """End it: nothing whole has been asked for in time."""
        self.loseConnection()

    def loseConnection(self) -> None:
        """End it when the answer has been read, or after ``abortTimeout`` in any case."""
        if self._abortingCall is None:
            self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)
        super().loseConnection()

    def forceAbortClient(self) -> None:
        """Cut it off."""
        self._abortingCall = None
        if self.transport is not None:
            self.transport.abortConnection()


class BoundSite(Site):
    """A site that keeps no record of who reads what, and lets in as many as there is room for."""

    noisy = False
    # HTTP/1.1 alone: a WebSocket takes its connection over.
    protocol = BoundChannel  # type: ignore[assignment]

    def __init__(
        self,
        root: Resource,
        clock: IReactorTime,
        turnstile: Turnstile,
        takers: Takers = MappingProxyType({}),
    ) -> None:
        super().__init__(root, BodylessRequest, timeout=HTTP_SECONDS, reactor=clock)
        self.takers = takers
        self.turnstile = turnstile
        self._clock = clock
        self._asking: deque[BodylessRequest] = deque()

    def answer_soon(self, request: BodylessRequest) -> None:
        """Answer a request at its turn."""
        self._asking.append(request)
        if len(self._asking) == 1:
            self._clock.callLater(0, self._answer)

    def _answer(self) -> None:
        for _ in range(min(ANSWERS_IN_A_TURN, len(self._asking))):
            self._asking[0].answer()
            self._asking.popleft()
        if self._asking:
            self._clock.callLater(0, self._answer)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Take a connection; one for which there is no room is closed at once."""
        if (refused := self.turnstile.turns_away(host_of(addr), _unavailable)) is not None:
            return refused
        return super().buildProtocol(addr)

    def log(self, request: object) -> None:
        """Write no line."""


def _unavailable(refused: ChatError) -> bytes:
    words = f"{refused}\n".encode()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\nConnection: close\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(words)}\r\n\r\n"
    )
    return head.encode() + words
