"""Who may come in and what they may do: every rule and every refusal of the chat."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.support import ChatCase, World, types
from twisted_chat import direct
from twisted_chat.chat import LOGINS_IN_A_TURN
from twisted_chat.errors import ChatError
from twisted_chat.log.contract import Life
from twisted_chat.log.memory import MemoryLog
from twisted_chat.messages import MAX_FRAME, MAX_TEXT
from twisted_chat.names import Name, user_name
from twisted_chat.user import MAX_PLACES


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


class SessionTests(ChatCase):
    """Creating, joining, leaving, deleting."""

    def setUp(self) -> None:
        self.here = self.world(users=["alice", "bob"], operators=["root"], max_members=3)
        self.alice, self.bob = self.here.come("alice"), self.here.come("bob")
        self.here.quiet()

    def test_create(self) -> None:
        """The creator owns the session and is in it; its name is shown as first written."""
        reply = self.alice.ask("create", session="Ops", topic="T", keep=True)
        self.assertEqual((reply["session"], reply["owner"], reply["topic"]), ("Ops", "alice", "T"))
        self.assertEqual((reply["users"], reply["keep"], reply["head"]), (["alice"], True, 0))
        self.assertNotIn("locked", reply)
        self.assert_refused("session-exists", self.bob.ask("create", session="OPS"))
        self.assert_refused("session-exists", self.bob.ask("create", session="lobby"))
        self.assertEqual(self.bob.ask("join", session="oPS")["session"], "Ops")

    def test_invalid_names(self) -> None:
        """No session has a name that a door could not carry, or that is a direct one's."""
        for name in ("", "a b", "x" * 65, "@alice,bob", "#ops", "../x", "\u202e"):
            self.assert_refused("invalid-name", self.alice.ask("create", session=name))
            self.assert_refused("no-such-session", self.alice.ask("join", session=name))
            self.assert_refused("no-such-session", self.alice.ask("delete", session=name))
            self.assert_refused("no-such-session", self.alice.ask("who", session=name))
            self.assert_refused("no-such-session", self.alice.ask("history", session=name))
            self.assert_refused("not-in-session", self.alice.ask("leave", session=name))
            self.assert_refused("not-in-session", self.alice.say("x", session=name))
        self.alice.ask("create", session="x" * 64)

    def test_guests_do_not_keep(self) -> None:
        """Beside accounts a guest creates sessions, but none that stay."""
        here = self.world(users=["alice"], guests_keep=False)
        guest = here.come("guest")
        self.assert_refused("not-allowed", guest.ask("create", session="ops", keep=True))
        guest.ask("create", session="ops")
        self.assertIs(here.come("alice").ask("create", session="kept", keep=True)["keep"], True)

    def test_max_sessions(self) -> None:
        """The lobby and direct sessions do not count; deleting one makes room."""
        here = self.world(max_sessions=2)
        alice, bob = here.come("alice"), here.come("bob")
        alice.ask("text", to="bob", data="x")
        self.assertEqual(alice.ask("create", session="a")["type"], "session")
        self.assertEqual(alice.ask("create", session="b")["type"], "session")
        self.assert_refused("too-many-sessions", bob.ask("create", session="c"))
        alice.ask("delete", session="a")
        self.assertEqual(bob.ask("create", session="c")["type"], "session")

    def test_max_sessions_at_once(self) -> None:
        """Those that are just being created count."""
        here = self.world(max_sessions=2)
        clients = [here.come(name) for name in ("alice", "bob", "carol")]
        here.log.hold = True
        for client in clients:
            client.send("create", session=f"s{client.pipe.port}", id="c")
        here.settle()
        here.log.let_go()
        replies = [client.got()[-1] for client in clients]
        self.assertEqual(types(replies), ["session", "session", "error"])

    def test_create_at_once(self) -> None:
        """Of two who create the same name at once, one does, and the other is told."""
        self.here.log.hold = True
        self.alice.send("create", session="ops", id="1")
        self.bob.send("create", session="OPS", id="1")
        self.here.settle()
        self.here.log.let_go()
        self.assertEqual(self.alice.got()[-1]["owner"], "alice")
        self.assert_refused("session-exists", self.bob.got()[-1])

    def test_join_what_is_being_created(self) -> None:
        """Who joins a session that is just being created waits; its creator is the first."""
        here = self.world(max_members=1)
        alice, bob = here.come("alice"), here.come("bob")
        here.quiet()
        here.log.hold = True
        alice.send("create", session="ops", id="1")
        here.settle()
        bob.send("join", session="ops", id="1")
        here.settle()
        here.log.let_go()
        self.assertEqual(alice.got()[0]["users"], ["alice"])
        self.assert_refused("session-full", bob.got()[-1])

    def test_the_creator_vanishes(self) -> None:
        """A session whose creator has gone before it was stored lingers, and closes."""
        self.here.log.hold = True
        self.alice.send("create", session="ops", id="1")
        self.here.settle()
        self.alice.vanish()
        self.here.log.let_go()
        self.assertEqual(self.bob.ask("join", session="ops")["count"], 1)
        self.bob.ask("leave", session="ops")
        self.here.pass_time(61)
        self.assert_refused("no-such-session", self.bob.ask("join", session="ops"))

    def test_not_stored(self) -> None:
        """What the log can not do is not done: create, delete, topic, a direct session."""
        self.alice.ask("create", session="ops")
        self.here.log.broken = True
        self.assert_refused("not-stored", self.alice.ask("create", session="x"))
        self.assert_refused("not-stored", self.alice.ask("delete", session="ops"))
        self.assert_refused("not-stored", self.alice.ask("topic", session="ops", topic="T"))
        self.assert_refused("not-stored", self.alice.ask("text", to="bob", data="x"))
        self.assert_refused("not-stored", self.alice.ask("history", session="ops"))
        self.assert_refused("not-stored", self.alice.ask("search", session="ops", query="x"))
        self.here.log.broken = False
        names = [one["session"] for one in self.alice.ask("list")["sessions"]]
        self.assertEqual(names, ["lobby", "ops"])
        self.assertEqual(self.alice.ask("join", session="ops")["topic"], "")
        self.assertEqual(self.alice.ask("create", session="x")["type"], "session")
        self.assertEqual(self.alice.ask("text", to="bob", data="x")["seq"], 1)

    def test_locked(self) -> None:
        """A locked session wants its password, each time, from who is not in it."""
        reply = self.alice.ask("create", session="ops", password="open")
        self.assertIs(reply["locked"], True)
        self.assertNotIn("open", str(reply))
        for wrong in ({}, {"password": ""}, {"password": "Open"}):
            self.assert_refused("bad-password", self.bob.ask("join", session="ops", **wrong))
        self.assertEqual(self.bob.ask("join", session="ops", password="open")["count"], 2)
        self.assertEqual(self.bob.ask("join", session="ops")["count"], 2)
        self.bob.ask("leave", session="ops")
        self.assert_refused("bad-password", self.bob.ask("join", session="ops"))
        (listed,) = [one for one in self.bob.ask("list")["sessions"] if one["session"] == "ops"]
        self.assertIs(listed["locked"], True)
        self.assertEqual(self.bob.ask("who", session="ops")["users"], ["alice"])

    def test_a_password_opens_its_own_life_only(self) -> None:
        """A session that is replaced while a password is checked wants the new one's."""
        self.alice.ask("create", session="ops", password="old")
        root = self.here.come("root")
        held = self.here.passwords.held = []
        self.bob.send("join", session="ops", password="old", id="b")
        self.here.settle()
        self.here.passwords.held = None
        root.ask("delete", session="ops")
        root.ask("create", session="ops", password="new")
        for done in held:
            done.callback(None)
        self.assertEqual(self.bob.got()[-1]["type"], "error")
        self.assertEqual(root.ask("who", session="ops")["users"], ["root"])

    def test_session_full(self) -> None:
        """A session takes max_members connections, and the lobby any number."""
        self.alice.ask("create", session="ops")
        others = [self.here.come(f"u{number}") for number in range(5)]
        self.assertEqual(others[0].ask("join", session="ops")["count"], 2)
        self.assertEqual(others[1].ask("join", session="ops")["count"], 3)
        self.assert_refused("session-full", others[2].ask("join", session="ops"))
        others[0].ask("leave", session="ops")
        self.assertEqual(others[2].ask("join", session="ops")["count"], 3)
        self.assertEqual(self.alice.ask("who", session="lobby")["count"], 7)

    def test_max_places(self) -> None:
        """One connection is in so many sessions at most."""
        chat = self.world()
        alice = chat.come("alice")
        (user,) = chat.chat.people.here["alice"].users
        filler = dict.fromkeys(map(str, range(MAX_PLACES - 1)), user.members["lobby"])
        user.members.update(filler)
        self.assert_refused("session-full", alice.ask("create", session="ops"))
        for key in filler:
            del user.members[key]
        self.assertEqual(alice.ask("create", session="ops")["type"], "session")

    def test_delete(self) -> None:
        """An owner's delete ends the session for everybody, and its name is free."""
        epoch = self.alice.ask("create", session="ops", keep=True)["epoch"]
        self.bob.ask("join", session="ops")
        self.here.quiet()
        self.assert_refused("not-allowed", self.bob.ask("delete", session="ops"))
        self.assert_refused("no-such-session", self.alice.ask("delete", session="none"))
        deleted = self.alice.ask("delete", session="OPS")
        self.assertEqual((deleted["session"], deleted["user"]), ("ops", "alice"))
        self.assertEqual(self.alice.got(), [])
        self.assertEqual(self.bob.got(), [{"type": "deleted", "session": "ops", "user": "alice"}])
        self.assert_refused("not-in-session", self.bob.say("x", session="ops"))
        self.assert_refused("no-such-session", self.bob.ask("join", session="ops"))
        again = self.bob.ask("create", session="ops")
        self.assertEqual((again["owner"], again["head"]), ("bob", 0))
        self.assertNotEqual(again["epoch"], epoch)
        self.assertIs(self.alice.ask("join", session="ops", after=0, epoch=epoch)["reset"], True)

    def test_an_operator_deletes(self) -> None:
        """An operator deletes any session, without being in it; but not the lobby."""
        self.alice.ask("create", session="ops")
        self.here.quiet()
        root = self.here.come("root")
        self.assertEqual(root.ask("delete", session="ops")["user"], "root")
        self.assertEqual(types(self.alice.got()), ["deleted"])
        self.assert_refused("not-allowed", root.ask("delete", session="lobby"))

    def test_an_owner_by_another_connection(self) -> None:
        """Who owns is the user, and not the connection."""
        self.alice.ask("create", session="ops")
        second = self.here.come("alice")
        second.ask("join", session="ops")
        self.alice.got()
        self.assertEqual(second.ask("delete", session="ops")["type"], "deleted")
        self.assertEqual(types(self.alice.got()), ["deleted"])

    def test_deleted_at_once(self) -> None:
        """Of two who delete at once one does; who joins meanwhile is told that it is gone."""
        self.alice.ask("create", session="ops")
        second = self.here.come("alice")
        self.here.log.hold = True
        self.alice.send("delete", session="ops", id="1")
        second.send("delete", session="ops", id="1")
        self.bob.send("join", session="ops", id="1")
        self.here.settle()
        self.here.log.let_go()
        self.assertEqual(self.alice.got()[-1]["type"], "deleted")
        self.assert_refused("no-such-session", second.got()[-1])
        self.assert_refused("no-such-session", self.bob.got()[-1])

    def test_said_while_it_is_deleted(self) -> None:
        """A text that meets a deletion is answered, one way or the other."""
        self.alice.ask("create", session="ops")
        self.bob.ask("join", session="ops")
        self.here.log.hold = True
        self.bob.send("text", session="ops", data="before", id="1")
        self.here.settle()
        self.alice.send("delete", session="ops", id="1")
        self.here.settle()
        self.bob.send("text", session="ops", data="after", id="2")
        self.bob.send("ping", id="3")
        self.here.settle()
        self.here.log.let_go()
        got = self.bob.got()
        answers = {one["id"]: one for one in got if "id" in one}
        self.assertEqual(answers["1"]["type"], "text")
        self.assertEqual(answers["2"]["code"], "no-such-session")
        self.assertEqual(got[-1], {"type": "pong", "id": "3"})

    def test_session_left_out(self) -> None:
        """Left out, the session is the one that one is in; in none or several it is an error."""
        for request in ({"type": "text", "data": "x"}, {"type": "history"}):
            self.assertNotEqual(self.alice.ask(**request)["type"], "error")
        self.alice.ask("text", to="bob", data="x")  # a direct session does not count
        self.assertEqual(self.alice.say("x")["session"], "lobby")
        self.alice.ask("create", session="ops")
        requests: list[dict[str, Any]] = [
            {"type": "text", "data": "x"},
            {"type": "history"},
            {"type": "search", "query": "x"},
            {"type": "topic", "topic": "x"},
            {"type": "leave"},
        ]
        for request in requests:
            self.assert_refused("not-in-session", self.alice.ask(**request))
        self.alice.ask("leave", session="lobby")
        self.assertEqual(self.alice.ask("topic", topic="T")["session"], "ops")
        self.assertEqual(self.alice.ask("leave")["session"], "ops")
        for request in requests:
            self.assert_refused("not-in-session", self.alice.ask(**request))

    def test_topic(self) -> None:
        """Owner and operators, from within; everybody is told, and the asker with its id."""
        self.alice.ask("create", session="ops", topic="one")
        self.bob.ask("join", session="ops")
        self.here.quiet()
        self.assert_refused("not-allowed", self.bob.ask("topic", session="ops", topic="x"))
        reply = self.alice.ask("topic", session="ops", topic="two")
        self.assertEqual((reply["topic"], reply["user"]), ("two", "alice"))
        self.assertEqual(self.alice.got(), [])
        told = {"type": "topic", "session": "ops", "user": "alice", "topic": "two"}
        self.assertEqual(self.bob.got(), [told])
        self.assertEqual(self.bob.ask("join", session="ops")["topic"], "two")
        root = self.here.come("root")
        self.assert_refused("not-in-session", root.ask("topic", session="ops", topic="x"))
        root.ask("join", session="ops")
        self.assertEqual(root.ask("topic", session="ops", topic="")["topic"], "")
        self.assert_refused("bad-request", root.ask("topic", session="ops", topic="x" * 257))

    def test_the_lobby(self) -> None:
        """The lobby can be left and joined again; operators, and nobody else, set its topic."""
        self.assertEqual(self.bob.ask("leave")["session"], "lobby")
        self.assertEqual(self.bob.ask("join", session="lobby")["count"], 2)
        self.assert_refused("not-allowed", self.bob.ask("topic", session="lobby", topic="x"))
        self.assert_refused("not-allowed", self.bob.ask("delete", session="lobby"))
        root = self.here.come("root")
        self.assertEqual(root.ask("topic", session="lobby", topic="Welcome")["topic"], "Welcome")

    def test_a_lobby_that_was_somebodys(self) -> None:
        """A kept session that the operator makes the lobby is nobody's to delete."""
        clock = Clock()
        log = MemoryLog(clock)
        log.create(Life(epoch="e", key="ops", name="Ops", owner="alice", keep=True))
        here = self.world(clock=clock, log=log, lobby="ops", users=["alice"])
        alice = here.come("alice")
        self.assert_refused("not-allowed", alice.ask("delete", session="ops"))
        self.assertEqual(alice.say("x")["seq"], 1)


