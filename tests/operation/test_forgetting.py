"""A name that is let go is nobody's: who gets it next has nothing of who had it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.logs import DEV, OPS, Folder
from tests.kit.nodes import Cluster
from tests.kit.world import ChatCase, World
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.accounts.devices import Devices
from twisted_chat.accounts.known import KIND, KnownAddresses
from twisted_chat.chat.member import Mind
from twisted_chat.chat.places import LEVEL, MENTION, PLACE, READ
from twisted_chat.log.contract import Entry, Life, Record
from twisted_chat.log.releasing import release
from twisted_chat.operation.forgetting import forget
from twisted_chat.operation.joining import hear_accounts
from twisted_chat.operation.orders import operator_of
from twisted_chat.vocabulary.names import user_name

USERS = ("alice", "bob", "carol")


class ForgettingTests(ChatCase):
    """While the daemon runs."""

    def test_nothing_is_left(self) -> None:
        """No place, no role, no session, no setting: now, and after a restart."""
        world = self.world(users=USERS)
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops", keep=True)
        alice.ask("set", session="ops", invite=True)
        alice.ask("invite", session="ops", user="bob")
        bob.ask("join", session="ops")
        alice.ask("role", session="ops", user="bob", role="moderator")
        bob.ask("create", session="own", keep=True)
        alice.ask("create", session="board", keep=True)
        alice.ask("invite", session="board", user="bob")
        bob.ask("settings", ignore=["carol"], levels=[{"session": "ops", "level": "none"}])
        alice.ask("text", session="ops", data="for bob")
        bob.ask("read", session="ops", seq=1)
        alice.ask("text", session="ops", data="bob?")
        bob.vanish()
        world.settle()
        self.forget(world)
        self.assertIn("role", [one["type"] for one in alice.got()])
        for again in (world, self.world(log=world.log.log, clock=world.clock, users=USERS)):
            self.check(again)

    def test_no_way_in_is_left(self) -> None:
        """No device lets its old owner in, no address is known; another's are as they were."""
        world = self.world(users=USERS)
        parts = self.parts(world)
        tokens = {}
        for name in ("alice", "bob"):
            mind = cast(Mind, SimpleNamespace(door="web", host="192.0.2.1"))
            done = Deferred.fromCoroutine(parts.devices.remember(name, mind))
            tokens[name] = self.successResultOf(done)[1]
            self.successResultOf(parts.attempts.begin("192.0.2.1", name))
            parts.attempts.succeeded("192.0.2.1", name)
            parts.attempts.end("192.0.2.1", name)
        self.forget(world, parts)
        for again in (parts, self.parts(world)):
            self.assertIsNone(again.devices.find("bob", tokens["bob"]))
            self.assertEqual(again.attempts.known_of("bob"), [])
            self.assertIsNotNone(again.devices.find("alice", tokens["alice"]))
            self.assertEqual(again.attempts.known_of("alice"), ["192.0.2.1"])

    def test_another_node(self) -> None:
        """What is forgotten at one node is forgotten at the others."""
        world = self.world(users=USERS)
        parts = self.parts(world)
        node: Any = SimpleNamespace(hearing=SimpleNamespace(kinds={}))
        hear_accounts(node, world.chat, parts.devices, parts.attempts, None)
        for value, addresses in ((b"", ["192.0.2.1"]), (None, [])):
            node.hearing.kinds[KIND](Record(KIND, "user:bob", "192.0.2.1", value))
            self.assertEqual(parts.attempts.known_of("bob"), addresses)

    def parts(self, world: World) -> Any:
        """Return what the log of a chat keeps beside it."""
        attempts = Attempts(world.clock)
        devices, known = (
            Devices(world.log, world.clock.seconds),
            KnownAddresses(world.log, attempts),
        )
        for one in (devices, known):
            self.successResultOf(Deferred.fromCoroutine(one.load()))
        return SimpleNamespace(chat=world.chat, attempts=attempts, devices=devices, known=known)

    def forget(self, world: World, parts: Any = None) -> None:
        """Let bob's name be anybody's."""
        operator = operator_of(cast(Any, SimpleNamespace(chat=world.chat)))
        parts = parts or self.parts(world)
        done = Deferred.fromCoroutine(forget(parts, operator, user_name("bob")))
        world.settle()
        self.successResultOf(done)

    def check(self, world: World) -> None:
        """Hold that who has the name now is new."""
        new = world.connect()
        welcome = new.login("bob", password="secret", places=True)
        places = {place["session"] for place in welcome.get("places", ())}
        self.assertLessEqual(places, {"lobby"})
        self.assertEqual([one for one in new.got() if one["type"] == "settings"], [])
        self.assert_refused("invite-only", new.ask("join", session="ops"))
        self.assertIsNone(new.ask("join", session="own")["owner"])
        self.assertEqual(new.ask("settings")["ignored"], [])
        for ruling in (one.ruling for one in world.chat.sessions.values()):
            self.assertNotIn("bob", {**ruling.roles, **ruling.invited})
        new.ask("leave", session="own")
        world.quiet()


