"""Direct messages: between accounts, with guests, and when one of the two goes."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.task import Clock

from tests.kit.support import ChatCase, Client, HeldLog, types
from twisted_chat.chat import direct
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.messages import MAX_FRAME
from twisted_chat.vocabulary.names import user_name


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

    def test_guests(self) -> None:
        """Who takes a guest's name sees nothing of it; an account keeps what it was told."""
        here = self.world(users=["alice"], linger=60.0)
        alice, dave = here.come("alice"), here.come("dave")
        dave.ask("text", to="alice", data="mine")
        here.quiet()
        dave.vanish()
        here.pass_time(59)
        other = here.connect()
        self.assert_refused("name-in-use", other.ask("login", user="dave"))
        self.assertEqual(alice.ask("text", to="dave", data="are you there?")["seq"], 2)
        back = here.connect()
        welcome = back.login("dave", token=dave.token)
        self.assertEqual([one["head"] for one in welcome["direct"]], [2])
        back.vanish()
        here.pass_time(61)
        other = here.connect()
        self.assertEqual(other.login("dave").get("direct", []), [])
        self.assert_refused("no-such-session", other.ask("history", session="@alice,dave"))
        self.assertEqual(len(alice.ask("history", session="@alice,dave")["texts"]), 2)
        alice.say("x", session="@alice,dave")
        self.assertNotIn("text", types(other.got()))
        self.assertEqual(other.ask("text", to="alice", data="another dave")["seq"], 1)
        self.assertEqual(types(alice.got())[-3:], ["deleted", "session", "text"])

    def test_who_comes_while_it_begins(self) -> None:
        """Who logs in while the first text is being stored is in the direct session like others."""
        here = self.world(users=["alice", "bob"])
        alice = here.come("alice")
        here.log.hold = True
        alice.send("text", to="bob", data="hello", id="d1")
        here.settle()
        bob = here.come("bob")
        here.log.let_go()
        here.log.hold = False
        here.settle()
        self.assertIn("hello", [one.get("data") for one in bob.got()])

    def test_many_guests(self) -> None:
        """What guests said is there until the account lets it go: who floods is refused."""
        self.patch(direct, "MAX_DIRECTS", 5)
        here = self.world(users=["alice"])
        for number in range(8):
            guest = here.come(f"g{number}")
            reply = guest.ask("text", to="alice", data="hello")
            if number >= 5:
                self.assert_refused("too-many-sessions", reply)
            guest.ask("logout")
        alice = here.come("alice")
        self.assertEqual(alice.ask("create", session="room")["type"], "session")
        first = alice.ask("history", session="@alice,g0")
        self.assertEqual([text["data"] for text in first["texts"]], ["hello"])
        self.assertEqual(alice.ask("delete", session="@alice,g0")["type"], "deleted")
        self.assert_refused("no-such-session", alice.ask("history", session="@alice,g0"))
        again = here.come("g0").ask("text", to="alice", data="again")
        self.assertEqual(again["seq"], 1)
        self.assertEqual(len(here.chat.directs.of(user_name("alice"))), 5)

    def test_what_two_accounts_said_is_not_ended(self) -> None:
        """Neither of two accounts ends what is theirs together, nor while the guest is here."""
        here = self.world(users=["alice", "bob"])
        alice, bob, dave = here.come("alice"), here.come("bob"), here.come("dave")
        bob.ask("text", to="alice", data="ours")
        dave.ask("text", to="alice", data="mine")
        for session in ("@alice,bob", "@alice,dave"):
            self.assert_refused("not-allowed", alice.ask("delete", session=session))

    def test_guests_begin_so_many_in_a_minute(self) -> None:
        """However many guests an address has, they begin a bounded number in a minute."""
        here = self.world(users=["alice", "bob"], directs_per_minute=3)
        here.come("alice")
        bob = here.come("bob")
        for number in range(5):
            reply = here.come(f"g{number}").ask("text", to="alice", data="hello")
            if number >= 3:
                self.assert_refused("too-many-sessions", reply)
        self.assertEqual(bob.ask("text", to="alice", data="x")["type"], "text")
        here.pass_time(61)
        self.assertEqual(here.come("h").ask("text", to="alice", data="x")["type"], "text")

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

    def test_an_account_with_a_former_guests_name(self) -> None:
        """After a restart too, an account made for a guest's name sees nothing of the guest's."""
        clock = Clock()
        log = MemoryLog(clock)
        here = self.world(clock=clock, log=log, users=["alice"])
        alice, dave = here.come("alice"), here.come("dave")
        dave.ask("text", to="alice", data="private")
        dave.vanish()
        alice.vanish()
        here = self.world(clock=clock, log=log, users=["alice", "dave"])
        dave = here.connect()
        self.assertEqual(dave.login("dave", password="secret").get("direct", []), [])
        alice = here.connect()
        self.assertEqual(len(alice.login("alice", password="secret")["direct"]), 1)

    def test_a_guest_that_says_goodbye(self) -> None:
        """A guest that logs out is not waited for: its name is free at once."""
        here = self.world(users=["alice"], linger=60.0)
        alice, dave = here.come("alice"), here.come("dave")
        dave.ask("text", to="alice", data="mine")
        dave.ask("logout")
        here.come("dave")
        self.assertEqual(len(alice.ask("history", session="@alice,dave")["texts"]), 1)

    def test_two_guests(self) -> None:
        """A direct session that nobody may see any more ends."""
        here = self.world(linger=60.0)
        dave, erin = here.come("dave"), here.come("erin")
        dave.ask("text", to="erin", data="ours")
        dave.ask("logout")
        self.assertEqual(len(erin.ask("history", session="@dave,erin")["texts"]), 1)
        erin.ask("logout")
        self.assertEqual(list(here.chat.sessions), ["lobby"])

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

    def test_a_guest_that_was_somebody_else(self) -> None:
        """A text that waited while its guest went is not said by whoever has the name now."""
        here = self.world(users=["alice"], linger=0.0)
        alice, dave = here.come("alice"), here.come("dave")
        here.log.hold = True
        alice.send("text", to="dave", data="1", id="1")
        here.settle()
        dave.send("text", to="alice", data="2", id="2")
        here.settle()
        dave.vanish()
        here.settle()
        dave = here.come("dave")
        dave.send("text", to="alice", data="3", id="3")
        here.settle()
        here.log.let_go()
        self.assertEqual([text["data"] for text in dave.texts()], ["3"])
        got = alice.got()
        self.assertEqual([one["data"] for one in got if one["type"] == "text"], ["3"])
        self.assert_refused("no-such-user", next(one for one in got if one.get("id") == "1"))

    def test_to_a_guest_that_has_gone(self) -> None:
        """What is said to a guest that has gone waits for none that has its name later."""
        here = self.world(users=["alice"])
        first, second, dave = here.come("alice"), here.come("alice"), here.come("dave")
        here.log.hold = True
        first.send("text", to="dave", data="1")
        dave.send("logout")
        here.settle()
        self.assert_refused("no-such-user", second.ask("text", to="dave", data="2"))
        dave = here.come("dave")
        here.log.let_go()
        self.assertEqual(dave.texts(), [])

    def test_two_wait_for_a_guest_that_goes(self) -> None:
        """Who waits while a direct session begins is told too that its guest went meanwhile."""
        here = self.world(users=["alice"])
        first, second, dave = here.come("alice"), here.come("alice"), here.come("dave")
        here.quiet()
        here.log.hold = True
        for client in (first, second):
            client.send("text", to="dave", data="private", id="1")
        here.settle()
        dave.send("logout")
        here.settle()
        here.log.let_go()
        for client in (first, second):
            self.assert_refused("no-such-user", client.got()[-1])
        self.assertEqual(list(here.chat.sessions), ["lobby"])

    def test_the_start_when_nothing_can_be_forgotten(self) -> None:
        """What two guests said ends when the log can do it: the daemon is up before that."""
        clock = Clock()
        log = MemoryLog(clock)
        here = self.world(clock=clock, log=log)
        here.come("erin")
        here.come("dave").ask("text", to="erin", data="ours")
        disk = HeldLog(log)
        disk.broken = True
        here = self.world(clock=clock, log=disk)
        erin = here.come("erin")
        disk.broken = False
        self.assertEqual(erin.ask("list")["type"], "list")
        self.assert_refused("no-such-session", erin.ask("history", session="@dave,erin"))
        here.pass_time(6)
        self.assertEqual([life.key for life in log.lives()], ["lobby"])

    def test_a_guest_that_comes_and_goes(self) -> None:
        """Each time that a guest goes it has the whole time to come back."""
        here = self.world(users=["alice"], linger=10.0)
        _, dave = here.come("alice"), here.come("dave")
        dave.ask("text", to="alice", data="mine")
        dave.vanish()
        here.pass_time(9)
        here.come("dave", token=dave.token).vanish()
        here.pass_time(9)
        welcome = here.connect().login("dave", token=dave.token)
        self.assertEqual(welcome["token"], dave.token)

    def test_a_guests_name_while_its_texts_are_forgotten(self) -> None:
        """Who takes a guest's name while the log still forgets reads nothing of the guest's."""
        here = self.world(linger=10.0)
        erin, dave = here.come("erin"), here.come("dave")
        dave.ask("text", to="erin", data="mine")
        here.quiet()
        dave.vanish()
        erin.vanish()
        for hold, broken in ((True, False), (False, True)):
            here.log.hold, here.log.broken = hold, broken
            here.pass_time(11)
            other = here.connect()
            self.assertEqual(other.login("dave").get("direct", []), [])
            here.log.hold = here.log.broken = False
            reply = other.ask("history", session="@dave,erin")
            self.assert_refused("no-such-session", reply)
            other.vanish()
        here.log.let_go()
        here.pass_time(20)
        self.assertEqual(list(here.chat.sessions), ["lobby"])

    def test_a_guest_that_goes_while_it_begins(self) -> None:
        """A direct session whose guest went before it was stored is nobody else's."""
        here = self.world(users=["alice"], linger=10.0)
        alice, dave = here.come("alice"), here.come("dave")
        here.log.hold = True
        alice.send("text", to="dave", data="private", id="1")
        here.settle()
        dave.vanish()
        here.log.let_go()
        here.settle()
        here.log.hold = False
        here.pass_time(11)
        other = here.connect()
        self.assertEqual(other.login("dave").get("direct", []), [])
        self.assert_refused("no-such-session", other.ask("history", session="@alice,dave"))

    def test_guests_after_a_restart(self) -> None:
        """After a restart a guest's name is anybody's; an account keeps what it was told."""
        clock = Clock()
        log = MemoryLog(clock)
        here = self.world(clock=clock, log=log, users=["alice"])
        alice, dave, erin = here.come("alice"), here.come("dave"), here.come("erin")
        alice.ask("text", to="dave", data="private")
        erin.ask("text", to="dave", data="between guests")
        dave.vanish()
        here = self.world(clock=clock, log=log, users=["alice"])
        self.assertEqual(here.connect().login("dave").get("direct", []), [])
        self.assertEqual([life.key for life in log.lives()], ["lobby", "@alice,dave"])
        alice = here.connect()
        welcome = alice.login("alice", password="secret")
        self.assertEqual([one["session"] for one in welcome["direct"]], ["@alice,dave"])

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
