"""The native door: messages in frames of a 4-byte big-endian length, over TCP or TLS.

``ChatFactory`` holds what the connections of one listener share, ``ChatProtocol`` what belongs to
one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.accounts.accounts import Admission
from twisted_chat.chat.member import Encode
from twisted_chat.doors.conversation import Conversation, Why
from twisted_chat.doors.outlet import Outlet
from twisted_chat.doors.tcp import keep_alive, peer_of
from twisted_chat.doors.watch import Refused, Turnstile, Watch
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_FRAME_BEFORE_LOGIN, Bye, Response, encode

_length = Struct("!I")


def encode_frame(response: Response) -> bytes:
    """Encode one message as a frame."""
    message = encode(response)
    return _length.pack(len(message)) + message


@implementer(IPushProducer)
class ChatProtocol(Int32StringReceiver):
    """One connection: frames in and out, what is held back, and when it ends.

    It is its transport's producer: ``pauseProducing`` and ``resumeProducing`` say that the
    transport's buffer (64 KiB) is over-full, and empty again. Reading is stopped and started by
    ``hold`` and ``release``; ``paused`` tells which.
    """

    factory: ChatFactory
    transport: Any
    """A stream transport: ITransport, IConsumer and IPushProducer."""

    door = "native"
    host: str
    port: int
    encode: Encode = staticmethod(encode_frame)
    deliver: Callable[[bytes], None]
    conversation: Conversation

    _cutting = False

    # --- the connection ----------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin a conversation."""
        transport = self.transport
        self.host, self.port = peer_of(transport)
        keep_alive(transport)
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

    # --- frames in ---------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Cut frames, as Int32StringReceiver does; but ``release`` may come within a frame."""
        self._unprocessed = self._unprocessed + data if self._unprocessed else data
        if not self._cutting:
            self._cut()

    def _cut(self) -> None:
        data = self._unprocessed
        size = len(data)
        start = 0
        received = self.stringReceived
        self._cutting = True
        try:
            while not self.paused and start + 4 <= size:
                (length,) = _length.unpack_from(data, start)
                end = start + 4 + length
                if length > MAX_FRAME_BEFORE_LOGIN and length > self.MAX_LENGTH:
                    start = size
                    self.lengthLimitExceeded(length)
                elif end <= size:
                    frame = data[start + 4 : end]
                    start = end
                    received(frame)
                else:
                    break
        finally:
            self._cutting = False
            self._unprocessed = data[start:] if start else data

    @property
    def MAX_LENGTH(self) -> int:  # type: ignore[override]
        """How long a frame may be now."""
        return self.conversation.max_message

    def stringReceived(self, string: bytes) -> None:
        """Answer one message."""
        conversation = self.conversation
        if conversation.user is None:
            self.factory.watch.heard(self)
        conversation.receive(string)

    def lengthLimitExceeded(self, length: int) -> None:
        """Say so, and close: nothing after it can be understood."""
        sentence = f"A frame has at most {self.MAX_LENGTH} bytes; this one has {length}."
        self.conversation.refuse(ChatError("too-large", sentence))

    # --- the line: see conversation.Line ------------------------------------------------------

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
class ChatFactory(Factory):
    """One listener of the native door.

    For ``entry`` and ``rate`` see Conversation.
    """

    noisy = False
    admission: Admission
    clock: IReactorTime
    entry: Callable[[], str | None]
    rate: float = 0.0
    turnstile: Turnstile = field(factory=Turnstile)
    watch: Watch[ChatProtocol] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.watch = Watch(self.clock, self.turnstile)

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> ChatProtocol | Refused:
        """Take a connection; one for which there is no room is closed at once."""
        if self.turnstile.is_full:
            return self.turnstile.refuse()
        protocol = ChatProtocol()
        protocol.factory = self
        return protocol

    def converse(self, protocol: ChatProtocol) -> Conversation:
        """Begin the conversation of a connection."""
        return Conversation(protocol, self.admission, self.clock, self.entry, self.rate)

    def close(self, farewell: Bye) -> Deferred[None]:
        """Say farewell on every connection; fires when all of them are gone, in a while."""
        return self.watch.close(farewell, "dismissed")
