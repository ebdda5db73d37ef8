"""The client on its servers: connecting, logging in, an account's own things, leaving."""

from __future__ import annotations

from tests.kit.desks import DeskCase
from tests.kit.fake_server import snapshot, text
from twisted_chat.client.words import complete
from twisted_chat.vocabulary import messages as m


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
