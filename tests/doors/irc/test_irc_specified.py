"""What the Modern IRC document and IRCv3 say of single commands, sentence by sentence."""

from __future__ import annotations

from tests.kit.irc import Irc, IrcCase
from twisted_chat.doors.irc.lines import format_line, parse


def numerics(lines: list[str]) -> list[str]:
    """Return the command of each line, without tags and source."""
    plain = [line.split(" ", 1)[1] if line.startswith("@") else line for line in lines]
    return [line.split()[1] for line in plain]


def rest(lines: list[str]) -> list[str]:
    """Return lines without their sources."""
    return [line.split(" ", 1)[1] for line in lines]


class QueryTests(IrcCase):
    """What is asked of users and of the server."""

    def test_one_end_of_whois(self) -> None:
        """RPL_ENDOFWHOIS has what was asked for, as it was asked for, once."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        lines = bob.ask("WHOIS BOB,dave")
        self.assertEqual(numerics(lines)[-2:], ["401", "318"])
        self.assertEqual(numerics(lines).count("318"), 1)
        self.assertIn(" 318 bob BOB,dave :", lines[-1])

    def test_other_servers(self) -> None:
        """There is one server: what is asked of another is 402, and nothing is said of this one."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        for command in ("MOTD", "VERSION", "TIME", "ADMIN", "INFO"):
            (refused,) = bob.ask(f"{command} irc.example")
            self.assertIn(" 402 bob irc.example :", refused)
            for server in ("", "twisted-chat.invalid", "*.invalid", "bob"):
                self.assertNotIn("402", numerics(bob.ask(f"{command} {server}")))
        (refused,) = bob.ask("STATS u irc.example")
        self.assertIn(" 402 bob irc.example :", refused)
        self.assertEqual(numerics(bob.ask("STATS", "STATS u")), ["461", "219"])
        self.assertIn(" 364 bob * twisted-chat.invalid :", bob.ask("LINKS")[0])

    def test_help(self) -> None:
        """Help is a title, an empty line and lines, the last of which is the end."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        for subject in ("", "JOIN"):
            lines = rest(bob.ask(f"HELP {subject}"))
            about = f"bob {subject or '*'} :"
            self.assertTrue(lines[0].startswith(f"704 {about}") or lines[0] == "704 bob * Help")
            self.assertEqual(lines[1], f"705 {about}")
            self.assertTrue(lines[-1].startswith(f"706 {about}"))
        self.assertIn(" 524 bob nonsense :", bob.ask("HELP nonsense")[0])
        self.assertIn(" 524 bob * :", bob.ask("HELP :two words")[0])

    def test_markers_of_nothing(self) -> None:
        """A marker is of a channel or of a nick, and at a time; what is wrong is named."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob", "draft/read-marker")
        for given, wrong in (("a!b", "a!b"), ("#ops *", "*"), ("#ops timestamp=x", "timestamp=x")):
            (refused,) = rest(bob.ask(f"MARKREAD {given}"))
            self.assertTrue(refused.startswith(f"FAIL MARKREAD INVALID_PARAMS {wrong} :"), refused)

    def test_empty_ping(self) -> None:
        """A PING without a token is 409."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        self.assertEqual(numerics(bob.ask("PING :", "PING")), ["409", "409"])

    def test_invisible(self) -> None:
        """Who is invisible is in no NAMES for who is not in the channel."""
        bob, carol = self.two()
        bob.ask("MODE bob +i")
        self.assertIn(" #ops :@bob carol", carol.ask("NAMES #ops")[-2])
        carol.ask("PART #ops", "JOIN #more")
        self.assertEqual(numerics(carol.ask("NAMES #ops")), ["366"])

    def test_monitor_takes_names(self) -> None:
        """A mask is no name: nobody is watched by it."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        self.assertIn(" 731 bob *!*@*,dave", bob.ask("MONITOR + *!*@*,dave")[0])
        self.assertIn(" 732 bob dave", bob.ask("MONITOR L")[0])


