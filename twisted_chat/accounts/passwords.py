"""Passwords: argon2id hashes, made and verified where they do not hold up the reactor.

A hash costs about 20 ms of processor time and 19 MiB, on purpose. So hashing has a small thread
pool of its own, whose threads are nicer than the reactor's, and queues with an end: one for logins
and one for sessions, so that passwords of sessions, however many, never keep anybody from logging
in::

    AccountChecker -> Passwords.verify -> (queue) --+
                                                    +--in turn--> Threads.run -> argon2id
              User -> Passwords.verify -> (queue) --+
"""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Thread, get_native_id
from typing import Any, Final, Protocol, TypeVar
from unicodedata import normalize

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from twisted_chat.vocabulary.errors import ChatError

MAX_WAITING: Final = 1_024
"""Passwords that may wait to be hashed or verified, at most."""

MAX_THREADS: Final = 4
"""Threads that hash, at most: each holds 19 MiB while it does."""

NICENESS: Final = 10
"""How much nicer a thread that hashes is than the reactor's."""

DECOY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$pkdOU07KYKRhIvfLOaOg+A"
    "$kC65jTYjIJzv6feX+AZM9YJV4SbFtrGznw139vQk0xQ"
)
"""A hash to verify against where there is none, so that the answer takes as long."""

_HASH: Final = re.compile(
    r"\$argon2(id|i|d)(\$v=\d{1,3})?\$m=\d{1,10},t=\d{1,10},p=\d{1,8}"
    r"\$[A-Za-z0-9+/]{8,128}\$[A-Za-z0-9+/]{8,256}"
)

# OWASP's password storage cheat sheet, the first choice for argon2id.
_hasher: Final = PasswordHasher(
    time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)

T = TypeVar("T")


MIN_PASSWORD: Final = 8
"""Characters in a password that somebody chooses, at least."""

MIN_REGISTERED: Final = 3
"""Characters in the password of an account that somebody registers, at least, unless an operator
wants more: guessing is slow, and clients of IRC have brought such ones for thirty years."""

GOOD_REGISTERED: Final = 6
"""What it should be, at least, where anybody may make an account."""

LONG: Final = 20
"""Characters of a password that may be two of them, again and again."""

_COMMON: Final = frozenset(
    {
        *("password", "password1", "passwort", "kennwort", "12345678", "123456789", "1234567890"),
        *("qwertyui", "qwertyuiop", "qwertzui", "qwertzuiop", "iloveyou", "sunshine", "princess"),
        *("football", "baseball", "superman", "trustno1", "letmein1", "welcome1", "changeme"),
        *("abcdefgh", "abcd1234", "11111111", "00000000", "88888888", "87654321", "admin123"),
        *("secret12", "computer", "whatever", "starwars", "dragon12", "monkey12", "michelle"),
        *("jennifer", "internet", "passw0rd", "p@ssword", "p@ssw0rd"),
    }
)
"""Those that are tried first, of at least MIN_PASSWORD characters."""


def weakness_of(password: str, user: str, least: int = MIN_PASSWORD) -> str | None:
    """Return why a password that ``user`` chooses is easily guessed, in a sentence; or None."""
    folded = password.casefold()
    if len(password) < least:
        return f"A password has at least {least} characters."
    if user and user.casefold() in folded and len(folded) - len(user) < least // 2:
        return "A password is not the user's name."
    if (len(set(folded)) < 3 and len(folded) < LONG) or folded in _COMMON:
        return "That password is one of the first that are tried."
    return None


def is_hash(text: str) -> bool:
    """Whether ``text`` is an encoded argon2 hash, as hash_password makes them."""
    return _HASH.fullmatch(text) is not None


def prepared(password: str) -> bytes:
    """Return the bytes that stand for ``password``, whichever keyboard composed it.

    Unicode's NFC, as in RFC 8265's OpaqueString, and UTF-8. Any ``str`` has them.
    """
    return normalize("NFC", password).encode("utf-8", "surrogatepass")


def hash_password(password: str) -> str:
    """Return a new argon2id hash of ``password``. Blocks for about 20 ms."""
    return _hasher.hash(prepared(password))


def verify_password(hash: str, password: str) -> bool:
    """Whether ``hash`` was made from ``password``. Blocks for about 20 ms."""
    try:
        return _hasher.verify(hash, prepared(password))
    except (VerificationError, InvalidHashError):
        return False


