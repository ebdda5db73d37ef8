"""TCP's own signs of life."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from twisted_chat.doors import tcp as links


class FakeTransport:
    """As much of a TCP transport as is asked for signs of life."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link

    def getHandle(self) -> socket.socket:
        return self.link

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)


class KeepAliveTests(SynchronousTestCase):
    def test_below_tls(self) -> None:
        """TCP asks whether the client is still there, also where TLS lies over it.

        What is under way to it waits no longer for an answer than a connection that is idle.
        """
        with socket.socket() as link:
            wrapper: Any = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
            wrapper.transport = FakeTransport(link)
            directlyProvides(wrapper, ITCPTransport)
            links.keep_alive(wrapper)
            idle, every, times, under_way = (
                link.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    socket.TCP_KEEPIDLE,
                    socket.TCP_KEEPINTVL,
                    socket.TCP_KEEPCNT,
                    socket.TCP_USER_TIMEOUT,
                )
            )
            self.assertEqual(idle, links.KEEPALIVE_SECONDS)
            self.assertEqual(under_way, (idle + every * times) * 1_000)
            self.assertLess(under_way, 200_000)
