"""How often somebody may do a thing, and what is remembered of it."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.world import ChatCase, World
from twisted_chat.chat import pace as pace_module
from twisted_chat.chat.pace import Pace
from twisted_chat.doors.turnstile import Turnstile, in_words


class PaceTests(SynchronousTestCase):
    """The count alone."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pace = Pace(self.clock, 3)

    def test_so_many_in_a_while(self) -> None:
        """So many are taken; each makes room again when its time is over."""
        self.assertEqual([self.pace.takes("a") for _ in range(4)], [True, True, True, False])
        self.assertTrue(self.pace.takes("b"))
        self.clock.advance(59)
        self.assertFalse(self.pace.takes("a"))
        self.clock.advance(1)
        self.assertEqual([self.pace.takes("a") for _ in range(4)], [True, True, True, False])

    def test_no_limit(self) -> None:
        """0 is any number."""
        self.assertTrue(all(Pace(self.clock, 0).takes("a") for _ in range(100)))

    def test_what_is_remembered_is_bounded(self) -> None:
        """Of those who did it longest ago nothing is remembered."""
        self.patch(pace_module, "MAX_REMEMBERED", 10)
        for number in range(100):
            self.pace.takes(str(number))
        self.assertEqual(len(self.pace._done), 10)


class LimitTests(ChatCase):
    """Where it is asked."""

    def test_connections_of_an_address(self) -> None:
        """So many connections of an address come in, in a minute; who is trusted is not counted."""
        clock = Clock()
        turnstile = Turnstile(trusted=("192.0.2.9",), pace=Pace(clock, 2))

        def comes(host: str) -> bool:
            return turnstile.turns_away(host, in_words) is None

        self.assertEqual([comes("192.0.2.1") for _ in range(3)], [True, True, False])
        self.assertTrue(comes("192.0.2.2"))
        self.assertTrue(all(comes("192.0.2.9") for _ in range(9)))
        # IPv6: one host has a /64
        found = [comes(f"2001:db8::{number}") for number in range(3)]
        self.assertEqual(found, [True, True, False])
        clock.advance(60)
        self.assertTrue(comes("192.0.2.1"))

    def test_invitations(self) -> None:
        """So many invitations of a user are told; then it is to wait, and an operator is not."""
        world = World(users=["alice", "bob"], operators=["root"], invites_per_minute=2)
        alice, root = world.come("alice"), world.come("root")
        alice.ask("create", session="den")
        root.ask("join", session="den")
        found = [alice.ask("invite", session="den", user="bob").get("code") for _ in range(3)]
        self.assertEqual(found, [None, None, "too-many-attempts"])
        self.assertEqual(root.ask("invite", session="den", user="bob")["type"], "invited")
        world.pass_time(60)
        self.assertEqual(alice.ask("invite", session="den", user="bob")["type"], "invited")
        world.chat.rules.trusted = ("192.0.2.1",)
        found = [alice.ask("invite", session="den", user="bob")["type"] for _ in range(3)]
        self.assertEqual(found, ["invited"] * 3)

    def test_one_rate_for_a_user(self) -> None:
        """A user with many connections says no more than one with a single one."""
        world = World(users=["alice", "bob"], rate=5.0)
        alice = [world.come("alice") for _ in range(4)]
        world.pass_time(10)
        for client in alice:
            for number in range(20):
                client.send("text", session="lobby", data=f"{number}")
        world.pass_time(2)
        self.assertLess(world.chat.sessions["lobby"].head, 25)
        world.pass_time(20)
        self.assertEqual(world.chat.sessions["lobby"].head, 80)

    def test_a_list_of_everybody(self) -> None:
        """A text that names very many is a mention for the first of them alone."""
        names = [f"user{number:02}" for number in range(60)]
        world = World(users=["alice", *names])
        alice = world.come("alice")
        for name in names:
            world.come(name).vanish()
        alice.say(" ".join(names))

        def counted() -> int:
            places = [place for name in names for place in world.chat.places.of(name)]
            return sum(len(place.mentions) for place in places)

        self.assertEqual(counted(), 50)
        world.chat.rules.max_mentions = 3
        alice.say(" ".join(names))
        self.assertEqual(counted(), 53)
