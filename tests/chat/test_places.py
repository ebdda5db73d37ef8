"""Places: where an account is while it is away; how far it has read, what names it; who is away."""

from __future__ import annotations

from typing import Any

from tests.kit.frames import Object, types
from tests.kit.world import ChatCase, Client, World
from twisted_chat.chat.typing import TYPING_SECONDS

USERS = ("alice", "bob", "carol")


class PlacesTests(ChatCase):
    """Through bytes."""

    def come(self, world: World, user: str, **more: Any) -> tuple[Client, Object]:
        client = world.connect()
        welcome = client.login(user, password="secret", **more)
        return client, welcome

    def test_an_account_stays_where_it_is(self) -> None:
        """It is in its sessions again, over any connection and a restart, until it leaves them."""
        world = self.world(users=USERS)
        alice, welcome = self.come(world, "alice")
        self.assertNotIn("places", welcome)
        for name in ("ops", "dev", "old"):
            alice.ask("create", session=name, keep=True, password="word")
        alice.ask("leave", session="old")
        alice.vanish()
        for again in (world, self.world(log=world.log.log, clock=world.clock, users=USERS)):
            plain, welcome = self.come(again, "alice")
            self.assertEqual(
                sorted(place["session"] for place in welcome["places"]), ["dev", "lobby", "ops"]
            )
            snapshots = [one["session"] for one in plain.got() if one["type"] == "session"]
            self.assertEqual(snapshots, ["lobby"])
            tab, _ = self.come(again, "alice", places=True)
            snapshots = [one["session"] for one in tab.got() if one["type"] == "session"]
            self.assertEqual(sorted(snapshots), ["dev", "lobby", "ops"])
            self.assertEqual(tab.ask("text", session="ops", data="here")["type"], "text")
            again.quiet()
        self.assertEqual(tab.ask("leave", session="dev")["type"], "left")
        tab, _ = self.come(again, "alice", places=True)
        self.assertNotIn("dev", [one.get("session") for one in tab.got()])

    def test_what_is_named_is_resumed(self) -> None:
        """``resume`` has its way, and ``places`` adds the others."""
        world = self.world(users=USERS)
        alice, _ = self.come(world, "alice")
        epoch = alice.ask("create", session="ops")["epoch"]
        alice.ask("create", session="dev")
        alice.ask("text", session="ops", data="one")
        alice.vanish()
        place = {"session": "ops", "after": 0, "epoch": epoch}
        again, _ = self.come(world, "alice", resume=[place], places=True)
        got = [one for one in again.got() if one["type"] in ("session", "text")]
        self.assertEqual(
            [one["session"] for one in got if one["type"] == "session"], ["lobby", "ops", "dev"]
        )
        self.assertEqual([one["data"] for one in got if one["type"] == "text"], ["one"])

    def test_who_is_taken_out_has_no_place(self) -> None:
        """A kick and a ban end it, and a guest has none."""
        world = self.world(users=USERS)
        alice, _ = self.come(world, "alice")
        bob, _ = self.come(world, "bob")
        alice.ask("create", session="ops")
        bob.ask("join", session="ops")
        alice.ask("kick", session="ops", user="bob")
        bob.vanish()
        _, welcome = self.come(world, "bob")
        self.assertEqual([place["session"] for place in welcome["places"]], ["lobby"])
        guest = world.connect()
        self.assertNotIn("places", guest.login("guest", places=True))

    def test_markers(self) -> None:
        """How far one has read is kept, never goes back, and one's other connections are told."""
        world = self.world(users=USERS)
        alice, _ = self.come(world, "alice")
        phone, _ = self.come(world, "alice")
        bob, _ = self.come(world, "bob")
        for number in range(1, 6):
            bob.say(f"text {number}")
        world.quiet()
        self.assertEqual(alice.ask("read", session="lobby", seq=3)["seq"], 3)
        self.assertEqual(phone.got(), [{"type": "read", "session": "lobby", "seq": 3}])
        self.assertEqual(alice.ask("read", session="lobby", seq=2)["seq"], 3)
        self.assertEqual(alice.ask("read", session="lobby", seq=99)["seq"], 5)
        bob.say("six")
        for again in (world, self.world(log=world.log.log, clock=world.clock, users=USERS)):
            tab, welcome = self.come(again, "alice")
            (place,) = welcome["places"]
            self.assertEqual((place["head"], place["read"], place["unread"]), (6, 5, 1))
            snapshot = next(one for one in tab.got() if one["type"] == "session")
            self.assertEqual(snapshot["read"], 5)
        guest = world.come("guest")
        self.assertEqual(guest.ask("read", session="lobby", seq=4)["seq"], 4)

    def test_mentions(self) -> None:
        """Texts that name somebody who is away are counted, until they are read."""
        world = self.world(users=USERS)
        alice, _ = self.come(world, "alice")
        bob, _ = self.come(world, "bob")
        alice.vanish()
        for data in ("hello", "@alice: look", "alice@corp.example", "ALICE?", "alicent"):
            bob.say(data)
        bob.say("bob himself")
        for again in (world, self.world(log=world.log.log, clock=world.clock, users=USERS)):
            tab, welcome = self.come(again, "alice")
            (place,) = welcome["places"]
            self.assertEqual((place["unread"], place["mentions"]), (6, 2))
        tab.ask("read", session="lobby", seq=2)
        _, welcome = self.come(again, "alice")
        self.assertEqual(welcome["places"][0]["mentions"], 1)
        tab.ask("read", session="lobby", seq=6)
        _, welcome = self.come(again, "alice")
        self.assertEqual(welcome["places"][0]["mentions"], 0)
        _, welcome = self.come(again, "bob")
        self.assertEqual(welcome["places"][0]["mentions"], 0)

    def test_a_session_that_ends_takes_its_places(self) -> None:
        """One of the same name is another: nobody is in it, or has read it."""
        world = self.world(users=USERS)
        alice, _ = self.come(world, "alice")
        alice.ask("create", session="ops")
        alice.ask("text", session="ops", data="x")
        alice.ask("read", session="ops", seq=1)
        alice.ask("delete", session="ops")
        bob, _ = self.come(world, "bob")
        bob.ask("create", session="ops")
        _, welcome = self.come(world, "alice")
        self.assertEqual([place["session"] for place in welcome["places"]], ["lobby"])
        self.assertEqual(len(self.successResultOf(world.log.kept("read"))), 3)  # two lobbies, ops

    def test_away(self) -> None:
        """It is shown, and told to who shares a session; with the last connection it is over."""
        world = self.world(users=USERS)
        alice, _ = self.come(world, "alice")
        bob, carol = world.come("bobby"), world.come("caro")
        carol.ask("leave", session="lobby")
        world.quiet()
        self.assertEqual(alice.ask("away", data="lunch")["data"], "lunch")
        self.assertEqual(bob.got(), [{"type": "away", "user": "alice", "data": "lunch"}])
        self.assertEqual(carol.got(), [])
        self.assertEqual(
            bob.ask("who", session="lobby")["away"], [{"user": "alice", "data": "lunch"}]
        )
        listed = {one["user"]: one for one in bob.ask("list")["users"]}
        self.assertEqual(listed["alice"]["away"], "lunch")
        self.assertNotIn("away", listed["bobby"])
        alice.ask("away")
        self.assertEqual(bob.got()[-1], {"type": "away", "user": "alice"})
        self.assertNotIn("away", bob.ask("who", session="lobby"))

    def test_typing(self) -> None:
        """It is told to the others who keep up, at most every three seconds, and stored nowhere."""
        world = self.world()
        alice, bob, slow = world.come("alice"), world.come("bob"), world.come("slow")
        slow.stop_reading()
        for _ in range(60):
            alice.say("x" * 16_000)
        world.quiet()
        appends = world.log.appends
        for _ in range(5):
            alice.send("typing", session="lobby")
        world.settle()
        self.assertEqual(bob.got(), [{"type": "typing", "session": "lobby", "user": "alice"}])
        self.assertEqual(alice.got(), [])
        world.pass_time(TYPING_SECONDS)
        alice.send("typing")
        world.settle()
        self.assertEqual(types(bob.got()), ["typing"])
        slow.read()
        world.settle()
        self.assertNotIn("typing", types(slow.got()))
        self.assertEqual(world.log.appends, appends)
        self.assert_refused("not-in-session", alice.ask("typing", session="ops"))
