"""A door of another language has, in under 60 lines, all that every door has."""

from __future__ import annotations

from pathlib import Path

from tests.doors import plain_door
from tests.doors.plain_door import PlainFactory
from tests.kit.lines import Liner
from tests.kit.world import ChatCase, World
from twisted_chat.chat.user import User
from twisted_chat.doors.talk import WINDOW
from twisted_chat.doors.turnstile import Turnstile
from twisted_chat.doors.watch import LOGIN_SECONDS
from twisted_chat.vocabulary.messages import Bye


class PlainDoorTests(ChatCase):
    """What `talk` and `stream` give to a door without JSON."""

    def factory(self, world: World, rate: float = 0.0, limit: int = 0) -> PlainFactory:
        """Return a listener."""
        return PlainFactory(world.admission, world.clock, lambda: "lobby", rate, Turnstile(limit))

    def come(self, world: World, name: str) -> Liner:
        """Return somebody who is in the lobby."""
        plain = Liner(world, self.factory(world))
        plain.send(name)
        self.assertEqual(plain.got(), [])
        return plain

    def test_size(self) -> None:
        """The whole door is a page."""
        lines = Path(plain_door.__file__).read_text().splitlines()
        self.assertLess(len(lines), 60)

    def test_one_order(self) -> None:
        """What is said is in one order, through this door and another."""
        world = self.world()
        alice, bob = world.come("alice"), self.come(world, "bob")
        world.quiet()
        bob.send("one", "two")
        bob.got()
        alice.say("three")
        self.assertEqual(bob.got(), ["3 alice: three"])
        self.assertEqual(alice.seqs(), [1, 2])

    def test_refusals(self) -> None:
        """What is refused is told in the door's language, and the line stays usable."""
        world = self.world()
        world.come("alice")
        bob = Liner(world, self.factory(world))
        bob.send("alice", "bob", "", "hello")
        self.assertEqual(bob.got(), ["! name-in-use", "! empty", "1 bob: hello"])

    def test_internal(self) -> None:
        """What breaks is logged, told as internal, and breaks nothing else."""
        world = self.world()
        bob = self.come(world, "bob")
        with self.errors_logged(ZeroDivisionError):
            self.patch(User, "say", lambda *_: 1 // 0)
            bob.send("hello")
            self.assertEqual(bob.got(), ["! internal"])

    def test_window(self) -> None:
        """A line is not read while too many of its texts are unanswered; none is lost."""
        world = self.world()
        bob = self.come(world, "bob")
        world.log.hold = True
        bob.send(*map(str, range(3 * WINDOW)))
        bob.got()
        self.assertFalse(bob.pipe.read_from)
        assert bob.protocol.conversation.user is not None
        self.assertEqual(bob.protocol.conversation.user.unsettled, WINDOW)
        world.log.let_go()
        got = bob.got()
        self.assertEqual([line.split()[-1] for line in got], [*map(str, range(3 * WINDOW))])

    def test_slow_reader(self) -> None:
        """Who does not read falls behind, costs little, and gets all of it later, in order."""
        world = self.world()
        alice, bob = world.come("alice"), self.come(world, "bob")
        bob.pipe.reading = False
        for _ in range(100):
            alice.say("x" * 4_000)
        alice.got()
        self.assertLess(bob.pipe.most_unread, 100_000)
        bob.pipe.reading = True
        self.assertEqual([int(line.split()[0]) for line in bob.got()], [*range(1, 101)])

    def test_rate(self) -> None:
        """Who sends too fast is not read for a while."""
        world = self.world()
        bob = Liner(world, self.factory(world, rate=5))
        bob.send("bob", *map(str, range(30)))
        self.assertLess(len(bob.got()), 12)
        world.pass_time(10)
        self.assertGreater(len(bob.got()), 15)

    def test_ends(self) -> None:
        """Silence ends, no room is no entry, endless lines end, and a farewell is said."""
        world = self.world()
        factory = self.factory(world, limit=3)
        silent, endless, bob = (Liner(world, factory) for _ in range(3))
        refused = Liner(world, factory)
        world.settle()
        self.assertTrue(refused.pipe.gone)
        endless.pipe.send(b"x" * 1_000)
        self.assertEqual(endless.got(), ["! too-large"])
        bob.send("bob")
        world.pass_time(LOGIN_SECONDS + 2)
        self.assertEqual(silent.got(), ["! not-logged-in"])
        ended = factory.close(Bye(data="Good night."))
        self.assertEqual(bob.got(), ["* Good night."])
        self.successResultOf(ended)
        self.assertEqual(world.chat.connections, 0)
