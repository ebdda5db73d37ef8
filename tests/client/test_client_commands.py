"""The line client's commands, on a screen and servers that the test has in hand."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.desks import DeskCase
from tests.kit.fake_server import echo, snapshot, text
from tests.kit.hostile import anything, is_harmless
from twisted_chat.client.address import Address, parse_address
from twisted_chat.client.memory import Memory
from twisted_chat.client.words import complete
from twisted_chat.client.words.commands import Usage, command_of, commands
from twisted_chat.client.words.marking import READ_SECONDS
from twisted_chat.client.words.rooms import MAX_UNREAD
from twisted_chat.client.words.wishes import Wishes
from twisted_chat.vocabulary import messages as m


class TableTests(SynchronousTestCase):
    def test_names(self) -> None:
        """No two commands have the same name or short form, and each says what it does."""
        names = [name for command in commands() for name in (command.name, command.short) if name]
        self.assertEqual(len(names), len(set(names)))
        for command in commands():
            self.assertTrue(command.help.endswith("."), command.name)

    def test_the_ones_that_are_promised(self) -> None:
        """Every command has the name and the arguments that it was given in the beginning."""
        usages = {command.usage for command in commands()}
        for usage in (
            "/login USER [PASSWORD] HOST PORT",
            "/logout",
            "/leavesession [NAME]",
            "/deletesession NAME",
            "/list",
            "/who",
            "/history [N]",
            "/switch NAME",
            "/connect HOST[:PORT]",
            "/servers",
            "/quit",
            "/msg USER TEXT...",
            "/search QUERY...",
        ):
            self.assertIn(usage, usages)

    def test_reading(self) -> None:
        """Arguments are told apart by their number; the last may be the rest of the line."""
        login = command_of("login")
        self.assertEqual(
            login.read("alice secret home 1234").arguments,
            {"USER": "alice", "PASSWORD": "secret", "HOST": "home", "PORT": "1234"},
        )
        self.assertNotIn("PASSWORD", login.read("alice home 1234").arguments)
        self.assertEqual(command_of("m").read("bob  how  are you ")["TEXT"], "how  are you")
        create = command_of("c").read("--keep ops --password")
        self.assertEqual(create.arguments, {"NAME": "ops"})
        self.assertEqual(create.flags, {"--keep", "--password"})
        self.assertIsNone(command_of("topic").read("").get("TEXT"))
        for name, rest in (
            ("login", "a b"),
            ("login", "a b c d e"),
            ("quit", "now"),
            ("msg", "bob"),
        ):
            self.assertRaises(Usage, command_of(name).read, rest)

    def test_beginnings(self) -> None:
        """A beginning that only one command has is enough."""
        self.assertEqual(command_of("DISC").name, "disconnect")
        self.assertEqual(command_of("l").name, "leavesession")
        for name in ("lo", "", "nothing"):
            self.assertRaises(Usage, command_of, name)


class AddressTests(SynchronousTestCase):
    def test_good(self) -> None:
        """``[USER@]HOST[:PORT]``, with IPv6 in brackets."""
        for raw, address in (
            ("home", Address("home")),
            ("bob@home:99", Address("home", 99, "bob")),
            ("[::1]:99", Address("::1", 99)),
            ("bob@[::1]", Address("::1", user="bob")),
            ("::1", Address("::1")),
            ("a@b@home", Address("home", user="a@b")),
        ):
            self.assertEqual(parse_address(raw), address)
        self.assertEqual(str(parse_address("[::1]:99")), "[::1]:99")
        self.assertEqual(str(parse_address("bob@home:1234")), "home")

    def test_bad(self) -> None:
        """Anything else is refused, with a sentence."""
        for raw in ("", "@home", "bob@", "home:", "home:x", "home:0", "home:70000", "[::1", "a b"):
            self.assertRaises(ValueError, parse_address, raw)

    @given(st.text(max_size=20))
    def test_anything(self, raw: str) -> None:
        """Whatever is written, there is an address or a ValueError."""
        with contextlib.suppress(ValueError):
            self.assertTrue(parse_address(raw).host)


class ServerTests(DeskCase):
    def test_connect(self) -> None:
        """One is in the lobby, sees what was said last, and the prompt says where one is."""
        self.assertEqual(self.prompt(), "> ")
        self.type("/connect home")
        self.assertEqual(self.prompt(), "home (connecting)> ")
        connection = self.servers["home"].last
        (login,) = connection.sent()
        assert isinstance(login, m.Login)
        self.assertEqual((login.user, login.password), ("alice", None))
        connection.say(
            m.Welcome(
                user="alice",
                server="x",
                limits=m.Limits(text=1),
                protocol=1,
                lobby="lobby",
                guest=True,
                id=login.id,
            ),
            snapshot("lobby", 7, topic="Hello", count=2, users=["alice", "bob"]),
        )
        self.assertEqual(
            self.shown(),
            ["* You are on home as alice (guest).", "* lobby: 2 here (alice, bob). Topic: Hello"],
        )
        self.assertEqual(self.prompt(), "home/lobby> ")
        (history,) = connection.sent()
        assert isinstance(history, m.History)
        self.assertEqual((history.before, history.limit), (8, 10))
        connection.say(text(8, "new"))
        self.assertEqual(self.shown(), [])  # what is new waits for what is old
        connection.say(
            m.Texts(session="lobby", texts=[text(7, "old")], more=True, epoch="e", id=history.id)
        )
        self.assertEqual(self.shown(), ["00:00 bob: old", "00:00 bob: new"])

    def test_login(self) -> None:
        """With a password it is used; without one it is asked for, unseen."""
        self.type("/login carol secret home 99")
        login = self.servers["home:99"].last.welcome()
        self.assertEqual((login.user, login.password), ("carol", "secret"))
        self.type("/login carol other 99")
        self.assertNotIn("other:99", self.servers)
        self.assertIn("Password for carol", self.answer("hidden"))
        login = self.servers["other:99"].last.welcome()
        self.assertEqual(login.password, "hidden")
        self.type("/login carol third 99")
        self.answer("")
        self.assertIsNone(self.servers["third:99"].last.welcome().password)
        self.type("/login carol fourth 99")
        self.answer(None)
        self.assertNotIn("fourth:99", self.servers)
        self.shown()
        self.type("/login carol home x", "/connect @", "/login carol home 99 ")
        self.answer("x")
        self.assertEqual(len(self.shown()), 3)

    def test_password_is_missing(self) -> None:
        """A server that wants a password gets one that is asked for, until it is right."""
        self.type("/connect home")
        for password in (None, "wrong"):
            connection = self.servers["home"].last
            (login,) = connection.sent()
            assert isinstance(login, m.Login)
            self.assertEqual(login.password, password)
            connection.say(m.Error(code="bad-credentials", data="No.", id=login.id))
            connection.closed()
            self.assertIn("alice@home", self.answer({None: "wrong", "wrong": "right"}[password]))
        login = self.servers["home"].last.welcome()
        self.assertEqual(login.password, "right")
        self.assertEqual(self.prompt(), "home/lobby> ")

    def test_no_password(self) -> None:
        """Who has none is not on that server."""
        self.type("/connect home")
        connection = self.servers["home"].last
        (login,) = connection.sent()
        connection.say(m.Error(code="bad-credentials", data="No.", id=login.id))
        connection.closed()
        self.answer(None)
        self.assertEqual(self.shown(), ["! home: no password was given (--password-file FILE)"])
        self.assertEqual(self.prompt(), "> ")
        self.assertEqual(self.desk.where.servers, {})

    def test_refused(self) -> None:
        """A refusal is told, and the server given up."""
        self.type("/connect home")
        connection = self.servers["home"].last
        (login,) = connection.sent()
        connection.say(m.Error(code="name-in-use", data="Somebody is here.", id=login.id))
        connection.closed()
        self.assertEqual(self.shown(), ["! home: Somebody is here."])

    def test_several(self) -> None:
        """Each server has its name in the prompt; /switch goes to sessions of all of them."""
        self.connect("home")
        away = self.connect("away:99")
        self.join(away, "ops")
        self.assertEqual(self.prompt(), "away:99/ops> ")
        self.servers["home"].last.say(text(1, "first"), text(2, "second"))
        away.say(text(1, "third"))
        self.assertEqual(self.shown(), [])
        self.assertEqual(self.prompt(), "away:99/ops [home/lobby 2, away:99/lobby 1]> ")
        self.assertEqual(
            list(complete(self.desk, "/s ")),
            ["lobby", "ops", "home/lobby", "away:99/lobby", "away:99/ops"],
        )
        self.type("/switch home/lobby")
        self.assertEqual(
            self.shown(), ["* Now in home/lobby.", "00:00 bob: first", "00:00 bob: second"]
        )
        self.assertEqual(self.prompt(), "home/lobby [away:99/lobby 1]> ")
        self.type("/s OPS")
        self.assertEqual(self.prompt(), "away:99/ops [away:99/lobby 1]> ")
        away.say(text(1, "fourth", session="ops"))
        self.type("/s home/lobby")
        self.assertEqual(self.prompt(), "home/lobby [away:99/lobby 1]> ")
        away.say(text(2, "fifth", session="ops"))
        self.assertEqual(self.prompt(), "home/lobby [away:99/lobby 1, ops 1]> ")
        self.type("/s ops")
        self.type("/s lobby")  # the one on this server
        self.assertEqual(self.prompt(), "away:99/lobby> ")
        self.type("/s nowhere")
        self.assertIn("not in nowhere", self.shown()[-1])
        self.type("/servers")
        self.assertEqual(
            self.shown(), ["* home: as alice; in lobby", "* away:99: as alice; in lobby, ops"]
        )

    def test_same_server(self) -> None:
        """One is on a server once as one user, but may be there as another too."""
        self.connect("home")
        self.type("/connect home")
        self.assertEqual(self.shown(), ["! You are on home as alice already."])
        self.type("/connect bob@home")
        self.assertEqual(list(self.desk.where.servers), ["home", "bob@home"])

    def test_disconnect(self) -> None:
        """One leaves a server properly, and is on the others still."""
        home, away = self.connect("home"), self.connect("away", guest=True)
        self.type("/disconnect")
        requests = away.sent()
        self.assertEqual([type(request) for request in requests], [m.Leave, m.Logout])
        away.say(m.Left(session="lobby", user="alice", count=0, id=requests[0].id))
        away.say(m.Bye(data="Goodbye.", id=requests[1].id))
        self.assertTrue(away.closed())
        self.assertEqual(self.shown(), ["* You have left away.", "* Now in lobby."])
        self.assertEqual(self.prompt(), "home/lobby> ")
        self.type("/disconnect nowhere", "/logout")
        self.clock.advance(3)
        self.assertTrue(home.closed())
        self.assertEqual(self.prompt(), "> ")
        self.type("/logout", "/list", "hello")
        self.assertEqual([line[:9] for line in self.shown()[-3:]], ["! You are"] * 3)

    def test_quit(self) -> None:
        """A guest leaves each session and each server, and waits for each answer."""
        home, away = self.connect("home", guest=True), self.connect("away", guest=True)
        self.type("/quit")
        for connection in (home, away):
            leave, logout = connection.sent()
            self.assertIsInstance(leave, m.Leave)
            self.assertIsInstance(logout, m.Logout)
            connection.say(m.Left(session="lobby", user="alice", count=0, id=leave.id))
            self.assertFalse(self.screen.closed)
            connection.say(m.Bye(data="Goodbye.", id=logout.id))
            self.assertTrue(connection.closed())
        self.assertTrue(self.screen.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_account_stays(self) -> None:
        """An account leaves the server and no session: it is in them again when it comes back."""
        home = self.connect("home")
        self.type("/quit")
        (logout,) = home.sent()
        self.assertIsInstance(logout, m.Logout)
        home.say(m.Bye(data="Goodbye.", id=logout.id))
        self.assertTrue(home.closed())
        self.assertTrue(self.screen.closed)

    def test_places(self) -> None:
        """An account is in its sessions again, and what is unread there is shown when it goes."""
        self.type("/connect home")
        home = self.servers["home"].last
        places = [m.KeptPlace(session="ops", epoch="e-1", head=9, read=6, unread=3, mentions=1)]
        login = home.welcome(places=places)
        self.assertTrue(login.places)
        home.say(snapshot("ops", head=9))
        self.assertEqual(self.prompt(), "home/lobby [ops 3 @1]> ")
        self.type("/switch ops")
        (history,) = home.sent()
        texts = [text(seq, f"n{seq}", session="ops") for seq in (7, 8, 9)]
        home.say(m.Texts(session="ops", texts=list(texts), more=True, epoch="e-1", id=history.id))
        self.assertEqual(self.shown()[-3:], [f"00:00 bob: n{seq}" for seq in (7, 8, 9)])
        self.assertEqual(self.prompt(), "home/ops> ")
        self.clock.advance(READ_SECONDS)
        (read,) = home.sent()
        self.assertEqual(read, m.Read(session="ops", seq=9, id=read.id))

    def test_places_that_were_read(self) -> None:
        """Who goes into a session in which it has read all sees how it ended."""
        self.type("/connect home")
        home = self.servers["home"].last
        places = [m.KeptPlace(session="ops", epoch="e-1", head=9, read=9, unread=0, mentions=0)]
        home.welcome(places=places)
        home.say(snapshot("ops", head=9))
        self.assertEqual(self.prompt(), "home/lobby> ")
        self.type("/switch ops")
        (history,) = home.sent()
        assert isinstance(history, m.History)
        self.assertEqual((history.before, history.limit), (10, 10))

    def test_read_elsewhere(self) -> None:
        """What was read on another device is not unread here."""
        home = self.connect()
        self.join(home, "ops")
        self.type("/switch lobby")
        home.say(*(text(seq, session="ops") for seq in (1, 2, 3)))
        self.assertEqual(self.prompt(), "home/lobby [ops 3]> ")
        home.say(m.ReadTo(session="ops", seq=2))
        self.assertEqual(self.prompt(), "home/lobby [ops 1]> ")

    def test_read_markers(self) -> None:
        """What is shown is said as read, once for all of some seconds; what is not seen is not."""
        home = self.connect()
        home.say(*(text(seq) for seq in range(1, 20)), text(1, session="@alice,bob"))
        self.clock.advance(READ_SECONDS)
        (read,) = home.sent()
        self.assertEqual(read, m.Read(session="lobby", seq=19, id=read.id))
        home.say(text(20))
        self.type("/quit")
        reads = [one.seq for one in home.sent() if isinstance(one, m.Read)]
        self.assertEqual(reads, [20])

    def test_bell(self) -> None:
        """A mention and a direct message ring, as one wants it; one's own words do not."""
        home = self.connect()
        said = (
            text(1, "hello alice"),
            text(2, "hello malice"),
            text(3, "alice", source="alice"),
            text(1, "psst", session="@alice,bob"),
        )
        home.say(*said)
        self.assertEqual(self.screen.rung, 2)
        for number, (choice, rung) in enumerate((("direct", 3), ("none", 3), ("mentions", 4)), 1):
            self.type(f"/set bell {choice}")
            home.say(text(3 + number, "alice?"))
            home.say(
                text(1 + number, "psst", session="@alice,bob") if choice == "direct" else said[0]
            )
            self.assertEqual(self.screen.rung, rung, choice)

    def test_settings(self) -> None:
        """What is set holds, is shown, and is kept; another value is refused in words."""
        kept: list[Wishes] = []
        self.desk.kept.save = kept.append
        home = self.connect()
        self.type("/set times seconds", "/set nicks off", "/set presence off")
        self.shown()
        home.say(text(1), m.Joined(session="lobby", user="carol", count=2))
        self.assertEqual(self.shown(), ["00:00:01 bob: hello"])
        self.type("/set times none")
        home.say(text(2))
        self.assertEqual(self.shown()[-1], "bob: hello")
        self.type("/set bell loud", "/set bell")
        self.assertEqual(
            self.shown(), ["! bell is mentions, direct or none.", "* bell is mentions."]
        )
        self.assertEqual(len(kept), 4)
        self.type("/set")
        self.assertEqual(len(self.shown()), 5)

    def test_ignore(self) -> None:
        """Who is ignored is not shown, neither now nor from the past; until it is no more."""
        home = self.connect(guest=True)
        self.type("/ignore @Bob", "/ignore")
        self.assertEqual(self.shown()[-1], "* You ignore bob.")
        home.say(text(1, "alice!"), text(2, source="carol"))
        self.assertEqual((self.shown(), self.screen.rung), (["00:00 carol: hello"], 0))
        self.type("/unignore bob", "/ignore")
        self.assertEqual(self.shown(), ["* You ignore bob no more.", "* You ignore nobody."])
        home.say(text(3))
        self.assertEqual(self.shown(), ["00:00 bob: hello"])

    def test_ignore_everywhere(self) -> None:
        """Of an account the server knows whom it ignores, and what its other devices set."""
        home = self.connect()
        self.type("/ignore @Bob")
        (asked,) = home.sent()
        self.assertEqual(asked, m.Choose(ignore=["Bob"], id=asked.id))
        home.say(m.Chosen(ignored=["Bob"], levels=[], id=asked.id))
        self.assertEqual(self.shown()[-1], "* You ignore Bob: /unignore shows again what it says.")
        edited = m.Edited(session="lobby", seq=3, time=0, source="bob", of=1, data="ALICE")
        home.say(text(1, "alice!"), text(2, source="carol"), edited)
        self.assertEqual((self.shown(), self.screen.rung), (["00:00 carol: hello"], 0))
        home.say(m.Chosen(ignored=["Bob", "dave"], levels=[]))
        self.type("/ignore")
        self.assertEqual(self.shown(), ["* You ignore Bob, dave."])
        self.assertEqual(list(complete(self.desk, "/unignore ")), ["Bob", "dave"])
        self.type("/unignore bob")
        (asked,) = home.sent()
        self.assertEqual(asked, m.Choose(unignore=["bob"], id=asked.id))
        home.say(m.Chosen(ignored=["dave"], levels=[], id=asked.id), text(4))
        self.assertEqual(self.shown(), ["* You ignore bob no more.", "00:00 bob: hello"])
        self.type("/unignore carol")
        self.assertEqual((home.sent(), self.shown()), ([], ["* You do not ignore carol."]))

    def test_what_is_not_seen_has_no_place(self) -> None:
        """An ignored text is not counted by ^3, and keeps nothing unread; nor does a change."""
        home = self.connect(guest=False)
        home.say(m.Chosen(ignored=["eve"], levels=[]))
        home.say(text(1), text(2, source="carol"), text(3, source="eve"))
        home.say(m.Reacted(session="lobby", seq=4, time=0, source="bob", of=1, data="!"))
        self.clock.advance(READ_SECONDS)
        self.assertEqual([one.seq for one in home.sent() if isinstance(one, m.Read)], [4])
        self.type("/react ^2 ✅")
        (asked,) = home.sent()
        self.assertEqual(asked, m.React(session="lobby", of=1, data="✅", id=asked.id))

    def test_answers(self) -> None:
        """A text says how the one begins that it answers; its number, where that is not known."""
        home = self.connect()
        reactions = [m.Reaction(data="👍", count=2, users=("bob", "carol"))]
        known = text(1, "a " * 40)
        home.say(
            known, text(2, "yes", reply=1), text(9, "/me nods", reply=1), text(10, "x", reply=7)
        )
        quote = f"bob: “{('a ' * 20)[:39]}…”"
        self.assertEqual(
            self.shown()[1:],
            [
                f"00:00 bob (to {quote}): yes",
                f"00:00 * bob (to {quote}) nods",
                "00:00 bob (to 7): x",
            ],
        )
        self.type("/history 2")
        (request,) = home.sent()
        page = [text(2, "yes", reply=1, reactions=reactions), text(9, "x", reply=2)]
        home.say(m.Texts(session="lobby", texts=[*page], more=True, epoch="e", id=request.id))
        self.assertEqual(
            self.shown()[1:-1],
            [
                f"00:00 #2 bob (to {quote}): yes",
                "      👍 2",
                "00:00 #9 bob (to bob: “yes”): x",
            ],
        )
        self.type("/reply #9 well")
        (asked,) = home.sent()
        self.assertEqual(asked, m.Say(session="lobby", data="well", reply=9, id=asked.id))

    def test_mentions(self) -> None:
        """Those that name one are shown, wherever they were said, and are no others."""
        home = self.connect()
        self.type("/mentions")
        (asked,) = home.sent()
        self.assertEqual(asked, m.Search(query='"alice"', limit=20, id=asked.id))
        texts = [
            text(3, "alice?", session="ops"),
            text(4, "alice!", source="alice"),
            text(5, "alice-springs", session="ops"),
        ]
        home.say(m.Found(texts=texts, more=True, id=asked.id))
        self.assertEqual(
            self.shown()[:2], ["* The last 1 that name you:", "00:00 [ops] #3 bob: alice?"]
        )

    def test_notify(self) -> None:
        """A session tells one of every text, of mentions or of nothing, whatever rings else."""
        home = self.connect()
        self.type("/notify", "/notify loud")
        self.assertEqual(self.shown()[0], "* lobby tells you as usual.")
        self.type("/notify all")
        (asked,) = home.sent()
        level = m.NewLevel(session="lobby", level="all")
        self.assertEqual(asked, m.Choose(levels=[level], id=asked.id))
        home.say(
            m.Chosen(ignored=[], levels=[m.LevelOf(session="lobby", level="all")], id=asked.id)
        )
        self.assertEqual(self.shown()[-1], "* lobby tells you of every text.")
        home.say(text(1))
        self.assertEqual(self.screen.rung, 1)
        home.say(m.Chosen(ignored=[], levels=[m.LevelOf(session="lobby", level="none")]))
        home.say(text(2, "alice!"))
        self.assertEqual(self.screen.rung, 1)
        self.type("/set bell none")
        home.say(m.Chosen(ignored=[], levels=[m.LevelOf(session="lobby", level="all")]), text(3))
        self.assertEqual(self.screen.rung, 1)

    def test_block(self) -> None:
        """Somebody is blocked in the direct session of the two, whose it is."""
        home = self.connect()
        home.say(text(1, "psst", session="@alice,bob"))
        self.type("/block bob", "/unblock bob")
        mute, unmute = home.sent()
        self.assertEqual(mute, m.Mute(session="@alice,bob", user="bob", id=mute.id))
        self.assertEqual(unmute, m.Unmute(session="@alice,bob", user="bob", id=unmute.id))

    def test_account(self) -> None:
        """A password is changed unseen; devices are shown, completed and forgotten."""
        home = self.connect()
        self.type("/passwd")
        self.answer("old")
        self.answer("new and long")
        self.answer("new and wrong")
        self.assertIn("not the same", self.shown()[-1])
        self.type("/passwd")
        for word in ("old", "new and long", "new and long"):
            self.answer(word)
        (asked,) = home.sent()
        self.assertEqual(asked, m.ChangePassword(old="old", new="new and long", id=asked.id))
        home.say(m.PasswordChanged(id=asked.id))
        self.assertEqual(self.shown(), ["* Your password is changed."])
        self.type("/devices")
        (asked,) = home.sent()
        device = m.Device(device="d-17", since=0, last=0, door="native", address="192.0.2.1")
        home.say(m.DeviceList(devices=[device], id=asked.id))
        self.assertIn("d-17", self.shown()[-1])
        self.assertEqual(list(complete(self.desk, "/forget ")), ["d-17"])
        self.type("/forget d-17")
        (asked,) = home.sent()
        home.say(m.Forgotten(device="d-17", id=asked.id))
        self.assertEqual(self.shown(), ["* d-17 logs in no more."])

    def test_search_everywhere(self) -> None:
        """A search of all sessions names the session of each text."""
        home = self.connect()
        self.type("/searchall disk full")
        (asked,) = home.sent()
        self.assertEqual(asked, m.Search(query="disk full", limit=20, id=asked.id))
        found = [text(1, session="ops"), text(2, session="@alice,bob")]
        home.say(m.Found(texts=found, more=False, id=asked.id))
        self.assertEqual(
            self.shown()[1:], ["00:00 [ops] #1 bob: hello", "00:00 [@bob] #2 bob: hello"]
        )

    def test_completed(self) -> None:
        """What a command takes is completed."""
        home = self.connect()
        home.say(snapshot(users=["alice", "bob"]))
        for typed, found in (
            ("/set be", ["bell"]),
            ("/set bell ", ["mentions", "direct", "none"]),
            ("/set colours o", ["on", "off"]),
            ("/set invite o", ["on", "off"]),
            ("/role bob mod", ["moderator"]),
            ("/ignore b", ["bob"]),
            ("/ban b", ["bob"]),
            ("/block b", ["bob"]),
        ):
            self.assertEqual(list(complete(self.desk, typed)), found, typed)

    def test_quit_in_two_seconds(self) -> None:
        """Servers that do not answer are waited for 2 s, all together."""
        connections = [self.connect("home"), self.connect("away")]
        self.type("/q")
        self.clock.advance(1.9)
        self.assertFalse(self.screen.closed)
        self.clock.advance(0.2)
        for connection in connections:
            self.assertTrue(connection.closed())
        self.assertTrue(self.screen.closed)

    def test_quit_alone(self) -> None:
        """With no server there is nothing to wait for."""
        self.type("/quit")
        self.assertTrue(self.screen.closed)


