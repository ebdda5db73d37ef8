"""The IRC door, through bytes."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.irc import Irc, IrcCase
from twisted_chat.doors.irc.commands.people import IN_A_TURN
from twisted_chat.doors.irc.lines import format_line, format_tags, parse, parse_tags, pieces
from twisted_chat.doors.irc.shared import RENAMES
from twisted_chat.doors.irc.shown import Batches
from twisted_chat.vocabulary.errors import ChatError


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


class LineTests(SynchronousTestCase):
    """Lines, read and written."""

    @given(st.binary(max_size=600))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are a line, nothing, or refused."""
        try:
            parse(data)
        except ChatError as refused:
            self.assertIn(refused.code, {"bad-request", "too-large"})

    @given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=20)))
    def test_tags(self, tags: dict[str, str]) -> None:
        """Tags that are written are read again."""
        self.assertEqual(parse_tags(format_tags(tags)[1:-1]), tags)

    @given(st.text(max_size=600), st.integers(8, 60))
    def test_pieces(self, text: str, room: int) -> None:
        """Of a text that is cut nothing is lost, and each piece fits."""
        text = text.replace("\r", "").replace("\n", "").replace("\0", "")
        found = pieces(text, room)
        self.assertEqual("".join(found), text)
        self.assertTrue(all(len(piece.encode()) <= room for piece in found))

    def test_format(self) -> None:
        """The last parameter has a colon where it needs one."""
        self.assertEqual(format_line("a", "B", "c", "d e"), b":a B c :d e\r\n")
        self.assertEqual(format_line("", "B", ""), b"B :\r\n")


class IrcCommandTests(IrcCase):
    """What else a client of IRC asks for."""

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

    def test_names_are_not_tried_without_end(self) -> None:
        """Whether a name is an account's is not found out by trying a thousand of them."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        shown = [bob.ask(f"PRIVMSG nobody{number} :x")[0] for number in range(30)]
        self.assertIn(" 401 bob nobody0 ", shown[0])
        self.assertNotIn(" 401 ", shown[-1])
