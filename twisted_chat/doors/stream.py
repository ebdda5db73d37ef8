"""What every door over a plain stream does: bytes in, what is held back, bytes out, and its end.

``Stream`` is one connection, ``StreamFactory`` one listener. A door says how a message is cut out
of bytes (``cut``), which ``Talk`` is held on it (``converse``) and how it is encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.accounts.admission import Admission
from twisted_chat.chat.member import Encode
from twisted_chat.doors.outlet import Outlet
from twisted_chat.doors.talk import Talk, Why
from twisted_chat.doors.tcp import host_of, keep_alive, peer_of, read_little, speaks_for_others
from twisted_chat.doors.turnstile import Refused, Turnstile
from twisted_chat.doors.watch import Watch
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye


@implementer(IPushProducer)
class Stream(Protocol):
    """One connection: a ``Line`` over a stream transport.

    It is its transport's producer: ``pauseProducing`` and ``resumeProducing`` say that the
    transport's buffer (64 KiB) is over-full, and empty again. Reading is stopped and started by
    ``hold`` and ``release``; ``paused`` tells which.
    """

    factory: StreamFactory
    transport: Any
    """A stream transport: ITransport, IConsumer and IPushProducer."""

    door: str
    host: str
    port: int
    encode: Encode
    deliver: Callable[[bytes], None]
    conversation: Talk

    paused = False
    _unprocessed = b""
    _cutting = False

    # --- what each door has of its own ---------------------------------------------------------

    def cut(self, data: bytes) -> int:
        """Give ``received`` each message in ``data``, while not ``paused``; return where it ended.

        What is left is bounded by what ``cut`` refuses as too large.
        """
        raise NotImplementedError

    def received(self, message: bytes) -> None:
        """Answer one message."""
        conversation = self.conversation
        if conversation.user is None:
            self.factory.watch.heard(self)
        conversation.receive(message)

    # --- the connection ----------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin a conversation."""
        transport = self.transport
        self.host, self.port = peer_of(transport)
        if speaks_for_others(transport):
            self.dataReceived = self._introduced  # type: ignore[method-assign]
        keep_alive(transport)
        read_little(transport)
        self._outlet = Outlet(transport, self.pauseProducing)
        self.deliver = self._outlet.deliver
        self.conversation = self.factory.converse(self)
        transport.registerProducer(self, True)
        self.factory.watch.opened(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the conversation."""
        self._outlet.closed()
        self._unprocessed = b""
        self.transport.unregisterProducer()  # over TLS the two would hold each other
        reason.cleanFailure()
        self.conversation.lost()
        self.factory.watch.gone(self)
        del self.conversation, self._outlet, self.deliver  # no cycle is left behind

    def _introduced(self, data: bytes) -> None:
        """Know who it is: a proxy has said so before the first of these."""
        del self.dataReceived
        self.host, self.port = peer_of(self.transport)
        self.conversation.host, self.conversation.port = self.host, self.port
        self.dataReceived(data)

    def dataReceived(self, data: bytes) -> None:
        """Cut messages; ``release`` may come within one."""
        self._unprocessed = self._unprocessed + data if self._unprocessed else data
        if not self._cutting:
            self._cut()

    def _cut(self) -> None:
        # A message may hold the line and release it again: what came meanwhile is still in order,
        # for nothing else is cut before this is done.
        self._cutting = True
        data = self._unprocessed
        end = len(data)
        try:
            end = self.cut(data)
        finally:
            self._cutting = False
            self._unprocessed = data[end:] if end else data

    # --- the line: see talk.Line --------------------------------------------------------------

    def hold(self) -> None:
        """Read no further."""
        self.paused = True
        self.transport.pauseProducing()

    def release(self) -> None:
        """Read on, what is here already first."""
        self.paused = False
        if not self._cutting:
            self._cut()
        if not self.paused and not self.conversation.over:
            self.transport.resumeProducing()

    def close(self, why: Why) -> None:
        """Send what is written, and close; after CLOSE_SECONDS in any case."""
        self.paused = True
        self._outlet.flush()
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self.factory.watch.closing(self)

    # --- the transport's producer: see IPushProducer -------------------------------------------

    def pauseProducing(self) -> None:
        """The transport's buffer is over-full."""
        self.conversation.filled()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        if self._outlet.drained():
            self.conversation.drained()

    def stopProducing(self) -> None:
        """The connection is gone: connectionLost says so too."""


@define(eq=False, slots=False)
class StreamFactory(Factory):
    """One listener of a door whose connections are Streams.

    For ``entry`` and ``rate`` see Talk.
    """

    noisy = False
    admission: Admission
    clock: IReactorTime
    entry: Callable[[], str | None]
    rate: float = 0.0
    turnstile: Turnstile = field(factory=Turnstile)
    watch: Watch[Any] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.watch = Watch(self.clock, self.turnstile)

    def make(self) -> Stream:
        """Return a connection."""
        raise NotImplementedError

    def say(self, refused: ChatError) -> bytes:
        """Return what tells a connection that it can not come in; nothing, where none is known."""
        return b""

    def converse(self, line: Any) -> Talk:
        """Begin the conversation of a connection."""
        raise NotImplementedError

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> Stream | Refused:
        """Take a connection; one for which there is no room is closed at once."""
        if (refused := self.turnstile.turns_away(host_of(addr), self.say)) is not None:
            return refused
        protocol = self.make()
        protocol.factory = self
        return protocol

    def close(self, farewell: Bye) -> Deferred[None]:
        """Say farewell on every connection; fires when all of them are gone, in a while."""
        return self.watch.close(farewell, "dismissed")
