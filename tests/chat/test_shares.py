"""What one user may have of what all share, and work that is cut into turns."""

from __future__ import annotations

from tests.kit.world import ChatCase
from twisted_chat.chat import turn


class ShareTests(ChatCase):
    def test_one_user_has_a_share(self) -> None:
        """Who has made its share of sessions makes no more; others do, and operators do."""
        world = self.world(
            max_sessions_per_user=3, users=["root"], operators=["root"], guests_keep=True
        )
        bob, carol = world.come("bob"), world.come("carol")
        for number in range(3):
            bob.ask("create", session=f"b{number}", keep=True)
        self.assert_refused("too-many-sessions", bob.ask("create", session="b3"))
        self.assertEqual(carol.ask("create", session="c")["type"], "session")
        bob.ask("delete", session="b0")
        self.assertEqual(bob.ask("create", session="b3")["type"], "session")
        world.chat.rules.trusted = ("192.0.2.1",)
        self.assertEqual(bob.ask("create", session="b4")["type"], "session")
        world.chat.rules.trusted = ()
        root = world.come("root")
        for number in range(5):
            self.assertEqual(root.ask("create", session=f"r{number}")["type"], "session")

    def test_one_address_has_a_share(self) -> None:
        """By another name one has no more: so many are made from one address."""
        world = self.world(max_sessions_per_user=2)
        for name in ("ann", "bob"):
            user = world.come(name)
            for number in range(2):
                user.ask("create", session=f"{name}{number}")
        self.assert_refused("too-many-sessions", world.come("eve").ask("create", session="e"))

    def test_the_oldest_empty_one_makes_room(self) -> None:
        """Where all sessions are taken, those with nobody in them go first, the oldest of them."""
        world = self.world(max_sessions=3, max_sessions_per_user=9)
        bob = world.come("bob")
        for name in ("one", "two", "three"):
            bob.ask("create", session=name, keep=True)
        bob.ask("leave", session="two")
        bob.ask("leave", session="three")
        self.assertEqual(world.come("carol").ask("create", session="four")["type"], "session")
        names = {session["session"] for session in bob.ask("list")["sessions"]}
        self.assertEqual(names, {"lobby", "one", "three", "four"})

    def test_what_accounts_keep_is_theirs(self) -> None:
        """A kept session makes no room where keeping is for accounts."""
        world = self.world(max_sessions=1, users=["alice"], guests_keep=False)
        alice = world.come("alice")
        alice.ask("create", session="kept", keep=True)
        alice.ask("leave", session="kept")
        self.assert_refused("too-many-sessions", world.come("bob").ask("create", session="mine"))


class TurnTests(ChatCase):
    def test_a_list_is_made_once(self) -> None:
        """All who ask while nothing changes get the same pages; a change is seen at once."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        one = world.chat.listing()
        self.assertEqual(alice.ask("list")["users"], bob.ask("list")["users"])
        self.assertIs(world.chat.listing(), one)
        alice.ask("create", session="ops", topic="a")
        self.assertIn("ops", [each["session"] for each in bob.ask("list")["sessions"]])
        alice.ask("topic", session="ops", topic="b")
        self.assertIn("b", [each["topic"] for each in bob.ask("list")["sessions"]])
        world.come("carol")
        self.assertIn("carol", [each["user"] for each in bob.ask("list")["users"]])

    def test_going_takes_turns(self) -> None:
        """Who is in very many sessions leaves some in each turn; it is told nothing meanwhile."""
        self.patch(turn, "STEPS_IN_A_TURN", 10)
        world = self.world(max_sessions_per_user=0)
        alice, bob = world.come("alice"), world.come("bob")
        for number in range(35):
            alice.ask("create", session=f"s{number}")
        world.chat.turn._steps = 10
        alice.protocol.connectionLost()
        left = sum("alice" in room.roster for room in world.chat.sessions.values())
        self.assertGreater(left, 20)
        world.pass_time(1)
        self.assertFalse(any("alice" in room.roster for room in world.chat.sessions.values()))
        self.assertNotIn("alice", world.chat.people.here)
        self.assertEqual(bob.ask("ping")["type"], "pong")

    def test_direct_sessions_are_joined_in_turns(self) -> None:
        """A login does not wait for its direct sessions, and misses nothing in them."""
        world = self.world(users=["alice"], directs_per_minute=0)
        guests = [world.come(f"g{number}") for number in range(30)]
        for guest in guests:
            guest.ask("text", to="alice", data="one")
        self.patch(turn, "STEPS_IN_A_TURN", 5)
        world.chat.turn._steps = 5
        alice = world.connect()
        alice.login("alice", password="secret")
        for guest in guests:
            guest.send("text", to="alice", data="two")
        alice.send("text", session="@alice,g29", data="here")
        world.pass_time(1)
        got = alice.got()
        self.assertEqual(
            [one["session"] for one in got if one.get("data") == "here"], ["@alice,g29"]
        )
        told = [one for one in got if one["type"] == "text" and one["data"] == "two"]
        self.assertEqual(len({one["session"] for one in told}), 30)
        self.assertEqual(len(told), 30)