class SessionTests(DeskCase):
    def setUp(self) -> None:
        super().setUp()
        self.connection = self.connect()

    def request(self) -> m.Request:
        (request,) = self.connection.sent()
        return request

    def test_say(self) -> None:
        """A line is said where one is; it is shown when it comes back."""
        self.type("hello", "  //not a command", "//me", "", "   ")
        first, second, third = self.connection.sent()
        assert isinstance(second, m.Say)
        assert isinstance(third, m.Say)
        self.assertEqual(second.data, "  //not a command")
        self.assertEqual(third.data, "/me")
        self.assertEqual(self.shown(), [])
        self.connection.say(echo(first, 1))
        self.assertEqual(self.shown(), ["00:00 alice: hello"])

    def test_refused(self) -> None:
        """A text that is refused is told with its beginning."""
        self.type("x" * 50)
        request = self.request()
        self.connection.say(m.Error(code="too-long", data="Too long.", id=request.id))
        self.assertEqual(self.shown(), [f"! Not said on home: “{'x' * 39}…”. Too long."])

    def test_create(self) -> None:
        """One is in the session that one creates; its password is asked for, unseen."""
        self.type("/createsession ops --keep --password")
        self.assertEqual(self.connection.sent(), [])
        self.assertIn("ops", self.answer("sesame"))
        request = self.request()
        assert isinstance(request, m.Create)
        self.assertEqual((request.session, request.password, request.keep), ("ops", "sesame", True))
        self.connection.say(snapshot("ops", id=request.id))
        self.assertEqual(self.prompt(), "home/ops> ")
        self.assertEqual(self.shown(), ["* ops: 1 here (alice)"])
        self.type("/c dev")
        request = self.request()
        self.connection.say(m.Error(code="session-exists", data="There is one.", id=request.id))
        self.assertEqual(self.shown(), ["! There is one."])

    def test_join_locked(self) -> None:
        """A locked session asks for its password, three times: none is typed as a text."""
        for line in ("/j ops", "/j ops --password"):
            self.type(line)
            for password in ("one", "two", "three"):
                if password != "one" or line == "/j ops":
                    request = self.request()
                    self.connection.say(m.Error(code="bad-password", data="No.", id=request.id))
                self.answer(password)
            request = self.request()
            assert isinstance(request, m.Join)
            self.assertEqual(request.password, "three")
            self.connection.say(m.Error(code="bad-password", data="No.", id=request.id))
            self.assertEqual(self.screen.questions, [])
            self.assertEqual(self.shown(), ["! No."] * 3)

    def test_join_written(self) -> None:
        """A password that was written is not asked for; who answers nothing is not there."""
        self.type("/j ops wrong")
        self.connection.say(m.Error(code="bad-password", data="No.", id=self.request().id))
        self.assertEqual((self.screen.questions, self.shown()), ([], ["! No."]))
        self.type("/j ops")
        self.connection.say(m.Error(code="bad-password", data="No.", id=self.request().id))
        self.answer(None)
        self.assertEqual(self.shown(), ["! ops needs a password."])

    def test_join_again(self) -> None:
        """Joining a session that one is in goes there."""
        self.join(self.connection, "ops")
        self.type("/j lobby")
        self.assertEqual(self.connection.sent(), [])
        self.assertEqual(self.prompt(), "home/lobby> ")

    def test_leave(self) -> None:
        """Who leaves is somewhere else."""
        self.join(self.connection, "ops")
        self.type("/l")
        request = self.request()
        self.connection.say(m.Left(session="ops", user="alice", count=0, id=request.id))
        self.assertEqual(self.shown(), ["* You have left ops.", "* Now in lobby."])
        self.type("/l lobby")
        request = self.request()
        self.connection.say(m.Left(session="lobby", user="alice", count=0, id=request.id))
        self.assertEqual(self.prompt(), "home> ")

    def test_delete(self) -> None:
        """Who is in a session that is deleted is told, and is somewhere else."""
        self.join(self.connection, "ops")
        self.type("/deletesession ops")
        request = self.request()
        self.connection.say(m.Deleted(session="ops", user="alice", id=request.id))
        self.assertEqual(
            self.shown(), ["* alice has deleted ops, and what was said there.", "* Now in lobby."]
        )

    def test_unread(self) -> None:
        """What is said elsewhere is counted, and shown when one goes there; the oldest go."""
        self.join(self.connection, "ops")
        self.connection.say(*(text(n, str(n)) for n in range(1, MAX_UNREAD + 11)))
        self.assertEqual(self.shown(), [])
        self.assertEqual(self.prompt(), f"home/ops [lobby {MAX_UNREAD + 10}]> ")
        self.type("/s lobby")
        shown = self.shown()
        self.assertEqual(shown[:2], ["* Now in lobby.", "* 10 more before these: /history"])
        self.assertEqual(shown[2], "00:00 bob: 11")
        self.assertEqual(len(shown), MAX_UNREAD + 2)
        self.assertEqual(self.prompt(), "home/lobby> ")

    def test_comings_and_goings(self) -> None:
        """They are told where one is, and nowhere else."""
        self.join(self.connection, "ops")
        self.connection.say(
            m.Joined(session="lobby", user="bob", count=2),
            m.Joined(session="ops", user="bob", count=2),
            m.Left(session="ops", user="bob", count=1),
            m.Presence(session="ops", count=3, joined=["x", "y"]),
            m.TopicChanged(session="ops", user="x", topic="New"),
            m.Notice(data="Watch out."),
        )
        self.assertEqual(
            self.shown(),
            [
                "* bob has come: 2 here.",
                "* bob has gone: 1 here.",
                "* x, y have come; 3 here.",
                "* x sets the topic: New",
                "* home: Watch out.",
            ],
        )

    def test_list_and_who(self) -> None:
        """What the server has is shown."""
        self.type("/list")
        self.connection.say(m.Listing(sessions=[], users=[], id=self.request().id))
        self.assertEqual(self.shown(), ["* 0 sessions, 0 users"])
        self.type("/w")
        self.connection.say(
            m.Members(session="lobby", users=["alice", "bob"], count=2, id=self.request().id)
        )
        self.assertEqual(self.shown(), ["* lobby: 2 here: alice, bob"])
        away = [m.AwayUser(user="bob", data="lunch")]
        bob = m.ListedUser(user="bob", sessions=["lobby"], away="lunch")
        self.type("/w", "/list")
        who, listed = self.connection.sent()
        self.connection.say(
            m.Members(session="lobby", users=["bob"], count=1, away=away, id=who.id),
            m.Listing(sessions=[], users=[bob], id=listed.id),
        )
        shown = self.shown()
        self.assertEqual(shown[1], "* bob is away: lunch")
        self.assertEqual(shown[-1], "  bob  lobby; away: lunch")

    def test_history(self) -> None:
        """The last texts, as many as one likes."""
        self.type("/history 2")
        request = self.request()
        assert isinstance(request, m.History)
        self.assertEqual(request.limit, 2)
        self.connection.say(
            m.Texts(session="lobby", texts=[text(1), text(2)], more=False, epoch="e", id=request.id)
        )
        self.assertEqual(len(self.shown()), 4)
        self.type("/h")
        self.connection.say(
            m.Texts(session="lobby", texts=[], more=False, epoch="e", id=self.request().id)
        )
        self.assertEqual(self.shown(), ["* Nothing has been said in lobby."])
        self.type("/h 2")
        changes = [
            m.Reacted(session="lobby", seq=seq, time=0, source="bob", of=1, data="!")
            for seq in (8, 9)
        ]
        first = self.request()
        self.connection.say(
            m.Texts(session="lobby", texts=list(changes), more=True, epoch="e", id=first.id)
        )
        second = self.request()
        assert isinstance(second, m.History)
        self.assertEqual((second.before, second.limit), (8, 200))
        texts = [text(seq) for seq in (5, 6, 7)]
        self.connection.say(
            m.Texts(session="lobby", texts=list(texts), more=False, epoch="e", id=second.id)
        )
        self.assertEqual(
            self.shown(),
            [
                "* The last 2 of lobby:",
                "00:00 #6 bob: hello",
                "00:00 #7 bob: hello",
                "* There is more before them.",
            ],
        )
        self.type("/h 0", "/h 201", "/h x", f"/h {'9' * 5_000}", "/h ²")
        self.assertEqual(self.shown(), ["! It shows from 1 to 200 texts."] * 5)

    def test_search(self) -> None:
        """What is found is shown."""
        self.type("/search out of memory")
        request = self.request()
        assert isinstance(request, m.Search)
        self.assertEqual((request.query, request.session), ("out of memory", "lobby"))
        self.connection.say(m.Found(session="lobby", texts=[text(4)], more=True, id=request.id))
        self.assertEqual(
            self.shown(), ["* The last 1 in lobby with out of memory:", "00:00 #4 bob: hello"]
        )
        self.type("/f nothing")
        self.connection.say(m.Found(session="lobby", texts=[], more=False, id=self.request().id))
        self.assertEqual(self.shown(), ["* Nothing in lobby has nothing."])

    def test_topic(self) -> None:
        """The topic is shown, or changed."""
        self.type("/topic")
        self.assertEqual(self.shown(), ["* There is no topic."])
        self.type("/topic  Deploy at four ")
        request = self.request()
        assert isinstance(request, m.SetTopic)
        self.assertEqual(request.topic, "Deploy at four")
        self.connection.say(
            m.TopicChanged(session="lobby", user="alice", topic=request.topic, id=request.id)
        )
        self.type("/topic")
        self.assertEqual(
            self.shown(),
            ["* alice sets the topic: Deploy at four", "* Topic of lobby: Deploy at four"],
        )

    def test_direct(self) -> None:
        """A direct message is shown wherever one is; one can go there, and speak."""
        self.type("/msg @bob how are you?")
        request = self.request()
        assert isinstance(request, m.Say)
        self.assertEqual((request.to, request.data), ("bob", "how are you?"))
        self.connection.say(
            snapshot("@alice,bob", epoch="d"), echo(request, 1, session="@alice,bob")
        )
        self.connection.say(text(2, "fine", session="@alice,bob"))
        self.assertEqual(self.shown(), ["00:00 you to bob: how are you?", "00:00 bob to you: fine"])
        self.clock.advance(2)  # they are answered: nothing is waited for
        self.type("/s @bob", "good")
        self.assertEqual(self.prompt(), "home/@bob> ")
        request = self.request()
        assert isinstance(request, m.Say)
        self.assertEqual((request.to, request.session), ("bob", None))
        self.connection.say(echo(request, 3, session="@alice,bob"))
        self.assertEqual(self.shown(), ["* Now in @bob.", "00:00 alice: good"])
        self.type("/leavesession")
        self.assertEqual(self.connection.sent(), [])
        self.assertEqual(self.shown(), ["! @bob is always there: /switch NAME goes elsewhere."])
        self.connection.say(m.Deleted(session="@alice,bob", user="bob"))
        self.assertEqual(
            self.shown(),
            ["! You and bob begin anew: what you had said is gone.", "* Now in lobby."],
        )

    def test_unknown(self) -> None:
        """What is no command is not said either."""
        self.type("/frobnicate now", "/login", "/")
        self.assertEqual(self.connection.sent(), [])
        self.assertEqual(len(self.shown()), 3)

    def test_help(self) -> None:
        """Help has every command, or one."""
        self.type("/help")
        lines = self.shown()
        self.assertEqual(sum(line.startswith("/") for line in lines), len(commands()))
        self.type("/? /msg")
        (line,) = self.shown()
        self.assertIn("/msg USER TEXT...", line)

    def test_a_bug(self) -> None:
        """What goes wrong here is logged, and ends nothing."""
        self.desk.where.servers["home"].client.list = None  # type: ignore[assignment,method-assign]
        self.type("/list", "hello")
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertEqual(len(self.connection.sent()), 1)

    def test_slow_screen(self) -> None:
        """A screen that can not keep up stops the servers from being read."""
        self.desk.pauseProducing()
        self.assertEqual(self.connection.transport.producerState, "paused")
        self.desk.resumeProducing()
        self.assertEqual(self.connection.transport.producerState, "producing")

    @given(anything, anything)
    def test_whatever_they_write(self, data: str, name: str) -> None:
        """Nothing that others write reaches the screen as it is."""
        self.setUp()
        say = self.connection.say
        try:
            say(
                text(1, data, name),
                m.Notice(data=data),
                m.Joined(session="lobby", user=name, count=2),
            )
            say(m.TopicChanged(session="lobby", user=name, topic=data))
            say(snapshot(name, users=[name], topic=data), text(1, data, name, name))
            say(text(1, data, name, f"@alice,{name}"), m.Deleted(session=name, user=name))
            say(m.Error(code="banned", data=data, session=name))
            say(m.Bye(data=data))
        except UnicodeEncodeError:  # lone surrogates do not travel
            return
        self.connection.lose()
        self.type("/servers", "/who", "/topic", f"/msg {name} {data}", data)
        for line in [*self.shown(), self.prompt()]:
            self.assertTrue(is_harmless(line), line)


