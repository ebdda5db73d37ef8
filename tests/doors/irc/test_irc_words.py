"""What the specifications have a server say, command by command, and what reaches whom."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.irc import Irc, IrcCase
from twisted_chat.doors.irc.lines import MAX_LINE
from twisted_chat.doors.irc.names import server_of


def rest(lines: list[str]) -> list[str]:
    """Return lines without their sources."""
    return [line.split(" ", 1)[1] for line in lines]


class NameTests(SynchronousTestCase):
    """What a server is called."""

    def test_names(self) -> None:
        """A name like a host's is the server's; of any other one is made, in nobody's domain."""
        self.assertEqual(server_of("chat.Example.org"), "chat.Example.org")
        self.assertEqual(server_of("twisted-chat"), "twisted-chat.invalid")
        self.assertEqual(server_of("Ops & friends"), "ops-friends.invalid")
        self.assertEqual(server_of("…"), "chat.invalid")

    @given(st.text())
    def test_any_name(self, name: str) -> None:
        """Whatever the operator calls it, it is one word that can begin a line."""
        self.assertRegex(server_of(name), r"^[A-Za-z0-9.-]{3,63}$")


class NickTests(IrcCase):
    """Who is called otherwise is who it was."""

    def test_roles_go_along(self) -> None:
        """Who has another nick is in its channels as before: past a key, and with its role."""
        bob, carol = self.two()
        bob.ask("MODE #ops +k key", "MODE #ops +v carol", "AWAY :lunch")
        carol.got()
        self.assertEqual(rest(bob.ask("NICK rob")), ["NICK rob"])
        self.assertEqual(rest(carol.got()), ["NICK rob"])
        self.assertEqual(rest(carol.ask("NICK caro"))[0], "NICK caro")
        self.assertRegex(carol.ask("NAMES #ops")[0], r" #ops :\+caro @rob$")
        self.assertRegex(carol.ask("PRIVMSG rob :hi")[0], " 301 caro rob lunch$")
        self.assertNotIn(" 482 ", "".join(bob.ask("MODE #ops -k")))

    def test_banned_nick(self) -> None:
        """A nick that is kept out of a channel is out of it."""
        bob, carol = self.two()
        self.assertEqual(rest(bob.ask("MODE #ops +b eve")), ["JOIN #ops", "MODE #ops +b eve!*@*"])
        carol.got()
        self.assertIn("PART #ops", " ".join(carol.ask("NICK eve")))

    def test_banned_address(self) -> None:
        """Who was invited from an address that is kept out stays in by another nick."""
        bob, carol = self.two()
        bob.ask("MODE #ops +b *!*@192.0.2.1")
        self.assertIn("KICK #ops carol", " ".join(rest(carol.got())))
        self.assertIn(" 474 ", carol.ask("JOIN #ops")[0])
        bob.ask("INVITE carol #ops")
        carol.ask("JOIN #ops")
        self.assertEqual(rest(carol.ask("NICK caro")), ["NICK caro"])
        self.assertRegex(carol.ask("NAMES #ops")[0], r" #ops :@bob caro$")

    def test_account(self) -> None:
        """Who turns out to be an account's is told to those who want to know, and has not gone."""
        world = self.world(users=["bob"])
        factory = self.factory(world)
        carol = self.come(world, factory, "carol", "account-notify")
        bob = self.come(world, factory, "guest")
        dave, erin = self.come(world, factory, "dave"), Irc(world, factory)
        erin.send("CAP REQ :account-notify extended-monitor", "NICK erin", "USER e 0 * :x")
        erin.ask("CAP END", "MONITOR + guest,bob")
        carol.ask("MODE #ops +v guest")
        dave.got()
        bob.ask("PRIVMSG NickServ :IDENTIFY bob secret")
        self.assertIn("ACCOUNT bob", rest(carol.got()))
        self.assertEqual(rest(dave.got()), ["NICK bob"])
        self.assertIn("ACCOUNT bob", rest(erin.got()))

    def test_written_otherwise(self) -> None:
        """A nick in capitals is the same one: it is told as NICK, and to no monitor."""
        bob, carol = self.two()
        carol.ask("MONITOR + bob,BOB,bob")
        self.assertRegex(carol.ask("MONITOR L")[0], " 732 carol bob$")
        bob.ask("NICK BOB")
        self.assertEqual(rest(carol.got()), ["NICK BOB"])


