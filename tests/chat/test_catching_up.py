"""No silent gap: who comes back has exactly what it missed, or is told that it has not."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.kit.frames import types
from tests.kit.pipe import FULL
from tests.kit.world import ChatCase
from twisted_chat.chat import giving
from twisted_chat.chat.pruning import prune


class ComingBackTests(ChatCase):
    """After a place: exactly what was missed, or reset."""

    def setUp(self) -> None:
        self.here = self.world()
        self.alice = self.here.come("alice")
        for number in range(10):
            self.alice.send("text", data=str(number))
        self.epoch = self.alice.ask("join", session="lobby")["epoch"]
        self.here.quiet()

    def snapshot(self, got: list[Any]) -> Any:
        (found,) = [one for one in got if one["type"] == "session"]
        return found

    def test_resume(self) -> None:
        """A login with resume gives the snapshot, what was missed, and then what is said."""
        bob = self.here.connect()
        places = [{"session": "Lobby", "after": 7, "epoch": self.epoch}]
        bob.send("login", user="bob", resume=places, id="1")
        self.alice.send("text", data="live")
        got = bob.got()
        self.assertEqual(types(got), ["welcome", "session", *["text"] * 4])
        self.assertNotIn("reset", got[1])
        self.assertNotIn("id", got[1])
        self.assertEqual([one["seq"] for one in got[2:]], [8, 9, 10, 11])
        self.alice.send("text", data="live")
        self.assertEqual(bob.seqs(), [12])

    def test_without_a_place(self) -> None:
        """Without after one is live from the head."""
        bob = self.here.connect()
        bob.login("bob")
        got = bob.got()
        self.assertEqual(types(got), ["session"])
        self.assertEqual(got[0]["head"], 10)

    def test_honoured(self) -> None:
        """A place from 0 to the head, with the right epoch or none, is honoured."""
        for place in ({"after": 0}, {"after": 10}, {"after": 0, "epoch": self.epoch}):
            bob = self.here.come("bob")
            self.assertNotIn("reset", bob.ask("join", session="lobby", **place))
            self.assertEqual(bob.seqs(), list(range(place["after"] + 1, 11)))
            bob.vanish()

    def test_reset(self) -> None:
        """Beyond the head, or in another life: reset, nothing old, and live from the head."""
        for place in (
            {"after": 11},
            {"after": 2**53 - 1},
            {"after": 5, "epoch": "other"},
            {"after": 10, "epoch": "other"},
        ):
            bob = self.here.come("bob")
            reply = bob.ask("join", session="lobby", **place)
            self.assertIs(reply["reset"], True)
            self.assertEqual((reply["epoch"], reply["head"]), (self.epoch, 10))
            self.assertEqual(bob.seqs(), [])
            bob.vanish()
        bob = self.here.connect()
        bob.login("bob", resume=[{"session": "lobby", "after": 5, "epoch": "other"}])
        self.assertIs(self.snapshot(bob.got())["reset"], True)
        self.alice.send("text", data="live")
        self.assertEqual(bob.seqs(), [11])

    def test_an_epoch_alone(self) -> None:
        """An epoch without a place asks for nothing old, so nothing is reset."""
        bob = self.here.come("bob")
        bob.ask("leave")
        self.assertNotIn("reset", bob.ask("join", session="lobby", epoch="other"))

    def test_pruned(self) -> None:
        """A place before the oldest text that is left is reset; the one just before it is not."""
        flow = prune(self.here.chat.log, self.here.chat.sessions, 4, None)
        self.successResultOf(Deferred.fromCoroutine(flow))
        bob = self.here.come("bob")
        self.assertIs(bob.ask("join", session="lobby", after=5)["reset"], True)
        self.assertNotIn("reset", bob.ask("join", session="lobby", after=6))
        self.assertEqual(bob.seqs(), [7, 8, 9, 10])

    def test_back_while_a_member(self) -> None:
        """A join with after moves a member's place back; without, it is the snapshot alone."""
        reply = self.alice.ask("join", session="lobby", after=8)
        self.assertEqual(reply["count"], 1)
        self.assertEqual(self.alice.seqs(), [9, 10])
        self.alice.ask("join", session="lobby")
        self.assertEqual(self.alice.got(), [])
        self.alice.send("text", data="live")
        self.assertEqual(self.alice.seqs(), [11])

    def test_many_pages(self) -> None:
        """A long way back comes in many pages, in order, while others go on talking."""
        for number in range(1_000):
            self.alice.send("text", data=f"{number} " * 50)
            if number % 60 == 0:
                self.alice.got()
        bob = self.here.come("bob")
        bob.send("join", session="lobby", after=0)
        self.here.clock.advance(0)
        self.alice.send("text", data="live")
        self.assertEqual(bob.seqs(), list(range(1, 1_012)))

    def test_one_after_the_other(self) -> None:
        """Each snapshot is followed by what was missed there, and then by the next snapshot."""
        self.alice.ask("create", session="ops")
        self.alice.ask("create", session="new")
        for number in range(500):
            for name in ("lobby", "ops"):
                self.alice.ask("text", session=name, data=f"{number} " * 100)
        places = [
            {"session": "ops", "after": 0},
            {"session": "new"},
            {"session": "lobby", "after": 5},
        ]
        expected = [
            *[("lobby", None), *[("lobby", seq) for seq in range(6, 511)]],
            *[("ops", None), *[("ops", seq) for seq in range(1, 501)]],
            ("new", None),
        ]
        bob = self.here.connect()
        bob.send("login", user="bob", resume=places)
        got = bob.got()[1:]
        self.assertEqual([(one["session"], one.get("seq")) for one in got], expected)
        slow = self.here.connect()
        slow.stop_reading()
        slow.send("login", user="carol", resume=places)
        self.here.settle()
        self.assertLess(len(slow.pipe.unread), 4 * 65_536)
        slow.read()
        got = slow.got()[1:]
        self.assertEqual([(one["session"], one.get("seq")) for one in got], expected)

    def test_live_while_others_wait(self) -> None:
        """What is said meanwhile, by oneself too, comes where it belongs, and nothing twice."""
        self.alice.ask("create", session="ops")
        self.alice.ask("create", session="new")
        for _ in range(300):
            self.alice.ask("text", session="lobby", data="x" * 1_000)
        places = [
            {"session": "lobby", "after": 0},
            {"session": "ops", "after": 0},
            {"session": "new"},
        ]
        bob = self.here.connect()
        bob.stop_reading()
        bob.send("login", user="bob", resume=places)
        for name in ("new", "ops", "lobby"):
            bob.send("text", session=name, data="mine", id=name)
            self.alice.ask("text", session=name, data="theirs")
        bob.send("ping")
        self.here.settle()
        bob.read()
        got = bob.got()[1:]
        self.assertEqual(got[-1]["type"], "pong")
        for name in ("new", "ops", "lobby"):
            mine = [one for one in got if one.get("session") == name]
            self.assertEqual(mine[0]["type"], "session")
            self.assertEqual([one["data"] for one in mine if one.get("id") == name], ["mine"])
        self.assertEqual(
            [one["seq"] for one in got if one.get("seq") and one["session"] == "lobby"],
            list(range(1, 313)),
        )
        user = bob.protocol.conversation.user
        assert user is not None
        self.assertEqual((user.unsettled, user.behind), (0, {}))

    def test_filled_by_a_snapshot(self) -> None:
        """Whose buffer is full by a snapshot is not live there: what is said then is not held."""
        names = [f"s{number}" for number in range(60)]
        for name in names:
            self.alice.ask("create", session=name)
            self.alice.ask("topic", session=name, topic="\0" * 250)
        bob = self.here.connect()
        bob.stop_reading()
        bob.send("login", user="bob", resume=[{"session": name} for name in names])
        self.here.settle()
        held = len(bob.pipe.unread)
        self.assertGreater(held, FULL)
        for name in names:
            self.alice.say("x" * 1_000, session=name)
        self.here.settle()
        self.assertEqual(len(bob.pipe.unread), held)
        bob.read()
        heard = {one["session"] for one in bob.got() if one["type"] == "session"}
        self.assertEqual(heard, {"lobby", *names})

    def test_said_while_a_large_session_is_told(self) -> None:
        """One's own text is answered, too, where the snapshot has it and others have it not yet."""
        self.patch(giving, "WRITES_IN_A_TURN", 1)
        self.alice.ask("create", session="ops")
        for number in range(10):
            self.here.come(f"u{number}").ask("join", session="ops")
        for number, place in enumerate(({}, {"after": 0}, {"after": 99})):
            bob = self.here.connect()
            places = [{"session": "lobby", "after": 0}, {"session": "ops", **place}]
            bob.send("login", user=f"bob{number}", resume=places)
            bob.send("text", session="ops", data="mine", id="mine")
            bob.send("ping", id="ping")
            ids = [one["id"] for one in bob.got() if one.get("id") in ("mine", "ping")]
            self.assertEqual(ids[-2:], ["mine", "ping"])

    def test_deleted_before_it_was_read(self) -> None:
        """One's own text that one has not read on to when the session is deleted is refused."""
        self.alice.ask("create", session="ops")
        for _ in range(300):
            self.alice.ask("text", session="lobby", data="x" * 1_000)
        bob = self.here.connect()
        bob.stop_reading()
        places = [{"session": name, "after": 0} for name in ("lobby", "ops")]
        bob.send("login", user="bob", resume=places)
        bob.send("text", session="ops", data="mine", id="mine")
        bob.send("ping", id="ping")
        self.here.settle()
        self.assertEqual(self.alice.texts()[-1]["data"], "mine")
        self.alice.ask("delete", session="ops")
        bob.read()
        answers = [one for one in bob.got() if one.get("id") in ("mine", "ping")]
        self.assert_refused("no-such-session", answers[0])
        self.assertEqual(types(answers), ["error", "pong"])

    def test_gone_while_others_wait(self) -> None:
        """A session that is left, or deleted, before its turn is not waited for."""
        self.alice.ask("create", session="ops")
        self.alice.ask("create", session="new")
        for _ in range(300):
            self.alice.ask("text", session="lobby", data="x" * 1_000)
        bob = self.here.connect()
        bob.stop_reading()
        names = ("lobby", "ops", "new")
        bob.send("login", user="bob", resume=[{"session": name, "after": 0} for name in names])
        bob.send("leave", session="ops")
        self.here.settle()
        self.alice.ask("delete", session="new")
        bob.read()
        got = [one for one in bob.got() if "seq" not in one]
        self.assertEqual(
            [(one["type"], one.get("session")) for one in got],
            [("welcome", None), ("session", "lobby"), ("left", "ops"), ("deleted", "new")],
        )
        self.assertEqual(bob.ask("ping")["type"], "pong")

    def test_all_sessions_at_once(self) -> None:
        """One login comes back to several sessions; what can not be had is an error of its own."""
        self.alice.ask("create", session="ops")
        self.alice.ask("create", session="locked", password="p")
        for name in ("ops", "locked"):
            self.alice.ask("text", session=name, data="x")
        bob = self.here.connect()
        places = [
            {"session": "ops", "after": 0},
            {"session": "gone", "after": 3},
            {"session": "locked", "after": 0, "password": "wrong"},
            {"session": "locked", "after": 0, "password": "p"},
            {"session": "lobby", "after": 9},
        ]
        self.assertEqual(bob.ask("login", user="bob", resume=places)["type"], "welcome")
        got = bob.got()
        self.assertEqual(
            [(one["type"], one.get("code", one["session"])) for one in got if "seq" not in one],
            [
                ("session", "lobby"),
                ("error", "no-such-session"),
                ("error", "bad-password"),
                ("session", "ops"),
                ("session", "locked"),
            ],
        )
        errors = [one for one in got if one["type"] == "error"]
        self.assertEqual([one["session"] for one in errors], ["gone", "locked"])
        self.assertFalse(any("id" in one for one in errors))
        said = [(one["session"], one["seq"]) for one in got if one["type"] == "text"]
        self.assertEqual(sorted(said), [("lobby", 10), ("locked", 1), ("ops", 1)])

    def test_a_behind_member_hears_its_echo_before_the_next_answer(self) -> None:
        """Who says something while it is still behind gets the echo before any later answer."""
        for number in range(1_000):
            self.alice.send("text", data=f"{number} " * 50)
            if number % 60 == 0:
                self.alice.got()
        bob = self.here.come("bob")
        bob.send("join", session="lobby", after=0)
        bob.send("text", data="mine", id="b1")
        bob.send("leave", id="b2")
        got = bob.got()
        self.assertEqual((got[-1]["type"], got[-1]["id"]), ("left", "b2"))
        self.assertEqual(got[-2].get("id"), "b1")
        self.assertEqual([one["seq"] for one in got if one["type"] == "text"], [*range(1, 1_012)])