class ActsTests(IrcCase):
    """What somebody does, and how others hear of it."""

    def test_tags_of_acts(self) -> None:
        """An account's name and that somebody is a bot are with all that it does, and the time."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        carol = self.come(world, factory, "carol", "account-tag message-tags server-time")
        alice = Irc(world, factory)
        alice.ask("PASS secret", "NICK alice", "USER a 0 * :x", "MODE alice +B")
        told = []
        for act in ("JOIN #ops", "PART #ops :x", "JOIN #ops", "INVITE carol #more", "QUIT"):
            if act.startswith("INVITE"):
                alice.ask("JOIN #more")
            alice.ask(act)
            told += carol.got()
        carol.ask("JOIN #more")
        self.assertEqual(numerics(told), ["JOIN", "PART", "JOIN", "INVITE", "QUIT"])
        for line in told:
            self.assertRegex(line, r"^@time=\S+Z;account=alice;bot :alice!")
        carol.ask("JOIN #own")
        self.assertRegex(carol.ask("TOPIC #own :t")[0], r"^@time=\S+Z :carol!")

    def test_gone_without_a_word(self) -> None:
        """Whose connection is lost has quit, for a reason that says so; its other one keeps it."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        bob, carol = (self.come(world, factory, one) for one in ("bob", "carol"))
        alices = [Irc(world, factory) for _ in range(2)]
        for alice in alices:
            alice.ask("PASS secret", "NICK alice", "USER a 0 * :x", "JOIN #ops")
        bob.got()
        carol.pipe.lose()
        self.assertEqual(rest(bob.got()), ["QUIT :Connection closed"])
        alices[0].pipe.lose()
        self.assertNotIn("QUIT", " ".join(bob.got()))
        alices[1].pipe.lose()
        self.assertEqual(rest(bob.got()), ["QUIT :Connection closed"])

    def test_kill(self) -> None:
        """Who is killed is told so, hears itself quit, and why the link is closed."""
        world = self.world(users=["root"], operators=["root"])
        factory = self.factory(world)
        root, bob = Irc(world, factory), self.come(world, factory, "bob")
        root.ask("PASS secret", "NICK root", "USER r 0 * :x", "JOIN #ops")
        carol = self.come(world, factory, "carol")
        bob.got()
        root.ask("KILL bob :spam")
        lines = bob.got()
        self.assertIn("KILL bob :root (spam)", lines[0])
        self.assertEqual(lines[1].split(" ", 1)[1], "QUIT :Killed (root (spam))")
        self.assertEqual(
            lines[-1], "ERROR :Closing Link: twisted-chat.invalid (Killed (root (spam)))"
        )
        self.assertEqual(rest(carol.got()), ["QUIT :Killed (root (spam))"])

    def test_notice_is_not_answered(self) -> None:
        """A NOTICE that nobody hears is answered by nothing; a PRIVMSG is."""
        world = self.world()
        factory = self.factory(world)
        self.come(world, factory, "bob")
        dave = Irc(world, factory)
        dave.ask("NICK dave", "USER d 0 * :x")
        self.assertEqual(dave.ask("NOTICE #ops :x", "NOTICE a,b,c,d,e :x", "NOTICE"), [])
        self.assertEqual(numerics(dave.ask("PRIVMSG #ops :x")), ["404"])

    def test_away_before(self) -> None:
        """AWAY before one is anybody is answered as always (draft/pre-away)."""
        world = self.world()
        dave = Irc(world, self.factory(world))
        dave.ask("CAP REQ draft/pre-away")
        self.assertEqual(numerics(dave.ask("AWAY :x", "AWAY", "AWAY *")), ["306", "305", "306"])
        dave.ask("NICK dave", "USER d 0 * :x", "CAP END")
        self.assertIn(" 301 dave dave Away", " ".join(dave.ask("WHOIS dave")))
        dave.ask("AWAY", "AWAY *")
        self.assertIn(" 301 dave dave Away", " ".join(dave.ask("WHOIS dave")))

    def test_no_line_in_a_line(self) -> None:
        """What is said to some, or to oneself, in several lines is several lines, and no other."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob", "message-tags")
        carol = self.come(world, factory, "carol", "batch message-tags draft/multiline")
        bob.got()
        carol.ask("BATCH +x draft/multiline @#ops", "@batch=x PRIVMSG @#ops :a")
        carol.ask("@batch=x PRIVMSG @#ops ::root QUIT", "BATCH -x")
        lines = bob.got()
        self.assertEqual(numerics(lines), ["PRIVMSG", "PRIVMSG"])
        self.assertEqual(["msgid=" in line for line in lines], [True, False])
        line = parse(b"TOPIC #ops :a\rQUIT")
        assert line is not None
        self.assertEqual(line[1], "a QUIT")

    def test_no_line_of_another_door(self) -> None:
        """What has line ends where it was said is one line here: nobody writes other lines."""
        world = self.world(users=["alice"])
        caps = "away-notify message-tags draft/message-redaction echo-message"
        bob = self.come(world, self.factory(world), "bob", caps)
        alice, words = world.come("alice", password="secret"), "a\r\n:root QUIT\0"
        alice.ask("create", session="web")
        bob.ask("JOIN #web", "PRIVMSG #web :x")
        lines = []
        for act in (
            {"type": "topic", "session": "web", "topic": words},
            {"type": "away", "data": words},
            {"type": "redact", "session": "web", "of": 1, "reason": words},
        ):
            alice.ask(**act)
            lines += bob.got()
        lines += bob.ask("WHOIS alice", "TOPIC #web", "LIST #web")
        alice.ask("kick", session="web", user="bob", reason=words)
        lines += bob.got()
        for line in lines:
            self.assertRegex(line, r"^(@\S+ )?:(alice!\S+|twisted-chat\.invalid) ")
            self.assertNotRegex(line, r"[\r\n\0]")
        self.assertEqual(sum("QUIT" in line for line in lines), 7)

    def test_batch_takes_its_lines(self) -> None:
        """Whatever bears a batch's name is in it, and not done; no other command may be."""
        caps = "batch message-tags draft/multiline"
        bob, carol = self.two(caps)
        bob.got()
        carol.ask("BATCH +x draft/multiline #ops", "@batch=x PRIVMSG #ops :a")
        (refused,) = carol.ask("@batch=x;+y=z TAGMSG #ops", "@batch=x TOPIC #ops :t", "BATCH -x")
        self.assertIn("FAIL BATCH MULTILINE_INVALID :", refused)
        (refused,) = carol.ask("@batch=y PRIVMSG #ops :stray")
        self.assertIn("FAIL BATCH MULTILINE_INVALID :", refused)
        self.assertEqual(bob.got(), [])

    def test_batch_is_refused_at_once(self) -> None:
        """What is wrong with a batch is said when it is, once, with the label of its beginning."""
        world = self.world()
        caps = "batch message-tags draft/multiline labeled-response"
        bob = self.come(world, self.factory(world), "bob", caps)
        self.assertEqual(bob.ask("@label=a BATCH +x draft/multiline #ops"), [])
        (refused,) = bob.ask("@batch=x PRIVMSG #more :a")
        self.assertRegex(refused, r"^@label=a \S+ FAIL BATCH MULTILINE_INVALID_TARGET #ops #more :")
        self.assertEqual(bob.ask("@batch=x PRIVMSG #more :b", "BATCH -x"), [])


