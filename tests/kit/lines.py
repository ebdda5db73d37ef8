"""Somebody with a telnet or a netcat at the lines door."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address

from tests.kit.pipe import Pipe
from tests.kit.world import ChatCase, World
from twisted_chat.doors.lines import LinesFactory, LinesProtocol


class Local(Pipe):
    """A connection from the machine itself."""

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self.port)


class Liner:
    """Somebody at a door whose messages are lines, with these at their ends."""

    end = "\n"

    def __init__(self, world: World, factory: Any, port: int = 50_000) -> None:
        self.world = world
        self.pipe = Pipe(world.clock, port)
        self.protocol = self.pipe.open(factory)

    def send(self, *lines: str) -> None:
        """Send lines, at once."""
        self.pipe.send("".join(line + self.end for line in lines).encode())

    def got(self) -> list[str]:
        """Return the lines that came."""
        got = b""
        self.world.settle()
        while self.pipe.reading and self.pipe.unread:
            got += self.pipe.take()
            self.world.settle()
        return got.decode().split(self.end)[:-1]

    def ask(self, *lines: str) -> list[str]:
        """Send lines, and return what came."""
        self.send(*lines)
        return self.got()


class Typist:
    """Somebody with a telnet or a netcat."""

    def __init__(self, world: World, factory: LinesFactory, local: bool = True) -> None:
        self.world = world
        self.pipe = (Local if local else Pipe)(world.clock, 50_000)
        self.protocol: LinesProtocol = self.pipe.open(factory)

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
