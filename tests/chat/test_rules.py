"""The rules of a session: who may do what, to whom, and for how long it holds."""

from __future__ import annotations

from itertools import product
from typing import Any

import hypothesis.strategies as st
from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.frames import types
from tests.kit.world import ChatCase, Client, World
from twisted_chat.chat.measures import MAX_MEASURES, Measure, Measures, whom
from twisted_chat.vocabulary.addresses import Blocks, network
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import key_of

RANKS = ("none", "voice", "moderator", "owner", "operator")

REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "set": ({"moderated": True}, "moderator"),
    "topic": ({"topic": "x"}, "moderator"),
    "role voice": ({"type": "role", "user": "bob", "role": "voice"}, "moderator"),
    "role moderator": ({"type": "role", "user": "bob", "role": "moderator"}, "owner"),
    "role owner": ({"type": "role", "user": "bob", "role": "owner"}, "owner"),
    "kick": ({"user": "bob"}, "moderator"),
    "ban": ({"user": "bob"}, "moderator"),
    "mute": ({"user": "bob"}, "moderator"),
    "unban": ({"user": "bob"}, "moderator"),
    "unmute": ({"user": "bob"}, "moderator"),
    "bans": ({}, "moderator"),
    "invite": ({"user": "cid"}, "none"),
    "redact": ({"of": 1}, "moderator"),
    "delete": ({}, "owner"),
}
"""What may be asked for in a session, and from which rank on."""

SERVER: dict[str, dict[str, Any]] = {
    "ban": {"user": "bob", "server": True},
    "unban": {"user": "bob", "server": True},
    "mute": {"user": "bob", "server": True},
    "unmute": {"user": "bob", "server": True},
    "bans": {"server": True},
    "notice": {"data": "Hear, hear."},
    "disconnect": {"user": "bob"},
}
"""What operators alone may ask for."""


