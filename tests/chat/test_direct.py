"""Direct messages between accounts: for the two alone, whoever of them is there."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.task import Clock

from tests.kit.frames import types
from tests.kit.world import ChatCase, Client
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.messages import MAX_FRAME


class DirectTests(ChatCase):
    """Texts to one user alone."""

    def setUp(self) -> None:
        self.here = self.world(users=["alice", "Bob", "carol"])
        self.alice, self.bob = self.here.come("alice"), self.here.come("Bob")
        self.carol = self.here.come("carol")
        self.here.quiet()

    def test_direct(self) -> None:
        """Both get it, in a session of two; the first text brings its snapshot before it."""
        echo = self.bob.ask("text", to="ALICE", data="hi")
        self.assertEqual((echo["session"], echo["seq"], echo["source"]), ("@alice,Bob", 1, "Bob"))
        (before,) = self.bob.got()
        self.assertEqual((before["type"], before["session"]), ("session", "@alice,Bob"))
        got = self.alice.got()
        self.assertEqual(types(got), ["session", "text"])
        self.assertEqual((got[0]["users"], got[0]["owner"]), (["alice", "Bob"], None))
        self.assertEqual(self.carol.got(), [])
        self.alice.ask("text", to="bob", data="hello")
        self.assertEqual(self.bob.seqs(), [2])
        self.assertEqual(self.alice.say("by name", session="@alice,bob")["seq"], 3)

    def test_all_connections(self) -> None:
        """All connections of both are in it, those that come later too."""
        second = self.here.come("alice")
        self.bob.ask("text", to="alice", data="1")
        third = self.here.connect()
        welcome = third.login("alice", password="secret")
        (listed,) = welcome["direct"]
        self.assertEqual((listed["session"], listed["head"]), ("@alice,Bob", 1))
        self.bob.ask("text", to="alice", data="2")
        self.assertEqual((self.alice.seqs(), second.seqs(), third.seqs()), ([1, 2], [1, 2], [2]))

    def test_private(self) -> None:
        """Nobody else can join, list, read, search, ask who, delete, or see that it is there."""
        self.bob.ask("text", to="alice", data="secret")
        for name in ("@alice,bob", "@bob,alice", "@alice,Bob", "@ALICE,BOB"):
            for request in (
                {"type": "join"},
                {"type": "join", "after": 0},
                {"type": "who"},
                {"type": "history"},
                {"type": "search", "query": "secret"},
                {"type": "delete"},
            ):
                self.assert_refused("no-such-session", self.carol.ask(session=name, **request))
            self.assert_refused("not-in-session", self.carol.ask("leave", session=name))
            self.assert_refused("not-in-session", self.carol.ask("topic", session=name, topic="x"))
            self.assert_refused("not-in-session", self.carol.say("x", session=name))
        self.assertNotIn("@", str(self.carol.ask("list")))
        self.assertNotIn("@", str(self.alice.ask("list")))
        again = self.here.connect()
        welcome = again.login(
            "carol", password="secret", resume=[{"session": "@alice,bob", "after": 0}]
        )
        self.assertEqual(welcome.get("direct", []), [])
        self.assertEqual([one["code"] for one in again.got() if "code" in one], ["no-such-session"])

    def test_rules_for_the_two(self) -> None:
        """It is not left, deleted or named; history, search, who and resume work."""
        self.bob.ask("text", to="alice", data="secret plan")
        self.assert_refused("not-allowed", self.alice.ask("leave", session="@alice,bob"))
        self.assert_refused("not-allowed", self.alice.ask("delete", session="@alice,bob"))
        self.assert_refused("not-allowed", self.alice.ask("topic", session="@alice,bob", topic="x"))
        self.assertEqual(self.alice.ask("who", session="@alice,bob")["users"], ["alice", "Bob"])
        self.assertEqual(len(self.alice.ask("history", session="@bob,alice")["texts"]), 1)
        found = self.alice.ask("search", session="@alice,bob", query="plan")
        self.assertEqual(len(found["texts"]), 1)
        self.alice.got()
        self.alice.ask("join", session="@alice,bob", after=0)
        self.assertEqual(self.alice.seqs(), [1])

    def test_nobody(self) -> None:
        """To nobody, or both to a user and a session: refused, and nothing begins."""
        for to in ("nobody", "", "@alice,bob", "a b", "x" * 1_000):
            self.assert_refused("no-such-user", self.alice.ask("text", to=to, data="x"))
        self.assert_refused("bad-request", self.alice.say("x", to="bob", session="lobby"))
        self.assert_refused("empty", self.alice.say("", to="bob"))
        self.assert_refused("too-long", self.alice.say("x" * 20_000, to="bob"))
        self.assertEqual(list(self.here.chat.sessions), ["lobby"])

    def test_oneself(self) -> None:
        """An account's notes are its own: all its connections have them, once, a restart later too.

        A guest has none: its name is somebody else's the next day.
        """
        other = self.here.connect()
        other.login("alice", password="secret")
        self.assertEqual(self.alice.ask("text", to="ALICE", data="milk")["session"], "@alice,alice")
        self.alice.ask("text", session="@alice,alice", data="bread")
        self.assertEqual([one["data"] for one in other.texts()], ["milk", "bread"])
        here = self.world(clock=self.here.clock, log=self.here.log.log, users=["alice", "Bob"])
        later = here.connect()
        welcome = later.login("alice", password="secret")
        self.assertEqual([one["session"] for one in welcome["direct"]], ["@alice,alice"])
        self.assertIsNone(here.connect().login("Bob", password="secret").get("direct"))
        found = later.ask("history", session="@alice,alice")["texts"]
        self.assertEqual([text["data"] for text in found], ["milk", "bread"])
        self.assertEqual(later.ask("delete", session="@alice,alice")["type"], "deleted")
        guest = ChatCase().world().come("carol")
        self.assert_refused("no-such-user", guest.ask("text", to="carol", data="x"))

    def test_offline(self) -> None:
        """Who is not there reads it at the next login, after a restart too."""
        self.bob.vanish()
        self.assertEqual(self.alice.ask("text", to="bob", data="when you are back")["seq"], 1)
        here = self.world(clock=self.here.clock, log=self.here.log.log, users=["alice", "Bob"])
        bob = here.connect()
        welcome = bob.login("Bob", password="secret")
        self.assertEqual([one["head"] for one in welcome["direct"]], [1])
        page = bob.ask("history", session=welcome["direct"][0]["session"], after=0)
        self.assertEqual(page["texts"][0]["data"], "when you are back")

    def test_resumed_before_anything_live(self) -> None:
        """A direct session in resume is come back to without a live text before the old ones."""
        self.bob.ask("text", to="alice", data="1")
        self.alice.ask("create", session="locked", password="p")
        self.alice.vanish()
        self.bob.ask("text", to="alice", data="2")
        self.here.passwords.held = []
        alice = self.here.connect()
        places = [
            {"session": "locked", "after": 0, "password": "p"},
            {"session": "@alice,bob", "after": 1},
        ]
        alice.send("login", user="alice", password="secret", resume=places)
        self.here.settle()
        self.bob.ask("text", to="alice", data="3")
        self.here.passwords.release()
        self.assertEqual(alice.seqs(), [2, 3])

    def test_what_two_accounts_said_is_not_ended(self) -> None:
        """Neither of two accounts ends what is theirs together, nor while the guest is here."""
        here = self.world(users=["alice", "bob"])
        alice, bob, dave = here.come("alice"), here.come("bob"), here.come("dave")
        bob.ask("text", to="alice", data="ours")
        dave.ask("text", to="alice", data="mine")
        for session in ("@alice,bob", "@alice,dave"):
            self.assert_refused("not-allowed", alice.ask("delete", session=session))

    def test_accounts_begin_so_many_in_a_minute(self) -> None:
        """An account does too, from however many connections; operators and the trusted do not."""
        names = [f"u{number}" for number in range(9)]
        here = self.world(users=["alice", *names], operators=["root"], directs_per_minute=3)

        def begin(client: Client) -> list[str | None]:
            return [client.ask("text", to=name, data="x").get("code") for name in names[:5]]

        none = [None] * 3
        self.assertEqual(begin(here.come("alice")), [*none, *["too-many-sessions"] * 2])
        self.assertEqual(begin(here.come("alice")), [*none, *["too-many-sessions"] * 2])
        self.assertEqual(begin(here.come("root")), [None] * 5)
        here.chat.rules.directs_per_minute = 4
        self.assertEqual(begin(here.come("alice")), [*none, None, "too-many-sessions"])
        here.chat.rules.trusted = ("192.0.2.1",)
        self.assertEqual(begin(here.come("alice")), [None] * 5)

    def test_accounts_that_are_missing(self) -> None:
        """A users file that is short for a moment hides and ends nothing, and gives no name away.

        The names under which accounts have direct messages are not for guests; and what two
        accounts said is there when both are back.
        """
        here = self.world(users=["alice", "bob"], linger=10.0)
        here.come("bob").ask("text", to="alice", data="secret")
        here.come("dave").ask("text", to="alice", data="from a guest")
        for client in here.clients:
            client.vanish()
        assert here.directory is not None
        known, here.directory.known = here.directory.known, {}
        for name in ("alice", "bob"):
            self.assert_refused("bad-credentials", here.connect().ask("login", user=name))
        here.pass_time(20)
        here.directory.known = known
        self.assertEqual(len(here.connect().login("alice", password="secret")["direct"]), 2)
        self.assertEqual(len(here.connect().login("bob", password="secret")["direct"]), 1)

    def test_accounts_that_are_missing_at_the_start(self) -> None:
        """Nor does a daemon that starts with such a file, or with none."""
        clock = Clock()
        log = MemoryLog(clock)
        here = self.world(clock=clock, log=log, users=["alice", "bob"])
        here.come("bob").ask("text", to="alice", data="secret")
        here.come("dave").ask("text", to="alice", data="from a guest")
        short: list[str] = []
        for users in (short, None):
            here = self.world(clock=clock, log=log, users=users)
            for name in ("alice", "bob"):
                self.assert_refused("bad-credentials", here.connect().ask("login", user=name))
            self.assertNotIn("direct", here.connect().login("dave"))
            self.assertEqual(len(log.lives()), 3)
        here = self.world(clock=clock, log=log, users=["alice", "bob"])
        self.assertEqual(len(here.connect().login("alice", password="secret")["direct"]), 2)

    def test_begun_at_once(self) -> None:
        """Two who write to one another at once begin one session."""
        self.here.log.hold = True
        self.alice.send("text", to="bob", data="a", id="1")
        self.bob.send("text", to="alice", data="b", id="1")
        self.here.settle()
        self.here.log.let_go()
        self.assertEqual(self.alice.seqs(), [1, 2])
        self.assertEqual(self.bob.seqs(), [1, 2])

    def test_all_replies_fit(self) -> None:
        """With the longest of everything no message is over a frame (the client checks)."""
        users = [chr(0x20000 + n) * 32 for n in range(200)]
        world = self.world(presence_limit=0, directs_per_minute=0, users=users)
        assert world.directory is not None
        names = list(world.directory.known)
        alice = world.come(names[0])
        for name in names[1:]:
            self.assertEqual(alice.ask("text", to=name, data="x")["type"], "text")
        alice.ask(
            "create", session="\U00020000" * 64, topic="\x01" * 256, password="\U00020000" * 1_024
        )
        alice.vanish()
        again = world.connect()
        welcome = again.login(names[0], password="secret")
        self.assertEqual(len(welcome["direct"]), 150)
        self.assertLess(len(str(welcome).encode()), MAX_FRAME)


class OperatorTests(ChatCase):
    """What two say to one another is theirs."""

    def test_operators_are_no_exception(self) -> None:
        """An operator neither comes into the talk of two, nor reads, nor rules it."""
        here = self.world(users=["alice", "bob"], operators=["root"])
        alice, bob, root = here.come("alice"), here.come("bob"), here.come("root")
        alice.ask("text", to="bob", data="secret")
        two = "@alice,bob"
        for request, fields in (
            *(("join", {}), ("who", {}), ("history", {}), ("search", {"query": "secret"})),
            *(("roles", {}), ("bans", {}), ("set", {"hidden": False}), ("delete", {})),
            *(("kick", {"user": "bob"}), ("mute", {"user": "bob"}), ("ban", {"user": "bob"})),
            *(("notice", {"data": "x"}), ("invite", {"user": "root"}), ("webhook", {"name": "x"})),
        ):
            reply = root.ask(request, session=two, **cast(Any, fields))
            self.assert_refused("no-such-session", reply)
        given: dict[str, Any] = {"data": "x", "of": 1, "topic": "x"}
        for request in ("text", "redact", "topic"):
            self.assert_refused("not-in-session", root.ask(request, session=two, **given))
        back = here.connect()
        back.login("root", password="secret", resume=[{"session": two, "after": 0}])
        about = [one for one in back.got() if one.get("session") == two]
        self.assertEqual([one.get("code") for one in about], ["no-such-session"])
        self.assertEqual(root.ask("search", query="secret")["texts"], [])
        self.assertEqual(sorted(bob.ask("who", session=two)["users"]), ["alice", "bob"])
