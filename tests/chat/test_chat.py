"""Who may come in: guests, accounts, and how many at once."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.kit.frames import types
from tests.kit.world import ChatCase, World
from twisted_chat.chat.letting_in import LOGINS_IN_A_TURN
from twisted_chat.log.contract import Life
from twisted_chat.log.memory import MemoryLog


class LoginTests(ChatCase):
    """Guests, accounts, and how many."""

    def test_welcome(self) -> None:
        """A welcome tells what this server is and takes; the lobby's snapshot follows."""
        world = self.world(server="here", max_text=100)
        alice = world.connect()
        welcome = alice.login("Alice")
        token = welcome.pop("token")
        self.assertGreater(len(token), 16)
        del welcome["id"]
        self.assertEqual(
            welcome,
            {
                "type": "welcome",
                "user": "Alice",
                "server": "here",
                "protocol": 1,
                "lobby": "lobby",
                "guest": True,
                "limits": {"text": 100, "frame": 65_536, "history": 200},
            },
        )
        (snapshot,) = alice.got()
        del snapshot["epoch"]
        self.assertEqual(
            snapshot,
            {
                "type": "session",
                "session": "lobby",
                "head": 0,
                "users": ["Alice"],
                "count": 1,
                "topic": "",
                "owner": None,
                "keep": True,
            },
        )

    def test_no_lobby(self) -> None:
        """Without a lobby one is nowhere after login, and nothing is created by itself."""
        world = self.world(lobby="")
        alice = world.connect()
        self.assertNotIn("lobby", alice.login("alice"))
        self.assertEqual(alice.got(), [])
        self.assert_refused("not-in-session", alice.say("x"))
        self.assertEqual(alice.ask("list")["sessions"], [])

    def test_names(self) -> None:
        """A name that is none is refused, and one may try again on the same connection."""
        alice = self.world().connect()
        for name in ("", "a b", "#x", "-x", "x" * 33, "\ud7ff\x00", "@alice,bob", "a,b"):
            self.assert_refused("invalid-name", alice.ask("login", user=name))
        self.assertEqual(alice.login("x" * 32)["user"], "x" * 32)

    def test_name_in_use(self) -> None:
        """A guest's name is taken while the guest is here, whatever its case."""
        world = self.world()
        alice = world.come("Alice")
        other = world.connect()
        self.assert_refused("name-in-use", other.ask("login", user="aLICE"))
        self.assert_refused("name-in-use", other.ask("login", user="alice", token="wrong"))
        self.assert_refused("name-in-use", other.ask("login", user="alice", token=""))
        self.assert_refused("name-in-use", other.ask("login", user="alice", token="\u00e9"))
        self.assertEqual(other.ask("login", user="alice", token=alice.token)["user"], "Alice")
        alice.vanish()
        third = world.connect()
        self.assert_refused("name-in-use", third.ask("login", user="alice"))
        other.vanish()
        fresh = third.login("alice")
        self.assertEqual(fresh["user"], "alice")
        self.assertNotEqual(fresh["token"], alice.token)

    def test_a_guests_only_server_ignores_passwords(self) -> None:
        """Without accounts a password says nothing."""
        self.assertTrue(self.world().connect().login("alice", password="any")["guest"])

    def test_accounts(self) -> None:
        """An account needs its password; it is no guest, has no token, and several connections."""
        world = self.world(users=["alice"], operators=["root"], guests=False)
        alice = world.connect()
        self.assert_refused("bad-credentials", alice.ask("login", user="alice", password="x"))
        self.assert_refused("bad-credentials", alice.ask("login", user="alice"))
        self.assert_refused("bad-credentials", alice.ask("login", user="guest"))
        self.assert_refused("bad-credentials", alice.ask("login", user="guest", password="x"))
        welcome = alice.login("alice", password="secret")
        self.assertEqual({"guest", "token", "operator"} & set(welcome), set())
        self.assertIs(world.connect().login("root", password="secret")["operator"], True)
        self.assertEqual(world.connect().login("alice", password="secret")["user"], "alice")
        self.assert_refused(
            "already-logged-in", alice.ask("login", user="alice", password="secret")
        )

    def test_guests_beside_accounts(self) -> None:
        """A guest takes no account's name."""
        world = self.world(users=["alice"])
        self.assert_refused("bad-credentials", world.connect().ask("login", user="ALICE"))
        self.assertIs(world.connect().login("bob")["guest"], True)

    def test_an_account_ejects_a_guest(self) -> None:
        """Whose name becomes an account's is let go, and the account comes in."""
        world = self.world(users=["alice"], linger=60.0)
        bob, alice = world.come("bob"), world.come("alice")
        second = world.connect()
        second.login("bob", token=bob.token)
        bob.ask("text", to="alice", data="private")
        world.quiet()
        assert world.directory is not None
        world.directory.add("bob")
        checker = world.directory.checker()
        for interface in checker.credentialInterfaces:
            world.admission.portal.checkers[interface] = checker
        account = world.connect()
        welcome = account.login("bob", password="secret")
        self.assertEqual((welcome.get("guest"), welcome.get("direct", [])), (None, []))
        for guest in (bob, second):
            got = guest.got()
            self.assertEqual(got[-1]["type"], "bye")
            self.assertTrue(guest.closed)
        self.assert_refused("no-such-session", account.ask("history", session="@alice,bob"))
        self.assertEqual(alice.ask("list")["users"][0]["user"], "alice")
        self.assertEqual(alice.ask("who", session="lobby")["count"], 2)

    def test_server_full(self) -> None:
        """Past the limit of connections a login is refused, until one goes."""
        world = self.world(max_connections=2)
        alice, _ = world.come("alice"), world.come("bob")
        carol = world.connect()
        self.assert_refused("server-full", carol.ask("login", user="carol"))
        alice.vanish()
        carol.login("carol")

    def test_before_the_chat_is_open(self) -> None:
        """Who logs in while the log is still read waits, and is let in; or has gone."""
        world = World.__new__(World)
        clock = Clock()
        slow = HeldOpening(clock)
        world.__init__(log=slow, clock=clock)  # type: ignore[misc]
        alice, bob = world.connect(), world.connect()
        alice.send("login", user="alice", id="1")
        bob.send("login", user="bob", id="1")
        self.assertEqual(alice.got(), [])
        bob.vanish()
        slow.opened.callback(None)
        self.assertEqual(types(alice.got()), ["welcome", "session"])
        self.assertEqual(alice.ask("list")["users"], [{"user": "alice", "sessions": ["lobby"]}])

    def test_several_connections(self) -> None:
        """A list has a user once, however many connections it has."""
        world = self.world()
        alice = world.come("alice")
        second = world.come("alice", token=alice.token)
        second.ask("create", session="ops")
        self.assertEqual(
            alice.ask("list")["users"], [{"user": "alice", "sessions": ["lobby", "ops"]}]
        )
        self.assertEqual(world.chat.connections, 2)

    def test_logout(self) -> None:
        """Logout leaves everything, answers bye with its id, and closes."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        bye = bob.ask("logout")
        self.assertEqual(bye["type"], "bye")
        self.assertTrue(bob.closed)
        self.assertEqual(types(alice.got()), ["left"])
        self.assertEqual(world.chat.connections, 1)


class HeldOpening(MemoryLog):
    """A log whose first create waits."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.opened: Deferred[None] = Deferred()

    def create(self, life: Life) -> Deferred[None]:
        done = MemoryLog.create(self, life)
        return self.opened.addCallback(lambda _: done)


