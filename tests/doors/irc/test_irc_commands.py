"""What else a client of IRC asks for: of channels, of texts, of the server."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from tests.kit.irc import IrcCase
from twisted_chat.doors.irc.shared import RENAMES
from twisted_chat.doors.irc.shown import Batches


class IrcCommandTests(IrcCase):
    """What else a client of IRC asks for."""

    def test_written_once(self) -> None:
        """What many hear is written once for each set of capabilities, comings and goings too."""
        world = self.world()
        factory = self.factory(world)
        heard = [self.come(world, factory, f"m{number}") for number in range(4)]
        tagged = [self.come(world, factory, f"t{number}", "server-time") for number in range(4)]
        alice, dave = world.come("alice"), self.come(world, factory, "dave")
        for one in (*heard, *tagged):
            one.got()
        batches = factory.shared.batches(world.chat)
        written: list[str] = []
        show = batches.show

        def counted(response: Any, caps: Any) -> bytes:
            written.append(type(response).__name__)
            return show(response, caps)

        with patch.object(Batches, "show", lambda _, response, caps: counted(response, caps)):
            alice.ask("join", session="ops")
            alice.say("hello", session="ops")
            alice.ask("away", data="lunch")
            alice.ask("leave", session="ops")
            dave.send("QUIT :off")
            for one in (*heard, *tagged):
                got = [line.split(" :", 1)[0].split()[-2:] for line in one.got()]
                self.assertEqual(len(got), 4)
        self.assertEqual(
            {name: written.count(name) for name in ("Joined", "Text", "WentAway", "Left")},
            {"Joined": 2, "Text": 2, "WentAway": 2, "Left": 2},
        )

    def test_rules(self) -> None:
        """Modes are the settings, roles and measures of a session."""
        world = self.world()
        factory = self.factory(world)
        bob, carol = self.come(world, factory, "bob"), self.come(world, factory, "carol")
        bob.got()
        self.assertRegex(carol.ask("MODE #ops +m")[0], " 482 carol #ops ")
        self.assertRegex(bob.ask("MODE #ops +ml 5")[0], r"^:bob!\S+ MODE #ops \+ml 5$")
        self.assertIn(" MODE #ops +ml 5", carol.got()[-1])
        self.assertRegex(carol.ask("PRIVMSG #ops :may I?")[0], " 404 carol #ops ")
        bob.ask("MODE #ops +v carol")
        carol.got()
        carol.ask("PRIVMSG #ops :I may")
        self.assertIn("I may", "\n".join(bob.got()))
        self.assertRegex(bob.ask("MODE #ops +b carol!*@*")[0], r"MODE #ops \+b carol!\*@\*$")
        self.assertIn(" KICK #ops carol ", "\n".join(carol.got()))
        self.assertRegex(carol.ask("JOIN #ops")[0], " 474 carol #ops ")
        self.assertRegex(bob.ask("MODE #ops b")[0], r" 367 bob #ops carol!\*@\* bob \d+$")
        bob.ask("INVITE carol #ops")
        self.assertIn(" INVITE carol #ops", "\n".join(carol.got()))
        self.assertIn("JOIN #ops", carol.ask("JOIN #ops")[0])

    def test_rename(self) -> None:
        """A guest has another nick, and stays where it is; others are told once."""
        world = self.world()
        factory = self.factory(world)
        bob, carol = self.come(world, factory, "bob"), self.come(world, factory, "carol")
        bob.got()
        self.assertRegex(carol.ask("NICK dora")[0], r"^:carol!\S+ NICK dora$")
        self.assertEqual([line.split(" ", 1)[1] for line in bob.got()], ["NICK dora"])
        bob.ask("PRIVMSG #ops :still there?")
        self.assertIn("still there?", "\n".join(carol.got()))
        self.assertRegex(carol.ask("NICK bob")[0], " 433 dora bob ")

    def test_multiline(self) -> None:
        """Several lines are one text; who can not take it so is given lines, none lost."""
        world = self.world()
        factory = self.factory(world)
        caps = "batch message-tags echo-message draft/multiline"
        bob, carol = self.come(world, factory, "bob", caps), self.come(world, factory, "carol")
        alice = world.come("alice")
        alice.ask("join", session="ops")
        bob.got()
        carol.got()
        lines = bob.ask(
            "BATCH +x draft/multiline #ops",
            "@batch=x PRIVMSG #ops :one",
            "@batch=x PRIVMSG #ops :",
            "@batch=x PRIVMSG #ops :three",
            "BATCH -x",
        )
        self.assertRegex(lines[0], r"^@msgid=\S+ :bob!\S+ BATCH \+(\S+) draft/multiline #ops$")
        self.assertEqual(len(lines), 5)
        self.assertEqual([text["data"] for text in alice.texts()], ["one\n\nthree"])
        self.assertEqual([line.split(" ")[-1] for line in carol.got()], ["one", "three"])
        wrong = bob.ask("BATCH +y draft/multiline #ops", "@batch=y PRIVMSG #x :a", "BATCH -y")
        self.assertIn("FAIL BATCH MULTILINE_INVALID_TARGET", wrong[0])

    def test_answers_and_reactions(self) -> None:
        """Answers, reactions and redactions reach other doors, and come from them."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob", "message-tags echo-message")
        alice = world.come("alice")
        alice.ask("join", session="ops")
        (first,) = [line for line in bob.ask("PRIVMSG #ops :first") if "first" in line]
        name = first.partition(" ")[0].removeprefix("@msgid=")
        bob.send(f"@+draft/reply={name} PRIVMSG #ops :second")
        bob.send(f"@+draft/reply={name};+draft/react=👍 TAGMSG #ops")
        bob.send(f"REDACT #ops {name}")
        bob.got()
        page = alice.ask("history", session="ops")["texts"]
        self.assertEqual(page[0]["data"], "")
        self.assertEqual((page[1]["data"], page[1]["reply"]), ("second", 1))
        self.assertEqual([one["type"] for one in page], ["text", "text", "reacted", "redacted"])

    def test_labels(self) -> None:
        """A label is on the one answer, or on the batch of several."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob", "batch labeled-response echo-message")
        self.come(world, factory, "carol")
        bob.got()
        self.assertRegex(bob.ask("@label=1 PRIVMSG #ops :x")[0], r"^@label=1 :bob!\S+ PRIVMSG ")
        self.assertRegex(bob.ask("@label=2 PONG x")[0], r"^@label=2 :\S+ ACK")
        several = bob.ask("@label=3 PRIVMSG #ops,carol :y")
        echoes = [line for line in several if "PRIVMSG" in line or "BATCH" in line]
        self.assertRegex(echoes[0], r"^@label=3 :\S+ BATCH \+(\S+) labeled-response$")
        self.assertEqual(len(echoes), 4)

    def test_server(self) -> None:
        """What the server says of itself."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        for command, numeric in (
            *(("LUSERS", "251"), ("TIME", "391"), ("ADMIN", "256"), ("INFO", "371")),
            *(("LINKS", "364"), ("STATS u", "219"), ("HELP", "704"), ("HELP nothing", "524")),
            *(("VERSION", "351"), ("ISON bob carol", "303"), ("USERHOST bob", "302")),
            *(
                ("KILL bob", "481"),
                ("WALLOPS x", "481"),
                ("OPER bob x", "464"),
                ("MODE bob", "221"),
            ),
        ):
            self.assertIn(f" {numeric} bob", bob.ask(command)[0], command)

    def test_refused_redactions(self) -> None:
        """What can not be taken back is refused in IRCv3's words."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob", "message-tags echo-message")
        carol = self.come(world, factory, "carol")
        bob.got()
        name = bob.ask("PRIVMSG #ops :x")[0].partition(" ")[0].removeprefix("@msgid=")
        carol.got()
        self.assertIn("FAIL REDACT REDACT_FORBIDDEN", carol.ask(f"REDACT #ops {name}")[0])
        self.assertIn("FAIL REDACT UNKNOWN_MSGID", carol.ask("REDACT #ops nothing")[0])
        self.assertIn("FAIL REDACT INVALID_TARGET", carol.ask(f"REDACT #x {name}")[0])

    def test_no_utf8(self) -> None:
        """Bytes that are no UTF-8 are refused, with the command that they were for."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        bob.pipe.send(b"PRIVMSG #ops :\xff\r\n")
        self.assertIn("FAIL PRIVMSG INVALID_UTF8", bob.got()[0])

    def test_a_storm_of_renames(self) -> None:
        """An address changes so many nicks in a minute: each is a coming and a going for others."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        told = [bob.ask(f"NICK bob{number}")[-1].split()[1] for number in range(RENAMES + 1)]
        self.assertEqual(told.count("438"), 1)
        self.assertEqual(told[-1], "438")
        world.pass_time(61)
        self.assertIn(" NICK ", bob.ask("NICK robert")[0])

    def test_after_a_rename(self) -> None:
        """Who has had another name comes and goes like anybody else, then and later."""
        world = self.world()
        factory = self.factory(world)
        bob, carol = self.come(world, factory, "bob"), self.come(world, factory, "carol")
        bob.ask("JOIN #more")
        carol.ask("NICK dora")
        self.assertEqual([line.split(" ", 1)[1] for line in bob.got()], ["NICK dora"])
        carol.ask("JOIN #more")
        self.assertEqual([line.split(" ", 1)[1] for line in bob.got()], ["JOIN #more"])
        carol.ask("PART #ops", "JOIN #ops")
        shown = [line.split(" ", 1)[1] for line in bob.got()]
        self.assertEqual(shown, ["PART #ops", "JOIN #ops"])
        alice = world.come("carol")  # another one has the old name, by another door
        alice.ask("join", session="ops")
        self.assertIn("JOIN #ops", bob.got()[0])
        alice.ask("leave", session="ops")
        self.assertRegex(bob.got()[-1], r"^:carol!\S+ PART #ops$")

    def test_operator_no_more(self) -> None:
        """Who was let in by OPER is no operator when the account is none."""
        world = self.world(users=["root"], operators=["root"])
        bob = self.come(world, self.factory(world), "bob")
        shown = bob.ask("OPER root secret")
        self.assertIn(" 381 bob", shown[0])
        self.assertIn(" 221 bob +o", bob.ask("MODE bob")[0])
        assert world.directory is not None
        world.directory.add("root")  # the role was taken away
        self.assertIn(" 481 bob", bob.ask("WALLOPS x")[0])
