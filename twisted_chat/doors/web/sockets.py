"""WebSockets: autobahn's handshake and frames in, a Conversation, frames out.

A batch is encoded once for all WebSockets: a member's ``encode`` makes whole frames, which bear no
mark of their receiver, and ``deliver`` writes a batch of them as it is. Connections that take
compressed frames share a second encoder: it compresses each message by itself, without reference
to those before it, so that one compressed form is right for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.accounts.admission import Admission
from twisted_chat.chat.member import Encode
from twisted_chat.doors.conversation import Conversation
from twisted_chat.doors.outlet import Outlet
from twisted_chat.doors.talk import Why
from twisted_chat.doors.tcp import read_little
from twisted_chat.doors.turnstile import Turnstile
from twisted_chat.doors.web.frames import (
    accept_compression,
    compressing,
    encode_frame,
    unmasked,
    whole_text,
)
from twisted_chat.doors.web.looking import WebWatch
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_FRAME_BEFORE_LOGIN, Bye

PING_SECONDS: Final = 25.0
"""After so long a silence a client is asked whether it is there, and has as long to answer."""

FRAMES_IN_A_ROW: Final = 32
"""Frames of one connection that are no messages, after which it is not read for a while: each costs
as much time as a message, and may be six bytes."""

REST_SECONDS: Final = 0.03
"""How long that is: so nobody sends over 1,000 of them a second."""

MAX_FRAGMENTS: Final = 1_000
"""Frames that one message may come in: each costs memory, an empty one too."""

CLOSE_CODES: Final[dict[Why, tuple[int, bytes]]] = {
    "logged-out": (1000, b"goodbye"),
    "stopping": (1001, b"the server is stopping"),
    "not-text": (1003, b"a message is a text, not binary"),
    "bad-request": (1007, b"a message is one JSON object in UTF-8"),
    "not-logged-in": (1008, b"no login came"),
    "too-large": (1009, b"too large"),
    "dismissed": (4000, b"the server has ended it"),
}
"""RFC 6455, section 7.4; 4000 is ours: the ``bye`` or ``error`` before it says why."""


class QuietLog:
    """autobahn's log, without what any client could fill it with."""

    _logger = Logger()

    def debug(self, *_: object, **__: object) -> None:
        """Say nothing."""

    info = warn = debug

    def error(self, format: str, **values: object) -> None:
        """Tell the operator."""
        self._logger.error(format, **values)


