"""Who is there, by IRC: WHOIS, WHO, MONITOR, LUSERS, AWAY; and who is nobody's to find out."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from tests.kit.irc import Irc, IrcCase
from twisted_chat.doors.irc.commands.people import IN_A_TURN


class IrcCommandTests(IrcCase):
    """What a client of IRC asks of people."""

    def test_whois(self) -> None:
        """Who somebody is, and was."""
        world = self.world()
        factory = self.factory(world)
        bob, carol = self.come(world, factory, "bob"), self.come(world, factory, "carol")
        shown = "\n".join(bob.ask("WHOIS carol", "WHOIS nobody"))
        for line in (
            r" 311 bob carol carol \S+ \* x",
            r" 319 bob carol #ops",
            r" 317 bob carol \d+ \d+ ",
            r" 318 bob carol ",
            r" 401 bob nobody ",
        ):
            self.assertRegex(shown, line)
        carol.send("QUIT :off")
        carol.got()
        shown = "\n".join(bob.ask("WHOWAS carol", "WHOWAS nobody"))
        self.assertRegex(shown, r" 314 bob carol carol \S+ \* x")
        self.assertRegex(shown, r" 406 bob nobody ")

    def test_whox(self) -> None:
        """WHO tells the fields that are asked for."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob")
        self.come(world, factory, "carol")
        bob.got()
        rows = bob.ask("WHO carol %tna,42")
        self.assertRegex(rows[0], r" 354 bob 42 carol 0$")
        self.assertRegex(bob.ask("WHO #ops")[0], r" 352 bob #ops bob \S+ \* bob H@ ")

    def test_who_in_turns(self) -> None:
        """A WHO of everybody takes several turns: in none of them it looks at all."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob")
        for number in range(2 * IN_A_TURN):
            world.come(f"u{number}")
        turns: list[int] = []
        real = world.clock.callLater

        def call_later(delay: float, *call: Any, **named: Any) -> Any:
            turns.append(bob.pipe.take().count(b" 352 "))
            return real(delay, *call, **named)

        with patch.object(world.clock, "callLater", call_later):
            rest = "\n".join(bob.ask("WHO *")).count(" 352 ")
        self.assertLessEqual(max(*turns, rest), IN_A_TURN)
        self.assertEqual(sum(turns) + rest, 2 * IN_A_TURN + 1)

    def test_monitor(self) -> None:
        """Coming and going is told to who watches, whichever door it is by."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        self.assertRegex(bob.ask("MONITOR + alice")[0], r" 731 bob alice$")
        alice = world.come("alice")
        self.assertRegex(bob.got()[0], r" 730 bob alice!")
        self.assertRegex(bob.ask("MONITOR L")[0], r" 732 bob alice$")
        alice.vanish()
        self.assertIn(" 731 bob alice", "\n".join(bob.got()))
        bob.ask("MONITOR C")
        self.assertRegex(bob.ask("MONITOR L")[0], r" 733 bob ")

    def test_extended_monitor(self) -> None:
        """Who watches somebody hears of its being away and its real name, in no session with it."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob", "away-notify extended-monitor setname")
        carol = Irc(world, factory)
        carol.ask("NICK carol", "USER carol 0 * :x", "CAP END")
        bob.ask("MONITOR + carol")
        carol.ask("AWAY :lunch", "SETNAME :Carol C")
        shown = [line.split(" ", 1)[1] for line in bob.got()]
        self.assertEqual(shown, ["AWAY lunch", "SETNAME :Carol C"])
        bob.ask("MONITOR - carol")
        carol.ask("AWAY")
        self.assertEqual(bob.got(), [])

    def test_lusers(self) -> None:
        """How many are here, are invisible, rule, and are nobody yet."""
        world = self.world(users=["root"], operators=["root"])
        factory = self.factory(world)
        bob, carol = self.come(world, factory, "bob"), self.come(world, factory, "carol")
        nobody = Irc(world, factory)
        carol.ask("MODE carol +i", "OPER root secret")
        shown = "\n".join(bob.ask("LUSERS"))
        self.assertIn("There are 1 users and 1 invisible on 1 servers", shown)
        self.assertIn(" 252 bob 1 ", shown)
        self.assertIn(" 253 bob 1 ", shown)
        carol.ask("MODE carol -i")
        nobody.pipe.lose()
        shown = "\n".join(bob.ask("LUSERS"))
        self.assertIn("There are 2 users and 0 invisible on 1 servers", shown)
        self.assertNotIn(" 253 ", shown)
        carol.pipe.lose()
        shown = "\n".join(bob.ask("LUSERS"))
        self.assertIn("There are 1 users and 0 invisible on 1 servers", shown)
        self.assertNotIn(" 252 ", shown)

    def test_away(self) -> None:
        """Who is away is told so to who writes, and to those who see it come."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob", "away-notify")
        carol = Irc(world, factory)
        carol.ask("NICK carol", "USER carol 0 * :x", "CAP END", "AWAY :lunch")
        carol.ask("JOIN #ops")
        self.assertEqual([line.split(" ", 1)[1] for line in bob.got()], ["JOIN #ops", "AWAY lunch"])
        self.assertIn(" 301 bob carol lunch", bob.ask("PRIVMSG carol :hi")[0])
        carol.ask("AWAY")
        self.assertRegex(bob.got()[-1], r"^:carol!\S+ AWAY$")

    def test_whether_two_talk_is_nobodys_to_find_out(self) -> None:
        """The talk of two is no channel: what is asked about it is answered as about none."""
        world = self.world(users=["alice", "bob"], operators=["root"])
        alice, _ = world.come("alice"), world.come("bob")
        alice.ask("text", to="bob", data="secret")
        eve = self.come(world, self.factory(world), "eve")
        for line in (
            *("MODE #{}", "MODE #{} b", "TOPIC #{}", "TOPIC #{} :x", "NAMES #{}", "WHO #{}"),
            *("JOIN #{}", "PART #{}", "INVITE bob #{}", "KICK #{} bob", "LIST #{}"),
        ):
            told = [eve.ask(line.format(two)) for two in ("@alice,bob", "@alice,eva")]
            told[1] = [one.replace("eva", "bob") for one in told[1]]
            self.assertEqual(told[0], told[1], line)

    def test_names_are_not_tried_without_end(self) -> None:
        """Whether a name is an account's is not found out by trying a thousand of them."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        shown = [bob.ask(f"PRIVMSG nobody{number} :x")[0] for number in range(30)]
        self.assertIn(" 401 bob nobody0 ", shown[0])
        self.assertNotIn(" 401 ", shown[-1])
