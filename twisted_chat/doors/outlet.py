"""The way out of a stream connection: at once where the socket takes it, else by the transport."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet import tcp


@define(eq=False)
class Outlet:
    """Writes to a transport, in order, with no trip through the reactor where none is needed.

    A plain TCP transport with nothing waiting in it is passed by: the bytes go to its socket, and
    what the kernel does not take goes to the transport, as everything does over TLS. Once there is
    an Outlet nobody else writes to its transport: it looks there only while it has reason to.
    """

    transport: Any
    """A stream transport: ITransport, IConsumer and IPushProducer."""
    _socket: Any = field(init=False, default=None)
    """The transport's, where it may be passed by."""
    _waiting: bool = field(init=False, default=True)
    """Whether something may wait in the transport, and so goes out first."""

    def __attrs_post_init__(self) -> None:
        if isinstance(self.transport, tcp.Connection) and not self.transport.TLS:
            self._socket = self.transport.getHandle()

    def deliver(self, data: bytes) -> None:
        """Send these bytes. Never raises for a connection that is broken or gone."""
        if self._waiting:
            transport = self.transport
            if self._socket is None or transport.dataBuffer or transport._tempDataBuffer:
                transport.write(data)
                return
            self._waiting = False
        try:
            sent = self._socket.send(data)
        except OSError:  # full, or broken: then the reactor meets it too, and ends the connection
            sent = 0
        if sent < len(data):
            self._waiting = True
            self.transport.write(data[sent:])

    def closed(self) -> None:
        """The connection is gone: its socket's number may be another's soon."""
        self._socket = None
        self._waiting = True
