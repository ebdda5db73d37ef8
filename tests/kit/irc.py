"""Somebody with a client of IRC, through bytes."""

from __future__ import annotations

from typing import Any, cast

from tests.kit.support import ChatCase, Pipe, World
from twisted_chat.doors.irc import IrcFactory


class Irc:
    """Somebody with a client of IRC."""

    def __init__(self, world: World, factory: IrcFactory) -> None:
        self.world = world
        self.pipe = Pipe(world.clock, 50_000)
        self.protocol = cast(Any, factory.buildProtocol(None))
        self.pipe.protocol = self.protocol
        self.protocol.makeConnection(cast(Any, self.pipe))

    def send(self, *lines: str) -> None:
        """Send lines, at once."""
        self.pipe.send("".join(line + "\r\n" for line in lines).encode())

    def got(self) -> list[str]:
        """Return the lines that came."""
        got = b""
        self.world.settle()
        while self.pipe.reading and self.pipe.unread:
            got += self.pipe.take()
            self.world.settle()
        return got.decode().split("\r\n")[:-1]

    def ask(self, *lines: str) -> list[str]:
        """Send lines, and return what came."""
        self.send(*lines)
        return self.got()


class IrcCase(ChatCase):
    """Somebody with a client of IRC, in #ops."""

    def factory(self, world: World) -> IrcFactory:
        """Return a listener without a lobby."""
        prover = world.prover()
        return IrcFactory(world.admission, world.clock, lambda: None, prover=prover)

    def come(self, world: World, factory: IrcFactory, nick: str, caps: str = "") -> Irc:
        """Return somebody who is in #ops."""
        irc = Irc(world, factory)
        irc.send(*([f"CAP REQ :{caps}"] if caps else []), f"NICK {nick}", f"USER {nick} 0 * :x")
        irc.send("CAP END", "JOIN #ops")
        self.assertIn(f"366 {nick} #ops", " ".join(irc.got()))
        return irc