class ComingBackTests(DeskCase):
    def test_waiting(self) -> None:
        """What is typed while the server is away waits, is seen to wait, and is said once."""
        self.connect().lose()
        self.assertEqual(
            self.shown(), ["! home: the connection was lost. Trying again until it is there."]
        )
        self.type("hello\nthere")
        self.assertEqual(self.shown(), ["(waiting for home) alice: hello", "      there"])
        self.assertEqual(self.prompt(), "home/lobby (offline, 1 waiting)> ")
        connection = self.back()
        connection.welcome()
        (say,) = connection.sent()
        connection.say(echo(say, 1))
        self.assertEqual(
            self.shown(),
            ["* home is back, and says what waited (1).", "00:00 alice: hello", "      there"],
        )
        self.assertEqual(self.prompt(), "home/lobby> ")

    def test_slow(self) -> None:
        """A text that has no answer for 2 s is seen to wait, though nothing else is wrong."""
        connection = self.connect()
        self.type("one")
        self.clock.advance(1.9)
        self.type("/m bob two")
        self.assertEqual(self.shown(), [])
        self.clock.advance(0.1)
        self.assertEqual(self.shown(), ["(waiting for home) alice: one"])
        connection.lose()
        self.clock.advance(1.9)
        self.assertEqual(self.shown()[1:], ["(waiting for home) you to bob: two"])

    def test_never_there(self) -> None:
        """A server that was never there is told with the way to give it up."""
        self.type("/connect home")
        self.servers["home"].refuse = True
        self.servers["home"].last.lose()
        (line,) = self.shown()
        self.assertIn("Trying again until it is there; /disconnect home ends that.", line)
        self.type("/disconnect home")
        self.assertEqual(self.prompt(), "> ")

    def test_one_line(self) -> None:
        """However long a server is away, it is said once."""
        connection = self.connect()
        connection.lose()
        self.servers["home"].refuse = True
        self.clock.pump([5] * 50)
        self.assertEqual(len(self.shown()), 1)
        self.type("/list")
        self.assertEqual(self.shown(), ["* home is not there; this waits until it is."])
        self.type("/servers")
        self.assertEqual(self.shown(), ["* home: connection refused; in lobby"])

    def test_reset(self) -> None:
        """Where the server has lost what was said, one is told, and sees what it has."""
        connection = self.connect()
        connection.say(text(1), text(2))
        connection.lose()
        self.shown()
        connection = self.back()
        (login,) = connection.sent()
        connection.say(
            m.Welcome(
                user="alice",
                server="x",
                limits=m.Limits(text=1),
                protocol=1,
                lobby="lobby",
                id=login.id,
            ),
            snapshot("lobby", 1, epoch="e-2", reset=True),
        )
        (history,) = connection.sent()
        self.assertIsInstance(history, m.History)
        connection.say(
            m.Texts(session="lobby", texts=[text(1, "all")], more=False, epoch="e-2", id=history.id)
        )
        self.assertEqual(
            self.shown(),
            [
                "* home is back.",
                "* home/lobby begins anew: this is what the server has of it.",
                "00:00 bob: all",
            ],
        )

    def test_chosen_elsewhere(self) -> None:
        """What was taken back on another device while one was away does not hold any more."""
        connection = self.connect()
        connection.say(m.Chosen(ignored=["bob"], levels=[]), text(1))
        self.assertEqual(self.shown(), [])
        connection.lose()
        connection = self.back()
        connection.welcome()
        self.shown()
        connection.say(text(2))
        self.assertEqual(len(self.shown()), 1)

    def test_gone(self) -> None:
        """A session that is no more is told, and one is somewhere else."""
        connection = self.connect()
        self.join(connection, "ops")
        connection.lose()
        connection = self.back()
        connection.welcome()
        self.shown()
        connection.say(m.Error(code="no-such-session", data="It has closed.", session="ops"))
        self.assertEqual(self.shown(), ["! home/ops: It has closed.", "* Now in lobby."])


