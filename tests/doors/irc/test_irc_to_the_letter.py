"""What the Modern IRC document and IRCv3 say of details that strict clients look at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.irc import Irc, IrcCase
from twisted_chat.doors.irc.lines import MAX_LINE, format_line
from twisted_chat.vocabulary.errors import ChatError


def rest(lines: list[str]) -> list[str]:
    """Return lines without their sources."""
    return [line.split(" ", 1)[1] for line in lines]


class LineTests(SynchronousTestCase):
    """How long a line is."""

    @given(st.text(), st.dictionaries(st.sampled_from("abc"), st.text()))
    def test_no_longer_than_lines_are(self, words: str, tags: dict[str, str]) -> None:
        """Whatever is said, a line without its tags has 512 bytes at most, and whole characters."""
        line = format_line("a!a@b", "PART", "#c", words * 50, tags=tags)
        line = line.partition(b" ")[2] if tags else line
        self.assertLessEqual(len(line), MAX_LINE)
        self.assertTrue(line.endswith(b"\r\n"))
        line.decode()


class LabelTests(IrcCase):
    """Labels of what is refused before it is read, and of none."""

    def test_refused(self) -> None:
        """What can not be read is refused with its label; a label without a value is none."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob", "batch message-tags labeled-response")
        self.assertRegex(bob.ask(f"@label=x PING {'y' * 600}")[0], r"^@label=x :\S+ 417 bob :")
        bob.pipe.send(b"@a=b;label=y PRIVMSG #ops :\xff\r\n")
        self.assertRegex(bob.got()[0], r"^@label=y :\S+ FAIL PRIVMSG INVALID_UTF8 :")
        self.assertRegex(bob.ask("@label= PING z")[0], r"^:\S+ PONG \S+ z$")
        self.assertRegex(bob.ask("PING z")[0], r"^:\S+ PONG \S+ z$")


class LengthTests(IrcCase):
    """What is longer than a line."""

    def test_reasons_and_topics(self) -> None:
        """They are cut where they are told; what was said before them is whole."""
        bob, carol = self.two()
        for act in ("TOPIC #ops", "PART #ops", "QUIT"):
            bob.ask("JOIN #ops")
            carol.got()
            bob.ask(f"{act} :{'好' * 160}")
            (told,) = carol.got()
            self.assertIn(f" {act} ", told)
            self.assertLessEqual(len(told.encode()), MAX_LINE - 2)

    def test_operators_words(self) -> None:
        """A notice of the operator, and the message of the day, are as many lines as they need."""
        words = "wórd " * 150
        world = self.world(operators=["root"], greeting=f"{words}\nlast\n", users=[])
        bob = self.come(world, self.factory(world), "bob")
        shown = [line.split(" :- ", 1)[1] for line in bob.ask("MOTD") if " 372 " in line]
        self.assertEqual(("".join(shown[:-1]), shown[-1]), (words, "last"))
        world.come("root").ask("notice", data=words)
        told = [line.split(" :", 1)[1] for line in bob.got()]
        self.assertEqual("".join(told), words)
        self.assertGreater(len(told), 1)