class NodesTests(SynchronousTestCase):
    """With two nodes."""

    def test_nothing_is_left(self) -> None:
        """Whoever has the name next has read all that was said before, at the other node too."""
        cluster = Cluster(users=USERS)
        one, two = cluster.worlds
        bob, alice = one.come("bob"), two.come("alice")
        alice.say("bob!")
        bob.ask("settings", levels=[{"session": "lobby", "level": "none"}])
        bob.vanish()
        cluster.settle()
        parts: Any = SimpleNamespace(
            chat=one.chat,
            devices=Devices(one.log, one.clock.seconds),
            known=KnownAddresses(one.log, Attempts(one.clock)),
        )
        operator = operator_of(cast(Any, SimpleNamespace(chat=one.chat)))
        done = Deferred.fromCoroutine(forget(parts, operator, user_name("bob")))
        cluster.settle()
        self.successResultOf(done)
        (lobby,) = two.chat.sessions.values()
        for world in (one, two):
            self.assertIsNone(world.chat.places.read_of("bob", lobby))
        new = two.come("bob")
        (place,) = two.connect().login("bob", password="secret")["places"]
        self.assertEqual((place["unread"], place["mentions"]), (0, 0))
        self.assertEqual(new.ask("settings")["levels"], [])
        cluster.quiet()


class ReleaseTests(Folder):
    """While no daemon has the log."""

    def test_nothing_is_left(self) -> None:
        """Of the account nothing is kept, of all others everything; what it said stays."""
        log = self.open()
        for life in (OPS, DEV, Life(epoch="own", key="own", name="own", owner="Bob")):
            self.successResultOf(log.create(life))
        self.successResultOf(log.append(OPS.epoch, [Entry("Bob", "hello")]))
        stay = [
            Record(MENTION, OPS.epoch, "bobby:00000000000000000001", b"1"),
            Record(PLACE, OPS.epoch, "alice", b"alice"),
            Record("wishes", "user:alice", "terminal", b"{}"),
        ]
        go = [
            Record(MENTION, OPS.epoch, "bob:00000000000000000001", b"1"),
            Record("name", "", "bob", b"Bob"),
            *(Record(kind, OPS.epoch, "bob", b"1") for kind in (PLACE, READ, LEVEL)),
            Record("role", DEV.epoch, "bob", b"voice Bob"),
            Record("invitation", DEV.epoch, "bob", b"alice"),
            Record("standing", DEV.epoch, "bob", b"Bob"),
            *(
                Record(kind, "user:bob", "x", b"1")
                for kind in ("ignored", "wishes", "device", "seen")
            ),
        ]
        self.successResultOf(log.keep([*stay, *go]))
        self.successResultOf(log.close())
        self.assertEqual(release(str(self.path), "bob"), (True, 0))
        log = self.open()
        kinds = dict.fromkeys(record.kind for record in [*stay, *go])
        left = [record for kind in kinds for record in self.successResultOf(log.kept(kind))]
        self.assertCountEqual(left, stay)
        self.assertEqual({life.key: life.owner for life in log.lives()}["own"], None)
        (text,) = self.successResultOf(log.read(OPS.epoch, 0, 9)).texts
        self.assertEqual(text.source, "Bob")
        self.successResultOf(log.close())