class Threads(Protocol):
    """Where work runs that would block the reactor."""

    @property
    def size(self) -> int:
        """How many pieces of work run at once."""

    def start(self) -> None:
        """Be ready to run."""

    def stop(self) -> None:
        """Wait for the work that runs, and let the threads go."""

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Run ``work`` in a thread; the Deferred fires in the reactor's."""


class NiceThreads:
    """A small thread pool that yields to the reactor: one thread for each core but one."""

    def __init__(self, reactor: IReactorFromThreads, size: int | None = None) -> None:
        self._reactor = reactor
        self.size = size or max(1, min(MAX_THREADS, (os.cpu_count() or 1) - 1))
        self._pool: ThreadPool | None = None

    def start(self) -> None:
        """Make the pool, unless it is there; its threads begin with their first work."""
        if self._pool is not None:
            return
        self._pool = ThreadPool(0, self.size, "passwords")
        self._pool.threadFactory = _NiceThread
        self._pool.start()

    def stop(self) -> None:
        """Wait for the work that runs (each about 20 ms), and let the threads go."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Run ``work`` in a thread; the Deferred fires in the reactor's."""
        if self._pool is None:
            return fail(RuntimeError("The threads are not started."))
        return deferToThreadPool(self._reactor, self._pool, work)


class _NiceThread(Thread):
    def run(self) -> None:
        if sys.platform == "linux":  # elsewhere a priority belongs to a whole process
            with suppress(OSError):  # a sandbox may forbid it
                main = os.getpriority(os.PRIO_PROCESS, os.getpid())
                os.setpriority(os.PRIO_PROCESS, get_native_id(), min(main + NICENESS, 19))
        super().run()


class TooLate(CancelledError):
    """It was cancelled when it was being done already, and is done, for nobody."""


@define(eq=False)
class _Job:
    """A piece of work, and who waits for it."""

    work: Callable[[], Any]
    done: Deferred[Any]


@define(eq=False)
class Passwords:
    """Hashes and verifies passwords, a few at a time; the others wait in a queue with an end.

    Several may share the threads: then each has its turn, and its own end of the queue.

    Its Deferreds fail with ChatError ``server-full`` when ``limit`` are waiting already, and when
    it is stopped. Whoever cancels a Deferred leaves the queue; it fails with TooLate where its
    turn has come already.
    """

    _pool: Threads
    _limit: int = field(default=MAX_WAITING, kw_only=True)
    _waiting: deque[_Job] = field(factory=deque, init=False)
    _running: int = field(default=0, init=False)
    _stopped: bool = field(default=False, init=False)

    def start(self) -> None:
        """Start the threads."""
        self._stopped = False
        self._pool.start()

    def stop(self) -> None:
        """Refuse what waits, finish what runs (about 20 ms), and let the threads go."""
        self._stopped = True
        waiting, self._waiting = self._waiting, deque()
        for job in waiting:
            job.done.errback(ChatError("server-full", "The server is stopping."))
        self._pool.stop()

    def hash(self, password: str) -> Deferred[str]:
        """Return an argon2id hash of ``password``, encoded with its salt and parameters."""
        return self._submit(lambda: hash_password(password))

    def verify(self, hash: str, password: str) -> Deferred[bool]:
        """Return whether ``hash`` was made from ``password``; False where it is no hash."""
        return self._submit(lambda: verify_password(hash, password))

    def _submit(self, work: Callable[[], T]) -> Deferred[T]:
        if self._stopped:
            return fail(ChatError("server-full", "The server is stopping."))
        if len(self._waiting) >= self._limit:
            return fail(ChatError("server-full", "Too many logins are waiting; try again shortly."))
        job = _Job(work, Deferred(self._cancelled))
        self._waiting.append(job)
        self._next()
        return job.done

    def _next(self) -> None:
        """Hand out as much as runs at once. The rest stays here, where it can be cancelled."""
        while self._waiting and self._running < self._pool.size:
            job = self._waiting.popleft()
            self._running += 1
            self._pool.run(job.work).addBoth(self._finished, job)

    def _finished(self, result: object, job: _Job) -> None:
        self._running -= 1
        self._next()
        if job.done.called:  # cancelled: nobody waits for the result
            return
        if isinstance(result, Failure):
            job.done.errback(result)
        else:
            job.done.callback(result)

    def _cancelled(self, done: Deferred[Any]) -> None:
        """Leave the queue. What runs already runs on, for nobody."""
        before = len(self._waiting)
        self._waiting = deque(job for job in self._waiting if job.done is not done)
        if len(self._waiting) == before:
            done.errback(TooLate())
