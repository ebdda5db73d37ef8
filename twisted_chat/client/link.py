"""One connection to a server: frames to messages, and proof of life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, cast, runtime_checkable

from attrs import frozen
from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import Int32StringReceiver
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure

from twisted_chat.vocabulary.messages import MAX_FRAME, Error, Ping, Request, Response, encode

IDLE: Final = 30.0
"""Seconds of silence after which the server is asked whether it is still there."""

PATIENCE: Final = 15.0
"""Seconds that it has to answer."""

FOREIGN: Final = "the server does not speak this protocol"

TLS: Final = "TLS: "
"""What a reason begins with where TLS itself is the obstacle."""

_NO_TLS: Final = ("wrong version number", "packet length too long", "record layer failure")
"""What OpenSSL says of bytes that are no TLS."""

_decoder: Final[Decoder[Response]] = Decoder(Response)


class _Stranger(Struct):
    """What a message of a newer server still tells: whom it answers."""

    id: object = None
    data: object = None


_stranger: Final = Decoder(_Stranger)


def _decode(frame: bytes) -> Response | None:
    """Decode one message; None for a newer server's that nobody waits for."""
    try:
        return _decoder.decode(frame)
    except ValidationError as problem:
        stranger = _stranger.decode(frame)
        if not isinstance(stranger.id, str):
            return None
        data = stranger.data if isinstance(stranger.data, str) else str(problem)
        return Error(code="internal", data=data, id=stranger.id)


class Connection(Protocol):
    """What a client has of a connection to a server, whatever it is made of."""

    gone: Deferred[str]
    """Fires once, with the reason, when it is over; cancelling it ends the connection."""

    def send(self, request: Request, frame: bytes | None = None) -> None:
        """Send one request; ``frame`` is the same, encoded, where that has been done."""

    def close(self) -> None:
        """Close it once what was sent is out."""

    def abort(self, reason: str | None = None) -> None:
        """Close it now, for a ``reason`` of our own where there is one."""

    def pauseProducing(self) -> None:
        """Read nothing."""

    def resumeProducing(self) -> None:
        """Read on."""


@runtime_checkable
class Way(Protocol):
    """How a server is reached."""

    def reach(self, received: Callable[[Response], None]) -> Deferred[Connection]:
        """Connect; what the server says is ``received``."""


@frozen
class Wire:
    """The way over a stream: frames, to an endpoint. ``clock`` is for the connections' silence."""

    endpoint: IStreamClientEndpoint
    clock: IReactorTime

    def reach(self, received: Callable[[Response], None]) -> Deferred[Connection]:
        """Connect."""
        factory = Factory.forProtocol(lambda: Link(received, self.clock))
        factory.noisy = False
        return cast("Deferred[Connection]", self.endpoint.connect(factory))


class Link(Int32StringReceiver, TimeoutMixin):
    """A Connection of frames."""

    MAX_LENGTH = MAX_FRAME

    def __init__(self, received: Callable[[Response], None], clock: IReactorTime) -> None:
        self._received = received
        self._asked = False
        self._reason: str | None = None
        self._clock = clock
        self.gone: Deferred[str] = Deferred(self._give_up)

    def send(self, request: Request, frame: bytes | None = None) -> None:
        """Write one request."""
        self.sendString(encode(request) if frame is None else frame)

    def close(self) -> None:
        """Close the connection once what was written is out."""
        if self.transport is not None:
            self.transport.loseConnection()

    def abort(self, reason: str | None = None) -> None:
        """Close the connection now, for a ``reason`` of our own where there is one."""
        self._reason = self._reason or reason
        if self.transport is not None:
            # Not every endpoint's transport can be aborted: a process's can not.
            getattr(self.transport, "abortConnection", self.transport.loseConnection)()

    def _give_up(self, gone: Deferred[str]) -> None:
        self.abort()
        if not gone.called:  # some transports are gone at once
            gone.callback("given up")

    def callLater(self, period: float, func: Callable[[], None]) -> IDelayedCall:
        """Give TimeoutMixin our clock."""
        return self._clock.callLater(period, func)

    def connectionMade(self) -> None:
        """Begin to watch over the silence."""
        self.setTimeout(IDLE)

    def stringReceived(self, frame: bytes) -> None:
        """Hand on one message."""
        if self._reason is not None:  # given up already, and these bytes came in the same read
            return
        self._asked = False
        self.setTimeout(IDLE)
        try:
            response = _decode(frame)
        except (DecodeError, UnicodeDecodeError):
            self.abort(FOREIGN)
        else:
            if response is not None:
                self._received(response)

    def lengthLimitExceeded(self, length: int) -> None:
        """Give up on a peer whose frames are not of this protocol."""
        self.abort(FOREIGN)

    def timeoutConnection(self) -> None:
        """Ask whether the server is there, and give up when it was asked in vain."""
        if self.paused:  # the silence is our own
            self.setTimeout(IDLE)
        elif self._asked:
            self.abort("the server does not answer")
        else:
            self._asked = True
            self.setTimeout(PATIENCE)
            self.send(Ping())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say once that it is over."""
        self.setTimeout(None)
        if not self.gone.called:
            self.gone.callback(self._reason or sentence(reason))


_SENTENCES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (error.ConnectionRefusedError, "connection refused"),
    (error.DNSLookupError, "no such host"),
    (error.TimeoutError, "no answer"),
    (error.NoRouteError, "no route to it"),
    (error.ConnectionDone, "the server closed the connection"),
    (error.ConnectionLost, "the connection was lost"),
    (error.ConnectionAborted, "the connection was lost"),
)


def sentence(failure: Failure) -> str:
    """Say in a few words, on one line, why there is no connection."""
    for kind, words in _SENTENCES:
        if failure.check(kind):
            return words
    return " ".join(
        (_tls(failure.value) or str(failure.value) or type(failure.value).__name__).split()
    )


def hopeless(reason: str) -> bool:
    """Whether what ``sentence`` said will not pass by itself: it is not a matter of the moment."""
    return reason == FOREIGN or reason.startswith(TLS)


def _tls(error: object) -> str | None:
    """Return what is wrong with the TLS of a server; None for other errors.

    The reasons that OpenSSL gives are tuples in a list.
    """
    module = type(error).__module__
    if module.startswith("service_identity"):
        return f"{TLS}the certificate is not for this host"
    reasons = getattr(error, "args", None) if module.startswith("OpenSSL") else None
    if not reasons or not isinstance(reasons[0], list):
        return None
    found = ", ".join(str(reason[-1]) for reason in reasons[0] if reason)
    if any(words in found for words in _NO_TLS):
        return f"{TLS}the server does not speak it on this port"
    return f"{TLS}{found}" if found else None
