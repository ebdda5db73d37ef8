"""Who may come into a session as often as it likes."""

from __future__ import annotations

from tests.kit.world import ChatCase


class LastingTests(ChatCase):
    """``invite`` with ``lasting``, and with ``undo``."""

    def test_lasting(self) -> None:
        """It lets in again and again, past ``invite`` alone, whoever is called so, until undone."""
        world = self.world(users=["alice"])
        alice = world.come("alice", password="secret")
        alice.ask("create", session="ops")
        alice.ask("set", session="ops", invite=True)
        given = alice.ask("invite", session="ops", user="Bob", lasting=True)  # who is not here yet
        self.assertEqual((given["type"], given["user"], given["lasting"]), ("invited", "Bob", True))
        bob = world.come("bob")
        for _ in range(2):
            self.assertEqual(bob.ask("join", session="ops")["type"], "session")
            self.assertEqual(bob.ask("leave", session="ops")["type"], "left")
        alice.ask("set", session="ops", password="word")
        self.assertEqual(bob.ask("join", session="ops")["code"], "bad-password")
        alice.ask("set", session="ops", password=None)
        alice.ask("ban", session="ops", user="bob")
        self.assertEqual(bob.ask("join", session="ops")["code"], "banned")
        alice.ask("unban", session="ops", user="bob")
        self.assertTrue(alice.ask("invite", session="ops", user="bob", undo=True)["undo"])
        self.assertEqual(bob.ask("join", session="ops")["code"], "invite-only")

    def test_patterns(self) -> None:
        """All whose names fit a pattern may come in; what is no letter of names is in none."""
        world = self.world(users=["alice"])
        alice = world.come("alice", password="secret")
        alice.ask("create", session="ops")
        alice.ask("set", session="ops", invite=True)
        self.assertEqual(
            alice.ask("invite", session="ops", user="B[?]*É", lasting=True)["user"], "B[?]*É"
        )
        for user, answer in (
            ("b[x]é", "session"),
            ("b[1]bbé", "session"),
            ("b1é", "error"),
            ("b[]é", "error"),
        ):
            self.assertEqual(world.come(user).ask("join", session="ops")["type"], answer, user)
        for wrong in ("*@*", "a b*", "?" + "x" * 32):
            refused = alice.ask("invite", session="ops", user=wrong, lasting=True)
            self.assertEqual(refused["code"], "invalid-name", wrong)
        alice.ask("invite", session="ops", user="b[?]*é", undo=True)
        self.assertEqual(world.come("b[y]é").ask("join", session="ops")["code"], "invite-only")
        self.assertEqual(alice.ask("invite", session="ops", user="b*")["code"], "no-such-user")

    def test_told_to_nobody(self) -> None:
        """Who may come in is not told; an invitation that was told is taken back as well."""
        world = self.world(users=["alice"])
        alice, bob = world.come("alice", password="secret"), world.come("bob")
        alice.ask("create", session="ops")
        alice.ask("invite", session="ops", user="bob", lasting=True)
        self.assertEqual(bob.got(), [])
        alice.ask("invite", session="ops", user="bob", undo=True)
        alice.ask("invite", session="ops", user="bob")
        self.assertEqual([one["type"] for one in bob.got()], ["invited"])
        alice.ask("set", session="ops", invite=True)
        alice.ask("invite", session="ops", user="bob", undo=True)
        self.assertEqual(bob.ask("join", session="ops")["code"], "invite-only")

    def test_who_may(self) -> None:
        """Moderators alone, also where every member may invite; a name has to be one."""
        world = self.world(users=["alice"])
        alice, bob = world.come("alice", password="secret"), world.come("bob")
        alice.ask("create", session="ops")
        bob.ask("join", session="ops")
        for what in ({"lasting": True}, {"undo": True}):
            refused = bob.ask("invite", session="ops", user="carol", **what)
            self.assertEqual(refused["code"], "not-allowed")
        refused = alice.ask("invite", session="ops", user="a b", lasting=True)
        self.assertEqual(refused["code"], "invalid-name")

    def test_kept(self) -> None:
        """It holds after a restart, and is read by who did it, when."""
        world = self.world(users=["alice"])
        alice = world.come("alice", password="secret")
        alice.ask("create", session="ops", keep=True)
        alice.ask("set", session="ops", invite=True)
        alice.ask("invite", session="ops", user="bob", lasting=True)
        alice.ask("invite", session="ops", user="carol", lasting=True)
        alice.ask("invite", session="ops", user="carol", undo=True)
        after = self.world(log=world.log.log, clock=world.clock, users=["alice"])
        self.assertEqual(after.come("bob").ask("join", session="ops")["type"], "session")
        carol = after.come("carol")
        self.assertEqual(carol.ask("join", session="ops")["code"], "invite-only")
        acts = self.successResultOf(after.log.kept("audit"))
        self.assertEqual(sum(b"uninvite" in (act.value or b"") for act in acts), 1)
