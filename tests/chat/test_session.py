"""A session's promises: one order, once, acknowledged means stored; and who is told of whom."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from tests.kit.frames import types
from tests.kit.held_log import HeldLog, later
from tests.kit.world import ChatCase, Client
from twisted_chat.chat.roster import GATHERED_NAMES
from twisted_chat.log.contract import Entry, Life
from twisted_chat.log.memory import MemoryLog


class TextTests(ChatCase):
    """What is said, through bytes."""

    def test_echo(self) -> None:
        """Everyone gets the same text, the sender too, with its id; seq runs 1, 2, 3."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.clock.advance(1.25)
        alice.send("text", data="hello", id="a1")
        bob.send("text", data="hi")
        world.settle()
        said = alice.texts()
        self.assertEqual(
            said,
            [
                {
                    "type": "text",
                    "session": "lobby",
                    "seq": 1,
                    "time": 1_250,
                    "source": "alice",
                    "data": "hello",
                    "id": "a1",
                    "guest": True,
                },
                {
                    "type": "text",
                    "session": "lobby",
                    "seq": 2,
                    "time": 1_250,
                    "source": "bob",
                    "data": "hi",
                    "guest": True,
                },
            ],
        )
        self.assertEqual(bob.texts()[-2:], said)

    def test_stored_as_sent(self) -> None:
        """Any Unicode comes back as it was sent."""
        alice = self.world().come("alice")
        for data in (" ", "\0\x1b[2J\n", "Grüße 👋\u202e", "\ud7ff\ue000\U0010ffff", "e\u0301"):
            self.assertEqual(alice.say(data)["data"], data)

    def test_once(self) -> None:
        """The same id has one seq however often, and a repetition is shown to its sender alone."""
        world = self.world()
        alice, again, bob = world.come("alice"), None, world.come("bob")
        again = world.connect()
        again.login("alice", token=alice.token)
        world.quiet()
        alice.send("text", data="x", id="1")
        alice.send("text", data="x", id="1")  # within a batch
        self.assertEqual(alice.seqs(), [1, 1])
        alice.send("text", data="different", id="1")
        (repeated,) = alice.texts()
        self.assertEqual((repeated["seq"], repeated["data"]), (1, "x"))
        again.send("text", data="x", id="1")
        self.assertEqual(again.seqs(), [1, 1])
        self.assertEqual(alice.seqs(), [])
        self.assertEqual(bob.seqs(), [1])
        bob.send("text", data="bob's", id="1")  # another user's id
        self.assertEqual(alice.seqs(), [2])
        alice.ask("create", session="ops")
        self.assertEqual(alice.ask("text", session="ops", data="y")["seq"], 1)

    def test_answers_come_in_order(self) -> None:
        """What a sender alone is told stands between the echoes as it was asked for."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        alice.send("text", data="old", id="old")
        alice.got(), bob.got()
        requests: list[tuple[Client, dict[str, Any]]] = [
            (alice, {"type": "text", "data": "a", "id": "1"}),
            (alice, {"type": "text", "data": "again", "id": "old"}),
            (bob, {"type": "text", "data": "b", "id": "2"}),
            (alice, {"type": "text", "data": "c", "id": "3"}),
            (bob, {"type": "text", "data": "x", "reply": 99, "id": "4"}),
            (alice, {"type": "text", "data": "x", "reply": 99, "id": "5"}),
            (alice, {"type": "text", "data": "again", "id": "old"}),
            (alice, {"type": "text", "data": "d", "id": "6"}),
        ]
        for client, request in requests:
            client.send(**request)
        for client, expected in ((alice, "1 old 2 3 5 old 6"), (bob, "1 2 3 4 6")):
            self.assertEqual(" ".join(str(one["id"]) for one in client.got()), expected)
        self.assertEqual([user.unsettled for user in world.chat.people.here["alice"].users], [0])

    def test_once_over_lives(self) -> None:
        """An id belongs to one life of a session: in the next it says something new."""
        world = self.world()
        alice = world.come("alice")
        epochs = set()
        for _ in range(2):
            epochs.add(alice.ask("create", session="ops")["epoch"])
            alice.send("text", session="ops", data="x", id="1")
            self.assertEqual(alice.seqs(), [1])
            alice.ask("delete", session="ops")
        self.assertEqual(len(epochs), 2)

    def test_duplicates_while_the_log_is_slow(self) -> None:
        """A repetition of what is still on its way is not said twice either."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        world.log.hold = True
        alice.send("text", data="x", id="1")
        world.settle()
        alice.send("text", data="x", id="1")
        world.settle()
        self.assertEqual(alice.got(), [])
        world.log.let_go()
        self.assertEqual((alice.seqs(), bob.seqs()), ([1, 1], [1]))

    def test_not_stored(self) -> None:
        """Over the wire: error not-stored with the text's id, and then it works again."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        world.log.broken = True
        self.assert_refused("not-stored", alice.say("x"))
        self.assertEqual(bob.got(), [])
        world.log.broken = False
        self.assertEqual(alice.say("x")["seq"], 1)
        self.assertEqual(bob.seqs(), [1])

    def test_nobody_sees_what_is_not_committed(self) -> None:
        """While the log works: no echo, no text, not in a snapshot's head, not in history."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        world.log.hold = True
        alice.send("text", data="x", id="1")
        world.settle()
        self.assertEqual((alice.got(), bob.got()), ([], []))
        self.assertEqual(bob.ask("join", session="lobby")["head"], 0)
        world.log.let_go()
        self.assertEqual((alice.seqs(), bob.seqs()), ([1], [1]))