class ComingTests(IrcCase):
    """How somebody comes, and goes."""

    def test_nick_in_use(self) -> None:
        """A nick that is in use is refused when it is asked for; it is nobody's name then."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        self.come(world, factory, "bob")
        dave = Irc(world, factory)
        self.assertIn(" 433 * bob :", dave.ask("NICK bob")[0])
        self.assertEqual(dave.ask("USER d 0 * :x"), [])
        self.assertIn(" 001 dave ", dave.ask("NICK dave")[0])
        late = Irc(world, factory)  # it may have SASL, and so any nick, until it is done
        self.assertEqual(len(late.ask("CAP REQ sasl", "NICK dave", "USER d 0 * :x")), 1)
        self.assertIn(" 433 * dave :", late.ask("CAP END")[0])

    def test_name_of_an_account(self) -> None:
        """Who may register is told by REGISTER that its nick is an account's."""
        world = self.world(users=["alice"])

        async def register(*_given: object, **_named: object) -> None:
            raise ChatError("name-in-use", "It is taken.")

        keeper: Any = SimpleNamespace(policy="open", register=register)
        world.admission.keeper = keeper
        irc = Irc(world, self.factory(world))
        irc.ask("CAP REQ draft/account-registration")
        self.assertEqual(irc.ask("NICK alice"), [])
        self.assertIn("FAIL REGISTER ACCOUNT_EXISTS alice :", irc.ask("REGISTER * * word")[0])
        self.assertIn(" 433 * alice :", irc.ask("USER a 0 * :x", "CAP END")[0])

    def test_capabilities(self) -> None:
        """What does not fit into a line is several; cap-notify stays with who knows of 302."""
        world = self.world(users=["alice"])
        keeper: Any = SimpleNamespace(policy="open")
        world.admission.keeper = keeper
        for ls, starred, kept in (("LS", False, False), ("LS 302", True, True)):
            factory = self.factory(world)
            factory.shared.server = f"{'s' * 59}.net"
            irc = Irc(world, factory)
            irc.ask(f"NICK {'n' * 32}")
            offered: list[str] = []
            lines = irc.ask(f"CAP {ls}")
            self.assertEqual(len(lines), 1 + starred)
            for line in lines[:-1]:
                self.assertEqual(" LS * :" in line, starred)
            for line in lines:
                self.assertLessEqual(len(line), MAX_LINE - 2)
                offered += line.partition(" :")[2].split()
            names = [one.partition("=")[0] for one in offered]
            self.assertEqual(names, sorted(names))
            for name in names:
                self.assertIn(f" ACK {name}", irc.ask(f"CAP REQ :{name}")[0])
            shown = [line.partition(" LIST ")[2] for line in irc.ask("CAP LIST")]
            listed = " ".join(shown).replace(":", "").split()
            self.assertLessEqual(set(names), set(listed))
            self.assertIn("NAK" if kept else "ACK", irc.ask("CAP REQ :-cap-notify")[0])
            self.assertEqual(" cap-notify" in " ".join(irc.ask("CAP LIST")), kept)

    def test_welcome(self) -> None:
        """All modes are named, and those with parameters; a real name is as long as NAMELEN."""
        world = self.world()
        bob = Irc(world, self.factory(world))
        bob.ask("USER a 0 * :once", f"USER b 0 * :{'r' * 400}")  # it may say so until it is in
        lines = bob.ask("NICK bob")
        self.assertRegex(lines[3], r" 004 bob \S+ \S+ Biow Ibiklmnoqstv Ibkloqv$")
        self.assertTrue(bob.ask("WHOIS bob")[0].endswith(f" b twisted-chat.invalid * {'r' * 150}"))

    def test_quit(self) -> None:
        """A reason begins with ``Quit: ``, and is that where there is none; a bot was a bot."""
        world = self.world()
        factory = self.factory(world)
        carol = self.come(world, factory, "carol", "message-tags")
        for reason in ("", ":bye"):
            bob = self.come(world, factory, "bob")
            bob.ask("MODE bob +B", "NICK rob")
            carol.got()
            bob.send(f"QUIT {reason}")
            bob.pipe.lose()
            (told,) = carol.got()
            self.assertRegex(told, rf"^@bot :rob!\S+ QUIT :Quit: {reason[1:]}$")

    def test_alone(self) -> None:
        """Who is alone in a channel keeps it by another nick, where an empty one ends at once."""
        world = self.world(linger=0.0)
        bob = self.come(world, self.factory(world), "bob")
        bob.ask("MODE #ops +i", "TOPIC #ops :ours")
        self.assertEqual(rest(bob.ask("NICK rob")), ["NICK rob"])
        world.pass_time(20)
        shown = "\n".join(bob.ask("MODE #ops", "TOPIC #ops", "NAMES #ops"))
        for part in (" 324 rob #ops +nti", " 332 rob #ops ours", " #ops @rob"):
            self.assertIn(part, shown)
        bob.ask("PART #ops")
        self.assertIn(" 403 ", bob.ask("MODE #ops")[0])

    def test_join_of_nothing(self) -> None:
        """A JOIN names something."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        self.assertIn(" 461 bob JOIN :", bob.ask("JOIN :")[0])
        self.assertIn(" 403 bob # :", bob.ask("MODE #")[0])


class ModeTests(IrcCase):
    """What a MODE changes, and who hears of it."""

    def test_together(self) -> None:
        """Settings that are changed in one line are told to all in one line."""
        bob, carol = self.two()
        self.assertEqual(rest(bob.ask("MODE #ops +imkl key 9"))[-1], "MODE #ops +imkl key 9")
        self.assertEqual(rest(carol.got()), ["MODE #ops +imkl * 9"])
        bob.ask("MODE #ops -ik+l-m * 5")
        self.assertEqual(rest(carol.got()), ["MODE #ops -imk+l * 5"])
        self.assertIn(" 324 carol #ops +ntl 5", carol.ask("MODE #ops")[0])

    def test_nothing_new(self) -> None:
        """What is so already is not told again, and takes nothing from anybody."""
        bob, carol = self.two()
        bob.ask("MODE #ops +l 5", "MODE #ops +v carol", "MODE #ops +b eve", "MODE #ops +q eve")
        carol.got()
        for modes in (
            "-k",
            "+l 5",
            "+v carol",
            "-o carol",
            "+b EVE!*@*",
            "+q eve",
            "-b dave",
            "+t",
        ):
            self.assertEqual(bob.ask(f"MODE #ops {modes}"), [], modes)
        self.assertEqual(bob.ask("MODE #ops +o bob"), [])
        self.assertEqual(carol.got(), [])
        self.assertEqual(rest(bob.ask("MODE #ops -l-l")), ["MODE #ops -l"])
        carol.got()
        names = " ".join(f"u{number}" for number in range(9))  # MODES is of those with parameters
        self.assertIn(" MODE #ops +mbbbbbbbb u0!*@* ", bob.ask(f"MODE #ops +mbbbbbbbbb {names}")[0])

    def test_which_role(self) -> None:
        """Who loses a role is told to lose that one; what another door says may be any."""
        world = self.world()
        factory = self.factory(world)
        alice = world.come("alice")
        alice.ask("create", session="ops")
        bob, carol = (self.come(world, factory, one) for one in ("bob", "carol"))
        alice.ask("role", session="ops", user="bob", role="owner")
        bob.ask("MODE #ops +v carol")
        carol.got()
        bob.ask("MODE #ops -v carol")
        self.assertEqual(rest(carol.got()), ["MODE #ops -v carol"])
        bob.ask("MODE #ops +o carol", "MODE #ops -o carol")
        self.assertEqual(rest(carol.got())[-1], "MODE #ops -o carol")
        bob.ask("MODE #ops +v carol")
        bob.ask("MODE #ops +o alice")
        alice.ask("role", session="ops", user="carol", role="none")
        self.assertEqual(rest(carol.got())[-1], "MODE #ops -ov carol carol")

    def test_invite_exceptions(self) -> None:
        """``+I`` takes a mask of nicks, and none of addresses, which would let in too many."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob")
        bob.ask("MODE #ops +i")
        self.assertEqual(rest(bob.ask("MODE #ops +I *ar?l!*@*")), ["MODE #ops +I *ar?l!*@*"])
        self.assertRegex(bob.ask("MODE #ops I")[0], r" 346 bob #ops \*ar\?l!\*@\*$")
        carl = Irc(world, factory)
        carl.ask("NICK caryl", "USER c 0 * :x")
        self.assertIn("JOIN #ops", carl.ask("JOIN #ops")[0])
        bob.got()
        for mask in ("*!*@192.0.2.1", "*@192.0.2.1", "dave!d@*"):
            self.assertIn(" 696 bob #ops I ", bob.ask(f"MODE #ops +I {mask}")[0])