class ModeTests(IrcCase):
    """Who may change what."""

    def test_rights_come_first(self) -> None:
        """Who may not change modes is told so, also where nothing would change."""
        world = self.world()
        factory = self.factory(world)
        bob, carol = (self.come(world, factory, one) for one in ("bob", "carol"))
        dave = Irc(world, factory)
        dave.ask("NICK dave", "USER d 0 * :x")
        for modes in ("+t", "+n", "-i", "+k", "+I dave", "+b x"):
            self.assertEqual(numerics(carol.ask(f"MODE #ops {modes}")[-1:]), ["482"])
            self.assertEqual(numerics(dave.ask(f"MODE #ops {modes}")), ["482"])
        self.assertEqual(numerics(carol.ask("MODE #ops b", "MODE #ops +I")), ["368", "347"])
        self.assertIn(" 696 bob #ops n * :", bob.ask("MODE #ops -n")[-1])

    def test_voice_of_a_moderator(self) -> None:
        """A moderator is not made less by a voice; what somebody has not is not taken away."""
        bob, carol = self.two()
        bob.ask("MODE #ops +o carol")
        self.assertEqual(bob.ask("MODE #ops +v carol", "MODE #ops -v carol"), [])
        self.assertIn(":@bob @carol", bob.ask("NAMES #ops")[0])
        bob.ask("MODE #ops -o carol", "MODE #ops +v carol")
        self.assertEqual(bob.ask("MODE #ops -o carol"), [])
        self.assertIn(":@bob +carol", bob.ask("NAMES #ops")[0])
        carol.got()

    def test_unknown_user_modes(self) -> None:
        """What is known is done and told, and then what is not is said."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        self.assertEqual(rest(bob.ask("MODE bob +iQ"))[0], "MODE bob +i")
        self.assertEqual(numerics(bob.ask("MODE bob +wQ")), ["MODE", "501"])


class AccountTests(IrcCase):
    """REGISTER and VERIFY."""

    def test_verify(self) -> None:
        """Nothing waits to be verified; who has an account has no need of it."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        alice, bob = Irc(world, factory), Irc(world, factory)
        alice.ask("PASS secret", "NICK alice", "USER a 0 * :x")
        self.assertIn("FAIL VERIFY ALREADY_AUTHENTICATED alice :", alice.ask("VERIFY alice 1")[0])
        self.assertIn("FAIL VERIFY INVALID_CODE alice :", bob.ask("VERIFY alice 1")[0])
        self.assertIn("FAIL VERIFY NEED_MORE_PARAMS :", bob.ask("VERIFY alice")[0])
        self.assertIn("FAIL REGISTER NEED_NICK * :", bob.ask("REGISTER bob * secret")[0])

    def test_no_parameter_breaks_a_line(self) -> None:
        """What is given back before the last word of an answer is one word, whatever was given."""
        world = self.world()
        bob = self.come(world, self.factory(world), "bob")
        self.assertIn(" 401 bob * :", bob.ask("WHOIS :a b")[0])
        self.assertIn("FAIL BATCH UNKNOWN_TYPE * :", bob.ask("BATCH +")[0])
        self.assertEqual(format_line("", "PING", "x"), b"PING x\r\n")
