"""What a client of IRC is given that can not ask for it, and what it is told in words."""

from __future__ import annotations

from base64 import b64encode

from tests.kit.irc import Irc, IrcCase
from tests.kit.world import World
from twisted_chat.doors.irc import IrcFactory


class ComingBackTests(IrcCase):
    """History without asking for it."""

    def account(self, world: World, factory: IrcFactory, caps: str = "sasl") -> Irc:
        """Return alice, who has an account, and is in no session."""
        irc = Irc(world, factory)
        irc.ask(f"CAP REQ :{caps}", "NICK alice", "USER a 0 * :x", "AUTHENTICATE PLAIN")
        irc.ask("AUTHENTICATE " + b64encode(b"\0alice\0secret").decode(), "CAP END")
        return irc

    def played(self, lines: list[str]) -> list[str]:
        """Return what was said."""
        return [line.rsplit(" ", 1)[1] for line in lines if " PRIVMSG " in line]

    def test_played_back(self) -> None:
        """Who comes for the first time gets the last texts; who has read some, what is new."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        bob = self.come(world, factory, "bob")
        for number in range(3):
            bob.send(f"PRIVMSG #ops :old{number}")
        bob.got()
        alice = self.account(world, factory)
        self.assertEqual(self.played(alice.ask("JOIN #ops")), ["old0", "old1", "old2"])
        bob.ask("PRIVMSG #ops :live")
        self.assertEqual(self.played(alice.got()), ["live"])
        alice.send("QUIT :off")
        alice.got()
        world.settle()
        bob.ask("PRIVMSG #ops :new")
        alice = self.account(world, factory)
        self.assertEqual(self.played(alice.ask("JOIN #ops")), ["new"])

    def test_vanished(self) -> None:
        """Who vanishes may not have had the last of it, and gets it again."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        bob = self.come(world, factory, "bob")
        alice = self.account(world, factory)
        alice.ask("JOIN #ops")
        bob.ask("PRIVMSG #ops :one")
        alice.pipe.lose()
        world.settle()
        bob.ask("PRIVMSG #ops :two")
        alice = self.account(world, factory)
        self.assertEqual(self.played(alice.ask("JOIN #ops")), ["one", "two"])

    def test_topic(self) -> None:
        """Who has changed a topic, and when, is said where it is known, and not made up."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob")
        self.assertIn(" 329 bob #ops ", "\n".join(bob.ask("MODE #ops")))
        bob.ask("TOPIC #ops :ours")
        self.assertIn(" 333 bob #ops bob ", "\n".join(bob.ask("TOPIC #ops")))
        alice = world.come("alice")
        alice.ask("create", session="more", topic="theirs")
        shown = "\n".join(bob.ask("JOIN #more", "MODE #more"))
        self.assertIn(" 332 bob #more theirs", shown)
        self.assertNotIn(" 333 ", shown)
        self.assertNotIn(" 329 ", shown)
        alice.ask("topic", session="more", topic="newer")
        self.assertIn(" 333 bob #more alice ", "\n".join(bob.ask("TOPIC #more")))

    def test_in_words(self) -> None:
        """A reaction is told in words to who takes no tags."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        alice = world.come("alice")
        alice.ask("join", session="ops")
        bob.ask("PRIVMSG #ops :what a day")
        bob.got()
        alice.ask("react", session="ops", of=1, data="👍")
        self.assertIn(" NOTICE #ops :reacts 👍 to “what a day”", bob.got()[0])
        alice.ask("edit", session="ops", of=1, data="x")
        bob.got()
        alice.ask("react", session="ops", of=1, data="👍", undo=True)
        self.assertIn(" NOTICE #ops :takes back 👍", bob.got()[0])
