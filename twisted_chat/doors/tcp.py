"""What every door for people does with a TCP connection."""

from __future__ import annotations

import socket
from typing import Any, Final

from twisted.internet.interfaces import ITCPTransport
from twisted.protocols.policies import ProtocolWrapper

KEEPALIVE_SECONDS: Final = 60
"""After so long a silence TCP asks whether the client is still there."""


def peer_of(transport: Any) -> tuple[str, int]:
    """Return the address of who is on the other side."""
    peer = transport.getPeer()
    return str(getattr(peer, "host", "local")), int(getattr(peer, "port", 0))


def keep_alive(transport: Any) -> None:
    """Let TCP say what is written at once, and find out when nobody is there any more."""
    if not ITCPTransport.providedBy(transport):
        return
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    if isinstance(transport, ProtocolWrapper):  # TLS
        transport = transport.transport
    connection: socket.socket = transport.getHandle()
    for option, seconds in (("TCP_KEEPIDLE", KEEPALIVE_SECONDS), ("TCP_KEEPINTVL", 15)):
        if hasattr(socket, option) and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