class MemoryTests(DeskCase):
    def test_from_one_run_to_the_next(self) -> None:
        """The same guest comes again, and reads the direct messages that it missed."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state" / "memory.json"
            self.desk = self.make_desk(Memory(path))
            direct = [m.Direct(session="@alice,bob", epoch="d", head=3)]
            connection = self.connect(token="proof", direct=direct)
            connection.say(text(4, session="@alice,bob"))
            self.type("/quit")
            connection.lose()
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)

            self.desk = self.make_desk(Memory(path))
            self.shown()
            self.type("/connect home")
            connection = self.servers["home"].last
            direct = [m.Direct(session="@alice,bob", epoch="d", head=5)]
            login = connection.welcome(direct=direct)
            self.assertEqual(login.token, "proof")
            self.assertEqual(login.resume, [m.Place(session="@alice,bob", after=4, epoch="d")])
            connection.say(snapshot("@alice,bob", 5, epoch="d"), text(5, session="@alice,bob"))
            self.assertEqual(
                self.shown()[1:],
                [
                    "* Direct messages: @bob (5). /switch @user goes there.",
                    "* lobby: 1 here (alice)",
                    "00:00 bob to you: hello",
                ],
            )

    def test_a_device(self) -> None:
        """An account's password is asked for once: from then on its token does, and it is kept."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "memory.json"
            self.desk = self.make_desk(Memory(path))
            self.type("/login alice secret home 1234")
            login = self.servers["home"].last.welcome(token="device.proof", guest=False)
            self.assertEqual((login.password, login.remember), ("secret", True))
            self.assertIsNone(self.desk.where.servers["home"].client.password)
            self.assertNotIn("secret", path.read_text())

            self.desk = self.make_desk(Memory(path))
            self.type("/connect home")
            login = self.servers["home"].last.welcome(token=None, guest=False)
            self.assertEqual((login.password, login.token), (None, "device.proof"))
            self.assertEqual(self.desk.where.servers["home"].client.token, "device.proof")

    def test_no_file(self) -> None:
        """A file that can not be read or written is no problem."""
        with tempfile.TemporaryDirectory() as folder:
            broken = Path(folder) / "broken"
            for content in (b"", b"[1]", b"\xff", b'{"alice@home":{"direct":5}}'):
                broken.write_bytes(content)
                self.assertIsNone(Memory(broken).of("alice@home"))
            self.assertIsNone(Memory(broken / "below").of("x"))
            Memory(broken / "below").keep("x", None, [])
        memory = Memory(None)
        for n in range(200):
            memory.keep(str(n), None, [])
        self.assertIsNone(memory.of("0"))
        self.assertIsNotNone(memory.of("199"))


