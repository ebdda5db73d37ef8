"""How fast a user may say things in a session: the same at every door, and slowed, not refused."""

from __future__ import annotations

from typing import Any

from twisted.logger import capturedLogs, formatEvent

from tests.kit.frames import types
from tests.kit.seats import DOORS, ssh
from tests.kit.world import ChatCase, World
from twisted_chat.chat import speaking
from twisted_chat.chat.sparing import DIARY_LINES


class SpeakingTests(ChatCase):
    """``Rules.texts_per_second``."""

    def setUp(self) -> None:
        self.world_of = World(
            users=["alice", "bob"], operators=["root"], texts_per_second=2.0, lobby="lobby"
        )
        self.lobby = self.world_of.chat.sessions["lobby"]

    def test_by_every_door(self) -> None:
        """Five seconds' texts at once and the one that is over, then two a second; none is lost."""
        for door in (*DOORS, ssh):
            seat = door(self.world_of, door.__name__)
            self.world_of.pass_time(5)
            before = self.lobby.head
            for number in range(20):
                seat.say(f"text {number}")
            self.world_of.settle()
            self.assertEqual(self.lobby.head - before, 11, door.__name__)
            self.world_of.pass_time(2)
            self.assertEqual(self.lobby.head - before, 15, door.__name__)
            self.world_of.pass_time(5)
            self.assertEqual(self.lobby.head - before, 20, door.__name__)

    def test_of_a_user_and_not_of_a_connection(self) -> None:
        """Many connections of a user say no more than one, and coming again buys nothing."""
        for _ in range(4):
            client = self.world_of.come("alice")
            for number in range(20):
                client.send("text", session="lobby", data=f"{number}")
            self.world_of.settle()
            client.vanish()
            self.world_of.settle()
        self.assertEqual(self.lobby.head, 11 + 3)  # each has its first one in flight

    def test_in_a_session(self) -> None:
        """It counts for each session: who has said much in one is heard in another at once."""
        one, other = self.world_of.come("alice"), self.world_of.come("alice")
        other.ask("create", session="den")
        for number in range(20):
            one.send("text", session="lobby", data=f"{number}")
        for number in range(11):
            other.send("text", session="den", data=f"{number}")
        self.world_of.settle()
        self.assertEqual(self.world_of.chat.sessions["den"].head, 11)
        self.assertEqual(self.lobby.head, 11)

    def test_all_that_is_stored(self) -> None:
        """Edits, reactions, redactions and direct texts count as texts do."""
        alice, bob = self.world_of.come("alice"), self.world_of.come("bob")
        alice.say("hello")
        for _ in range(5):
            alice.send("react", session="lobby", of=1, data="+")
            alice.send("react", session="lobby", of=1, data="+", undo=True)
        alice.send("edit", session="lobby", of=1, data="good day")
        self.world_of.settle()
        self.assertEqual(self.lobby.head, 11)
        self.world_of.pass_time(1)
        self.assertEqual(self.lobby.head, 12)
        for number in range(20):
            bob.send("text", to="alice", data=f"{number}")
        for _ in range(30):
            self.world_of.settle()
        direct = self.world_of.chat.sessions["@alice,bob"]
        self.assertEqual(direct.head, 11)

    def test_who_is_exempt(self) -> None:
        """An operator, and who comes from an address that is trusted, is not slowed."""
        root = self.world_of.come("root")
        for number in range(50):
            root.send("text", session="lobby", data=f"{number}")
        self.world_of.settle()
        self.assertEqual(self.lobby.head, 50)
        self.world_of.chat.rules.trusted = ("192.0.2.1",)
        bob = self.world_of.come("bob")
        for number in range(50):
            bob.send("text", session="lobby", data=f"{number}")
        self.world_of.settle()
        self.assertEqual(self.lobby.head, 100)
        self.world_of.chat.rules.trusted = ()
        bob.say("nothing is owed")
        self.assertEqual(self.lobby.head, 101)

    def test_changed_while_it_runs(self) -> None:
        """Another number holds at once, and 0 is no limit."""
        alice = self.world_of.come("alice")
        for number in range(20):
            alice.send("text", session="lobby", data=f"{number}")
        self.world_of.settle()
        self.world_of.chat.rules.texts_per_second = 0.0
        self.world_of.pass_time(1)
        self.assertEqual(self.lobby.head, 20)

    def test_counted(self) -> None:
        """The operator's figures say how often somebody was slowed, and by which limit."""
        alice = self.world_of.come("alice")
        for number in range(12):
            alice.send("text", session="lobby", data=f"{number}")
        self.world_of.pass_time(1)
        self.assertEqual(self.world_of.admission.refusals.slowed, {"texts-per-second": 2})

    def test_what_the_log_refuses(self) -> None:
        """It is counted as every other refusal is."""
        alice = self.world_of.come("alice")
        alice.send("edit", session="lobby", of=7, data="x")
        self.assertEqual(alice.got()[0]["code"], "no-such-text")
        self.assertEqual(self.world_of.admission.refusals.counts["no-such-text"], 1)

    def test_bounded(self) -> None:
        """Of those who said nothing longest nothing is remembered."""
        self.patch(speaking, "MAX_REMEMBERED", 3)
        for number in range(9):
            self.world_of.come(f"guest{number}").say("hello")
        self.assertEqual(len(self.world_of.chat.speaking._rates), 3)

    def test_what_others_are_told_of(self) -> None:
        """Who comes and goes, is away and back, or changes settings in a storm, is slowed too."""
        mallory, bob = self.world_of.come("mallory"), self.world_of.come("bob")
        for number in range(20):
            mallory.send("away", data=f"{number}")
        self.world_of.settle()
        self.assertEqual(types(bob.got()), ["away"] * 11)
        self.world_of.pass_time(20)
        bob.got()
        alice = self.world_of.come("alice")
        alice.ask("create", session="den")
        bob.ask("join", session="den")
        self.world_of.pass_time(5)
        for _ in range(10):
            alice.send("leave", session="den")
            alice.send("join", session="den")
        for _ in range(60):
            self.world_of.settle()
        self.assertEqual(len(bob.got()), 11)

    def test_a_storm_is_a_few_lines(self) -> None:
        """However many come and go in a second, the daemon's log has a bounded number of lines."""
        world = World()
        with capturedLogs() as logs:
            for number in range(3 * DIARY_LINES):
                world.come(f"guest{number}").vanish()
            world.pass_time(2)
        self.assertEqual(world.chat.connections, 0)
        self.assertEqual(len(logs), DIARY_LINES + 1)  # of the chat and of its sessions together
        told = [formatEvent(event) for event in logs]
        self.assertIn("guest0 came from 192.0.2.1:40001 by the native door", told)
        self.assertIn("guest0 joined lobby, from 192.0.2.1:40001 by the native door", told)
        left_out = f"{11 * DIARY_LINES} more lines like the last ones were left out"
        self.assertEqual(told[-1], left_out)


