"""How much of a connection is held at most, and how fast it is read."""

from __future__ import annotations

from tests.kit.frames import types, wire
from tests.kit.world import ChatCase, Client
from twisted_chat.chat.pace import Rate
from twisted_chat.chat.user import User
from twisted_chat.doors.talk import WINDOW, WINDOW_SIZE


class WindowTests(ChatCase):
    """How much of a connection is held, at most."""

    def unread(self, client: Client) -> int:
        return len(client.pipe.unsent) + len(client.protocol._unprocessed)

    def test_64_texts(self) -> None:
        """Past 64 unanswered texts a connection is not read, until there is room."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        world.log.hold = True
        for _ in range(200):
            alice.send("text", data="x")
        world.settle()
        (user,) = world.chat.people.here["alice"].users
        assert isinstance(user, User)
        self.assertEqual(user.unsettled, WINDOW)
        self.assertFalse(alice.pipe.read_from)
        self.assertEqual(bob.ask("ping")["type"], "pong")
        world.log.let_go()
        self.assertEqual(alice.seqs(), list(range(1, 201)))
        self.assertTrue(alice.pipe.read_from)
        self.assertEqual((user.unsettled, user.unsettled_size), (0, 0))

    def test_64_ki(self) -> None:
        """Past 65,536 unanswered characters too: one text more than that, at most."""
        world = self.world()
        alice = world.come("alice")
        world.log.hold = True
        for _ in range(20):
            alice.send("text", data="x" * 16_000)
        world.settle()
        (user,) = world.chat.people.here["alice"].users
        assert isinstance(user, User)
        self.assertLess(user.unsettled_size, WINDOW_SIZE + 16_384)
        self.assertGreaterEqual(user.unsettled_size, WINDOW_SIZE)
        world.log.let_go()
        self.assertEqual(alice.seqs(), list(range(1, 21)))

    def test_a_flood_is_bounded(self) -> None:
        """Whatever a client sends while it is held stays with it."""
        world = self.world()
        alice = world.come("alice")
        world.log.hold = True
        alice.raw(wire("history", id="h") + wire("ping", id="p") * 100_000)
        world.settle()
        self.assertLess(len(alice.protocol._unprocessed), 200_000)
        world.log.let_go()
        self.assertEqual(len(alice.got()), 100_001)

    def test_a_client_that_does_not_read_is_not_read(self) -> None:
        """Who does not read its answers is not read either: its memory, and not ours."""
        world = self.world()
        alice = world.come("alice")
        alice.stop_reading()
        for _ in range(20_000):
            alice.send("ping", id="x" * 64)
        world.settle()
        self.assertFalse(alice.pipe.read_from)
        self.assertLess(len(alice.pipe.unread), 140_000)
        alice.read()
        self.assertEqual(len(alice.got()), 20_000)

    def test_history_that_is_not_read(self) -> None:
        """A client that asks for large answers and does not read gets a bounded number."""
        world = self.world()
        alice = world.come("alice")
        for _ in range(8):
            alice.say("x" * 16_000)
        world.quiet()
        alice.stop_reading()
        for _ in range(100):
            alice.send("history")
        world.settle()
        self.assertLess(len(alice.pipe.unread), 4 * 65_536)
        alice.read()
        self.assertEqual(types(alice.got()), ["history"] * 100)


class RateTests(ChatCase):
    """A token bucket for each connection."""

    def test_bucket(self) -> None:
        """So many at once, and then so many a second."""
        bucket = Rate(10, 20)
        self.assertEqual([bucket.wait(100.0) for _ in range(20)], [0.0] * 20)
        self.assertAlmostEqual(bucket.wait(100.0), 0.1)
        self.assertAlmostEqual(bucket.wait(100.1), 0.1)
        self.assertAlmostEqual(bucket.wait(100.3), 0.0)
        self.assertEqual([bucket.wait(200.0) for _ in range(20)], [0.0] * 20)
        self.assertGreater(bucket.wait(200.0), 0)
        slow = Rate(0.5, 1)
        self.assertEqual(slow.wait(0), 0)
        self.assertAlmostEqual(slow.wait(0), 2.0)

    def test_slowed_and_nothing_lost(self) -> None:
        """Who exceeds the rate is read at the rate; nobody else is slowed; all is answered."""
        world = self.world(rate=10.0)
        alice, bob = world.come("alice"), world.come("bob")
        world.clock.advance(10)
        world.quiet()
        for number in range(50):
            alice.send("text", data=str(number))
        self.assertEqual(len(alice.texts()), 21)
        self.assertEqual(bob.ask("ping")["type"], "pong")
        world.pass_time(1)
        self.assertEqual(len(alice.texts()), 10)
        world.pass_time(2)
        self.assertEqual([text["data"] for text in alice.texts()][-1], "49")
        self.assertEqual(bob.seqs(), list(range(1, 51)))

    def test_everything_counts(self) -> None:
        """What is refused, or no request, takes a token too, also before a login."""
        world = self.world(rate=1.0)
        alice = world.connect()
        for _ in range(10):
            alice.send("nonsense")
            alice.send("list")
        self.assertEqual(len(alice.got()), 3)
        world.pass_time(17)
        self.assertEqual(len(alice.got()), 17)

    def test_gone_while_slowed(self) -> None:
        """Who goes while it is slowed, or is let go, leaves nothing behind."""
        world = self.world(rate=1.0)
        alice = world.connect()
        for _ in range(10):
            alice.send("ping")
        world.settle()
        alice.vanish()
        world.pass_time(5)
        self.assertEqual(world.factory.watch.connections, set())
