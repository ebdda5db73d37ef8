"""How long an empty session is there."""

from __future__ import annotations

from twisted.internet.task import Clock

from tests.kit.frames import types
from tests.kit.world import ChatCase
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.messages import Bye


class LingerTests(ChatCase):
    """How long an empty session is there."""

    def test_lingers(self) -> None:
        """An empty session closes after the time, its log with it; the name is free then."""
        world = self.world(linger=60.0)
        alice, bob = world.come("alice"), world.come("bob")
        epoch = alice.ask("create", session="ops")["epoch"]
        alice.ask("text", session="ops", data="x")
        alice.vanish()
        world.pass_time(59)
        reply = bob.ask("join", session="ops", after=0, epoch=epoch)
        self.assertNotIn("reset", reply)
        self.assertEqual(bob.seqs(), [1])
        world.pass_time(120)  # somebody is in it
        bob.ask("leave", session="ops")
        world.pass_time(59)
        self.assertIn("ops", world.chat.sessions)
        world.pass_time(2)
        self.assertNotIn("ops", world.chat.sessions)
        self.assertEqual([life.key for life in world.log.lives()], ["lobby"])
        self.assert_refused("no-such-session", bob.ask("join", session="ops"))
        self.assertNotEqual(bob.ask("create", session="ops")["epoch"], epoch)

    def test_at_once(self) -> None:
        """With 0 it closes with the last one to leave, and who vanishes leaves too."""
        world = self.world(linger=0.0)
        alice, bob = world.come("alice"), world.come("bob")
        for go in (lambda: alice.ask("leave", session="ops"), alice.vanish):
            alice.ask("create", session="ops")
            bob.ask("join", session="ops")
            bob.ask("leave", session="ops")
            self.assertIn("ops", world.chat.sessions)
            go()
            self.assertNotIn("ops", world.chat.sessions)

    def test_kept(self) -> None:
        """A session with keep, and the lobby, stay."""
        world = self.world(linger=0.0)
        alice = world.come("alice")
        alice.ask("create", session="ops", keep=True)
        alice.vanish()
        world.pass_time(100)
        self.assertEqual(sorted(world.chat.sessions), ["lobby", "ops"])

    def test_who_comes_back_keeps_it(self) -> None:
        """Each time that it is empty, the whole time passes again."""
        world = self.world(linger=10.0)
        alice = world.come("alice")
        alice.ask("create", session="ops")
        for _ in range(3):
            alice.ask("leave", session="ops")
            world.pass_time(9)
            self.assertEqual(alice.ask("join", session="ops")["count"], 1)
            world.pass_time(20)

    def test_the_log_can_not_forget(self) -> None:
        """What can not be deleted is there until it can be."""
        world = self.world(linger=10.0)
        alice = world.come("alice")
        alice.ask("create", session="ops")
        alice.ask("leave", session="ops")
        world.log.broken = True
        world.pass_time(11)
        self.assertIn("ops", world.chat.sessions)
        world.log.broken = False
        world.pass_time(6)
        self.assertNotIn("ops", world.chat.sessions)

    def test_somebody_came_before_it_could_close(self) -> None:
        """A session that was to close stays where somebody who waited before came in first."""
        world = self.world(linger=0)
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops")
        world.log.hold = True
        alice.send("delete", session="ops")
        world.settle()
        bob.send("join", session="ops", id="j")
        world.settle()
        alice.vanish()
        world.settle()
        world.log.broken = True
        world.log.commit()  # the log could not forget it
        world.log.broken = False
        world.log.let_go()
        self.assertIn("session", types(bob.got()))
        self.assertEqual(bob.say("still here", session="ops")["seq"], 1)

    def test_somebody_joins_while_it_closes(self) -> None:
        """Who asks to join while the log forgets it is told that it is gone."""
        world = self.world(linger=10.0)
        alice = world.come("alice")
        alice.ask("create", session="ops")
        alice.ask("leave", session="ops")
        world.log.hold = True
        world.pass_time(11)
        alice.send("join", session="ops", id="1")
        world.settle()
        world.log.let_go()
        self.assert_refused("no-such-session", alice.got()[-1])

    def test_after_a_restart(self) -> None:
        """Kept sessions and the lobby are there again; others linger once more, then close."""
        clock = Clock()
        log = MemoryLog(clock)
        world = self.world(clock=clock, log=log, linger=10.0)
        alice = world.come("alice")
        kept = alice.ask("create", session="kept", keep=True, topic="T", password="p")
        alice.ask("create", session="brief")
        for name in ("kept", "brief", "lobby"):
            alice.say("x", session=name)
        lobby = alice.ask("join", session="lobby")
        world = self.world(clock=clock, log=log, linger=10.0)
        alice = world.connect()
        place = {"session": "lobby", "after": 0, "epoch": lobby["epoch"]}
        alice.login("alice", resume=[place, {"session": "brief", "after": 0}])
        self.assertEqual(types(alice.got()), ["session", "text", "session", "text"])
        self.assert_refused("bad-password", alice.ask("join", session="kept"))
        again = alice.ask("join", session="kept", password="p", after=0, epoch=kept["epoch"])
        self.assertEqual(
            (again["epoch"], again["topic"], again["owner"], again["head"]),
            (kept["epoch"], "T", "alice", 1),
        )
        self.assertEqual(alice.say("y", session="lobby")["seq"], 2)
        alice.vanish()
        world.pass_time(11)
        self.assertEqual(sorted(world.chat.sessions), ["kept", "lobby"])

    def test_close(self) -> None:
        """A chat that is closed leaves no call behind."""
        world = self.world(linger=10.0)
        alice = world.come("alice")
        alice.ask("create", session="ops")
        alice.vanish()
        world.chat.close()
        world.clock.advance(100)
        self.assertIn("ops", world.chat.sessions)

    def test_nothing_waits_after_the_close(self) -> None:
        """Who goes after that, and what can not be forgotten then, leaves no call behind either."""
        world = self.world(linger=10.0, users=["alice"])
        alice, dave, erin = world.come("alice"), world.come("dave"), world.come("erin")
        alice.ask("create", session="ops")
        dave.ask("text", to="alice", data="x")
        erin.ask("text", to="dave", data="x")
        world.quiet()
        world.log.broken = True
        world.chat.close()
        for client in (alice, dave):
            client.vanish()
        erin.ask("logout")
        world.factory.close(Bye(data="Down."))
        world.settle()
        self.assertEqual(world.clock.getDelayedCalls(), [])
