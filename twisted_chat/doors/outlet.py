"""The way out of a stream connection: at once where the socket takes it, else by the transport."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from attrs import define, field
from twisted.internet import tcp

PIECE: Final = 4_096
"""Bytes that a transport is given at a time of what its reader is too slow for."""

NOTHING: Final[deque[memoryview]] = deque()
"""The queue of all that have none: it stays empty."""


@define(eq=False)
class Outlet:
    """Writes to a transport, in order, with no trip through the reactor where none is needed.

    A plain TCP transport with nothing waiting in it is passed by: the bytes go to its socket, and
    what the kernel does not take goes to the transport, as everything does over TLS. Once there is
    an Outlet nobody else writes to its transport: it looks there only while it has reason to.

    What a reader is too slow for is not copied: the socket's own buffer is full then, so the rest
    of a batch is kept as it is, the same bytes for all who are slow, and ``full`` is called. The
    transport has a small piece of it, and when that is gone (``drained``) the next goes out. So a
    thousand members that never read cost a batch once, and a few KiB each.
    """

    transport: Any
    """A stream transport: ITransport, IConsumer and IPushProducer."""
    full: Callable[[], object] = field(default=lambda: None)
    """Called when it keeps something back: nothing more is to be delivered that can wait."""
    _socket: Any = field(init=False, default=None)
    """The transport's, where it may be passed by."""
    waiting: bool = field(init=False, default=True)
    """Whether something may wait, in the transport or here, and so goes out first."""
    _rest: deque[memoryview] = field(init=False, default=NOTHING)
    """What is kept back, in order: most connections never have a queue of their own."""

    def __attrs_post_init__(self) -> None:
        if isinstance(self.transport, tcp.Connection) and not self.transport.TLS:
            self._socket = self.transport.getHandle()

    def deliver(self, data: bytes) -> None:
        """Send these bytes. Never raises for a connection that is broken or gone."""
        if self.waiting:
            transport = self.transport
            if self._rest:
                self._keep(memoryview(data))
                return
            if self._socket is None:
                transport.write(data)
                return
            if transport.dataBuffer or transport._tempDataBuffer:
                self._hand_over(data, 0)
                return
            self.waiting = False
        try:
            sent = self._socket.send(data)
        except OSError:  # full, or broken: then the reactor meets it too, and ends the connection
            sent = 0
        if sent < len(data):
            self.waiting = True
            self._hand_over(data, sent)

    def _hand_over(self, data: bytes, sent: int) -> None:
        """Let the transport have what is short, and a piece of what is long."""
        if len(data) - sent <= PIECE:
            self.transport.write(data[sent:])
            return
        self._keep(memoryview(data)[sent:])
        self._push()
        self.full()

    def _keep(self, data: memoryview) -> None:
        if self._rest is NOTHING:
            self._rest = deque()
        self._rest.append(data)

    def _push(self) -> None:
        """Let the transport have one more piece, and say when that is gone."""
        first = self._rest.popleft()
        self.transport.write(bytes(first[:PIECE]))
        if len(first) > PIECE:
            self._rest.appendleft(first[PIECE:])
        # As it does by itself with a buffer that is over-full: it calls resumeProducing.
        self.transport.producerPaused = True

    @property
    def kept(self) -> list[bytes]:
        """What bytes it keeps something of: others may keep something of the same."""
        return [rest.obj for rest in self._rest if isinstance(rest.obj, bytes)]

    def drained(self) -> bool:
        """The transport's buffer is empty: send on; return whether nothing is kept back."""
        while self._rest:
            first = self._rest.popleft()
            try:
                sent = self._socket.send(first) if self._socket is not None else 0
            except OSError:
                sent = 0
            if sent < len(first):
                self._rest.appendleft(first[sent:])
                self._push()
                return False
        self._rest = NOTHING
        return True

    def flush(self) -> None:
        """Let the transport have all that is kept back: it is to end with it."""
        while self._rest:
            self.transport.write(bytes(self._rest.popleft()))

    def closed(self) -> None:
        """The connection is gone: its socket's number may be another's soon."""
        self._socket = None
        self.waiting = True
        self._rest = NOTHING
        self.full = _nothing


def _nothing() -> None:
    """Do nothing."""


class Direct:
    """A transport that is written to by an Outlet; all else of it is as it was."""

    def __init__(self, transport: Any, full: Callable[[], object]) -> None:
        self._transport = transport
        self.outlet = Outlet(transport, full)
        self.write = self.outlet.deliver

    def loseConnection(self) -> None:
        """Send what is written, and close."""
        self.outlet.flush()
        self._transport.loseConnection()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