class LingerTests(ChatCase):
    """How long an empty session is there."""

    def test_lingers(self) -> None:
        """An empty session closes after the time, its log with it; the name is free then."""
        world = self.world(linger=60.0)
        alice, bob = world.come("alice"), world.come("bob")
        epoch = alice.ask("create", session="ops")["epoch"]
        alice.ask("text", session="ops", data="x")
        alice.vanish()
        world.pass_time(59)
        reply = bob.ask("join", session="ops", after=0, epoch=epoch)
        self.assertNotIn("reset", reply)
        self.assertEqual(bob.seqs(), [1])
        world.pass_time(120)  # somebody is in it
        bob.ask("leave", session="ops")
        world.pass_time(59)
        self.assertIn("ops", world.chat.sessions)
        world.pass_time(2)
        self.assertNotIn("ops", world.chat.sessions)
        self.assertEqual([life.key for life in world.log.lives()], ["lobby"])
        self.assert_refused("no-such-session", bob.ask("join", session="ops"))
        self.assertNotEqual(bob.ask("create", session="ops")["epoch"], epoch)

    def test_at_once(self) -> None:
        """With 0 it closes with the last one to leave, and who vanishes leaves too."""
        world = self.world(linger=0.0)
        alice, bob = world.come("alice"), world.come("bob")
        for go in (lambda: alice.ask("leave", session="ops"), alice.vanish):
            alice.ask("create", session="ops")
            bob.ask("join", session="ops")
            bob.ask("leave", session="ops")
            self.assertIn("ops", world.chat.sessions)
            go()
            self.assertNotIn("ops", world.chat.sessions)

    def test_kept(self) -> None:
        """A session with keep, and the lobby, stay."""
        world = self.world(linger=0.0)
        alice = world.come("alice")
        alice.ask("create", session="ops", keep=True)
        alice.vanish()
        world.pass_time(100)
        self.assertEqual(sorted(world.chat.sessions), ["lobby", "ops"])

    def test_who_comes_back_keeps_it(self) -> None:
        """Each time that it is empty, the whole time passes again."""
        world = self.world(linger=10.0)
        alice = world.come("alice")
        alice.ask("create", session="ops")
        for _ in range(3):
            alice.ask("leave", session="ops")
            world.pass_time(9)
            self.assertEqual(alice.ask("join", session="ops")["count"], 1)
            world.pass_time(20)

    def test_the_log_can_not_forget(self) -> None:
        """What can not be deleted is there until it can be."""
        world = self.world(linger=10.0)
        alice = world.come("alice")
        alice.ask("create", session="ops")
        alice.ask("leave", session="ops")
        world.log.broken = True
        world.pass_time(11)
        self.assertIn("ops", world.chat.sessions)
        world.log.broken = False
        world.pass_time(6)
        self.assertNotIn("ops", world.chat.sessions)

    def test_somebody_joins_while_it_closes(self) -> None:
        """Who asks to join while the log forgets it is told that it is gone."""
        world = self.world(linger=10.0)
        alice = world.come("alice")
        alice.ask("create", session="ops")
        alice.ask("leave", session="ops")
        world.log.hold = True
        world.pass_time(11)
        alice.send("join", session="ops", id="1")
        world.settle()
        world.log.let_go()
        self.assert_refused("no-such-session", alice.got()[-1])

    def test_after_a_restart(self) -> None:
        """Kept sessions and the lobby are there again; others linger once more, then close."""
        clock = Clock()
        log = MemoryLog(clock)
        world = self.world(clock=clock, log=log, linger=10.0)
        alice = world.come("alice")
        kept = alice.ask("create", session="kept", keep=True, topic="T", password="p")
        alice.ask("create", session="brief")
        for name in ("kept", "brief", "lobby"):
            alice.say("x", session=name)
        lobby = alice.ask("join", session="lobby")
        world = self.world(clock=clock, log=log, linger=10.0)
        alice = world.connect()
        place = {"session": "lobby", "after": 0, "epoch": lobby["epoch"]}
        alice.login("alice", resume=[place, {"session": "brief", "after": 0}])
        self.assertEqual(types(alice.got()), ["session", "session", "text", "text"])
        self.assert_refused("bad-password", alice.ask("join", session="kept"))
        again = alice.ask("join", session="kept", password="p", after=0, epoch=kept["epoch"])
        self.assertEqual(
            (again["epoch"], again["topic"], again["owner"], again["head"]),
            (kept["epoch"], "T", "alice", 1),
        )
        self.assertEqual(alice.say("y", session="lobby")["seq"], 2)
        alice.vanish()
        world.pass_time(11)
        self.assertEqual(sorted(world.chat.sessions), ["kept", "lobby"])

    def test_close(self) -> None:
        """A chat that is closed leaves no call behind."""
        world = self.world(linger=10.0)
        alice = world.come("alice")
        alice.ask("create", session="ops")
        alice.vanish()
        world.chat.close()
        world.clock.advance(100)
        self.assertIn("ops", world.chat.sessions)


