"""Bounded: who reads slowly is behind, catches up from the log, and loses nothing."""

from __future__ import annotations

from tests.kit.frames import types
from tests.kit.minds import FakeMind, FakeUser, SessionCase, encode_line
from tests.kit.pipe import FULL
from tests.kit.world import ChatCase, Client, World
from twisted_chat.chat.session import Session
from twisted_chat.log.contract import Life


class FanOutTests(SessionCase):
    """A member that is behind, write by write."""

    def test_behind_in_the_middle_of_a_batch(self) -> None:
        """Who has had enough in the middle of a delivery has had that batch, and is read to on."""
        alice, bob = self.user("alice"), self.user("bob")

        def full() -> None:
            bob.full = True
            self.session.fall_behind(self.session.members[bob])

        bob.fake.on_deliver = full
        for number in range(3):
            self.session.say(alice, str(number), None)
        self.clock.advance(0)
        self.assertEqual(b"".join(bob.delivered), b"1:alice:0;2:alice:1;3:alice:2;")
        self.session.say(alice, "3", None)
        self.clock.advance(0)
        bob.full = False
        bob.fake.on_deliver = lambda: None
        self.turn.catch_up(bob)
        self.clock.advance(0)
        self.session.say(alice, "4", None)
        self.clock.advance(0)
        self.assertEqual(
            b"".join(bob.delivered), b"1:alice:0;2:alice:1;3:alice:2;4:alice:3;5:alice:4;"
        )

    def test_the_head_runs_on_while_a_page_is_read(self) -> None:
        """Texts said while somebody's page is with the log are neither lost nor shown twice."""
        alice = self.user("alice")
        for number in range(5):
            self.session.say(alice, str(number), None)
        self.clock.advance(0)
        bob = FakeUser("bob", FakeMind(encode_line))
        self.log.hold = True
        self.session.join(bob, after=0)
        self.clock.advance(0)
        self.session.say(alice, "5", None)
        self.clock.advance(0)
        self.log.commit()
        self.clock.advance(0)
        self.assertEqual(len(self.log.reads), 1)
        self.log.answer()  # the page as it was asked for: up to 5
        self.clock.advance(0)
        self.log.answer()
        self.clock.advance(0)
        self.session.say(alice, "6", None)
        self.clock.advance(0)
        self.log.let_go()
        self.clock.advance(0)
        said = b"".join(bob.delivered).split(b";")[:-1]
        self.assertEqual(said, [b"%d:alice:%d" % (n + 1, n) for n in range(7)])

    def test_moved_while_a_page_is_read(self) -> None:
        """Who jumps back while its page is with the log is read to from its new place."""
        alice = self.user("alice")
        for number in range(5):
            self.session.say(alice, str(number), None)
        self.clock.advance(0)
        bob = FakeUser("bob", FakeMind(encode_line))
        self.log.hold = True
        self.session.join(bob, after=3)
        self.clock.advance(0)
        self.session.join(bob, after=1)
        self.log.let_go()
        self.clock.advance(0)
        self.assertEqual(b"".join(bob.delivered), b"2:alice:1;3:alice:2;4:alice:3;5:alice:4;")

    def test_unreadable(self) -> None:
        """Who can not be read to is let go of: it comes back to where it was."""
        alice = self.user("alice")
        self.session.say(alice, "x", None)
        self.clock.advance(0)
        self.log.broken = True
        bob = FakeUser("bob", FakeMind(encode_line))
        self.session.join(bob, after=0)
        self.clock.advance(0)
        self.assertEqual(bob.delivered, [])
        assert bob.fake.farewell is not None
        self.assertIsNotNone(bob.fake.farewell.retry)

    def test_a_session_that_ends_while_its_page_is_read(self) -> None:
        """Who was read to from a session that ended is read to from its others."""
        other = Session(Life(epoch="f", key="other", name="other"), self.log, self.turn, self.clock)
        self.log.create(other.life)
        alice = self.user("alice")
        other.join(alice)
        for session in (self.session, other):
            session.say(alice, "x", None)
        self.clock.advance(0)
        bob = FakeUser("bob", FakeMind(encode_line))
        self.log.hold = True
        self.session.join(bob, after=0)
        other.join(bob, after=0)
        self.clock.advance(0)
        self.assertEqual(len(self.log.reads), 1)
        self.log.delete("e")
        self.log.commit()
        self.session.close()
        self.log.let_go()
        self.clock.advance(0)
        self.assertEqual(bob.delivered, [b"1:alice:x;"])
        self.assertEqual(list(bob.members), ["other"])

    def test_pruned_while_behind(self) -> None:
        """Who reads so slowly that its place is pruned is told reset: never a silent gap."""
        alice, bob = self.user("alice"), self.user("bob")
        bob.full = True
        self.session.fall_behind(self.session.members[bob])
        for number in range(10):
            self.session.say(alice, str(number), None)
        self.clock.advance(0)
        self.log.prune("e", texts=2)
        bob.full = False
        self.turn.catch_up(bob)
        self.clock.advance(0)
        self.assertIn(b'"reset":true', bob.delivered[-1])
        self.session.say(alice, "live", None)
        self.clock.advance(0)
        self.assertEqual(bob.delivered[-1], b"11:alice:live;")