class PresenceTests(ChatCase):
    """Who is here, and who is told."""

    def test_joined_and_left(self) -> None:
        """Those who were there are told; the one who comes or goes has a reply instead."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops")
        world.quiet()
        reply = bob.ask("join", session="ops")
        self.assertEqual((reply["users"], reply["count"]), (["alice", "bob"], 2))
        self.assertEqual(bob.got(), [])
        joined = {"type": "joined", "session": "ops", "user": "bob", "count": 2}
        self.assertEqual(alice.got(), [joined])
        left = bob.ask("leave", session="ops")
        self.assertEqual((left["type"], left["user"], left["count"]), ("left", "bob", 1))
        self.assertEqual(bob.got(), [])
        self.assertEqual(
            alice.got(), [{"type": "left", "session": "ops", "user": "bob", "count": 1}]
        )
        self.assert_refused("not-in-session", bob.ask("leave", session="ops"))

    def test_several_connections(self) -> None:
        """A user joins with its first connection and leaves with its last; each is a member."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        second = world.connect()
        second.login("bob", token=bob.token)
        (snapshot,) = second.got()
        self.assertEqual((snapshot["users"], snapshot["count"]), (["alice", "bob"], 2))
        self.assertEqual((alice.got(), bob.got()), ([], []))
        alice.send("text", data="x")
        self.assertEqual((bob.seqs(), second.seqs(), alice.seqs()), ([1], [1], [1]))
        bob.ask("leave")
        self.assertEqual((alice.got(), second.got()), ([], []))
        alice.send("text", data="x")
        self.assertEqual((bob.seqs(), second.seqs(), alice.seqs()), ([], [2], [2]))
        second.vanish()
        self.assertEqual(types(alice.got()), ["left"])

    def test_a_join_in_the_same_turn(self) -> None:
        """Who comes is not told of comings and goings that its snapshot has already."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops")
        world.quiet()
        carol = world.come("carol")
        bob.send("join", session="ops")
        carol.send("join", session="ops", id="c")
        got = carol.got()
        self.assertEqual(types(got), ["session"])
        self.assertEqual(got[0]["users"], ["alice", "bob", "carol"])
        world.quiet()
        bob.send("leave", session="ops")
        carol.send("leave", session="ops")
        carol.send("join", session="ops")
        got = carol.got()
        self.assertEqual(types(got), ["left", "session"])
        self.assertEqual(got[-1]["count"], 2)

    def test_gathered(self) -> None:
        """Over the limit comings and goings are told together, once a second at most."""
        world = self.world(presence_limit=3)
        alice, *_ = [world.come(name) for name in ("alice", "bob", "carol")]
        self.assertEqual(alice.got(), [])
        others = [world.come(f"u{number}") for number in range(5)]
        others[0].vanish()
        world.clock.advance(0.9)
        self.assertEqual(alice.got(), [])
        world.clock.advance(0.1)
        (told,) = alice.got()
        self.assertEqual((told["type"], told["count"]), ("presence", 7))
        self.assertEqual(sorted(told["joined"]), ["u1", "u2", "u3", "u4"])
        self.assertNotIn("left", told)
        for other in others[1:]:
            other.vanish()
        world.clock.advance(1)
        (told,) = alice.got()
        self.assertEqual((told["count"], len(told["left"])), (3, 4))
        world.come("dave").vanish()  # came and went: only the count is told
        world.clock.advance(1)
        (told,) = alice.got()
        self.assertEqual((told["count"], told.get("joined"), told.get("left")), (3, None, None))
        world.clients[2].vanish()
        self.assertEqual(types(alice.got()), ["left"])

    def test_gathered_is_bounded(self) -> None:
        """A storm's event names a bounded number; its count is right; it fits in a frame."""
        world = self.world(presence_limit=0)
        alice = world.come("alice")
        world.clock.advance(1)
        alice.got()
        for number in range(GATHERED_NAMES + 50):
            world.connect().send("login", user=chr(0x20000 + number) * 32)
            world.settle()
        world.clock.advance(1)
        (told,) = alice.got()
        self.assertEqual(told["count"], GATHERED_NAMES + 51)
        self.assertEqual(len(told["joined"]), GATHERED_NAMES)

    def test_who(self) -> None:
        """Who is paged in the order of the compared names, also from outside."""
        world = self.world(presence_limit=0)
        alice = world.come("alice")
        for number in range(1_100):
            world.connect().send("login", user=f"U{number:04}")
        world.settle()
        alice.ask("leave")
        page = alice.ask("who", session="LOBBY")
        names = page["users"]
        self.assertEqual((page["session"], page["count"], page["more"]), ("lobby", 1_100, True))
        page = alice.ask("who", session="lobby", after=names[-1])
        self.assertNotIn("more", page)
        self.assertEqual(names + page["users"], [f"U{number:04}" for number in range(1_100)])
        self.assert_refused("no-such-session", alice.ask("who", session="none"))
        self.assertEqual(alice.ask("who", session="lobby", after="zzz")["users"], [])

    def test_who_fits_in_a_frame(self) -> None:
        """With the longest names there are fewer in a page, and none is left out."""
        world = self.world(presence_limit=0)
        alice = world.come("alice")
        for number in range(900):
            world.connect().send("login", user=chr(0x20000 + number) * 32)
            world.settle()
        names: list[str] = []
        more = True
        while more:
            fields = {"after": names[-1]} if names else {}
            page = alice.ask("who", session="lobby", **fields)
            more = page.get("more", False)
            names += page["users"]
        self.assertEqual(len(set(names)), 901)
        self.assertEqual(len(names), 901)

    def test_snapshot_names(self) -> None:
        """A snapshot has 100 names and the whole count."""
        world = self.world(presence_limit=0)
        for number in range(150):
            world.connect().send("login", user=f"u{number}")
        world.settle()
        alice = world.connect()
        alice.login("alice")
        (snapshot,) = alice.got()
        self.assertEqual((len(snapshot["users"]), snapshot["count"]), (100, 151))


class Later(ChatCase):
    """Small things of the helpers that everything above rests on."""

    def test_held_log(self) -> None:
        """The held log answers in order, and as the log behind it does."""
        log = HeldLog(MemoryLog(Clock()))
        log.create(Life(epoch="e", key="k", name="k"))
        log.hold = True
        one = later(log.append("e", [Entry("a", "1")]))
        two = later(log.append("e", [Entry("a", "2")]))
        self.assertNoResult(one)
        log.commit()
        self.assertEqual([text.seq for text in self.successResultOf(one)], [1])
        log.let_go()
        self.assertEqual([text.seq for text in self.successResultOf(two)], [2])
        self.assertEqual(self.successResultOf(succeed(1)), 1)