class SaidToSomeTests(IrcCase):
    """STATUSMSG, and tags alone."""

    def test_several_lines(self) -> None:
        """Several lines for those with a role are a batch to who takes it so, and else lines."""
        world = self.world()
        factory = self.factory(world)
        caps = "batch message-tags draft/multiline"
        bob, carol = (self.come(world, factory, one, caps) for one in ("bob", "carol"))
        dave = self.come(world, factory, "dave")
        bob.ask("MODE #ops +v dave")
        dave.got()
        carol.ask("@+x=1 BATCH +a draft/multiline +#ops", "@batch=a PRIVMSG +#ops :one")
        carol.ask("@batch=a PRIVMSG +#ops :two", "BATCH -a")
        lines = bob.got()[-4:]
        self.assertRegex(
            lines[0], r"^@msgid=\S+;\+x=1 :carol!\S+ BATCH \+\S+ draft/multiline \+#ops$"
        )
        self.assertEqual([line.rsplit(" ", 1)[1] for line in lines[1:3]], ["one", "two"])
        self.assertEqual(rest(dave.got()), ["PRIVMSG +#ops one", "PRIVMSG +#ops two"])


class MarkTests(IrcCase):
    """MARKREAD."""

    def marker(self, nick: str, world: Any, factory: Any, *lines: str) -> Irc:
        """Return somebody who takes read markers."""
        irc = Irc(world, factory)
        irc.ask("CAP REQ draft/read-marker", *lines, f"NICK {nick}", "USER u 0 * :x", "CAP END")
        return irc

    def test_of_all_connections(self) -> None:
        """How far one has read is known to each of one's connections, in a channel or not."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        one, other = (self.marker("alice", world, factory, "PASS secret") for _ in range(2))
        mark = "timestamp=2022-01-01T00:00:00.000Z"
        one.ask("JOIN #ops", f"MARKREAD #ops {mark}")
        self.assertEqual(rest(other.got()), [f"MARKREAD #ops {mark}"])
        self.assertEqual(rest(other.ask("MARKREAD #OPS")), [f"MARKREAD #OPS {mark}"])
        one.ask("PART #ops")
        self.assertIn(f"MARKREAD #ops {mark}", rest(one.ask("JOIN #ops")))

    def test_of_a_guest(self) -> None:
        """A guest's go along with its nick, and are nobody's when it has gone."""
        world = self.world()
        factory = self.factory(world)
        bob = self.marker("bob", world, factory)
        mark = "timestamp=2022-01-01T00:00:00.000Z"
        bob.ask(f"MARKREAD dave {mark}", "NICK rob")
        self.assertEqual(rest(bob.ask("MARKREAD dave")), [f"MARKREAD dave {mark}"])
        bob.ask("QUIT")
        bob.pipe.lose()
        world.settle()
        for nick in ("bob", "rob"):
            other = self.marker(nick, world, factory)
            self.assertEqual(rest(other.ask("MARKREAD dave")), ["MARKREAD dave *"])

    def test_by_another_door(self) -> None:
        """What was read up to its end by another door is told, once."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        one = self.marker("alice", world, factory, "PASS secret")
        plain = Irc(world, factory)
        plain.ask("PASS secret", "NICK alice", "USER a 0 * :x", "JOIN #ops")
        one.ask("JOIN #ops", "PRIVMSG #ops :a", "PRIVMSG #ops :b")
        page = world.come("alice", password="secret")
        page.ask("join", session="ops")
        plain.got()
        page.ask("read", session="ops", seq=1)
        self.assertEqual(one.got(), [])
        page.ask("read", session="ops", seq=2)
        self.assertRegex(rest(one.got())[0], r"^MARKREAD #ops timestamp=\S+Z$")
        page.ask("read", session="ops", seq=2)
        self.assertEqual((one.got()[1:], plain.got()), ([], []))


class OperatorTests(IrcCase):
    """KILL and WALLOPS."""

    def test_parameters(self) -> None:
        """A KILL has a reason, and a WALLOPS words; who is no operator is told that first."""
        world = self.world(users=["root"], operators=["root"])
        factory = self.factory(world)
        root, bob = Irc(world, factory), self.come(world, factory, "bob")
        root.ask("PASS secret", "NICK root", "USER r 0 * :x")
        self.assertIn(" 481 bob :", bob.ask("KILL root")[0])
        self.assertIn(" 461 root KILL :", root.ask("KILL bob")[0])
        self.assertIn(" 461 root WALLOPS :", root.ask("WALLOPS :")[0])
        self.assertNotIn("KILL", " ".join(bob.got()))