class StormTests(ChatCase):
    """Many who come at once."""

    def test_a_few_in_a_turn(self) -> None:
        """A storm of logins is let in a few at a time: who talks is heard in between."""
        world = self.world()
        alice = world.come("alice")
        world.clock.advance(1)
        alice.got()
        crowd = [world.connect() for _ in range(2 * LOGINS_IN_A_TURN)]
        for number, one in enumerate(crowd):
            one.send("login", user=f"u{number}")
        self.assertEqual(world.chat.connections, 1 + LOGINS_IN_A_TURN)
        alice.send("text", data="x")
        crowd[-1].vanish()
        world.settle()
        self.assertEqual(world.chat.connections, len(crowd))
        said = types(alice.got())
        self.assertLess(said.index("text"), len(said) - 1)
        self.assertTrue(all("welcome" in types(one.got()) for one in crowd[:-1]))


class InsideTests(ChatCase):
    """What no client can bring about by itself."""

    def test_another_interface(self) -> None:
        """The realm has Users only."""
        chat = self.world().chat
        self.assertRaises(NotImplementedError, chat.requestAvatar, b"x", None)

    def test_passwords_are_not_shown(self) -> None:
        """No representation of what the chat holds shows a hash or a token."""
        world = self.world()
        alice = world.come("alice")
        alice.ask("create", session="ops", password="sesame")
        shown = repr(world.chat.sessions["ops"].life) + repr(world.chat.people.here["alice"])
        self.assertNotIn("sesame", shown)
        self.assertNotIn(str(alice.token), shown)
