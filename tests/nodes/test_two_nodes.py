"""Two chats that are one: whoever is at one node meets who is at the other."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.nodes import Cluster, kinds
from twisted_chat.chat.notes import Came, Happened, encode_notes
from twisted_chat.log.contract import Life
from twisted_chat.vocabulary.messages import Notice


class TwoNodesTests(SynchronousTestCase):
    """Two nodes over one log in memory, joined by the seam."""

    def setUp(self) -> None:
        self.cluster = Cluster(users=["alice", "bob", "carol"], operators=["root"], webhooks=True)
        self.one, self.two = self.cluster.worlds

    def test_texts_are_in_one_order(self) -> None:
        """What is said at either node has one order for all, each text once."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        self.cluster.settle()
        self.cluster.quiet()
        for number in range(5):
            alice.say(f"a{number}")
            bob.say(f"b{number}")
        self.assertEqual([t["data"][0] for t in alice.texts()], ["b"] * 5)
        self.cluster.pass_time(1)
        alice.say("last")
        self.cluster.settle()
        self.assertEqual(bob.texts()[-1]["data"], "last")

    def test_comings_and_goings(self) -> None:
        """Who comes at one node is told at the other, is in its lists, and goes there, too."""
        alice = self.one.come("alice")
        bob = self.two.come("bob")
        self.cluster.settle()
        self.assertEqual(kinds(alice, "joined", "left"), [("joined", "bob")])
        self.assertEqual(alice.ask("who", session="lobby")["users"], ["alice", "bob"])
        listed = alice.ask("list")
        self.assertEqual({user["user"] for user in listed["users"]}, {"alice", "bob"})
        bob.vanish()
        self.cluster.settle()
        self.assertEqual(kinds(alice, "joined", "left"), [("left", "bob")])
        self.assertEqual(alice.ask("who", session="lobby")["count"], 1)

    def test_a_webhook_at_a_node_that_begins(self) -> None:
        """What is posted to a node that is only taking up what there is, is said all the same."""
        olga = self.one.come("olga")
        olga.ask("create", session="ops")
        secret = olga.ask("webhook", session="ops", name="ci")["link"].rpartition("/")[2]
        olga.got()
        said: list[Deferred[None]] = []

        def post() -> None:
            webhooks = self.cluster.nodes[-1].chat.webhooks
            said.append(Deferred.fromCoroutine(webhooks.say(secret, "early")))

        self.cluster.add(post)
        self.successResultOf(said[0])
        self.cluster.pass_time(1)
        self.assertEqual([text["data"] for text in olga.texts()], ["early"])

    def test_a_second_connection_elsewhere(self) -> None:
        """A user with connections at both nodes comes once and goes once."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        self.cluster.settle()
        alice.got()
        again = self.one.come("bob")
        self.cluster.settle()
        bob.vanish()
        self.cluster.settle()
        self.assertEqual(kinds(alice, "joined", "left"), [])
        again.vanish()
        self.cluster.settle()
        self.assertEqual(kinds(alice, "joined", "left"), [("left", "bob")])

    def test_sessions_begin_and_end(self) -> None:
        """A session begun at one node can be joined at the other at once, and ends for both."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        self.assertEqual(alice.ask("create", session="den", topic="hi")["type"], "session")
        joined = bob.ask("join", session="den")
        self.assertEqual((joined["topic"], joined["owner"]), ("hi", "alice"))
        self.assertEqual(bob.ask("create", session="den")["code"], "session-exists")
        alice.ask("topic", session="den", topic="other")
        self.cluster.settle()
        told = [m for m in bob.got() if m["type"] == "topic"]
        self.assertEqual([(m["user"], m["topic"]) for m in told], [("alice", "other")])
        self.assertEqual(bob.ask("join", session="den")["topic"], "other")
        alice.ask("delete", session="den")
        self.cluster.settle()
        self.assertEqual(kinds(bob, "deleted"), [("deleted", "alice")])
        self.assertEqual(bob.ask("join", session="den")["code"], "no-such-session")

    def test_empty_sessions_end(self) -> None:
        """A session ends when nobody is in it at any node, and not before."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        alice.ask("create", session="den")
        bob.ask("join", session="den")
        self.cluster.settle()
        alice.vanish()
        self.cluster.pass_time(self.one.chat.rules.linger + 10)
        self.assertIn("den", self.two.chat.sessions)
        bob.vanish()
        self.cluster.pass_time(self.one.chat.rules.linger + 10)
        self.assertNotIn("den", self.one.chat.sessions)
        self.assertNotIn("den", self.two.chat.sessions)

    def test_kick_and_ban(self) -> None:
        """Who is taken out is taken out at whichever node, and a ban holds at all."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        carol = self.two.come("carol")
        alice.ask("create", session="den")
        bob.ask("join", session="den")
        carol.ask("join", session="den")
        self.cluster.settle()
        self.cluster.quiet()
        self.assertEqual(alice.ask("kick", session="den", user="bob")["type"], "kicked")
        self.cluster.settle()
        self.assertEqual(kinds(bob, "kicked"), [("kicked", "bob")])
        self.assertEqual(kinds(carol, "kicked", "left"), [("kicked", "bob")])
        self.assertEqual(bob.say("x", session="den")["code"], "not-in-session")
        self.assertEqual(alice.ask("who", session="den")["users"], ["alice", "carol"])
        alice.ask("ban", session="den", user="carol")
        self.cluster.settle()
        self.assertEqual(kinds(carol, "kicked"), [("kicked", "carol")])
        self.assertEqual(carol.ask("join", session="den")["code"], "banned")
        alice.ask("unban", session="den", user="carol")
        self.cluster.settle()
        self.assertEqual(carol.ask("join", session="den")["type"], "session")
        alice.ask("set", session="den", moderated=True)
        self.cluster.settle()
        self.assertEqual(carol.say("x", session="den")["code"], "muted")
        alice.ask("role", session="den", user="carol", role="moderator")
        self.cluster.settle()
        self.assertEqual(carol.say("x", session="den")["type"], "text")

    def test_direct_messages(self) -> None:
        """A direct message reaches all connections of both, wherever they are."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        self.cluster.settle()
        self.cluster.quiet()
        self.assertEqual(alice.ask("text", to="bob", data="psst")["type"], "text")
        self.cluster.settle()
        self.assertEqual([t["data"] for t in bob.texts()], ["psst"])
        self.assertEqual(bob.ask("text", to="alice", data="what")["type"], "text")
        self.cluster.settle()
        self.assertEqual([t["data"] for t in alice.texts()], ["what"])

    def test_guests_names(self) -> None:
        """A guest's name is one guest's at all nodes; with its token it moves freely."""
        guest = self.one.come("dora")
        other = self.two.connect()
        self.assertEqual(other.ask("login", user="dora")["code"], "name-in-use")
        self.assertEqual(other.ask("login", user="dora", token=guest.token)["type"], "welcome")
        guest.vanish()
        other.vanish()
        self.cluster.pass_time(self.one.chat.rules.linger + 2)
        self.assertEqual(self.two.connect().ask("login", user="dora")["type"], "welcome")

    def test_a_dead_node_is_gone(self) -> None:
        """A node that dies is gone in ten seconds, with its users; its guests' names are free."""
        alice = self.one.come("alice")
        self.two.come("bob")
        self.two.come("dora")
        self.cluster.settle()
        alice.got()
        self.cluster.kill(1)
        self.cluster.pass_time(11)
        self.assertEqual(sorted(kinds(alice, "left")), [("left", "bob"), ("left", "dora")])
        self.assertEqual(alice.ask("who", session="lobby")["users"], ["alice"])
        self.assertEqual(self.one.connect().ask("login", user="dora")["type"], "welcome")

    def test_resume_elsewhere(self) -> None:
        """Who has read on at a node that dies goes on at another, without a hole or a double."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        epoch = alice.ask("join", session="lobby")["epoch"]
        self.cluster.hub.nodes[1].is_connected = False  # no hint reaches it
        for number in range(3):
            alice.say(f"{number}")
        self.assertEqual(bob.texts(), [])
        self.cluster.kill(0)
        moved = self.two.connect()
        place = {"session": "lobby", "epoch": epoch, "after": 3}
        moved.ask("login", user="alice", password="secret", resume=[place])
        snapshots = [m for m in moved.got() if m["type"] == "session"]
        self.assertEqual([(m["head"], m.get("reset", False)) for m in snapshots], [(3, False)])
        self.assertEqual([t["data"] for t in bob.texts()], ["0", "1", "2"])
        bob.say("next")
        self.assertEqual([t["seq"] for t in moved.texts()], [4])

    def test_cut_off(self) -> None:
        """A node that can not reach the log refuses, keeps its clients, and goes on when it can."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        self.cluster.settle()
        self.cluster.quiet()
        mend = self.cluster.cut_off(1)
        self.assertEqual(bob.say("lost")["code"], "not-stored")
        alice.say("meanwhile")
        self.cluster.pass_time(12)
        self.assertEqual(kinds(alice, "left"), [("left", "bob")])
        self.assertFalse(bob.closed)
        mend()
        self.cluster.pass_time(4)
        self.assertEqual([t["data"] for t in bob.texts()], ["meanwhile"])
        self.assertEqual(kinds(alice, "joined"), [("joined", "bob")])
        self.assertEqual(bob.say("again")["type"], "text")

    def test_a_late_node_knows_everybody(self) -> None:
        """A node that begins later knows who is at the others, and what was decided."""
        alice = self.one.come("alice")
        alice.ask("create", session="den", keep=True)
        alice.ask("away", data="tea")
        three = self.cluster.add()
        self.cluster.pass_time(2)
        carol = three.come("carol")
        listed = {user["user"]: user for user in carol.ask("list")["users"]}
        self.assertEqual(set(listed["alice"]["sessions"]), {"lobby", "den"})
        self.assertEqual(listed["alice"]["away"], "tea")
        self.cluster.settle()
        self.assertIn("carol", alice.ask("who", session="lobby")["users"])

    def test_read_markers_and_places(self) -> None:
        """How far an account has read, and where it is, is known at all nodes."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        bob.say("hello alice")
        self.cluster.settle()
        there = self.two.come("alice")
        self.cluster.settle()
        there.got()
        alice.ask("read", session="lobby", seq=1)
        self.cluster.settle()
        self.assertEqual([m["seq"] for m in there.got() if m["type"] == "read"], [1])

    def test_notices_and_disconnects(self) -> None:
        """An operator's notice reaches everybody, and a disconnect whoever it is, anywhere."""
        root, bob = self.one.come("root"), self.two.come("bob")
        self.cluster.settle()
        self.cluster.quiet()
        root.ask("notice", data="soon")
        self.cluster.settle()
        self.assertEqual([m["data"] for m in bob.got() if m["type"] == "notice"], ["soon"])
        self.assertEqual(root.ask("disconnect", user="bob")["type"], "disconnected")
        self.cluster.settle()
        self.assertTrue(bob.closed)

    def test_away_and_typing(self) -> None:
        """Who goes away or writes is seen at the other node."""
        alice, bob = self.one.come("alice"), self.two.come("bob")
        self.cluster.settle()
        self.cluster.quiet()
        alice.ask("away", data="tea")
        alice.send("typing", session="lobby")
        self.cluster.settle()
        self.assertEqual(
            sorted(kinds(bob, "away", "typing")), [("away", "alice"), ("typing", "alice")]
        )

    def test_two_changes_at_once(self) -> None:
        """Of two changes that cross, both nodes keep the one that the log took last."""
        root = self.one.come("root")
        root.ask("create", session="den", keep=True)
        self.cluster.settle()
        there = self.two.come("root")
        there.ask("join", session="den")
        self.cluster.settle()
        for hints in self.cluster.hub.nodes:
            hints.is_connected = False
        root.ask("topic", session="den", topic="first")
        there.ask("topic", session="den", topic="second")
        self.cluster.pass_time(2)
        topics = [world.chat.sessions["den"].life.topic for world in self.cluster.worlds]
        self.assertEqual(topics, ["second", "second"])

    def test_many_at_once(self) -> None:
        """A node with very many users is known to the others in turns, whole."""
        guests = [self.one.come(f"guest{number}") for number in range(600)]
        self.cluster.settle()
        three = self.cluster.add()
        self.cluster.pass_time(2)
        self.assertEqual(three.chat.sessions["lobby"].count, 600)
        for guest in guests[:300]:
            guest.vanish()
        self.cluster.pass_time(2)
        self.assertEqual(three.chat.sessions["lobby"].count, 300)

    def test_a_guests_name_that_another_has_now(self) -> None:
        """A guest whose node was away for too long loses its name, and what was said to it."""
        old = self.one.come("dora")
        alice = self.one.come("alice")
        self.cluster.settle()
        alice.ask("text", to="dora", data="secret")
        mend = self.cluster.cut_off(0)
        self.cluster.pass_time(12)
        new = self.two.come("dora")
        mend()
        self.cluster.pass_time(5)
        self.assertTrue(old.closed)
        self.assertEqual(new.ask("list")["type"], "list")
        there = self.one.connect()
        welcome = there.ask("login", user="dora", token=new.token)
        self.assertEqual((welcome["type"], welcome.get("direct", [])), ("welcome", []))

    def test_a_guest_moves_when_its_node_ends(self) -> None:
        """A guest whose node ends in an orderly way comes to another with all that it had."""
        old = self.one.come("dora")
        alice = self.two.come("alice")
        self.cluster.settle()
        alice.ask("text", to="dora", data="psst")
        self.cluster.settle()
        Deferred.fromCoroutine(self.cluster.nodes[0].end())
        self.cluster.kill(0)
        self.cluster.settle()
        self.assertEqual(self.two.connect().ask("login", user="dora")["code"], "name-in-use")
        there = self.two.connect()
        welcome = there.ask("login", user="dora", token=old.token)
        self.assertEqual([d["session"] for d in welcome["direct"]], ["@alice,dora"])
        there.vanish()
        self.cluster.pass_time(self.two.chat.rules.linger + 2)
        self.assertEqual(self.two.connect().ask("login", user="dora")["type"], "welcome")

    def test_names_of_a_node_that_has_ended(self) -> None:
        """A guest that does not come back has its name for a while, and then anybody."""
        self.one.come("dora")
        Deferred.fromCoroutine(self.cluster.nodes[0].end())
        self.cluster.kill(0)
        self.cluster.pass_time(1)
        self.assertEqual(self.two.connect().ask("login", user="dora")["type"], "welcome")

    def test_two_nodes_begin_at_once(self) -> None:
        """The lobby that another node makes while this one begins is this one's, too."""
        cluster = Cluster(0)
        first = cluster.feed.join("first")

        def made() -> None:
            lobby = Life(epoch="first", key="lobby", name="lobby", keep=True)
            self.successResultOf(first.create(lobby))

        world = cluster.add(meanwhile=made)
        self.successResultOf(world.opened)
        self.assertEqual(world.chat.sessions["lobby"].life.epoch, "first")
        self.assertEqual(world.come("dora").say("hi")["type"], "text")

    def test_what_is_not_understood(self) -> None:
        """A note, or a line, that can not be taken up loses itself, and nothing that follows it."""
        alice = self.one.come("alice")
        self.cluster.settle()
        alice.got()
        name = self.cluster.nodes[1].name
        bad = Happened(self.one.chat.sessions["lobby"].life.epoch, Notice(data="heard"))
        self.cluster.feed.write(name, "note", b"nonsense")
        self.cluster.feed.write(name, "life", b"nonsense")
        self.cluster.feed.write(name, "record", b"{}")
        self.cluster.feed.write(name, "note", encode_notes([Came("\0", True), bad]))
        self.cluster.pass_time(2)
        self.assertEqual([m["data"] for m in alice.got() if m["type"] == "notice"], ["heard"])
        bob = self.two.come("bob")
        self.cluster.settle()
        self.assertEqual(kinds(alice, "joined"), [("joined", "bob")])
        bob.say("still here")
        self.assertEqual([text["data"] for text in alice.texts()], ["still here"])

    def test_a_forgotten_feed(self) -> None:
        """A node that was away for longer than lines are kept says that it must begin anew."""
        mend = self.cluster.cut_off(1)
        self.one.come("alice").ask("create", session="den")
        self.cluster.pass_time(1)
        self.cluster.feed.forget()
        mend()
        self.cluster.pass_time(2)
        self.assertEqual(len(self.cluster.failed), 1)
