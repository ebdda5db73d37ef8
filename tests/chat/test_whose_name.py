"""Whose a name is: lookalikes, names that accounts had, connections of accounts that are gone."""

from __future__ import annotations

from typing import Any

from twisted.logger import LogEvent, Logger, formatEvent

from tests.kit.world import ChatCase, Client
from twisted_chat.chat.direct import MAX_TRIES, PACE_SECONDS
from twisted_chat.chat.sparing import LINES, SparingLog


class NamesTests(ChatCase):
    def test_a_guest_looks_like_nobody(self) -> None:
        """No guest has a name that people take for an account's, or for that of who is here."""
        world = self.world(users=["alice"])
        for name in ("\u0430lice", "aIice", "al\u0131ce", "a1ice"):
            refused = world.connect().ask("login", user=name)
            self.assertIn(refused["code"], ("name-in-use", "invalid-name"), name)
        world.come("Bob")
        self.assert_refused("name-in-use", world.connect().ask("login", user="B0b"))
        self.assertEqual(world.connect().ask("login", user="carol")["type"], "welcome")

    def test_a_name_is_free_again(self) -> None:
        """Who has gone is looked like by anybody."""
        world = self.world()
        bob = world.come("bob")
        self.assert_refused("name-in-use", world.connect().ask("login", user="b0b"))
        bob.ask("logout")
        self.assertEqual(world.connect().ask("login", user="b0b")["type"], "welcome")

    def test_sessions_look_like_none(self) -> None:
        """No session is created that people take for another."""
        alice = self.world().come("alice")
        alice.ask("create", session="Ops")
        self.assert_refused("session-exists", alice.ask("create", session="0ps"))
        self.assert_refused("invalid-name", alice.ask("create", session="d\u0435v"))
        alice.ask("delete", session="ops")
        self.assertEqual(alice.ask("create", session="0ps")["type"], "session")

    def test_what_an_account_was_called(self) -> None:
        """A name that an account has had is no guest's, whatever becomes of the account."""
        world = self.world(users=["dave"])
        dave = world.come("dave", password="secret")
        dave.say("mine")
        dave.ask("logout")
        assert world.directory is not None
        del world.directory.known["dave"]
        self.assert_refused("bad-credentials", world.connect().ask("login", user="Dave"))
        after = self.world(log=world.log.log, users=[])
        self.assert_refused("bad-credentials", after.connect().ask("login", user="dave"))
        self.assertTrue(self.successResultOf(after.chat.former.release("dave")))
        self.assertEqual(after.connect().ask("login", user="dave")["type"], "welcome")

    def test_names_are_not_tried(self) -> None:
        """Who writes to many names that nobody has is told nothing more about names for a while."""
        world = self.world(users=["alice", "carol"])
        eve, bob = world.come("eve"), world.come("bob")
        eve.ask("text", to="alice", data="hello")
        for number in range(MAX_TRIES):
            self.assert_refused("no-such-user", eve.ask("text", to=f"n{number}", data="x"))
        for name in ("nobody", "carol"):
            self.assert_refused("too-many-attempts", eve.ask("text", to=name, data="x"))
        self.assertEqual(eve.ask("text", to="alice", data="still")["type"], "text")
        self.assert_refused("too-many-attempts", bob.ask("text", to="n", data="x"))  # one address
        world.pass_time(PACE_SECONDS + 1)
        self.assertEqual(eve.ask("text", to="carol", data="x")["type"], "text")

    def test_an_account_that_is_gone(self) -> None:
        """All its connections are told, and end; nobody else's do."""
        world = self.world(users=["dave"])
        dave, also, bob = world.come("dave", password="secret"), None, world.come("bob")
        also = world.come("dave", password="secret")
        world.chat.end_accounts(["dave", "nobody"])
        for client in (dave, also):
            self.assertEqual(client.got()[-1]["type"], "bye")
        self.assertEqual(list(world.chat.people.here), ["bob"])
        self.assertEqual(bob.say("still here")["type"], "text")


class SparingLogTests(ChatCase):
    def test_lines(self) -> None:
        """A line for each, escaped; past so many in a second they are counted."""
        seen: list[LogEvent] = []
        clock = self.world().clock
        log = SparingLog(clock, Logger(observer=seen.append))  # type: ignore[arg-type]
        for n in range(LINES + 7):
            log.warn("Failed login from {host} as {user}", host="192.0.2.1", user=f"a\nb{n}")
        self.assertEqual(len(seen), LINES)
        self.assertEqual(formatEvent(seen[0]), "Failed login from 192.0.2.1 as a\\nb0")
        clock.advance(1)
        self.assertEqual(formatEvent(seen[-1]), "7 more lines like the last ones were left out")
        log.warn("x")
        self.assertEqual(len(seen), LINES + 2)


class HeirTests(ChatCase):
    """What a guest made is that guest's, and not whoever's has its name next."""

    def setUp(self) -> None:
        self.here = self.world(users=["alice"])
        self.bob = self.here.connect()
        self.token = self.bob.login("bob")["token"]
        self.carol = self.here.come("carol")
        made = self.bob.ask("create", session="den", password="sesame")
        self.assertEqual(made["role"], "owner")
        self.carol.ask("join", session="den", password="sesame")
        self.bob.ask("role", session="den", user="carol", role="voice")

    def come(self, **fields: Any) -> Client:
        """Return somebody who comes as bob."""
        client = self.here.connect()
        self.assertEqual(client.login("bob", **fields)["type"], "welcome")
        return client

    def test_another_guest_of_that_name(self) -> None:
        """It neither comes in nor rules, not even as a member; nor does one with another token."""
        self.bob.vanish()
        self.here.settle()
        for fields in ({}, {"token": "another"}):
            mallory = self.come(**fields)
            self.assert_refused("bad-password", mallory.ask("join", session="den"))
            for request in ("kick", "ban", "mute"):
                reply = mallory.ask(request, session="den", user="carol")
                self.assert_refused("not-in-session", reply)
            mallory.ask("join", session="den", password="sesame")
            reply = mallory.ask("kick", session="den", user="carol")
            self.assert_refused("not-allowed", reply)
            self.assert_refused("not-allowed", mallory.ask("delete", session="den"))
            self.assertEqual(mallory.ask("create", session=f"lair{len(fields)}")["role"], "owner")
            mallory.vanish()
            self.here.settle()
        back = self.come(token=self.token)
        self.assertEqual(back.ask("join", session="den", password="sesame")["role"], "owner")

    def test_the_same_guest(self) -> None:
        """Whose connection broke owns what it owned, by its token; after a minute it does not."""
        self.bob.vanish()
        self.here.pass_time(30)
        back = self.come(token=self.token)
        self.assertEqual(back.ask("join", session="den", password="sesame")["role"], "owner")
        self.assertEqual(back.ask("kick", session="den", user="carol")["type"], "kicked")
        self.carol.ask("join", session="den", password="sesame")
        back.vanish()
        self.here.pass_time(61)
        late = self.come(token=self.token)
        joined = late.ask("join", session="den", password="sesame")
        self.assertEqual(joined["type"], "session")
        self.assertNotIn("role", joined)

    def test_handed_over(self) -> None:
        """A guest that was made the owner is it; the one before it is no more."""
        self.bob.ask("role", session="den", user="carol", role="owner")
        self.assert_refused("not-allowed", self.bob.ask("kick", session="den", user="carol"))
        self.assertEqual(self.carol.ask("kick", session="den", user="bob")["type"], "kicked")
        self.assertEqual(
            self.carol.ask("roles", session="den")["entries"], [{"user": "carol", "role": "owner"}]
        )
