"""A user blocks another: what that one writes to it reaches it no more, and it isn't told."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.kit.frames import types
from tests.kit.nodes import Cluster
from tests.kit.world import ChatCase

TWO = "@alice,bob"


class BlockingTests(ChatCase):
    """A mute in a direct session."""

    def test_block(self) -> None:
        """The blocked one has its echoes; the other one has nothing, on any connection."""
        here = self.world(users=["alice", "bob"])
        alice, bob = here.come("alice"), here.come("bob")
        bob.say("one", to="alice")
        alice.got()
        bob.got()
        self.assertEqual(alice.ask("mute", session=TWO, user="BOB")["user"], "bob")
        self.assertEqual(bob.ask("text", to="alice", data="two")["seq"], 2)
        bob.ask("react", session=TWO, of=1, data="!")
        bob.send("typing", session=TWO)
        other = here.connect()
        welcome = other.login("alice", password="secret", places=True)
        self.assertEqual((welcome.get("direct", []), welcome["places"]), ([], welcome["places"]))
        self.assertNotIn(TWO, [one["session"] for one in welcome["places"]])
        self.assertEqual([one for one in alice.got() if one.get("session") == TWO], [])
        self.assertEqual([one for one in other.got() if one.get("session") == TWO], [])
        self.assertEqual(other.ask("search", query="two")["texts"], [])
        self.assertEqual(set(types(bob.got())) & {"left", "muted", "error"}, set())
        refused = alice.ask("text", to="bob", data="no")
        self.assert_refused("not-allowed", refused)

    def test_nothing_shows_it(self) -> None:
        """Who asks who is there, or comes in again, sees what it would see otherwise."""
        here = self.world(users=["alice", "bob"])
        alice, bob = here.come("alice"), here.come("bob")
        bob.say("one", to="alice")

        def seen() -> list[Any]:
            again = here.connect()
            again.login("bob", password="secret", resume=[{"session": TWO}])
            (two,) = [one for one in again.got() if one.get("session") == TWO]
            again.vanish()
            found = [bob.ask("who", session=TWO), bob.ask("join", session=TWO), two]
            return [(sorted(one["users"]), one["count"]) for one in found]

        before = seen()
        alice.ask("mute", session=TWO, user="bob")
        self.assertEqual(seen(), before)
        alice.vanish()
        here.settle()
        gone = seen()
        self.assertEqual(gone, [(["bob"], 1)] * 3)
        here.come("alice")
        self.assertEqual(seen(), before)

    def test_unblock(self) -> None:
        """Once it is taken back one reads what was said, and hears what comes."""
        here = self.world(users=["alice", "bob"])
        alice, bob = here.come("alice"), here.come("bob")
        bob.ask("text", to="alice", data="one")
        alice.ask("mute", session=TWO, user="bob")
        bob.ask("text", to="alice", data="two")
        alice.got()
        alice.send("unmute", session=TWO, user="bob")
        here.settle()
        self.assertEqual(sorted(types(alice.got())), ["session", "unmuted"])
        texts = alice.ask("history", session=TWO)["texts"]
        self.assertEqual([text["data"] for text in texts], ["one", "two"])
        bob.ask("text", to="alice", data="three")
        self.assertEqual([one["data"] for one in alice.got()], ["three"])
        self.assertEqual(alice.ask("unmute", session=TWO, user="bob")["type"], "unmuted")

    def test_kept(self) -> None:
        """It holds after a restart."""
        here = self.world(users=["alice", "bob"])
        alice, bob = here.come("alice"), here.come("bob")
        bob.ask("text", to="alice", data="one")
        alice.ask("mute", session=TWO, user="bob")
        again = self.world(log=here.log.log, clock=here.clock, users=["alice", "bob"])
        alice, bob = again.come("alice"), again.come("bob")
        alice.got()
        self.assertEqual(bob.ask("text", to="alice", data="two")["type"], "text")
        self.assertEqual(alice.got(), [])

    def test_whom(self) -> None:
        """Only the other one of the two, and for ever; nobody else can."""
        here = self.world(users=["alice", "bob", "carol"])
        alice, bob, carol = (here.come(name) for name in ("alice", "bob", "carol"))
        bob.ask("text", to="alice", data="one")
        self.assert_refused("bad-request", alice.ask("mute", session=TWO, user="carol"))
        self.assert_refused("bad-request", alice.ask("mute", session=TWO, user="alice"))
        self.assert_refused("bad-request", alice.ask("mute", session=TWO, user="bob", seconds=5))
        self.assert_refused("no-such-session", carol.ask("mute", session=TWO, user="bob"))
        self.assert_refused("not-allowed", alice.ask("ban", session=TWO, user="bob"))


class NodesTests(SynchronousTestCase):
    """Who is blocked is blocked at whichever node."""

    def test_two_nodes(self) -> None:
        """What was asked at one node holds for one's connections at the other, and ends there."""
        cluster = Cluster(users=["alice", "bob"])
        one, two = cluster.worlds
        alice, elsewhere, bob = one.come("alice"), two.come("alice"), two.come("bob")
        bob.ask("text", to="alice", data="one")
        cluster.settle()
        cluster.quiet()
        alice.got()
        elsewhere.got()
        self.assertEqual(alice.ask("mute", session=TWO, user="bob")["type"], "muted")
        cluster.settle()
        self.assertEqual(bob.ask("text", to="alice", data="two")["seq"], 2)
        cluster.settle()
        self.assertEqual((alice.texts(), elsewhere.texts()), ([], []))
        elsewhere.ask("unmute", session=TWO, user="bob")
        cluster.settle()
        bob.ask("text", to="alice", data="three")
        cluster.settle()
        for connection in (alice, elsewhere):  # a node may have heard of the second only now
            said = [text["data"] for text in connection.texts()]
            self.assertIn(said, (["three"], ["two", "three"]))
            texts = connection.ask("history", session=TWO)["texts"]
            self.assertEqual([text["seq"] for text in texts], [1, 2, 3])