class SlowReaderTests(ChatCase):
    """Promise 5."""

    def flood(self, world: World, sender: Client, texts: int, size: int = 1_000) -> None:
        for number in range(texts):
            sender.send("text", data=f"{number} ".ljust(size, "x"))
            if number % 32 == 31:
                sender.got()
        sender.got()

    def test_bounded_and_nothing_lost(self) -> None:
        """A reader that stops reading costs a bounded buffer, and later gets every text, once."""
        world = self.world()
        alice, bob, carol = world.come("alice"), world.come("bob"), world.come("carol")
        world.quiet()
        bob.stop_reading()
        self.flood(world, alice, 2_000)
        self.assertLess(bob.pipe.most_unread, FULL + 2 * 65_536)
        self.assertEqual(carol.seqs(), list(range(1, 2_001)))
        while bob.pipe.unread:  # a buffer at a time
            bob._take()
            world.settle()
        bob.read()
        self.assertEqual(bob.seqs(), list(range(1, 2_001)))
        self.assertLess(bob.pipe.most_unread, FULL + 2 * 65_536 + 200 * 200)
        self.flood(world, alice, 1)
        self.assertEqual(bob.seqs(), [2_001])

    def test_one_fresh_snapshot(self) -> None:
        """Events that a slow reader missed are replaced by one snapshot, when it has caught up."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        bob.stop_reading()
        self.flood(world, alice, 200)
        for name in ("carol", "dave"):
            world.come(name)
        world.clients[-2].vanish()
        world.settle()
        self.flood(world, alice, 100)
        bob.read()
        got = bob.got()
        (snapshot,) = [one for one in got if one["type"] != "text"]
        self.assertEqual(snapshot["type"], "session")
        self.assertEqual(sorted(snapshot["users"]), ["alice", "bob", "dave"])
        self.assertNotIn("id", snapshot)
        self.assertEqual([one["seq"] for one in got if "seq" in one], list(range(1, 301)))

    def test_no_snapshot_for_nothing(self) -> None:
        """Who missed texts only gets the texts only."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        bob.stop_reading()
        self.flood(world, alice, 200)
        bob.read()
        self.assertEqual(set(types(bob.got())), {"text"})

    def test_a_slow_reader_that_goes(self) -> None:
        """A slow reader may vanish at any time."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        bob.stop_reading()
        self.flood(world, alice, 200)
        world.log.hold = True
        bob.pipe.take()
        world.settle()
        bob.vanish()
        world.log.let_go()
        self.flood(world, alice, 1)
        self.assertEqual(alice.ask("who", session="lobby")["users"], ["alice"])

    def test_deleted_while_behind(self) -> None:
        """A slow reader is told that the session is deleted, as everybody is."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops")
        bob.ask("join", session="ops")
        world.quiet()
        bob.stop_reading()
        for _number in range(200):
            alice.ask("text", session="ops", data="x" * 1_000)
        alice.ask("delete", session="ops")
        bob.read()
        got = bob.got()
        self.assertEqual(got[-1], {"type": "deleted", "session": "ops", "user": "alice"})
        self.assertEqual(bob.say("still here")["seq"], 1)

    def test_full_before_the_login(self) -> None:
        """Who has not read what came before its login is behind from the start, also in private."""
        world = self.world(users=["alice", "bob"])
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("text", to="bob", data="hello")
        bob.vanish()
        bob = world.connect()
        bob.stop_reading()
        while not bob.pipe.producer_paused:
            bob.send("ping", id="x" * 64)
            world.settle()
        bob.pipe.read_from = True  # as for a request that was on its way already
        bob.protocol.release()
        bob.send("login", user="bob", password="secret")
        world.settle()
        before = len(bob.pipe.unread)
        for _ in range(50):
            alice.ask("text", to="bob", data="x" * 16_000)
        self.assertLess(len(bob.pipe.unread) - before, 2_000)

    def test_everyone_slow(self) -> None:
        """Many who read slowly catch up by turns, all of them completely."""
        world = self.world()
        alice = world.come("alice")
        others = [world.come(f"u{number}") for number in range(30)]
        world.quiet()
        for other in others:
            other.stop_reading()
        self.flood(world, alice, 300)
        for other in others:
            other.pipe.reading = True
            other._take()
        world.settle()
        for other in others:
            self.assertEqual(other.seqs(), list(range(1, 301)))
