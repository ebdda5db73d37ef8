"""Somebody with a client of IRC, through bytes."""

from __future__ import annotations

from tests.kit.lines import Liner
from tests.kit.world import ChatCase, World
from twisted_chat.doors.irc import IrcFactory


class Irc(Liner):
    """Somebody with a client of IRC."""

    end = "\r\n"


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

    def two(self, caps: str = "") -> tuple[Irc, Irc]:
        """Return bob, who owns #ops, and carol, who is there too: nobody else is in their world."""
        world = self.world()
        factory = self.factory(world)
        bob, carol = (self.come(world, factory, nick, caps) for nick in ("bob", "carol"))
        return bob, carol
