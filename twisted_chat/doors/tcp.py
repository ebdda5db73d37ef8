"""What every door for people does with a TCP connection."""

from __future__ import annotations

import socket
from typing import Any, Final

from twisted.internet import tcp
from twisted.internet.interfaces import ITCPTransport
from twisted.protocols.haproxy._wrapper import HAProxyProtocolWrapper
from twisted.protocols.policies import ProtocolWrapper

from twisted_chat.vocabulary.addresses import LOCAL, spelled

KEEPALIVE_SECONDS: Final = 60
"""After so long a silence TCP asks whether the client is still there."""

PROBE_SECONDS: Final = 15
"""How often it asks then; it gives up after PROBES of them without an answer."""

PROBES: Final = 8

UNANSWERED_SECONDS: Final = KEEPALIVE_SECONDS + PROBE_SECONDS * PROBES
"""How long bytes that were sent may wait for the other side to take them: as long as it takes to
find out that nobody is there when nothing is sent. A client that takes nothing for so long, and be
it that it is only asleep, is cut off, and comes back to what it missed."""

READ_BYTES: Final = 4_096
"""Bytes that are read at a time, where Twisted would read 64 KiB: what was read is dealt with
while it is in the processor's caches, and no large piece of memory is taken for a short text."""

_OPTIONS: Final = (
    ("TCP_KEEPIDLE", KEEPALIVE_SECONDS),
    ("TCP_KEEPINTVL", PROBE_SECONDS),
    ("TCP_KEEPCNT", PROBES),
    ("TCP_USER_TIMEOUT", UNANSWERED_SECONDS * 1_000),
)


def host_of(peer: object) -> str:
    """Return the host of an address of Twisted's, as it is compared."""
    host = getattr(peer, "host", None)
    return LOCAL if host is None else spelled(host) or str(host)


def peer_of(transport: Any) -> tuple[str, int]:
    """Return the address of who is on the other side."""
    peer = transport.getPeer()
    return host_of(peer), int(getattr(peer, "port", 0))


def speaks_for_others(transport: Any) -> bool:
    """Whether a proxy says first who is on the other side (``haproxy:tcp:…``, PROXY protocol)."""
    return isinstance(transport, HAProxyProtocolWrapper)


def keep_alive(transport: Any) -> None:
    """Let TCP say what is written at once, and find out when nobody is there any more."""
    if not ITCPTransport.providedBy(transport):
        return
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    if isinstance(transport, ProtocolWrapper):  # TLS
        transport = transport.transport
    ask_for_life(transport.getHandle())


def ask_for_life(connection: socket.socket) -> None:
    """Let TCP end a connection where nobody is there, whether something is under way or not."""
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    for option, value in _OPTIONS:
        if hasattr(socket, option):  # systems differ
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def read_little(transport: Any) -> None:
    """Read READ_BYTES at a time: for a connection on which texts come, and no files."""
    if isinstance(transport, tcp.Connection):
        transport.bufferSize = READ_BYTES
