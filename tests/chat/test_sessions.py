"""Which sessions there are: how they begin and end, and every refusal on the way."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from tests.kit.frames import types
from tests.kit.world import ChatCase
from twisted_chat.chat.former import FormerNames
from twisted_chat.chat.user import MAX_PLACES
from twisted_chat.log.contract import Life
from twisted_chat.log.memory import MemoryLog


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

    def test_max_sessions_counts_sessions_alone(self) -> None:
        """A direct session that begins, one that ends, and one that failed, are none too many."""
        here = self.world(max_sessions=2, users=["alice", "bob", "carol"])
        alice, bob, carol = (here.come(name) for name in ("alice", "bob", "carol"))
        alice.ask("create", session="a")
        here.log.broken = True
        self.assert_refused("not-stored", bob.ask("create", session="b"))
        here.log.broken, here.log.hold = False, True
        bob.send("text", to="alice", data="hello")
        carol.send("create", session="c", id="c")
        here.settle()
        here.log.let_go()
        self.assertEqual(types(carol.got()), ["session"])
        carol.ask("delete", session="c")
        here.log.hold = True
        alice.send("delete", session="a", id="d")
        carol.send("create", session="c", id="c")
        here.settle()
        here.log.let_go()
        self.assertEqual(types(carol.got()), ["session"])

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

    def test_a_lobby_stays(self) -> None:
        """A session that was not kept is, once it is the lobby: nobody is ever without one."""
        clock = Clock()
        log = MemoryLog(clock)
        log.create(Life(epoch="e", key="ops", name="Ops", owner="alice"))
        here = self.world(clock=clock, log=log, lobby="ops", users=["alice"], linger=10.0)
        here.pass_time(11)
        here.come("alice").vanish()
        here.pass_time(11)
        self.assertEqual(here.come("alice").say("x")["session"], "Ops")

    def test_guests_with_the_names_of_others(self) -> None:
        """A guest is no operator and owns nothing that is kept, whoever had or has its name."""
        here = self.world(users=["alice"], guests_keep=False)
        alice, root = here.come("alice"), here.come("root")
        alice.ask("create", session="kept", keep=True)
        assert here.directory is not None
        here.directory.add("root", operator=True)
        del here.directory.known["alice"]
        alice.vanish()
        self.assert_refused("not-allowed", root.ask("delete", session="kept"))
        # Nobody gets the name that owns it; and who had got it all the same would own nothing.
        self.assert_refused("bad-credentials", here.connect().ask("login", user="alice"))
        here.chat.former = FormerNames(here.log, here.clock)
        guest = here.come("alice")
        self.assert_refused("not-allowed", guest.ask("delete", session="kept"))

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