class SilenceTests(ChatCase):
    """Who is muted says nothing, in whichever way."""

    def setUp(self) -> None:
        self.here = World(users=["alice", "bob"], operators=["root"])
        self.root, self.bob = self.here.come("root"), self.here.come("bob")
        self.alice = self.here.come("alice")
        self.root.ask("create", session="den")
        self.root.ask("set", session="den", open_topic=True)
        for one in (self.bob, self.alice):
            one.ask("join", session="den")

    def test_on_the_server(self) -> None:
        """No text, topic, invitation, reason of being away, topic of a new one; none notices."""
        self.bob.say("hello", session="den")
        self.root.ask("mute", server=True, user="bob", reason="spam")
        self.here.quiet()
        requests: list[dict[str, Any]] = [
            {"type": "text", "session": "den", "data": "x"},
            {"type": "text", "to": "alice", "data": "x"},
            {"type": "edit", "session": "den", "of": 1, "data": "x"},
            {"type": "react", "session": "den", "of": 1, "data": "x"},
            {"type": "topic", "session": "den", "topic": "x"},
            {"type": "away", "data": "x"},
            {"type": "create", "session": "x", "topic": "x"},
            {"type": "invite", "session": "den", "user": "alice"},
        ]
        for request in requests:
            reply = self.bob.ask(request.pop("type"), **request)
            self.assertEqual((reply["type"], reply.get("code")), ("error", "muted"), request)
            self.assertIn("spam", reply["data"])
        self.bob.send("typing", session="den")
        self.here.settle()
        self.assertEqual((self.alice.got(), self.root.got()), ([], []))
        self.assertEqual(self.bob.ask("away")["type"], "away")

    def test_in_a_session(self) -> None:
        """Neither text nor topic there, and that it types is not told; elsewhere it is free."""
        self.root.ask("mute", session="den", user="bob")
        self.here.quiet()
        for kind, field in (("text", "data"), ("topic", "topic")):
            reply = self.bob.ask(kind, session="den", **{field: "x"})
            self.assert_refused("muted", reply)
        self.bob.send("typing", session="den")
        self.here.settle()
        self.assertEqual(self.alice.got(), [])
        self.bob.say("hello", session="lobby")
        self.assertEqual([text["data"] for text in self.alice.got()], ["hello"])