class TextRuleTests(ChatCase):
    """What may be said."""

    def test_empty_and_too_long(self) -> None:
        """A text has a byte at least, and max_text in UTF-8 at most."""
        alice = self.world().come("alice")
        self.assert_refused("empty", alice.say(""))
        self.assertEqual(alice.say("x" * MAX_TEXT)["type"], "text")
        self.assert_refused("too-long", alice.say("x" * (MAX_TEXT + 1)))
        self.assertEqual(alice.say("é" * (MAX_TEXT // 2))["type"], "text")
        self.assert_refused("too-long", alice.say("é" * (MAX_TEXT // 2) + "x"))
        self.assertEqual(alice.seqs(), [])

    def test_escapes_must_fit_in_a_frame(self) -> None:
        """A text of control characters that would not fit in a frame is refused, not lost."""
        alice = self.world(max_text=60_000).come("alice")
        self.assert_refused("too-long", alice.ask("text", data="\x1f" * 10_700))
        said = alice.ask("text", data="\x1f" * 10_500)
        self.assertEqual(len(said["data"]), 10_500)
        alice.say("x" * 60_000)
        (page,) = [alice.ask("history", limit=1)]
        self.assertEqual(len(page["texts"][0]["data"]), 60_000)

    def test_not_in_session(self) -> None:
        """One says something where one is, and nowhere else."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops")
        self.assert_refused("not-in-session", bob.say("x", session="ops"))
        self.assert_refused("not-in-session", bob.say("x", session="none"))
        self.assertEqual(alice.say("x", session="OPS")["session"], "ops")


class HistoryTests(ChatCase):
    """Reading the past."""

    def setUp(self) -> None:
        self.here = self.world()
        self.alice = self.here.come("alice")

    def talk(self, texts: int, size: int = 1) -> None:
        for number in range(texts):
            self.alice.send("text", data=f"{number + 1} ".ljust(size, "x"))
            if number % 3 == 0:
                self.alice.got()
        self.alice.got()

    def page(self, **fields: Any) -> tuple[list[int], bool]:
        page = self.alice.ask("history", **fields)
        self.assertEqual((page["type"], page["session"]), ("history", "lobby"))
        return [text["seq"] for text in page["texts"]], page["more"]

    def test_both_ways(self) -> None:
        """The latest, those before, those after, and those between; more is honest."""
        self.talk(10)
        self.assertEqual(self.page(limit=3), ([8, 9, 10], True))
        self.assertEqual(self.page(), (list(range(1, 11)), False))
        self.assertEqual(self.page(limit=10), (list(range(1, 11)), False))
        self.assertEqual(self.page(before=8, limit=3), ([5, 6, 7], True))
        self.assertEqual(self.page(before=3, limit=3), ([1, 2], False))
        self.assertEqual(self.page(before=0), ([], False))
        self.assertEqual(self.page(before=1), ([], False))
        self.assertEqual(self.page(before=99, limit=1), ([10], True))
        self.assertEqual(self.page(after=0, limit=3), ([1, 2, 3], True))
        self.assertEqual(self.page(after=7, limit=3), ([8, 9, 10], False))
        self.assertEqual(self.page(after=10), ([], False))
        self.assertEqual(self.page(after=99), ([], False))
        self.assertEqual(self.page(after=2, before=6), ([3, 4, 5], False))
        self.assertEqual(self.page(after=2, before=6, limit=2), ([3, 4], True))
        self.assertEqual(self.page(after=6, before=2), ([], False))

    def test_limits(self) -> None:
        """50 where no limit is given, 200 at most; a limit of nothing is none."""
        self.talk(250)
        self.assertEqual(self.page(), (list(range(201, 251)), True))
        self.assertEqual(self.page(limit=10**9), (list(range(51, 251)), True))
        for wrong in (0, -1, "1", 1.5, None):
            if wrong is not None:
                self.assert_refused("bad-request", self.alice.ask("history", limit=wrong))
        for wrong in (-1, 2**53, "1"):
            self.assert_refused("bad-request", self.alice.ask("history", before=wrong))

    def test_frames(self) -> None:
        """200 texts of 16 KiB come a frame at a time, and following more finds all of them."""
        self.talk(200, MAX_TEXT)
        found: list[int] = []
        more = True
        while more:
            seqs, more = self.page(limit=200, **({"before": found[0]} if found else {}))
            self.assertTrue(seqs)
            found = seqs + found
        self.assertEqual(found, list(range(1, 201)))
        found, more = [], True
        while more:
            seqs, more = self.page(limit=200, after=found[-1] if found else 0)
            found += seqs
        self.assertEqual(found, list(range(1, 201)))

    def test_frames_of_escapes(self) -> None:
        """Texts that JSON makes six times as long are paged all the same."""
        for _ in range(20):
            self.alice.say("\x01" * 10_000)
        found: list[int] = []
        more = True
        while more:
            seqs, more = self.page(limit=200, **({"before": found[0]} if found else {}))
            found = seqs + found
        self.assertEqual(found, list(range(1, 21)))

    def test_as_it_was_said(self) -> None:
        """A text of the past is the one that was shown."""
        said = self.alice.say("hello")
        page = self.alice.ask("history")
        self.assertEqual(page["texts"], [said])
        self.assertEqual(page["epoch"], self.alice.ask("join", session="lobby")["epoch"])

    def test_members_only(self) -> None:
        """History and search are for those who are in the session."""
        bob = self.here.come("bob")
        self.alice.ask("create", session="ops")
        self.alice.say("secret", session="ops")
        for request in ({"type": "history"}, {"type": "search", "query": "secret"}):
            self.assert_refused("not-in-session", bob.ask(session="ops", **request))
            self.assert_refused("no-such-session", bob.ask(session="none", **request))

    def test_search(self) -> None:
        """Search finds words in one's own session, pages backwards, and refuses what is none."""
        self.alice.ask("create", session="ops")
        for number in range(10):
            self.alice.say(f"the deploy {number}", session="ops")
            self.alice.say(f"lobby deploy {number}", session="lobby")
        found = self.alice.ask("search", session="ops", query="DEPL*", limit=4)
        self.assertEqual([text["seq"] for text in found["texts"]], [7, 8, 9, 10])
        self.assertEqual((found["type"], found["session"], found["more"]), ("found", "ops", True))
        found = self.alice.ask("search", session="ops", query="deploy", before=7, limit=50)
        self.assertEqual([text["seq"] for text in found["texts"]], [1, 2, 3, 4, 5, 6])
        self.assertIs(found["more"], False)
        for wrong in ("", '"', "x" * 257):
            self.assert_refused("bad-request", self.alice.ask("search", session="ops", query=wrong))

    def test_pruned(self) -> None:
        """What retention has taken is gone from history, and nothing else."""
        self.talk(10)
        flow = self.here.chat.sessions.prune(4, None)
        self.successResultOf(Deferred.fromCoroutine(flow))
        self.assertEqual(self.page(), ([7, 8, 9, 10], False))
        self.assertEqual(self.page(after=0), ([7, 8, 9, 10], False))

    def test_pruning_meets_a_deletion(self) -> None:
        """A session that goes while it is pruned keeps nobody else's texts."""
        self.alice.ask("create", session="ops")
        self.alice.ask("create", session="last")
        for name in ("lobby", "ops", "last"):
            for _ in range(3):
                self.alice.say("x", session=name)
        self.here.log.hold = True
        flow = Deferred.fromCoroutine(self.here.chat.sessions.prune(1, None))
        self.alice.send("delete", session="ops", id="d")
        for _ in range(10):
            self.here.settle()
            for waiting in (self.here.log.commits, self.here.log.reads):
                if waiting:
                    waiting.popleft()()
        self.here.log.let_go()
        self.successResultOf(flow)
        self.assertEqual(len(self.alice.ask("history", session="last")["texts"]), 1)


class ListTests(ChatCase):
    """What there is."""

    def test_list(self) -> None:
        """Sessions with count, topic and owner; users with their sessions."""
        world = self.world()
        alice, _ = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops", topic="T")
        found = alice.ask("list")
        self.assertEqual(
            found["sessions"],
            [
                {
                    "session": "lobby",
                    "users": 2,
                    "topic": "",
                    "owner": None,
                    "locked": False,
                },
                {
                    "session": "ops",
                    "users": 1,
                    "topic": "T",
                    "owner": "alice",
                    "locked": False,
                },
            ],
        )
        self.assertEqual(
            found["users"],
            [
                {"user": "alice", "sessions": ["lobby", "ops"]},
                {"user": "bob", "sessions": ["lobby"]},
            ],
        )

    def test_pages(self) -> None:
        """A long list comes in several frames with one id, all but the last with more."""
        world = self.world(presence_limit=0, max_sessions=0)
        alice = world.come("alice")
        for number in range(300):
            alice.ask("create", session=f"{number:03}".ljust(64, "\U00020000"), topic="x" * 256)
        for number in range(500):
            world.connect().send("login", user=chr(0x20000 + number) * 32)
        world.quiet()
        alice.send("list", id="L")
        got = [one for one in alice.got() if one["type"] == "list"]
        self.assertGreater(len(got), 3)
        self.assertEqual({one["id"] for one in got}, {"L"})
        self.assertEqual([one.get("more", False) for one in got], [True] * (len(got) - 1) + [False])
        sessions = [one["session"] for part in got for one in part["sessions"]]
        users = [one["user"] for part in got for one in part["users"]]
        self.assertEqual((len(set(sessions)), len(sessions)), (301, 301))
        self.assertEqual((len(set(users)), len(users)), (501, 501))

    def test_gone_while_it_is_listed(self) -> None:
        """Who asked for a long list may go before it has all come."""
        world = self.world(max_sessions=0)
        alice = world.come("alice")
        for number in range(200):
            alice.ask("create", session=f"{number:03}".ljust(64, "\U00020000"), topic="x" * 256)
        alice.send("list", id="L")
        alice.vanish()
        world.settle()


class DirectTests(ChatCase):
    """Texts to one user alone."""

    def setUp(self) -> None:
        self.here = self.world(users=["alice", "Bob", "carol"])
        self.alice, self.bob = self.here.come("alice"), self.here.come("Bob")
        self.carol = self.here.come("carol")
        self.here.quiet()

    def test_direct(self) -> None:
        """Both get it, in a session of two; the first text brings its snapshot before it."""
        echo = self.bob.ask("text", to="ALICE", data="hi")
        self.assertEqual((echo["session"], echo["seq"], echo["source"]), ("@alice,Bob", 1, "Bob"))
        (before,) = self.bob.got()
        self.assertEqual((before["type"], before["session"]), ("session", "@alice,Bob"))
        got = self.alice.got()
        self.assertEqual(types(got), ["session", "text"])
        self.assertEqual((got[0]["users"], got[0]["owner"]), (["alice", "Bob"], None))
        self.assertEqual(self.carol.got(), [])
        self.alice.ask("text", to="bob", data="hello")
        self.assertEqual(self.bob.seqs(), [2])
        self.assertEqual(self.alice.say("by name", session="@alice,bob")["seq"], 3)

    def test_all_connections(self) -> None:
        """All connections of both are in it, those that come later too."""
        second = self.here.come("alice")
        self.bob.ask("text", to="alice", data="1")
        third = self.here.connect()
        welcome = third.login("alice", password="secret")
        (listed,) = welcome["direct"]
        self.assertEqual((listed["session"], listed["head"]), ("@alice,Bob", 1))
        self.bob.ask("text", to="alice", data="2")
        self.assertEqual((self.alice.seqs(), second.seqs(), third.seqs()), ([1, 2], [1, 2], [2]))

    def test_private(self) -> None:
        """Nobody else can join, list, read, search, ask who, delete, or see that it is there."""
        self.bob.ask("text", to="alice", data="secret")
        for name in ("@alice,bob", "@bob,alice", "@alice,Bob", "@ALICE,BOB"):
            for request in (
                {"type": "join"},
                {"type": "join", "after": 0},
                {"type": "who"},
                {"type": "history"},
                {"type": "search", "query": "secret"},
                {"type": "delete"},
            ):
                self.assert_refused("no-such-session", self.carol.ask(session=name, **request))
            self.assert_refused("not-in-session", self.carol.ask("leave", session=name))
            self.assert_refused("not-in-session", self.carol.ask("topic", session=name, topic="x"))
            self.assert_refused("not-in-session", self.carol.say("x", session=name))
        self.assertNotIn("@", str(self.carol.ask("list")))
        self.assertNotIn("@", str(self.alice.ask("list")))
        again = self.here.connect()
        welcome = again.login(
            "carol", password="secret", resume=[{"session": "@alice,bob", "after": 0}]
        )
        self.assertEqual(welcome.get("direct", []), [])
        self.assertEqual([one["code"] for one in again.got() if "code" in one], ["no-such-session"])

    def test_rules_for_the_two(self) -> None:
        """It is not left, deleted or named; history, search, who and resume work."""
        self.bob.ask("text", to="alice", data="secret plan")
        self.assert_refused("not-allowed", self.alice.ask("leave", session="@alice,bob"))
        self.assert_refused("not-allowed", self.alice.ask("delete", session="@alice,bob"))
        self.assert_refused("not-allowed", self.alice.ask("topic", session="@alice,bob", topic="x"))
        self.assertEqual(self.alice.ask("who", session="@alice,bob")["users"], ["alice", "Bob"])
        self.assertEqual(len(self.alice.ask("history", session="@bob,alice")["texts"]), 1)
        found = self.alice.ask("search", session="@alice,bob", query="plan")
        self.assertEqual(len(found["texts"]), 1)
        self.alice.got()
        self.alice.ask("join", session="@alice,bob", after=0)
        self.assertEqual(self.alice.seqs(), [1])

    def test_nobody(self) -> None:
        """To nobody, oneself, or both to a user and a session: refused, and nothing begins."""
        for to in ("nobody", "", "alice", "ALICE", "@alice,bob", "a b", "x" * 1_000):
            self.assert_refused("no-such-user", self.alice.ask("text", to=to, data="x"))
        self.assert_refused("bad-request", self.alice.say("x", to="bob", session="lobby"))
        self.assert_refused("empty", self.alice.say("", to="bob"))
        self.assert_refused("too-long", self.alice.say("x" * 20_000, to="bob"))
        self.assertEqual(list(self.here.chat.sessions), ["lobby"])

    def test_offline(self) -> None:
        """Who is not there reads it at the next login, after a restart too."""
        self.bob.vanish()
        self.assertEqual(self.alice.ask("text", to="bob", data="when you are back")["seq"], 1)
        here = self.world(clock=self.here.clock, log=self.here.log.log, users=["alice", "Bob"])
        bob = here.connect()
        welcome = bob.login("Bob", password="secret")
        self.assertEqual([one["head"] for one in welcome["direct"]], [1])
        page = bob.ask("history", session=welcome["direct"][0]["session"], after=0)
        self.assertEqual(page["texts"][0]["data"], "when you are back")

    def test_resumed_before_anything_live(self) -> None:
        """A direct session in resume is come back to without a live text before the old ones."""
        self.bob.ask("text", to="alice", data="1")
        self.alice.ask("create", session="locked", password="p")
        self.alice.vanish()
        self.bob.ask("text", to="alice", data="2")
        self.here.passwords.held = []
        alice = self.here.connect()
        places = [
            {"session": "locked", "after": 0, "password": "p"},
            {"session": "@alice,bob", "after": 1},
        ]
        alice.send("login", user="alice", password="secret", resume=places)
        self.here.settle()
        self.bob.ask("text", to="alice", data="3")
        self.here.passwords.release()
        self.assertEqual(alice.seqs(), [2, 3])

    def test_guests(self) -> None:
        """Who takes a guest's name sees nothing of it; an account keeps what it was told."""
        here = self.world(users=["alice"], linger=60.0)
        alice, dave = here.come("alice"), here.come("dave")
        dave.ask("text", to="alice", data="mine")
        here.quiet()
        dave.vanish()
        here.pass_time(59)
        other = here.connect()
        self.assert_refused("name-in-use", other.ask("login", user="dave"))
        self.assertEqual(alice.ask("text", to="dave", data="are you there?")["seq"], 2)
        back = here.connect()
        welcome = back.login("dave", token=dave.token)
        self.assertEqual([one["head"] for one in welcome["direct"]], [2])
        back.vanish()
        here.pass_time(61)
        other = here.connect()
        self.assertEqual(other.login("dave").get("direct", []), [])
        self.assert_refused("no-such-session", other.ask("history", session="@alice,dave"))
        self.assertEqual(len(alice.ask("history", session="@alice,dave")["texts"]), 2)
        alice.say("x", session="@alice,dave")
        self.assertNotIn("text", types(other.got()))
        self.assertEqual(other.ask("text", to="alice", data="another dave")["seq"], 1)
        self.assertEqual(types(alice.got())[-3:], ["deleted", "session", "text"])

    def test_who_comes_while_it_begins(self) -> None:
        """Who logs in while the first text is being stored is in the direct session like others."""
        here = self.world(users=["alice", "bob"])
        alice = here.come("alice")
        here.log.hold = True
        alice.send("text", to="bob", data="hello", id="d1")
        here.settle()
        bob = here.come("bob")
        here.log.let_go()
        here.log.hold = False
        here.settle()
        self.assertIn("hello", [one.get("data") for one in bob.got()])

    def test_many_guests(self) -> None:
        """Direct sessions keep nobody out of rooms, and those of guests who went make room."""
        self.patch(direct, "MAX_DIRECTS", 5)
        here = self.world(users=["alice"])
        for number in range(8):
            guest = here.come(f"g{number}")
            guest.ask("text", to="alice", data="hello")
            guest.ask("logout")
        alice = here.come("alice")
        self.assertEqual(alice.ask("create", session="room")["type"], "session")
        self.assertLessEqual(len(alice.ask("list")["sessions"]), 5)
        self.assertLessEqual(len(here.chat.directs.of(user_name("alice"))), 5)

    def test_an_account_with_a_former_guests_name(self) -> None:
        """After a restart too, an account made for a guest's name sees nothing of the guest's."""
        clock = Clock()
        log = MemoryLog(clock)
        here = self.world(clock=clock, log=log, users=["alice"])
        alice, dave = here.come("alice"), here.come("dave")
        dave.ask("text", to="alice", data="private")
        dave.vanish()
        alice.vanish()
        here = self.world(clock=clock, log=log, users=["alice", "dave"])
        dave = here.connect()
        self.assertEqual(dave.login("dave", password="secret").get("direct", []), [])
        alice = here.connect()
        self.assertEqual(len(alice.login("alice", password="secret")["direct"]), 1)

    def test_a_guest_that_says_goodbye(self) -> None:
        """A guest that logs out is not waited for: its name is free at once."""
        here = self.world(users=["alice"], linger=60.0)
        alice, dave = here.come("alice"), here.come("dave")
        dave.ask("text", to="alice", data="mine")
        dave.ask("logout")
        here.come("dave")
        self.assertEqual(len(alice.ask("history", session="@alice,dave")["texts"]), 1)

    def test_two_guests(self) -> None:
        """A direct session that nobody may see any more ends."""
        here = self.world(linger=60.0)
        dave, erin = here.come("dave"), here.come("erin")
        dave.ask("text", to="erin", data="ours")
        dave.ask("logout")
        self.assertEqual(len(erin.ask("history", session="@dave,erin")["texts"]), 1)
        erin.ask("logout")
        self.assertEqual(list(here.chat.sessions), ["lobby"])

    def test_a_guest_with_the_name_of_a_former_account(self) -> None:
        """An account that was removed leaves nothing to a guest of its name."""
        here = self.world(users=["alice", "bob"])
        here.come("bob").ask("text", to="alice", data="secret")
        assert here.directory is not None
        del here.directory.known["alice"]
        other = here.connect()
        self.assertEqual(other.login("alice").get("direct", []), [])
        self.assert_refused("no-such-session", other.ask("history", session="@alice,bob"))

    def test_a_guest_that_comes_and_goes(self) -> None:
        """Each time that a guest goes it has the whole time to come back."""
        here = self.world(users=["alice"], linger=10.0)
        _, dave = here.come("alice"), here.come("dave")
        dave.ask("text", to="alice", data="mine")
        dave.vanish()
        here.pass_time(9)
        here.come("dave", token=dave.token).vanish()
        here.pass_time(9)
        welcome = here.connect().login("dave", token=dave.token)
        self.assertEqual(welcome["token"], dave.token)

    def test_a_guests_name_while_its_texts_are_forgotten(self) -> None:
        """Who takes a guest's name while the log still forgets reads nothing of the guest's."""
        here = self.world(linger=10.0)
        erin, dave = here.come("erin"), here.come("dave")
        dave.ask("text", to="erin", data="mine")
        here.quiet()
        dave.vanish()
        erin.vanish()
        for hold, broken in ((True, False), (False, True)):
            here.log.hold, here.log.broken = hold, broken
            here.pass_time(11)
            other = here.connect()
            self.assertEqual(other.login("dave").get("direct", []), [])
            here.log.hold = here.log.broken = False
            reply = other.ask("history", session="@dave,erin")
            self.assert_refused("no-such-session", reply)
            other.vanish()
        here.log.let_go()
        here.pass_time(20)
        self.assertEqual(list(here.chat.sessions), ["lobby"])

    def test_a_guest_that_goes_while_it_begins(self) -> None:
        """A direct session whose guest went before it was stored is nobody else's."""
        here = self.world(users=["alice"], linger=10.0)
        alice, dave = here.come("alice"), here.come("dave")
        here.log.hold = True
        alice.send("text", to="dave", data="private", id="1")
        here.settle()
        dave.vanish()
        here.log.let_go()
        here.settle()
        here.log.hold = False
        here.pass_time(11)
        other = here.connect()
        self.assertEqual(other.login("dave").get("direct", []), [])
        self.assert_refused("no-such-session", other.ask("history", session="@alice,dave"))

    def test_guests_after_a_restart(self) -> None:
        """After a restart a guest's name is anybody's; an account keeps what it was told."""
        clock = Clock()
        log = MemoryLog(clock)
        here = self.world(clock=clock, log=log, users=["alice"])
        alice, dave, erin = here.come("alice"), here.come("dave"), here.come("erin")
        alice.ask("text", to="dave", data="private")
        erin.ask("text", to="dave", data="between guests")
        dave.vanish()
        here = self.world(clock=clock, log=log, users=["alice"])
        self.assertEqual(here.connect().login("dave").get("direct", []), [])
        self.assertEqual([life.key for life in log.lives()], ["lobby", "@alice,dave"])
        alice = here.connect()
        welcome = alice.login("alice", password="secret")
        self.assertEqual([one["session"] for one in welcome["direct"]], ["@alice,dave"])

    def test_begun_at_once(self) -> None:
        """Two who write to one another at once begin one session."""
        self.here.log.hold = True
        self.alice.send("text", to="bob", data="a", id="1")
        self.bob.send("text", to="alice", data="b", id="1")
        self.here.settle()
        self.here.log.let_go()
        self.assertEqual(self.alice.seqs(), [1, 2])
        self.assertEqual(self.bob.seqs(), [1, 2])


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

    def test_ports_fail(self) -> None:
        """A session that gets no port is not created; one that can not be stored frees its port."""
        ports = FakePorts()
        world = self.world(ports=ports)
        alice = world.come("alice")
        self.assertEqual(alice.ask("create", session="a")["port"], 4_000)
        self.assert_refused("too-many-sessions", alice.ask("create", session="b"))
        self.assertNotIn("b", world.chat.sessions)
        alice.ask("delete", session="a")
        self.assertEqual(ports.open_ports, set())
        world.log.broken = True
        self.assert_refused("not-stored", alice.ask("create", session="b"))
        self.assertEqual(ports.open_ports, set())
        world.log.broken = False
        self.assertEqual(alice.ask("create", session="b")["port"], 4_000)
        self.assertEqual([one.get("port") for one in alice.ask("list")["sessions"]], [None, 4_000])
        alice.ask("leave", session="b")
        world.pass_time(61)
        self.assertEqual(ports.open_ports, set())

    def test_a_kept_session_without_a_port(self) -> None:
        """A kept session that finds no port at start is there without one."""
        clock = Clock()
        log = MemoryLog(clock)
        for key in ("a", "b"):
            log.create(Life(epoch=key, key=key, name=key, owner="alice", keep=True))
        world = self.world(clock=clock, log=log, ports=FakePorts())
        alice = world.come("alice")
        found = {one["session"]: one.get("port") for one in alice.ask("list")["sessions"]}
        self.assertEqual(found, {"a": 4_000, "b": None, "lobby": None})
        self.assertEqual(alice.ask("delete", session="b")["type"], "deleted")

    def test_all_replies_fit(self) -> None:
        """With the longest of everything no message is over a frame (the client checks)."""
        world = self.world(presence_limit=0, users=[chr(0x20000 + n) * 32 for n in range(200)])
        assert world.directory is not None
        names = list(world.directory.known)
        alice = world.come(names[0])
        for name in names[1:]:
            self.assertEqual(alice.ask("text", to=name, data="x")["type"], "text")
        alice.ask(
            "create", session="\U00020000" * 64, topic="\x01" * 256, password="\U00020000" * 1_024
        )
        alice.vanish()
        again = world.connect()
        welcome = again.login(names[0], password="secret")
        self.assertEqual(len(welcome["direct"]), 150)
        self.assertLess(len(str(welcome).encode()), MAX_FRAME)


class FakePorts:
    """One port, 4000."""

    def __init__(self) -> None:
        self.open_ports: set[int] = set()

    async def open(self, name: Name) -> int:
        if self.open_ports:
            raise ChatError("too-many-sessions", "No port is free.")
        self.open_ports.add(4_000)
        return 4_000

    def close(self, port: int) -> None:
        self.open_ports.remove(port)


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

    def test_guessing_a_sessions_password(self) -> None:
        """After five wrong passwords from an address it waits; then the right one opens."""
        world = self.world()
        world.come("alice").ask("create", session="vault", password="right")
        bob = world.come("bob")
        for number in range(5):
            reply = bob.ask("join", session="vault", password=f"wrong {number}")
            self.assert_refused("bad-password", reply)
        for _ in range(3):
            reply = bob.ask("join", session="vault", password="right")
            self.assert_refused("too-many-attempts", reply)
        world.pass_time(61)
        self.assertEqual(bob.ask("join", session="vault", password="right")["type"], "session")
