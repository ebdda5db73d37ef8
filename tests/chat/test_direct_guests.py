"""Direct messages with guests, which end with them: whoever has the name next sees nothing."""

from __future__ import annotations

from twisted.internet.task import Clock

from tests.kit.frames import types
from tests.kit.held_log import HeldLog
from tests.kit.world import ChatCase
from twisted_chat.chat import direct
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.names import user_name


class DirectTests(ChatCase):
    """Texts to one user alone, where one of the two is a guest."""

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
