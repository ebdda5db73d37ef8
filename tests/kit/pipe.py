"""A connection whose other end reads or does not.

What is not read lies in it, and past 64 KiB it says so, as a transport does.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

FULL = 65_536
"""Bytes that a pipe holds before it asks for a pause, as Twisted's transports do."""


@implementer(ITransport, IConsumer, IPushProducer)
class Pipe:
    """A connection; ``reading`` tells whether the client takes what is written."""

    def __init__(self, clock: Clock, port: int, host: str = "192.0.2.1") -> None:
        self.host = host
        self.clock = clock
        self.port = port
        self.protocol: Any = None
        self.reading = True
        self.unread = bytearray()
        self.most_unread = 0
        self.unsent = bytearray()
        self.read_from = True
        self.closing = False
        self.gone = False
        self.producer: Any = None
        self.producer_paused = False

    # --- the server's side ---

    def write(self, data: bytes) -> None:
        if self.gone:
            return
        self.unread += data
        self.most_unread = max(self.most_unread, len(self.unread))
        full = not self.reading and len(self.unread) > FULL
        if full and self.producer is not None and not self.producer_paused:
            self.producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.read_from = False

    def resumeProducing(self) -> None:
        if not self.gone and not self.closing:
            self.read_from = True
            self.clock.callLater(0, self._feed)

    def stopProducing(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        if not self.closing and not self.gone:
            self.closing = True
            self.read_from = False
            self.clock.callLater(0, self._flushed)

    def abortConnection(self) -> None:
        self.clock.callLater(0, self.lose, ConnectionLost())

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", self.host, self.port)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.2", 1234)

    # --- the client's side ---

    def open(self, factory: Any) -> Any:
        """Let a listener take this connection; return what it has for it."""
        self.protocol = factory.buildProtocol(self.getPeer())
        self.protocol.makeConnection(cast(Any, self))
        return self.protocol

    def send(self, data: bytes) -> None:
        """Send bytes: the server reads them when it does."""
        self.unsent += data
        self._feed()

    def take(self) -> bytes:
        """Read all that was written."""
        data = bytes(self.unread)
        self.unread.clear()
        if self.producer_paused:
            self.producer_paused = False
            if self.producer is not None:
                self.producer.resumeProducing()
        self._flushed()
        return data

    def lose(self, why: Exception | None = None) -> None:
        """Break."""
        if not self.gone:
            self.gone = True
            assert self.protocol is not None
            self.protocol.connectionLost(Failure(why or ConnectionDone()))

    def _feed(self) -> None:
        # As a socket does: some 64 KiB in one read, and no more reads while it is paused.
        while self.unsent and self.read_from and not self.gone:
            data, self.unsent = bytes(self.unsent[:FULL]), self.unsent[FULL:]
            assert self.protocol is not None
            self.protocol.dataReceived(data)

    def _flushed(self) -> None:
        if self.closing and not self.gone and (self.reading or not self.unread):
            self.lose()
