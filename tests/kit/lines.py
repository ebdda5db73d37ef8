"""Somebody with a telnet or a netcat at the lines door."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.address import IPv4Address

from tests.kit.support import ChatCase, Pipe, World
from twisted_chat.doors.lines import LinesFactory, LinesProtocol


class Local(Pipe):
    """A connection from the machine itself."""

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self.port)


class Typist:
    """Somebody with a telnet or a netcat."""

    def __init__(self, world: World, factory: LinesFactory, local: bool = True) -> None:
        self.world = world
        self.pipe = (Local if local else Pipe)(world.clock, 50_000)
        protocol = factory.buildProtocol(None)
        assert isinstance(protocol, LinesProtocol)
        self.protocol = protocol
        self.pipe.protocol = cast(Any, protocol)
        protocol.makeConnection(cast(Any, self.pipe))

    def type(self, *lines: str) -> list[str]:
        """Type lines, and return what is shown then."""
        self.send("".join(f"{line}\n" for line in lines).encode())
        return self.shown()

    def send(self, data: bytes) -> None:
        self.pipe.send(data)
        self.settle()

    def settle(self) -> None:
        for _ in range(20):
            self.world.settle()

    def end(self) -> None:
        """Send no more."""
        self.protocol.readConnectionLost()
        self.settle()

    def raw(self) -> bytes:
        self.settle()
        return self.pipe.take()

    def shown(self) -> list[str]:
        """Return the lines that are shown, without the clock."""
        lines = self.raw().decode().split("\r\n")
        return [line for line in lines if line and not line.startswith("---")]


class LinesCase(ChatCase):
    def begin(self, **settings: Any) -> None:
        self.chat = self.world(**settings)
        prover = self.chat.prover()
        self.factory = LinesFactory(prover, self.chat.clock, lambda: "lobby")

    def connect(self, local: bool = True) -> Typist:
        return Typist(self.chat, self.factory, local)

    def come(self, user: str = "bob") -> Typist:
        typist = self.connect()
        typist.type(user)
        return typist
