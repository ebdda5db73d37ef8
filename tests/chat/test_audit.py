"""The trail: who did what to whom, when and why; of every act of a moderator, by every door."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred

from tests.kit.irc import Irc
from tests.kit.lines import Typist
from tests.kit.world import ChatCase, World
from twisted_chat.chat import audit
from twisted_chat.doors.irc import IrcFactory
from twisted_chat.doors.lines import LinesFactory


class AuditTests(ChatCase):
    """Through bytes."""

    def setUp(self) -> None:
        self.here = World(users=["alice", "bob", "carol"], operators=["root"], webhooks=True)
        self.alice, self.root = self.here.come("alice"), self.here.come("root")
        self.bob = self.here.come("bob")
        self.alice.ask("create", session="den")
        self.bob.ask("join", session="den")

    def acts(self, limit: int = 1_000) -> list[dict[str, Any]]:
        """Return what was noted, the newest last."""
        self.here.settle()
        return self.successResultOf(Deferred.fromCoroutine(self.here.chat.audit.latest(limit)))

    def test_every_act(self) -> None:
        """Each is there once, with all that it was about."""
        self.bob.say("hello", session="den")
        self.bob.say("again", session="den")
        self.alice.say("mine", session="den")
        for request in (
            {"type": "set", "invite": True},
            {"type": "topic", "topic": "Order"},
            {"type": "role", "user": "bob", "role": "voice"},
            {"type": "invite", "user": "carol"},
            {"type": "redact", "of": 1, "reason": "spam"},
            {"type": "redact", "of": 1},
            {"type": "redact", "of": 3},
            {"type": "mute", "user": "bob", "seconds": 60, "reason": "loud"},
            {"type": "unmute", "user": "bob"},
            {"type": "kick", "user": "bob", "reason": "once"},
            {"type": "ban", "address": "203.0.113.7/24"},
            {"type": "unban", "address": "203.0.113.0/24"},
            {"type": "webhook", "name": "hook"},
            {"type": "revoke", "name": "hook"},
            {"type": "delete"},
        ):
            self.alice.ask(str(request.pop("type")), session="den", **cast(Any, request))
        for kind, fields in (
            ("notice", {"data": "Hear, hear."}),
            ("disconnect", {"user": "bob"}),
            ("ban", {"user": "bob", "server": True}),
        ):
            self.root.ask(kind, **cast(Any, fields))
        found = [(act["by"], act["what"], act.get("user")) for act in self.acts()]
        self.assertEqual(
            found,
            [
                *(("alice", "set", None), ("alice", "topic", None), ("alice", "role", "bob")),
                *(("alice", "invite", "carol"), ("alice", "redact", "bob")),
                *(("alice", "mute", "bob"), ("alice", "unmute", "bob"), ("alice", "kick", "bob")),
                *(("alice", "ban", None), ("alice", "unban", None)),
                *(("alice", "webhook", "hook"), ("alice", "revoke", "hook")),
                ("alice", "delete", None),
                *(("root", "notice", None), ("root", "disconnect", "bob"), ("root", "ban", "bob")),
            ],
        )
        acts = self.acts()
        self.assertEqual({act.get("session") for act in acts[:13]}, {"den"})
        self.assertEqual((acts[4]["of"], acts[4]["reason"]), (1, "spam"))
        self.assertEqual((acts[5]["reason"], acts[7]["reason"]), ("loud", "once"))
        self.assertEqual(acts[5]["until"] - acts[5]["time"], 60_000)
        self.assertEqual(acts[8]["address"], "203.0.113.0/24")
        self.assertEqual([act["what"] for act in self.acts(2)], ["disconnect", "ban"])

    def test_by_other_doors(self) -> None:
        """What is done by IRC, or by words at a terminal, is there as well."""
        self.alice.ask("role", session="den", user="carol", role="moderator")
        self.alice.ask("role", session="den", user="bob", role="moderator")
        prover = self.here.prover()
        irc = Irc(
            self.here, IrcFactory(self.here.admission, self.here.clock, lambda: None, prover=prover)
        )
        irc.ask("PASS secret", "NICK carol", "USER carol 0 * :x", "JOIN #den")
        self.here.come("gus").ask("join", session="den")
        irc.ask("KICK #den gus :spam", "MODE #den +b *!*@198.51.100.1", "MODE #den +m")
        typist = Typist(self.here, LinesFactory(prover, self.here.clock, lambda: None))
        typist.type("bob", "secret", "/join den", "/mute gus 2h too loud")
        found = [(act["by"], act["what"]) for act in self.acts()[2:]]
        self.assertEqual(
            found, [("carol", "kick"), ("carol", "ban"), ("carol", "set"), ("bob", "mute")]
        )

    def test_nobody_pushes_out_what_others_did(self) -> None:
        """However much is done in a session of one's own, what else was done is still there."""
        self.patch(audit, "MAX_ACTS", 20)
        self.alice.ask("kick", session="den", user="bob")
        self.root.ask("notice", data="Hear, hear.")
        self.root.ask("ban", server=True, user="eve")
        mallory = self.here.come("mallory")
        mallory.ask("create", session="own")
        for number in range(100):
            mallory.ask("ban", session="own", user=f"user{number}")
        found = [(act["by"], act["what"]) for act in self.acts()]
        others = [("alice", "kick"), ("root", "notice"), ("root", "ban")]
        self.assertEqual([one for one in found if one[0] != "mallory"], others)
        self.assertEqual(len(found), 20 + 2)
        again = World(log=self.here.log.log, clock=self.here.clock, users=["alice"])
        again.chat.audit.note(1, "notice", "root")
        again.settle()
        self.assertEqual(len(self.acts()), 20 + 3)

    def test_what_two_say_is_not_in_it(self) -> None:
        """Who ends or blocks a talk of two is not told of."""
        self.alice.ask("text", to="bob", data="hey")
        self.alice.ask("mute", session="@alice,bob", user="bob")
        self.assertEqual(self.acts(), [])
