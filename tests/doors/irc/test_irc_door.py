"""The IRC door, through bytes: the same sessions as at every door."""

from __future__ import annotations

from base64 import b64encode

from tests.kit.irc import Irc, IrcCase


class IrcDoorTests(IrcCase):
    """One door, one session, other doors."""

    def test_both_doors(self) -> None:
        """What is said over IRC and the native door is in one order, with the same seq."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob", "echo-message message-tags")
        alice = world.come("alice")
        alice.ask("join", session="ops")
        bob.got()
        (mine,) = bob.ask("PRIVMSG #ops :hello")
        alice.say("/me waves", session="ops")
        (hers,) = bob.got()
        self.assertRegex(mine, r"^@msgid=\w+-1 :bob!\S+ PRIVMSG #ops hello$")
        self.assertRegex(hers, "^@msgid=\\w+-2 :alice!\\S+ PRIVMSG #ops :\1ACTION waves\1$")
        self.assertEqual([t["data"] for t in alice.texts()], ["hello"])

    def test_without_capabilities(self) -> None:
        """Who asked for nothing gets no tags, and not its own words."""
        bob, carol = self.two()
        bob.got()
        self.assertEqual(bob.ask("PRIVMSG #ops :one", "NOTICE #ops :two"), [])
        got = [line.partition(" ")[2] for line in carol.got()]
        self.assertEqual(got, ["PRIVMSG #ops one", "NOTICE #ops two"])
        bob.send("QUIT :bye")
        self.assertEqual([line.partition(" ")[2] for line in carol.got()], ["QUIT :Quit: bye"])

    def test_labels(self) -> None:
        """An answer bears its label: a line, none, or several; an echo is the answer to a text."""
        world = self.world()
        caps = "labeled-response batch echo-message"
        bob = self.come(world, self.factory(world), "bob", caps)
        self.assertRegex(bob.ask("@label=1 PING x")[0], "^@label=1 :.* PONG")
        self.assertRegex(bob.ask("@label=2 PONG x")[0], "^@label=2 :.* ACK$")
        self.assertRegex(bob.ask("@label=3 PRIVMSG #ops hi")[0], "^@label=3 :bob!.* PRIVMSG")
        first, *_, last = bob.ask("@label=4 LIST")
        self.assertRegex(first, "^@label=4 :.* BATCH .* labeled-response$")
        self.assertRegex(last, "BATCH -")

    def test_tagmsg(self) -> None:
        """Client-only tags reach those who take tags, and nobody else; a server's own do not."""
        world = self.world()
        factory = self.factory(world)
        bob, carol = (self.come(world, factory, one, "message-tags") for one in ("bob", "carol"))
        dave = self.come(world, factory, "dave")
        bob.got()
        carol.got()
        self.assertEqual(bob.ask("@+typing=active;msgid=x TAGMSG #ops"), [])
        self.assertRegex(carol.got()[0], r"^@msgid=tags-\w+;\+typing=active :bob!\S+ TAGMSG #ops$")
        self.assertEqual(dave.got(), [])

    def test_long_text(self) -> None:
        """What is too long for a line is several, and nothing of it is lost."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        alice = world.come("alice")
        alice.ask("join", session="ops")
        bob.got()
        alice.say("é" * 1_000 + "\nlast", session="ops")
        got = bob.got()
        self.assertTrue(all(len(line.encode()) <= 510 for line in got))
        said = [line.split(" ", 3)[3].removeprefix(":") for line in got]
        self.assertEqual(("".join(said[:-1]), said[-1]), ("é" * 1_000, "last"))

    def test_history(self) -> None:
        """CHATHISTORY pages through the log by msgid, without gap or double."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob", "batch draft/chathistory message-tags")
        bob.ask(*(f"PRIVMSG #ops :{number}" for number in range(20)))
        seen: list[str] = []
        at = "*"
        for _ in range(4):
            what = "LATEST" if at == "*" else "BEFORE"
            got = bob.ask(f"CHATHISTORY {what} #ops {at} 6")[1:-1]
            seen = [line.rsplit(" ", 1)[1] for line in got] + seen
            at = "msgid=" + got[0].partition("msgid=")[2].partition(" ")[0].partition(";")[0]
        self.assertEqual(seen, [str(number) for number in range(20)])

    def test_sasl(self) -> None:
        """An account comes in by SASL under its own name; a wrong password is refused."""
        world = self.world(users=["alice"])
        irc = Irc(world, self.factory(world))
        irc.send("CAP REQ sasl", "NICK al", "USER a 0 * :x", "AUTHENTICATE PLAIN")
        irc.got()
        wrong, right = (b64encode(b"\0alice\0" + w).decode() for w in (b"wrong", b"secret"))
        self.assertIn(" 904 ", irc.ask(f"AUTHENTICATE {wrong}")[0])
        irc.ask("AUTHENTICATE PLAIN")
        self.assertIn(" 903 ", irc.ask(f"AUTHENTICATE {right}")[1])
        self.assertIn(" 001 alice ", irc.ask("CAP END")[0])
        stranger = Irc(world, self.factory(world))
        self.assertIn(" 433 ", stranger.ask("NICK alice", "USER a 0 * :x")[0])

    def test_hostile_lines(self) -> None:
        """What is no line of IRC is refused, and only a line without end closes."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        self.assertIn(" 417 ", bob.ask("PRIVMSG #ops :" + "x" * 600)[0])
        self.assertIn(" 417 ", bob.ask("@a=" + "x" * 5_000 + " PING x")[0])
        bob.pipe.send(b"PRIVMSG #ops :\xff\r\nPING \0\r\n\r\n   \r\n:x\r\n@y\r\n")
        self.assertEqual(sum("INVALID_UTF8" in line for line in bob.got()), 2)
        self.assertIn("PONG", bob.ask("PING x")[0])
        bob.pipe.send(b"x" * 20_000)
        bob.got()
        world.settle()
        self.assertTrue(bob.pipe.gone)