class RulesTests(ChatCase):
    """Through bytes."""

    def rooms(self, **more: Any) -> tuple[World, dict[str, Client]]:
        """Return a world with a session, and somebody of each rank in it, and bob, who has none."""
        world = self.world(users=RANKS[:-1], operators=["operator"], **more)
        people = {
            rank: world.come(rank, password="secret") for rank in ("owner", *RANKS[:3], "operator")
        }
        people["bob"], people["cid"] = world.come("bob"), world.come("cid")
        people["owner"].ask("create", session="ops", keep=True)
        for name in (*RANKS[:3], "operator", "bob"):
            people[name].ask("join", session="ops")
        for name in ("voice", "moderator"):
            people["owner"].ask("role", session="ops", user=name, role=name)
        people["bob"].ask("text", session="ops", data="hello")
        world.quiet()
        return world, people

    def test_who_may_what(self) -> None:
        """Each request is for those of its rank and above, and for nobody below."""
        for (name, (fields, least)), rank in product(REQUESTS.items(), RANKS):
            world, people = self.rooms()
            request = {"type": name, "session": "ops", **fields}
            reply = people[rank].ask(**request)
            if RANKS.index(rank) >= RANKS.index(least):
                self.assertNotEqual(reply["type"], "error", (name, rank, reply))
            else:
                self.assert_refused("not-allowed", reply)
            world.quiet()

    def test_what_is_for_operators(self) -> None:
        """The server's own bans, mutes and notices are operators' alone."""
        for (name, fields), rank in product(SERVER.items(), ("owner", "operator")):
            _, people = self.rooms()
            reply = people[rank].ask(name, **fields)
            if rank == "operator":
                self.assertNotEqual(reply["type"], "error", (name, reply))
            else:
                self.assert_refused("not-allowed", reply)

    def test_nobody_of_the_same_rank(self) -> None:
        """A moderator acts upon nobody of its own rank or above; nobody upon an operator."""
        _, people = self.rooms()
        people["owner"].ask("role", session="ops", user="voice", role="moderator")
        for target, what in product(("voice", "owner", "operator"), ("kick", "ban", "mute")):
            reply = people["moderator"].ask(what, session="ops", user=target)
            self.assert_refused("not-allowed", reply)
        for role in ("none", "voice"):
            reply = people["moderator"].ask("role", session="ops", user="voice", role=role)
            self.assert_refused("not-allowed", reply)
        self.assert_refused(
            "not-allowed", people["operator"].ask("ban", server=True, user="operator")
        )

    def test_kick(self) -> None:
        """All are told who, by whom and why; who is kicked is no member, and may come back."""
        _, people = self.rooms()
        bob, owner = people["bob"], people["owner"]
        again = owner.world.connect()
        again.login("bob", token=bob.token)
        again.ask("join", session="ops")
        reply = people["moderator"].ask("kick", session="ops", user="BOB", reason="spam")
        expected: dict[str, Any] = {"type": "kicked", "session": "ops", "user": "bob"}
        expected |= {"by": "moderator", "count": 5, "reason": "spam"}
        self.assertEqual({k: v for k, v in reply.items() if k != "id"}, expected)
        for client in (owner, bob, again):
            self.assertIn(expected, client.got())
        for client in (bob, again):
            self.assert_refused("not-in-session", client.ask("text", session="ops", data="x"))
        self.assert_refused("no-such-user", owner.ask("kick", session="ops", user="bob"))
        self.assertEqual(bob.ask("join", session="ops")["count"], 6)

    def test_ban(self) -> None:
        """Who is banned is taken out, and comes in again when it is lifted, or its time is up."""
        world, people = self.rooms()
        bob, owner = people["bob"], people["owner"]
        reply = owner.ask("ban", session="ops", user="bob", seconds=60, reason="spam")
        self.assertEqual((reply["type"], reply["user"]), ("banned", "bob"))
        self.assertEqual(bob.got()[-1]["type"], "kicked")
        refused = bob.ask("join", session="ops")
        self.assert_refused("banned", refused)
        self.assertIn("spam", refused["data"])
        listed = owner.ask("bans", session="ops")["entries"]
        self.assertEqual(
            [(one["kind"], one["user"], one["by"], one["reason"]) for one in listed],
            [("ban", "bob", "owner", "spam")],
        )
        self.assertEqual(listed[0]["until"] - listed[0]["since"], 60_000)
        world.pass_time(61)
        self.assertEqual(owner.ask("bans", session="ops")["entries"], [])
        self.assertEqual(bob.ask("join", session="ops")["type"], "session")
        owner.ask("ban", session="ops", user="Bob")
        self.assertEqual(owner.ask("unban", session="ops", user="BOB")["type"], "unbanned")
        self.assertEqual(bob.ask("join", session="ops")["type"], "session")

    def test_moderators_by_name(self) -> None:
        """Its owner bans and mutes a moderator by name; by an address nobody of that rank."""
        world, people = self.rooms()
        owner, moderator = people["owner"], people["moderator"]
        for request in ("ban", "mute"):
            owner.ask(request, session="ops", address=moderator.protocol.host)
        self.assertEqual(moderator.ask("text", session="ops", data="x")["type"], "text")
        owner.ask("mute", session="ops", user="moderator")
        self.assert_refused("muted", moderator.ask("text", session="ops", data="x"))
        owner.ask("unmute", session="ops", user="moderator")
        self.assertEqual(moderator.ask("text", session="ops", data="x")["type"], "text")
        owner.ask("ban", session="ops", user="moderator")
        self.assertEqual(moderator.got()[-1]["type"], "kicked")
        self.assert_refused("banned", moderator.ask("join", session="ops"))
        owner.ask("unban", session="ops", user="moderator")
        self.assertEqual(moderator.ask("join", session="ops")["type"], "session")
        people["operator"].ask("mute", server=True, user="owner")
        self.assert_refused("muted", owner.ask("text", session="ops", data="x"))
        world.quiet()

    def test_ban_of_addresses(self) -> None:
        """A network in any spelling fits whoever comes from there; moderators stay."""
        world, people = self.rooms()
        eve = world.connect(host="::ffff:198.51.100.77")
        eve.login("eve")
        eve.ask("join", session="ops")
        for address in ("198.51.100.9/24", "[2001:DB8::1]"):
            reply = people["owner"].ask("ban", session="ops", address=address)
            self.assertEqual(reply["type"], "banned")
        self.assertEqual(eve.got()[-1]["type"], "kicked")
        for name, host in (("eve2", "198.51.100.1"), ("eve3", "2001:db8::ffff")):
            other = world.connect(host=host)
            other.login(name)
            self.assert_refused("banned", other.ask("join", session="ops"))
        fine = world.connect(host="2001:db8:0:1::1")
        fine.login("fine")
        self.assertEqual(fine.ask("join", session="ops")["type"], "session")
        for wrong in ({"address": "x"}, {}, {"address": "192.0.2.1", "user": "bob"}):
            self.assert_refused("bad-request", people["owner"].ask("ban", session="ops", **wrong))

    def test_server_ban(self) -> None:
        """Who is banned from the server is told why, and goes; its logins are refused."""
        world, people = self.rooms()
        bob, operator = people["bob"], people["operator"]
        operator.ask("ban", server=True, user="bob", reason="spam")
        self.assertEqual(bob.got()[-1]["type"], "bye")
        self.assertTrue(bob.closed)
        self.assert_refused("banned", world.connect().ask("login", user="Bob"))
        operator.ask("ban", server=True, address="192.0.2.0/24")
        self.assertTrue(people["cid"].closed)
        self.assertFalse(operator.closed)
        self.assert_refused("banned", world.connect().ask("login", user="zoe"))
        here = world.chat.people.here
        self.assertEqual(sorted(here), ["operator"])
        for what in ({"user": "bob"}, {"address": "192.0.2.9/24"}):
            self.assertEqual(operator.ask("unban", server=True, **what)["type"], "unbanned")
        self.assertEqual(world.connect().ask("login", user="bob")["type"], "welcome")

    def test_mute(self) -> None:
        """A text of who is muted is refused; nobody else notices, and it can read on."""
        _, people = self.rooms()
        bob, owner = people["bob"], people["owner"]
        for where, by in (({"session": "ops"}, owner), ({"server": True}, people["operator"])):
            by.ask("mute", user="bob", seconds=30, reason="calm", **where)
            self.assertEqual(bob.got(), [])
            refused = bob.ask("text", session="ops", data="x")
            self.assert_refused("muted", refused)
            self.assertIn("calm", refused["data"])
            self.assert_refused("muted", bob.ask("react", session="ops", of=1, data="x"))
            self.assertEqual(types(owner.got()), [])
            owner.ask("text", session="ops", data="all fine")
            self.assertEqual(types(bob.got()), ["text"])
            self.assertEqual(by.ask("unmute", user="bob", **where)["type"], "unmuted")
            self.assertEqual(bob.ask("text", session="ops", data="x")["type"], "text")
            people["owner"].world.quiet()

    def test_settings(self) -> None:
        """What is new is told to all; each setting does what it says."""
        world, people = self.rooms()
        bob, owner, cid = people["bob"], people["owner"], people["cid"]
        owner.ask("set", session="ops", moderated=True, limit=6)
        event = {"type": "changed", "session": "ops", "by": "owner", "moderated": True, "limit": 6}
        self.assertIn(event, bob.got())
        self.assert_refused("muted", bob.ask("text", session="ops", data="x"))
        self.assertEqual(people["voice"].ask("text", session="ops", data="x")["type"], "text")
        self.assert_refused("session-full", cid.ask("join", session="ops"))
        owner.ask("set", session="ops", moderated=False, limit=0, hidden=True, password="word")
        world.quiet()
        self.assert_refused("no-such-session", cid.ask("who", session="ops"))
        listed = cid.ask("list")
        self.assertEqual([one["session"] for one in listed["sessions"]], ["lobby"])
        for user in listed["users"]:
            self.assertNotIn("ops", user["sessions"])
        bob.send("list")
        world.settle()
        pages = [page["sessions"] for page in bob.got() if page["type"] == "list"]
        self.assertEqual([one["session"] for page in pages for one in page], ["ops", "lobby"])
        self.assert_refused("bad-password", cid.ask("join", session="ops"))
        self.assertEqual(cid.ask("join", session="ops", password="word")["locked"], True)
        owner.ask("set", session="ops", password=None, hidden=False, open_topic=True)
        self.assertEqual(bob.ask("topic", session="ops", topic="ours")["type"], "topic")
        cid.ask("leave", session="ops")
        owner.ask("set", session="ops", invite=True)
        self.assert_refused("invite-only", cid.ask("join", session="ops"))
        self.assert_refused("not-allowed", bob.ask("invite", session="ops", user="cid"))

    def test_invitation(self) -> None:
        """It lets in once, past a password, a ban, and ``invite``; the invited is told."""
        world, people = self.rooms()
        cid, owner = people["cid"], people["owner"]
        owner.ask("set", session="ops", invite=True, password="word")
        owner.ask("ban", session="ops", user="cid")
        for user, client in (("cid", cid), ("dora", world.come("dora"))):
            self.assertEqual(owner.ask("invite", session="ops", user=user)["type"], "invited")
            told = {"type": "invited", "session": "ops", "user": user, "by": "owner"}
            self.assertIn(told, client.got())
            self.assertEqual(client.ask("join", session="ops")["type"], "session")
            client.ask("leave", session="ops")
        self.assert_refused("banned", cid.ask("join", session="ops"))
        self.assert_refused("no-such-user", owner.ask("invite", session="ops", user="nobody"))

    def test_roles(self) -> None:
        """They are told to all; ``owner`` hands over; a guest's goes with the guest."""
        world, people = self.rooms()
        bob, owner = people["bob"], people["owner"]
        owner.ask("role", session="ops", user="bob", role="moderator")
        event = {
            "type": "role",
            "session": "ops",
            "user": "bob",
            "role": "moderator",
            "by": "owner",
        }
        self.assertIn(event, people["none"].got())
        self.assertEqual(bob.ask("kick", session="ops", user="none")["type"], "kicked")
        bob.ask("logout")
        bob = world.come("bob")
        bob.ask("join", session="ops")
        self.assert_refused("not-allowed", bob.ask("kick", session="ops", user="voice"))
        owner.ask("role", session="ops", user="moderator", role="owner")
        self.assertEqual(people["none"].ask("join", session="ops")["owner"], "moderator")
        self.assert_refused("not-allowed", owner.ask("delete", session="ops"))
        self.assertEqual(people["moderator"].ask("delete", session="ops")["type"], "deleted")

    def test_who_has_a_role(self) -> None:
        """Members see who has which, here or away, in pages; a snapshot says one's own."""
        _, people = self.rooms()
        bob, cid, owner = people["bob"], people["cid"], people["owner"]
        owner.ask("role", session="ops", user="bob", role="voice")  # a guest
        people["moderator"].ask("logout")
        found = bob.ask("roles", session="ops")
        entries = [(one["user"], one["role"]) for one in found["entries"]]
        self.assertEqual(
            entries,
            [("owner", "owner"), ("voice", "voice"), ("moderator", "moderator"), ("bob", "voice")],
        )
        self.assertNotIn("more", found)
        self.assertEqual(len(bob.ask("roles", session="ops", after=3)["entries"]), 1)
        self.assert_refused("not-in-session", cid.ask("roles", session="ops"))
        owner.ask("set", session="ops", moderated=True, limit=9)
        for name, role in (("owner", "owner"), ("bob", "voice"), ("none", None)):
            snapshot = people[name].ask("join", session="ops")
            self.assertEqual(snapshot.get("role"), role)
            self.assertEqual((snapshot["moderated"], snapshot["limit"]), (True, 9))
            self.assertNotIn("invite", snapshot)

    def test_all_of_it_is_kept(self) -> None:
        """Roles, settings, bans, mutes and invitations hold after a restart; so does the trail."""
        world, people = self.rooms()
        owner, operator = people["owner"], people["operator"]
        owner.ask("set", session="ops", invite=True, moderated=True)
        owner.ask("ban", session="ops", address="198.51.100.0/24", reason="spam")
        owner.ask("mute", session="ops", user="voice")
        owner.ask("invite", session="ops", user="none")
        people["none"].ask("leave", session="ops")
        operator.ask("ban", server=True, user="bob")
        world.settle()
        after = self.world(log=world.log.log, clock=world.clock, users=RANKS[:-1],
                           operators=["operator"])  # fmt: skip
        self.assert_refused("banned", after.connect().ask("login", user="bob"))
        none = after.come("none", password="secret")
        self.assertEqual(none.ask("join", session="ops")["type"], "session")
        voice = after.come("voice", password="secret")
        voice.ask("join", session="ops")
        self.assert_refused("muted", voice.ask("text", session="ops", data="x"))
        self.assert_refused("muted", none.ask("text", session="ops", data="x"))
        again = after.come("moderator", password="secret")
        self.assertEqual(len(again.ask("bans", session="ops")["entries"]), 2)
        acts = self.successResultOf(after.log.kept("audit"))
        self.assertEqual(
            len(acts), 7
        )  # two roles at first, settings, two bans, a mute, an invitation

    def test_notice_and_disconnect(self) -> None:
        """An operator speaks to all, or to those in a session; and ends connections."""
        _, people = self.rooms()
        operator, bob, cid = people["operator"], people["bob"], people["cid"]
        operator.ask("notice", data="Soon.")
        said = {"type": "notice", "data": "Soon.", "by": "operator"}
        self.assertIn(said, cid.got())
        operator.ask("notice", data="Here.", session="ops")
        self.assertIn({**said, "data": "Here.", "session": "ops"}, bob.got())
        self.assertEqual(cid.got(), [])
        self.assertEqual(operator.ask("disconnect", user="bob", reason="x")["count"], 1)
        self.assertIn("x", bob.got()[-1]["data"])
        self.assertTrue(bob.closed)


