"""What an account sets for itself is so on each of its devices, and at each node."""

from __future__ import annotations

from itertools import islice, product
from string import ascii_lowercase
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.kit.frames import Object
from tests.kit.nodes import Cluster
from tests.kit.world import ChatCase, Client, World
from twisted_chat.vocabulary.messages import MAX_FRAME, MAX_IGNORED, MAX_LEVELS, encode

USERS = ("alice", "bob", "carol")


def settings(client: Client) -> list[Object]:
    """Return what a connection was told of its settings."""
    return [one for one in client.got() if one["type"] == "settings"]


class ChoosingTests(ChatCase):
    """Through bytes."""

    def come(self, world: World, user: str, **more: Any) -> Client:
        client = world.connect()
        client.login(user, password="secret", **more)
        return client

    def test_it_is_kept(self) -> None:
        """Who comes with its places has all of it before any text, after a restart too."""
        world = self.world(users=USERS)
        alice = self.come(world, "alice")
        alice.ask("create", session="Ops", keep=True)
        chosen = alice.ask(
            "settings",
            ignore=["Bob", "Nobody"],
            levels=[{"session": "ops", "level": "none"}, {"session": "lobby", "level": "all"}],
        )
        self.assertEqual(chosen["ignored"], ["Nobody", "bob"])  # an account has its own name
        levels = {one["session"]: one["level"] for one in chosen["levels"]}
        self.assertEqual(levels, {"Ops": "none", "lobby": "all"})
        alice.ask("settings", unignore=["NOBODY"], levels=[{"session": "lobby", "level": "usual"}])
        for again in (world, self.world(log=world.log.log, clock=world.clock, users=USERS)):
            tab = self.come(again, "alice", places=True)
            got = tab.got()
            self.assertEqual(got[0]["type"], "settings")
            self.assertEqual(got[0]["ignored"], ["bob"])
            self.assertEqual(got[0]["levels"], [{"session": "Ops", "level": "none"}])
            self.assertEqual(settings(self.come(again, "alice")), [])  # a bot did not ask
            again.quiet()

    def test_other_devices(self) -> None:
        """They are told of each change, and nobody else is; asking changes nothing."""
        world = self.world(users=USERS)
        one, two, bob = (self.come(world, name) for name in ("alice", "alice", "bob"))
        self.assertEqual(one.ask("settings")["ignored"], [])
        self.assertEqual(settings(two), [])
        answer = one.ask("settings", ignore=["bob"])
        self.assertEqual(answer["ignored"], ["bob"])
        (told,) = settings(two)
        self.assertEqual((told["ignored"], told.get("id")), (["bob"], None))
        self.assertEqual(settings(one), [])
        self.assertEqual(settings(bob), [])

    def test_what_is_no_mention(self) -> None:
        """A text of an ignored user is given out, and calls nobody."""
        world = self.world(users=USERS)
        alice, bob = self.come(world, "alice"), self.come(world, "bob")
        alice.ask("settings", ignore=["bob"])
        bob.say("alice!")
        self.assertEqual([one["data"] for one in alice.texts()], ["alice!"])
        tab = world.connect()
        (place,) = tab.login("alice", password="secret")["places"]
        self.assertEqual((place["unread"], place["mentions"]), (1, 0))
        alice.ask("settings", unignore=["bob"])
        bob.say("alice?")
        (place,) = world.connect().login("alice", password="secret")["places"]
        self.assertEqual(place["mentions"], 1)

    def test_refused(self) -> None:
        """A guest's are its client's; of what can not be done nothing is done."""
        world = self.world(users=USERS, guests=True)
        guest = world.come("gast")
        self.assert_refused("not-allowed", guest.ask("settings"))
        alice = self.come(world, "alice")
        for code, wrong in (
            ("invalid-name", {"ignore": ["bob", "no name"]}),
            ("bad-request", {"ignore": ["Alice"]}),
            ("not-in-session", {"ignore": ["bob"], "levels": [{"session": "x", "level": "all"}]}),
            ("bad-request", {"levels": [{"session": "lobby", "level": "loud"}]}),
        ):
            self.assert_refused(code, alice.ask("settings", **wrong))
        world.log.broken = True
        self.assert_refused("not-stored", alice.ask("settings", ignore=["bob"]))
        world.log.broken = False
        self.assertEqual(alice.ask("settings")["ignored"], [])

    def test_bounds(self) -> None:
        """All that may be set fits in a frame, with the longest names that there are."""
        world = self.world(users=USERS)
        alice = self.come(world, "alice")
        letters = islice(product(ascii_lowercase, repeat=2), MAX_IGNORED)
        names = ["界" * 30 + "".join(pair) for pair in letters]
        for at in range(0, MAX_IGNORED, 100):
            self.assertEqual(alice.ask("settings", ignore=names[at : at + 100])["type"], "settings")
        self.assert_refused("not-allowed", alice.ask("settings", ignore=["one-more"]))
        self.assertEqual(alice.ask("settings", ignore=names[:1])["type"], "settings")
        for number in range(MAX_LEVELS):
            session = "界" * 60 + f"{number}"
            alice.ask("create", session=session)
            alice.ask("settings", levels=[{"session": session, "level": "mentions"}])
        self.assert_refused(
            "not-allowed", alice.ask("settings", levels=[{"session": "lobby", "level": "none"}])
        )
        alice.ask("leave", session=session)
        for changed in ((session, "usual"), ("lobby", "none")):  # one is let go for the other
            level = dict(zip(("session", "level"), changed, strict=True))
            self.assertEqual(alice.ask("settings", levels=[level])["type"], "settings")
        chosen = world.chat.places.chosen("alice")
        self.assertEqual((len(chosen.ignored), len(chosen.levels)), (MAX_IGNORED, MAX_LEVELS))
        self.assertLess(len(encode(chosen)) + 100, MAX_FRAME)

    def test_a_session_that_was_left(self) -> None:
        """What was set for it can be taken back, and nothing else; no other one is found out."""
        world = self.world(users=USERS)
        alice, bob = self.come(world, "alice"), self.come(world, "bob")
        bob.ask("create", session="Ops")
        bob.ask("create", session="secret")
        alice.ask("join", session="ops")
        alice.ask("settings", levels=[{"session": "ops", "level": "none"}])
        alice.ask("leave", session="ops")
        for session, level in (("ops", "all"), ("secret", "usual"), ("nothing", "usual")):
            wrong = alice.ask("settings", levels=[{"session": session, "level": level}])
            self.assert_refused("not-in-session", wrong)
        back = {"session": "OPS", "level": "usual"}
        self.assertEqual(alice.ask("settings", levels=[back])["levels"], [])
        self.assert_refused("not-in-session", alice.ask("settings", levels=[back]))

    def test_a_session_that_ends(self) -> None:
        """What was set for it ends with it; another one of that name begins as usual."""
        world = self.world(users=USERS)
        alice = self.come(world, "alice")
        alice.ask("create", session="ops")
        alice.ask("settings", levels=[{"session": "ops", "level": "none"}])
        alice.ask("delete", session="ops")
        alice.ask("create", session="ops")
        self.assertEqual(alice.ask("settings")["levels"], [])


class NodesTests(SynchronousTestCase):
    """With two nodes."""

    def test_two_nodes(self) -> None:
        """What was set at one is so at the other: told there, known there, and no mention there."""
        cluster = Cluster(users=["alice", "bob"])
        one, two = cluster.worlds
        alice, elsewhere, bob = one.come("alice"), two.come("alice"), two.come("bob")
        cluster.settle()
        elsewhere.got()
        level = {"session": "lobby", "level": "none"}
        alice.ask("settings", ignore=["bob"], unignore=["carol"], levels=[level])
        cluster.settle()
        (told,) = settings(elsewhere)  # once, however much is set
        self.assertEqual(told["ignored"], ["bob"])
        self.assertEqual(told["levels"], [{"session": "lobby", "level": "none"}])
        bob.say("alice!")
        cluster.settle()
        (place,) = two.connect().login("alice", password="secret")["places"]
        self.assertEqual(place["mentions"], 0)
        alice.got()
        elsewhere.ask("settings", unignore=["bob"])
        cluster.settle()
        (told,) = settings(alice)
        self.assertEqual(told["ignored"], [])
        cluster.quiet()