class CompletionTests(DeskCase):
    def complete(self, line: str) -> list[str]:
        return list(complete(self.desk, line))

    def test_completion(self) -> None:
        """Commands, sessions and users are completed, by what is there."""
        self.assertEqual(self.complete("/hi"), ["/history"])
        self.assertEqual(self.complete("hel"), [])
        connection = self.connect()
        connection.say(m.Joined(session="lobby", user="bob", count=2))
        self.join(connection, "ops", users=["alice", "Carol"])
        self.assertEqual(self.complete("/s lo"), ["lobby"])
        self.assertEqual(self.complete("/switch "), ["lobby", "ops"])
        self.assertEqual(self.complete("/j o"), ["ops"])
        self.type("/list")
        listed = [
            m.ListedSession(session=name, users=1, topic="", owner=None, locked=False)
            for name in ("ops", "office")
        ]
        (request,) = connection.sent()
        connection.say(m.Listing(sessions=listed, users=[], id=request.id))
        self.assertEqual(self.complete("/j o"), ["ops", "office"])
        self.assertEqual(self.complete("/switch o"), ["ops"])
        self.assertEqual(self.complete("/m b"), ["bob"])
        self.assertEqual(self.complete("/m bob c"), ["Carol"])
        self.assertEqual(self.complete("/m bob hello c"), ["Carol"])
        self.assertEqual(self.complete("what does c"), ["Carol"])
        self.assertEqual(self.complete("/disconnect "), ["home"])
        self.assertEqual(self.complete("/help sw"), ["switch"])
        self.assertEqual(self.complete("/c ops --k"), ["--keep"])
        self.assertEqual(self.complete("/quit x"), [])
        self.assertEqual(self.complete("/nothing x"), [])

    @given(st.text(max_size=20))
    def test_anything(self, line: str) -> None:
        """Whatever is typed, Tab does no harm."""
        self.complete(line)
        self.complete(f"/{line}")


class DocumentTests(SynchronousTestCase):
    def test_commands(self) -> None:
        """docs/client.md lists every command as it is."""
        page = Path(__file__).parent.parent.parent / "docs" / "client.md"
        text = page.read_text(encoding="utf-8")
        listed = text.partition("<!-- commands -->")[2].partition("<!-- /commands -->")[0]
        rows = [line for line in listed.splitlines() if line.startswith("| `/")]
        expected = []
        for command in commands():
            short = f"`/{command.short}`" if command.short else ""
            expected.append(f"| `{command.usage}` | {short} | {command.help} |")
        self.assertEqual(rows, expected)
