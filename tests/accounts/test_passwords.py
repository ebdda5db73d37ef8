"""Passwords are hashed by argon2id, beside the reactor, and only so many at a time."""

from __future__ import annotations

import os
import re
import sys
import threading

from hypothesis import given
from hypothesis import strategies as st
from pytest_twisted import ensureDeferred
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.inline import HeldThreads, InlineThreads
from twisted_chat.accounts.passwords import (
    DECOY,
    NICENESS,
    NiceThreads,
    Passwords,
    TooLate,
    hash_password,
    is_hash,
    verify_password,
)
from twisted_chat.vocabulary.errors import ChatError


class HashTests(SynchronousTestCase):
    def test_parameters(self) -> None:
        """A hash is argon2id with OWASP's parameters and a salt of its own, and says so."""
        one, two = hash_password("secret"), hash_password("secret")
        self.assertTrue(one.startswith("$argon2id$v=19$m=19456,t=2,p=1$"), one)
        self.assertNotEqual(one, two)
        self.assertNotIn("secret", one)

    def test_verify(self) -> None:
        """The right password alone is right, whatever it is made of."""
        for password in ("secret", "пароль", " ", "a,b\"c'", "x" * 1_024, "\0", "\ud800"):
            made = hash_password(password)
            self.assertTrue(verify_password(made, password))
            self.assertFalse(verify_password(made, password + "x"))
            self.assertFalse(verify_password(made, ""))

    def test_composed(self) -> None:
        """Two keyboards that compose the same letter differently type the same password."""
        self.assertTrue(verify_password(hash_password("caf\u00e9"), "cafe\u0301"))

    def test_no_hash(self) -> None:
        """What is no hash matches nothing, and raises nothing."""
        for text in ("", "secret", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"):
            self.assertFalse(verify_password(text, "secret"))
            self.assertFalse(verify_password(text, text))

    def test_is_hash(self) -> None:
        """Hashes are told from plain text, and from what is left of a damaged one."""
        made = hash_password("secret")
        self.assertTrue(is_hash(made))
        self.assertTrue(is_hash(DECOY))
        for text in ("", "secret", "$argon2id$", made[:-60], made + "\n", " " + made, "$2b$12$abc"):
            self.assertFalse(is_hash(text), text)

    def test_decoy_costs_the_same(self) -> None:
        """The decoy has the parameters of the hashes that are made."""
        parameters = re.compile(r"\$argon2id\$v=\d+\$[^$]+\$")
        made = parameters.match(hash_password("secret"))
        decoy = parameters.match(DECOY)
        assert made is not None
        assert decoy is not None
        self.assertEqual(made.group(), decoy.group())

    @given(st.text(max_size=100))
    def test_any_text_is_safe(self, text: str) -> None:
        """Any text at all can be asked about; none is taken for a hash that can not be verified."""
        if is_hash(text):
            verify_password(text, "x")


class QueueTests(SynchronousTestCase):
    """Passwords, with threads that wait for the test."""

    def setUp(self) -> None:
        self.threads = HeldThreads(size=2)
        self.passwords = Passwords(self.threads, limit=3)

    def ask(self, count: int) -> list[Deferred[bool]]:
        return [self.passwords.verify("no hash", "secret") for _ in range(count)]

    def test_both_ways(self) -> None:
        """What hash gives, verify takes."""
        passwords = Passwords(InlineThreads())
        made = self.successResultOf(passwords.hash("secret"))
        self.assertTrue(self.successResultOf(passwords.verify(made, "secret")))
        self.assertFalse(self.successResultOf(passwords.verify(made, "Secret")))

    def test_nothing_waits_for_the_reactor(self) -> None:
        """Asking returns at once: the work is the threads'."""
        (asked,) = self.ask(1)
        self.assertNoResult(asked)
        self.threads.release()
        self.assertFalse(self.successResultOf(asked))

    def test_threads_get_what_they_can_do(self) -> None:
        """The threads are handed no more than runs at once; the rest waits here."""
        asked = self.ask(5)
        self.assertEqual(len(self.threads.held), 2)
        for one in asked:
            self.threads.release()
            self.successResultOf(one)
        self.assertEqual(self.threads.ran, 5)

    def test_limit(self) -> None:
        """Past the limit it is refused at once; when there is room again, it is not."""
        asked = self.ask(5)
        self.assertEqual(self.refusal(self.ask(1)[0]), "server-full")
        self.assertEqual(self.refusal(self.passwords.hash("secret")), "server-full")
        self.threads.release()
        asked += self.ask(1)
        while self.threads.held:
            self.threads.release()
        for one in asked:
            self.assertFalse(self.successResultOf(one))
        self.assertEqual(self.threads.ran, 6)

    def test_who_goes_leaves_the_queue(self) -> None:
        """A login that is given up while it waits costs no work, and makes room."""
        asked = self.ask(5)
        asked[3].cancel()
        self.failureResultOf(asked[3], CancelledError)
        asked += self.ask(1)
        while self.threads.held:
            self.threads.release()
        self.assertEqual(self.threads.ran, 5)

    def test_who_goes_while_it_runs(self) -> None:
        """Giving up what a thread does already frees no thread before it is done."""
        asked = self.ask(3)
        asked[0].cancel()
        self.failureResultOf(asked[0], TooLate)
        self.assertEqual(len(self.threads.held), 2)
        for _ in range(3):
            self.threads.release()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual([self.successResultOf(one) for one in asked[1:]], [False, False])

    def test_each_queue_has_its_turn(self) -> None:
        """Threads that are shared serve both queues alike, however much waits in one of them."""
        threads = HeldThreads(size=1)
        logins, sessions = Passwords(threads), Passwords(threads, limit=100)
        flood = [sessions.verify("no hash", "secret") for _ in range(101)]
        self.assertEqual(self.refusal(sessions.verify("no hash", "secret")), "server-full")
        asked = [logins.verify("no hash", "secret") for _ in range(10)]
        for _ in range(20):
            threads.release()
        for one in (*asked, *flood[:10]):
            self.successResultOf(one)
        for one in flood[10:]:
            self.assertNoResult(one)

    def test_a_broken_job_breaks_itself(self) -> None:
        """An exception in a thread goes to who asked, and the queue goes on."""
        broken = self.passwords._submit(lambda: 1 // 0)
        (asked,) = self.ask(1)
        self.threads.release()
        self.failureResultOf(broken, ZeroDivisionError)
        self.threads.release()
        self.successResultOf(asked)

    def test_stop(self) -> None:
        """What waits when the server stops is refused, and so is what comes later."""
        self.passwords.start()
        self.assertTrue(self.threads.started)
        asked = self.ask(4)
        self.passwords.stop()
        self.assertFalse(self.threads.started)
        self.assertEqual([self.refusal(one) for one in asked[2:]], ["server-full"] * 2)
        self.assertEqual(self.refusal(self.ask(1)[0]), "server-full")
        self.threads.release()
        self.threads.release()
        for one in asked[:2]:
            self.successResultOf(one)
        self.assertEqual(self.threads.held, [])

    def refusal(self, asked: Deferred[bool] | Deferred[str]) -> str:
        problem: ChatError = self.failureResultOf(asked, ChatError).value
        return problem.code


class NiceThreadsTests(SynchronousTestCase):
    def test_size(self) -> None:
        """One core is left to the reactor, and no more than four threads hold memory."""
        for cores, size in ((None, 1), (1, 1), (2, 1), (3, 2), (5, 4), (64, 4)):
            self.patch(os, "cpu_count", lambda cores=cores: cores)
            self.assertEqual(NiceThreads(None).size, size)  # type: ignore[arg-type]

    def test_not_started(self) -> None:
        """Work for threads that are not there fails instead of waiting for ever."""
        threads = NiceThreads(None)  # type: ignore[arg-type]
        self.failureResultOf(threads.run(lambda: 1), RuntimeError)
        threads.stop()


@ensureDeferred
async def test_real_threads() -> None:
    """Work runs in nicer threads of its own, answers in the reactor's, and leaves no thread."""
    from twisted.internet import reactor

    before = threading.active_count()
    threads = NiceThreads(reactor, size=2)  # type: ignore[arg-type]
    passwords = Passwords(threads)
    passwords.start()
    try:
        made = await passwords.hash("secret")
        assert threading.current_thread() is threading.main_thread()
        asked = [passwords.verify(made, word) for word in ("secret", "wrong") * 5]
        assert await gatherResults(asked) == [True, False] * 5
        if sys.platform == "linux":
            own = os.getpriority(os.PRIO_PROCESS, 0)
            nice = await threads.run(
                lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            )
            assert nice == min(own + NICENESS, 19)
            assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
    finally:
        passwords.stop()
    assert threading.active_count() == before