@implementer(IPushProducer)
class WebProtocol(WebSocketServerProtocol):
    """One WebSocket: autobahn's frames in, a Conversation, frames out.

    It is its transport's producer, as at the native door. ``hold`` stops the cutting of frames at
    once, also in the middle of what has been received.
    """

    factory: WebFactory
    transport: Any
    log = QuietLog()

    door = "web"
    host: str
    port: int
    encode: Encode
    deliver: Callable[[bytes], None]
    conversation: Conversation | None = None

    _outlet: Outlet
    heard_at = 0.0
    """When something came from there last, or could have come again."""

    _asked = False
    _held = False
    _resting = False
    _cutting = False
    _fragments = 0
    _in_a_row = 0

    # --- the connection ----------------------------------------------------------------------

    def onOpen(self) -> None:
        """Begin a conversation: the handshake is done."""
        deflate: Any = self._perMessageCompress
        self.encode = (
            encode_frame if deflate is None else compressing(deflate.server_max_window_bits)
        )
        self._outlet = Outlet(self.transport, self.pauseProducing)
        self.deliver = self._outlet.deliver
        read_little(self.transport)
        self.conversation = self.factory.converse(self)
        self.transport.registerProducer(self, True)
        for name in _OF_THE_HANDSHAKE:
            setattr(self, name, None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the conversation."""
        super().connectionLost(reason)
        self.is_open = self.is_closed = None  # these Deferreds hold this protocol
        self.factory.watch.gone(self)
        if self.conversation is not None:
            self._outlet.closed()
            self.conversation.lost()
            del self.conversation, self._outlet, self.deliver

    # --- frames in ---------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Know that somebody is there, and cut frames."""
        self.heard_at = self.factory.clock.seconds()
        self.data = self.data + data if self.data else data
        self.consumeData()

    def consumeData(self) -> None:
        """Cut frames, but not within a frame: ``release`` may come there."""
        if self._cutting or self._held or self._resting:
            return
        self._cutting = True
        try:
            if self.conversation is not None:
                self._cut_plain(self.conversation)
            if self.data and not (self._held or self._resting):
                super().consumeData()
        finally:
            self._cutting = False

    def processData(self) -> bool:
        """Cut a frame, or a part of one; tell whether there may be more: autobahn asks."""
        more = bool(super().processData()) and not (self._held or self._resting)
        if more and self.conversation is not None:
            self._cut_plain(self.conversation)
        return more and not self._held

    def _cut_plain(self, conversation: Conversation) -> None:
        """Cut the frames that most are, many times faster than autobahn cuts all others."""
        if self.current_frame is not None or self.inside_message:
            return
        data = self.data
        start = 0
        while not (self._held or conversation.over):
            found = whole_text(data, start)
            if found is None:
                break
            message, end = found
            size = len(message)
            if size > MAX_FRAME_BEFORE_LOGIN and size > conversation.max_message:
                break  # autobahn refuses it
            start = end
            if conversation.user is None:
                self.factory.watch.heard(self)
            conversation.receive(message)
        if start:
            self.data = self.data[start:]

    @property
    def maxMessagePayloadSize(self) -> int:
        """How long a message may be now; autobahn asks."""
        conversation = self.conversation
        return MAX_FRAME_BEFORE_LOGIN if conversation is None else conversation.max_message

    def onMessageBegin(self, isBinary: bool) -> None:
        """A message begins."""
        self._fragments = 0
        super().onMessageBegin(isBinary)

    def onMessageFrameBegin(self, length: int) -> None:
        """One of its frames begins."""
        self._fragments += 1
        if self._fragments > MAX_FRAGMENTS and not self.failedByMe:
            self._max_message_size_exceeded(0, 0, f"A message has {MAX_FRAGMENTS} frames at most.")
        if self._fragments > 1 or self.conversation is None or self.conversation.over:
            self._bear()
        super().onMessageFrameBegin(length)

    def onPing(self, payload: bytes) -> None:
        """Answer it."""
        self._bear()
        super().onPing(payload)

    def onPong(self, payload: bytes) -> None:
        """Nothing needs to be done: the client has been heard."""
        self._bear()

    def _bear(self) -> None:
        """Count a frame that is no message; after some, everybody else is heard first."""
        self._in_a_row += 1
        if self._in_a_row >= FRAMES_IN_A_ROW and not self._resting:
            self._in_a_row = 0
            self._resting = True
            self.transport.pauseProducing()
            self.factory.clock.callLater(REST_SECONDS, self._rested)

    def _rested(self) -> None:
        self._resting = False
        if self in self.factory.watch.connections:
            self._read_on()

    def onFrameData(self, payload: bytes) -> bool | None:
        """Take the mask off, faster than autobahn does."""
        mask: bytes | None = self.current_frame.mask  # type: ignore[assignment]
        if mask is not None:
            turn = (self.current_frame_masker.pointer() - len(payload)) % 4
            payload = unmasked(payload, mask[turn:] + mask[:turn])
        result: bool | None = super().onFrameData(payload)
        return result

    def onMessageEnd(self) -> None:
        """Answer a message."""
        message = b"".join(self.message_data)
        self.message_data = []
        deflate: Any = self._perMessageCompress
        if deflate is not None:
            deflate._decompressor = None  # 40 KiB, of no use for the next one
        if self.failedByMe or self.conversation is None or self.conversation.over:
            return
        if self.message_is_binary:
            binary = ChatError("bad-request", "A message is a text, not binary.")
            self.conversation.refuse(binary, "not-text")
        else:
            if self.conversation.user is None:
                self.factory.watch.heard(self)
            self.conversation.receive(message)

    def _max_message_size_exceeded(self, size: int, limit: int, reason: str) -> None:
        """Say so in our words, and close: autobahn asks."""
        self.failedByMe = True
        sentence = f"A message has at most {limit} bytes." if limit else reason
        if self.conversation is not None:
            self.conversation.refuse(ChatError("too-large", sentence))

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Send what autobahn makes in its place: nobody writes past an Outlet."""
        if self.conversation is None:
            super().sendData(data, sync, chopsize)
        else:
            self._outlet.deliver(data)

    # --- the line: see talk.Line ------------------------------------------------------

    def hold(self) -> None:
        """Read no further."""
        self._held = True
        self.transport.pauseProducing()

    def release(self) -> None:
        """Read on, what is here already first."""
        self._held = False
        self.heard_at = self.factory.clock.seconds()
        self._read_on()

    def _read_on(self) -> None:
        self.consumeData()
        if not (self._held or self._resting):
            self.transport.resumeProducing()

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        """Send the last frame: autobahn asks, too, and then it is over for the conversation."""
        super().sendCloseFrame(code, reasonUtf8, isReply)
        self.factory.watch.closing(self)
        if self.conversation is not None and not self.conversation.over:
            self.conversation.lost()

    def close(self, why: Why) -> None:
        """Say why, and close when the client has answered, or after CLOSE_SECONDS."""
        code, reason = CLOSE_CODES.get(why, CLOSE_CODES["dismissed"])
        self.sendCloseFrame(code, reason)
        if self._held:
            self.release()  # to hear the answer; conversation takes no more messages

    def look(self, now: float) -> None:
        """See whether somebody is there: ask, or give up."""
        silence = now - self.heard_at
        if self._held:
            self.heard_at = now  # its silence means nothing: an answer would not be heard
        elif silence < PING_SECONDS:
            self._asked = False
        elif not self._asked:
            self._asked = True
            self.sendPing()
        elif silence >= 2 * PING_SECONDS:
            self.transport.abortConnection()

    # --- the transport's producer: see IPushProducer -------------------------------------------

    def pauseProducing(self) -> None:
        """The transport's buffer is over-full."""
        if self.conversation is not None:
            self.conversation.filled()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        if self.conversation is not None and self._outlet.drained():
            self.conversation.drained()

    def stopProducing(self) -> None:
        """The connection is gone: connectionLost says so too."""


_OF_THE_HANDSHAKE: Final = (
    *("http_request_data", "http_headers", "http_status_line", "http_response_data"),
    *("http_request_params", "websocket_extensions", "websocket_protocols"),
)
"""What autobahn keeps of the handshake: some KiB that nobody needs afterwards."""


class WebFactory(WebSocketServerFactory):
    """All WebSockets of the door; for ``entry`` and ``rate`` see Conversation."""

    noisy = False

    def __init__(
        self,
        admission: Admission,
        clock: IReactorTime,
        entry: Callable[[], str | None],
        rate: float,
        turnstile: Turnstile,
    ) -> None:
        super().__init__(reactor=clock, server="")
        self.setProtocolOptions(
            versions=[13],
            webStatus=False,
            utf8validateIncoming=False,  # whoever decodes JSON does
            applyMask=False,
            failByDrop=False,
            openHandshakeTimeout=0,  # the request is here already
            closeHandshakeTimeout=0,  # the factory's own timer looks after both of these
            autoPingInterval=0,
            allowedOrigins=["*"],  # judged before
            perMessageCompressionAccept=accept_compression,
        )
        self.admission = admission
        self.clock = clock
        self.entry = entry
        self.rate = rate
        self.watch: WebWatch[WebProtocol] = WebWatch(clock, turnstile)

    def take(self, transport: Any, host: str, port: int, head: bytes, behind: bytes) -> None:
        """Take over a transport whose client, ``host`` and ``port``, has asked for a WebSocket.

        ``head`` is its request, ``behind`` what has come since.
        """
        protocol = WebProtocol()
        protocol.factory = self
        protocol.host = host
        protocol.port = port
        transport.unregisterProducer()
        if isinstance(transport, ProtocolWrapper):  # TLS
            transport.wrappedProtocol = protocol
        else:
            transport.protocol = protocol
        transport.resumeProducing()
        protocol.makeConnection(transport)
        self.watch.opened(protocol)
        protocol.dataReceived(head)
        protocol.dataReceived(behind)

    def converse(self, protocol: WebProtocol) -> Conversation:
        """Begin the conversation of a connection."""
        return Conversation(protocol, self.admission, self.clock, self.entry, self.rate)

    def close(self, farewell: Bye) -> Deferred[None]:
        """Say farewell on every connection; fires when all of them are gone, in a while."""
        return self.watch.close(farewell, "stopping")