class ToldTests(IrcCase):
    """What reaches whom, and as what."""

    def test_statusmsg(self) -> None:
        """What is for those with a role reaches them alone, with its time; tags alone do so too."""
        world = self.world()
        factory = self.factory(world)
        bob, dave = (self.come(world, factory, one) for one in ("bob", "dave"))
        carol = self.come(world, factory, "carol", "message-tags server-time")
        bob.ask("MODE #ops +v carol")
        carol.got()
        dave.got()
        bob.ask("PRIVMSG @+#ops :you two")
        self.assertRegex(carol.got()[0], r"^@time=\S+;msgid=\S+ :bob!\S+ PRIVMSG \+#ops :you two$")
        self.assertEqual(dave.got(), [])
        carol.ask("@+x=1 TAGMSG @#ops", "PRIVMSG @#ops :you")
        self.assertEqual(rest(bob.got()), ["PRIVMSG @#ops you"])

    def test_too_long_to_be_told(self) -> None:
        """A line that would be two to who hears it is refused whole; what just fits goes."""
        bob, carol = self.two()
        bob.got()
        room = MAX_LINE - 2 - len(":bob!bob@twisted-chat.invalid PRIVMSG #ops ")
        self.assertRegex(bob.ask(f"PRIVMSG #ops {'x' * (room + 1)}")[0], " 417 bob ")
        self.assertRegex(bob.ask(f"NOTICE #ops {'x' * (room + 2)}")[0], " 417 bob ")
        self.assertEqual(bob.ask(f"PRIVMSG #ops {'x' * room}"), [])
        self.assertEqual(rest(carol.got()), [f"PRIVMSG #ops {'x' * room}"])
        wide = "\u597d" * (room // 3 + 1)  # few characters, many bytes
        self.assertLess(len(wide), 200)
        self.assertRegex(bob.ask(f"PRIVMSG #ops {wide}")[0], " 417 bob ")
        self.assertEqual(bob.ask(f"PRIVMSG #ops {wide[1:]}"), [])
        self.assertEqual(rest(carol.got()), [f"PRIVMSG #ops {wide[1:]}"])

    def test_pong_comes_after(self) -> None:
        """Who has its PONG knows that others have been told of what it did before."""
        world = self.world()
        factory = self.factory(world)
        bob, carol = (self.come(world, factory, one) for one in ("bob", "carol"))
        bob.send("MODE #ops -t", "PING x")
        got = bob.pipe.take()
        while b"PONG" not in got:
            world.clock.advance(0)
            got += bob.pipe.take()
        self.assertIn(b"MODE #ops -t", carol.pipe.take())

    def test_multiline_as_written(self) -> None:
        """A text of several lines comes in the lines in which it was written, and is one text."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob", "batch message-tags draft/multiline")
        carol = self.come(world, factory, "carol", "batch message-tags draft/multiline")
        dave = self.come(world, factory, "dave")
        carol.got()
        bob.ask(
            "BATCH +x draft/multiline #ops",
            "@batch=x PRIVMSG #ops :how ",
            "@batch=x;draft/multiline-concat PRIVMSG #ops :are you?",
            "@batch=x PRIVMSG #ops :",
            "@batch=x PRIVMSG #ops :Fine.",
            "BATCH -x",
        )
        lines = [line.partition(" ") for line in carol.got()[1:-1]]
        self.assertEqual(["concat" in tags for tags, _, _ in lines], [False, True, False, False])
        said = [line.split("PRIVMSG #ops ")[1] for _, _, line in lines]
        self.assertEqual(said, [":how ", ":are you?", ":", "Fine."])
        self.assertEqual(
            rest(dave.got()), ["PRIVMSG #ops :how ", "PRIVMSG #ops :are you?", "PRIVMSG #ops Fine."]
        )
        alice = world.come("alice")
        alice.ask("join", session="ops")
        (text,) = alice.ask("history", session="ops")["texts"]
        self.assertEqual(text["data"], "how are you?\n\nFine.")

    def test_notes(self) -> None:
        """What an account says to itself comes back as said and as heard, and is in its history."""
        world = self.world(users=["alice"])
        alice = Irc(world, self.factory(world))
        caps = "CAP REQ :message-tags labeled-response draft/chathistory batch"
        alice.ask(caps, "PASS secret", "NICK alice", "USER a 0 * :x", "CAP END")
        self.assertEqual(len(alice.ask("PRIVMSG alice :milk")), 1)
        alice.ask("CAP REQ echo-message")
        heard = alice.ask("@label=x PRIVMSG ALICE :bread")
        self.assertEqual(["label=x" in line for line in heard], [True, False])
        said = [line.rpartition(" ")[2] for line in alice.ask("CHATHISTORY LATEST alice * 9")[1:-1]]
        self.assertEqual(said, ["milk", "bread"])

    def test_redact_with_label(self) -> None:
        """What answers a REDACT bears its label: what is told, or why nothing is."""
        world = self.world()
        caps = "message-tags echo-message labeled-response batch draft/message-redaction"
        bob = self.come(world, self.factory(world), "bob", caps)
        (said,) = bob.ask("PRIVMSG #ops :oops")
        name = said.partition("msgid=")[2].partition(" ")[0]
        (told,) = bob.ask(f"@label=a REDACT #ops {name}")
        self.assertRegex(told, r"^@label=a;msgid=\S+ :bob!\S+ REDACT #ops ")
        (told,) = bob.ask(f"@label=b REDACT #ops {name}")
        self.assertRegex(told, r"^@label=b \S+ FAIL REDACT UNKNOWN_MSGID #ops ")

    def test_history_of_batches(self) -> None:
        """In a batch of history a line is in one batch: that of its text, or the whole one."""
        world = self.world()
        caps = "batch message-tags draft/multiline draft/chathistory"
        bob = self.come(world, self.factory(world), "bob", caps)
        bob.ask("BATCH +x draft/multiline #ops", "@batch=x PRIVMSG #ops :a")
        bob.ask("@batch=x PRIVMSG #ops :b", "BATCH -x")
        for line in bob.ask("CHATHISTORY LATEST #ops * 10"):
            self.assertLessEqual(line.partition(" ")[0].count("batch="), 1)


class AskedTests(IrcCase):
    """What is answered, and about what."""

    def test_invite(self) -> None:
        """What is wrong with an INVITE is said of its channel; alone it says where one may go."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob")
        dave = Irc(world, factory)
        dave.ask("NICK dave", "USER d 0 * :x")
        self.assertRegex(bob.ask("INVITE dave #none")[0], " 403 bob #none ")
        self.assertRegex(dave.ask("INVITE bob #ops")[0], " 442 dave #ops ")
        self.assertRegex(bob.ask("INVITE dave")[0], " 461 bob INVITE ")
        self.assertRegex(bob.ask("INVITE dave #ops")[0], " 341 bob dave #ops$")
        dave.got()
        self.assertEqual([line.split()[1] for line in dave.ask("INVITE")], ["336", "337"])
        self.assertEqual(rest(bob.ask("MODE #ops I"))[0], "346 bob #ops dave!*@*")
        dave.ask("JOIN #ops")
        self.assertEqual([line.split()[1] for line in dave.ask("INVITE")], ["337"])

    def test_let_in(self) -> None:
        """``+I`` lets a nick in as often as it likes, here or not, and does not tell it."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob")
        self.assertEqual(rest(bob.ask("MODE #ops +iI dave!*@*")), ["MODE #ops +iI dave!*@*"])
        self.assertEqual(rest(bob.ask("MODE #ops +I"))[0], "346 bob #ops dave!*@*")
        dave = Irc(world, factory)
        dave.ask("NICK dave", "USER d 0 * :x")
        for _ in range(2):
            self.assertEqual(rest(dave.ask("JOIN #ops"))[0], "JOIN #ops")
            dave.ask("PART #ops")
        bob.got()
        self.assertEqual(rest(bob.ask("MODE #ops -I dave!*@*")), ["MODE #ops -I dave!*@*"])
        self.assertRegex(dave.ask("JOIN #ops")[0], " 473 dave #ops ")
        self.assertRegex(bob.ask("MODE #ops +I *!*@192.0.2.1")[-1], " 696 bob #ops I ")

    def test_whois_at_a_server(self) -> None:
        """A WHOIS may name the server, or a user at it, and no other."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        self.assertRegex(bob.ask("WHOIS nowhere.example bob")[0], " 402 bob nowhere.example ")
        for server in ("twisted-chat.invalid", "*.invalid", "bob"):
            self.assertRegex(bob.ask(f"WHOIS {server} bob")[0], " 311 bob bob ")

    def test_long_password(self) -> None:
        """A password may be longer than what is said: a line to the server is told to nobody."""
        world = self.world(users=["alice"])
        bob = self.come(world, self.factory(world), "bob")
        self.assertIn(" NOTICE bob ", bob.ask(f"PRIVMSG NickServ :IDENTIFY alice {'x' * 900}")[0])
        self.assertRegex(bob.ask(f"PRIVMSG NickServ :IDENTIFY alice {'x' * 1_000}")[0], " 417 ")
        self.assertRegex(bob.ask(f"PRIVMSG nickserver :{'x' * 500}")[0], " 417 ")

    def test_names_of_several(self) -> None:
        """NAMES of several channels has their members each, and one end."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        bob.ask("JOIN #more")
        lines = rest(bob.ask("NAMES #ops,#none,#more"))
        self.assertEqual([line.split(" :")[0].split()[0] for line in lines], ["353", "353", "366"])
        self.assertIn("366 bob #ops,#none,#more ", lines[-1])

    def test_playback(self) -> None:
        """Who can not ask for what was said is given so much of it as the operator wants."""
        world = self.world(linger=60.0)
        factory = self.factory(world)
        bob = self.come(world, factory, "bob")
        bob.ask(*(f"PRIVMSG #ops :t{number}" for number in range(5)))
        for most, seen in ((2, ["t3", "t4"]), (0, [])):
            factory.shared.played_back = most
            carol = Irc(world, factory)
            carol.ask("NICK carol", "USER c 0 * :x")
            lines = [line for line in carol.ask("JOIN #ops") if " PRIVMSG " in line]
            self.assertEqual([line.rpartition(" ")[2] for line in lines], seen)
            carol.ask("QUIT")

    def test_network(self) -> None:
        """The server's name is in ISUPPORT, whatever is in it, as one word."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        rules: Any = world.chat.rules
        with patch.object(type(rules), "server", "Ops = us", create=True):
            self.assertIn(r" NETWORK=Ops\x20\x3D\x20us ", " ".join(bob.ask("VERSION")))