ADDRESS = st.ip_addresses(v=4) | st.ip_addresses(v=6)


class MeasuresTests(SynchronousTestCase):
    """Whom a ban fits."""

    @given(st.lists(st.tuples(ADDRESS, st.integers(0, 64)), max_size=6), ADDRESS, st.booleans())
    def test_as_each_alone(self, nets: list[tuple[Any, int]], host: Any, is_inside: bool) -> None:
        """What is found by prefixes is what each network by itself would say."""
        measures = Measures()
        alone = []
        for address, length in nets:
            length = min(length, 32) if address.version == 4 else length
            _, found = whom(None, f"{address}/{length}")
            measure = Measure(kind="ban", by="x", since=0, address=found)
            measures.add(measure)
            alone.append(found)
        if is_inside and nets:
            host = nets[0][0]
        expected = str(host) in Blocks([one for one in alone if one])
        self.assertEqual(measures.fitting("bob", str(host), 0) is not None, expected)

    def test_names_and_time(self) -> None:
        """A name in any spelling; until its time is up, to the millisecond; lifted, it is gone."""
        measures = Measures()
        user, _ = whom("BOB", None)
        measure = Measure(kind="ban", by="x", since=0, user=user, until=1_000)
        measures.add(measure)
        self.assertEqual(measures.fitting(key_of("bob") or "", "local", 999), measure)
        self.assertIsNone(measures.fitting("bob", "local", 1_000))
        self.assertIsNone(measures.fitting("bobby", "local", 0))
        self.assertEqual(measures.remove(measure.key), measure)
        self.assertIsNone(measures.fitting("bob", "local", 0))

    def test_bounded(self) -> None:
        """There are so many at most; to set one again is none more."""
        measures = Measures()
        for number in range(MAX_MEASURES):
            measures.add(Measure(kind="ban", by="x", since=0, user=f"u{number}"))
        measures.add(Measure(kind="ban", by="y", since=0, user="u1"))
        more = Measure(kind="ban", by="x", since=0, user="more")
        self.assertRaises(ChatError, measures.add, more)
        self.assertEqual(whom(None, "2001:db8::1"), (None, network("2001:db8::1")))
