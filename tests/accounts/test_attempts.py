"""How often one address may fail to log in, and whom that must not harm."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.accounts import attempts as attempts_module
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError


class AttemptsTests(SynchronousTestCase):
    """How often one address may fail."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.attempts = Attempts(self.clock)

    def fail_once(self, host: str = "192.0.2.1", user: str = "alice") -> None:
        self.successResultOf(self.attempts.begin(host))
        self.attempts.failed(host, user)
        self.attempts.end(host)

    def refused(self, host: str = "192.0.2.1") -> str:
        """Both ways are refused alike; return the sentence."""
        with self.assertRaises(ChatError) as refused:
            self.attempts.check(host)
        problem: ChatError = self.failureResultOf(self.attempts.begin(host), ChatError).value
        self.assertEqual(problem.code, "too-many-attempts")
        self.assertEqual(str(problem), str(refused.exception))
        return str(problem)

    def may_try(self, host: str = "192.0.2.1") -> None:
        self.attempts.check(host)
        self.successResultOf(self.attempts.begin(host))
        self.attempts.end(host)

    def test_five_in_a_minute(self) -> None:
        """Five failures are allowed; then the seconds to wait are told, and are right."""
        for _ in range(5):
            self.may_try()
            self.fail_once()
            self.clock.advance(2)
        self.assertIn(" 50 seconds", self.refused())
        self.clock.advance(48.5)
        self.assertIn(" 2 seconds", self.refused())
        self.clock.advance(1)
        self.assertIn(" 1 second.", self.refused())
        self.clock.advance(0.5)
        self.may_try()

    def test_as_the_operator_says(self) -> None:
        """So many failures of an address, ten times as many of an account, so many at once."""
        self.attempts = Attempts(self.clock, 2, 3)
        for _ in range(2):
            self.may_try()
            self.fail_once()
        self.refused()
        begun = [self.attempts.begin(f"198.51.100.{host}", "bob") for host in range(4)]
        self.assertEqual([one.called for one in begun], [True, True, True, False])
        for host in range(4):
            self.attempts.failed(f"198.51.100.{host}", "bob")
            self.attempts.end(f"198.51.100.{host}", "bob")
        for host in range(4, 20):
            self.successResultOf(self.log_in(f"198.51.100.{host}", "bob", False))
        self.failureResultOf(self.log_in("203.0.113.1", "bob", True), ChatError)
        self.attempts.failures = 3
        self.successResultOf(self.log_in("203.0.113.1", "bob", True))
        self.may_try()
        self.fail_once()
        self.refused()

    def test_a_delay_that_grows(self) -> None:
        """Who goes on waits twice as long each time, up to 16 minutes; a quiet hour forgives."""
        waits = []
        for _ in range(7):
            for _ in range(5):
                self.may_try()
                self.fail_once()
            waits.append(int(self.refused().split()[-2]))
            self.clock.advance(waits[-1])
        self.assertEqual(waits, [60, 120, 240, 480, 960, 960, 960])
        self.clock.advance(3_600)
        for _ in range(5):
            self.fail_once()
        self.assertIn(" 60 seconds", self.refused())

    def test_a_steady_guesser(self) -> None:
        """Who guesses once in 12 seconds, and so no more than five a minute, is slowed too."""
        tried = 0
        for _ in range(2 * 3_600 // 12):
            self.clock.advance(12)
            turn = self.attempts.begin("192.0.2.1")
            turn.addErrback(lambda _: None)
            if self.attempts._lines:
                self.attempts.failed("192.0.2.1", "alice")
                self.attempts.end("192.0.2.1")
                tried += 1
        self.assertTrue(5 <= tried < 60, tried)

    def test_an_account_that_is_guessed_from_everywhere(self) -> None:
        """Guessed from addresses without end it is guessed ever less; its own address is free."""
        self.attempts.know("203.0.113.1", "alice")
        tried = 0
        for host in range(3_600):
            self.clock.advance(1)
            self.log_in(f"198.51.{host // 256}.{host % 256}", "alice", False).addErrback(
                lambda _: None
            )
            tried += bool(self.attempts._failures.get(f"198.51.{host // 256}.{host % 256}"))
        self.assertTrue(50 <= tried < 300, tried)
        self.successResultOf(self.log_in("203.0.113.1", "alice", True))

    def test_who_mistypes_is_not_a_guesser(self) -> None:
        """Those who get in after mistyping do not let the delay of their address grow."""
        for _ in range(20):
            for _ in range(5):
                self.fail_once(user="alice")
            self.attempts.succeeded("192.0.2.1", "alice")
            self.clock.advance(1)
        for _ in range(5):
            self.fail_once(user="bob")
        self.assertIn(" 60 seconds", self.refused())

    def test_what_is_refused_does_not_count(self) -> None:
        """Who goes on trying while it is refused does not stay refused for longer."""
        for _ in range(5):
            self.fail_once()
        for _ in range(100):
            self.refused()
        self.clock.advance(60)
        self.may_try()

    def test_clock_is_set(self) -> None:
        """A reactor's clock may be set back by an hour: nobody is shut out for that long."""
        self.clock.advance(3_600)
        for _ in range(5):
            self.fail_once()
        self.clock.rightNow -= 3_000
        self.may_try()

    def test_addresses_are_apart(self) -> None:
        """One address's failures are no other's; loopback is one like the others."""
        for _ in range(5):
            self.fail_once("127.0.0.1")
        self.refused("127.0.0.1")
        self.may_try("127.0.0.2")
        self.may_try("::1")

    def test_what_is_one_address(self) -> None:
        """An IPv6 host has 2**64 addresses: they count as one. So does IPv4 written as IPv6."""
        for one, other, same in (
            ("2001:db8::1", "2001:db8::ffff:1", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
            ("192.0.2.1", "192.0.2.2", False),
            ("fe80::1%eth0", "fe80::2", True),
            ("", "", True),
            ("/run/chat.socket", "/run/chat.socket", True),
        ):
            self.assertEqual(network(one) == network(other), same, (one, other))

    def test_success_forgives_the_same_user(self) -> None:
        """Who mistyped and then gets in has cost those behind the same address nothing."""
        for _ in range(4):
            self.fail_once(user="alice")
        self.fail_once(user="bob")
        self.refused()
        self.attempts.succeeded("192.0.2.1", "alice")
        for _ in range(4):
            self.fail_once(user="carol")
        self.refused()

    def test_success_forgives_no_other(self) -> None:
        """Whoever guesses alice's password buys no guess by logging in as mallory."""
        for _ in range(5):
            self.fail_once(user="alice")
            self.attempts.succeeded("192.0.2.1", "mallory")
        self.refused()

    def test_at_once(self) -> None:
        """A thousand guesses at the same moment are five guesses."""
        asked = [self.attempts.begin("192.0.2.1") for _ in range(1_000)]
        tried = 0
        for one in asked:
            if one.called and not isinstance(one.result, Exception) and one.result is None:
                tried += 1
                self.attempts.failed("192.0.2.1", "alice")
                self.attempts.end("192.0.2.1")
        self.assertEqual(tried, attempts_module.MAX_FAILURES)
        for one in asked[tried:]:
            self.failureResultOf(one, ChatError)

    def test_many_good_ones_at_once(self) -> None:
        """300 people behind one address who come back at the same moment all get in."""
        asked = [self.attempts.begin("192.0.2.1") for _ in range(300)]
        for count, one in enumerate(asked):
            self.successResultOf(one)
            self.assertNoResult(asked[min(count + 5, 299)]) if count < 295 else None
            self.attempts.succeeded("192.0.2.1", f"user{count}")
            self.attempts.end("192.0.2.1")
        self.assertEqual(self.attempts._lines, {})

    def test_one_that_ends_at_once(self) -> None:
        """However many wait for one that ends, and end at once: no recursion without end."""
        for _ in range(5):
            self.attempts.begin("192.0.2.1")
        ended: list[Deferred[None]] = [
            self.attempts.begin("192.0.2.1").addCallback(lambda _: self.attempts.end("192.0.2.1"))
            for _ in range(1_000)
        ]
        self.attempts.end("192.0.2.1")
        for one in ended:
            self.successResultOf(one)

    def test_who_gives_up(self) -> None:
        """Who goes away while waiting makes room for the next."""
        for _ in range(5):
            self.attempts.begin("192.0.2.1")
        waiting = [self.attempts.begin("192.0.2.1") for _ in range(3)]
        waiting[0].cancel()
        self.failureResultOf(waiting[0], CancelledError)
        self.attempts.end("192.0.2.1")
        self.successResultOf(waiting[1])
        self.assertNoResult(waiting[2])

    def test_waiting_is_bounded(self) -> None:
        """Past a limit nobody waits any more; an address that need not wait gets in."""
        self.patch(attempts_module, "MAX_WAITING", 3)
        for _ in range(8):
            self.attempts.begin("192.0.2.1")
        problem: ChatError = self.failureResultOf(self.attempts.begin("192.0.2.1"), ChatError).value
        self.assertEqual(problem.code, "server-full")
        self.may_try("192.0.2.2")
        self.attempts.end("192.0.2.1")
        self.assertNoResult(self.attempts.begin("192.0.2.1"))

    def test_addresses_are_bounded(self) -> None:
        """As many addresses as you like cost a bounded table; those of long ago go first."""
        self.patch(attempts_module, "MAX_ADDRESSES", 10)
        for number in range(100):
            for _ in range(5):
                self.fail_once(f"192.0.2.{number}")
        self.assertEqual(len(self.attempts._failures), 10)
        self.assertEqual(self.attempts._lines, {})
        self.refused("192.0.2.99")
        self.may_try("192.0.2.0")

    def test_nothing_is_kept_of_the_good(self) -> None:
        """Who fails never, or long ago, leaves nothing behind."""
        self.may_try()
        self.fail_once("192.0.2.2")
        self.clock.advance(60)
        self.may_try("192.0.2.2")
        self.assertEqual((self.attempts._failures, self.attempts._lines), ({}, {}))

    # --- who is known ------------------------------------------------------------------------

    def log_in(self, host: str, user: str, right: bool) -> Deferred[None]:
        def answered(_: None) -> None:
            if right:
                self.attempts.succeeded(host, user)
            else:
                self.attempts.failed(host, user)
            self.attempts.end(host, user)

        return self.attempts.begin(host, user).addCallback(answered)

    def test_strangers_never_lock_out_the_owner(self) -> None:
        """From an address where an account got in before, it gets in whatever is guessed there."""
        learned: list[tuple[str, str]] = []
        self.attempts.learned = lambda where, user: learned.append((where, user))
        self.successResultOf(self.log_in("192.0.2.1", "alice", True))
        self.assertEqual(learned, [("192.0.2.1", "alice")])
        for _ in range(5):
            self.successResultOf(self.log_in("192.0.2.1", "bob", False))
        self.failureResultOf(self.log_in("192.0.2.1", "bob", True), ChatError)
        self.successResultOf(self.log_in("192.0.2.1", "alice", True))
        for host in range(60):
            self.log_in(f"198.51.100.{host}", "alice", False).addErrback(lambda _: None)
        self.failureResultOf(self.log_in("203.0.113.9", "alice", True), ChatError)
        self.successResultOf(self.log_in("192.0.2.1", "alice", True))
        self.assertEqual(len(learned), 1)
        self.clock.advance(61)
        self.successResultOf(self.log_in("203.0.113.9", "alice", True))

    def test_two_at_once_from_a_new_address(self) -> None:
        """Two logins of one user under way together both end, though the first makes it known."""
        host = "192.0.2.1"
        for _ in range(2):
            self.successResultOf(self.attempts.begin(host, "alice"))
        for _ in range(2):
            self.attempts.succeeded(host, "alice")
            self.attempts.end(host, "alice")
        self.successResultOf(self.attempts.begin(host, "alice"))
        self.attempts.know(host, "bob")  # another node has let bob in
        self.attempts.end(host, "alice")
        self.may_try()

    def test_who_is_known_no_more(self) -> None:
        """An address that is forgotten is as any other; logins from there that go on end, too."""
        host = "192.0.2.1"
        self.attempts.know(host, "alice")
        for user in ("alice", "bob"):
            self.successResultOf(self.attempts.begin(host, user))
        self.attempts.forget(host, "alice")
        for user in ("alice", "bob"):
            self.attempts.end(host, user)
        self.assertEqual(self.attempts._lines, {})
        for _ in range(5):
            self.fail_once()
        self.failureResultOf(self.log_in(host, "alice", True), ChatError)

    def test_who_is_known_may_be_guessed_too(self) -> None:
        """At an address of its own an account has as many guesses as an address has."""
        self.attempts.know("192.0.2.1", "alice")
        for _ in range(5):
            self.successResultOf(self.log_in("192.0.2.1", "alice", False))
        self.failureResultOf(self.log_in("192.0.2.1", "alice", True), ChatError)

    def test_addresses_have_their_turn(self) -> None:
        """A flood from one address, or from many, makes nobody wait for all of it."""
        self.attempts.know("203.0.113.1", "alice")
        for host in range(20):
            for _ in range(5):
                self.attempts.begin(f"198.51.100.{host}", "bob")
        known = self.attempts.begin("203.0.113.1", "alice")
        stranger = self.attempts.begin("203.0.113.2", "carol")
        self.assertNoResult(known)
        self.attempts.end("198.51.100.0", "bob")
        self.successResultOf(known)
        self.attempts.end("203.0.113.1", "alice")
        ends = [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 4, 5]
        for host in ends:  # each lets in one of the next address, and not all of one
            self.assertNoResult(stranger)
            self.attempts.end(f"198.51.100.{host}", "bob")
        self.successResultOf(stranger)

    def test_the_longest_line_makes_room(self) -> None:
        """Where too many wait, the last of those who wait most goes, and a newcomer stays."""
        self.patch(attempts_module, "MAX_WAITING", 10)
        self.attempts.at_once = 1
        flood = [self.attempts.begin("198.51.100.1") for _ in range(11)]
        one = self.attempts.begin("192.0.2.1")
        self.assertNoResult(one)
        self.failureResultOf(flood[-1], ChatError)
        self.assertNoResult(flood[-2])
