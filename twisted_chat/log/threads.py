"""Threads for what blocks: one thread, one job at a time, answers in the reactor's thread.

The log asks for workers and not for threads, so that its tests run the jobs where and when they
like.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

T = TypeVar("T")


class Worker(Protocol):
    """Something that does one job after the other, in the order in which they were given."""

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """Do ``job``; fire with what it returns, or fail with what it raises.

        A job whose Deferred is cancelled before its turn is not done.
        """

    def stop(self) -> Deferred[None]:
        """Finish the jobs that were given, and let go. Nothing is given after it."""


@define(eq=False)
class ThreadWorker:
    """A worker with a thread of its own, begun with the first job.

    Not a reactor's thread pool: two jobs of one worker must never overlap, and a job costs no more
    than a queue and one call into the reactor. The thread is a daemon: what matters is stored
    before it is answered, so nothing is worth keeping a dying process for.
    """

    _name: str
    _reactor: IReactorFromThreads
    _jobs: SimpleQueue[tuple[Callable[[], Any], Deferred[Any]] | None] = field(
        factory=SimpleQueue, init=False
    )
    _thread: Thread | None = field(default=None, init=False)
    _stopped: Deferred[None] = field(factory=Deferred, init=False)

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See Worker."""
        done: Deferred[T] = Deferred()
        self._jobs.put((job, done))
        if self._thread is None:
            self._thread = Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        return done

    def stop(self) -> Deferred[None]:
        """See Worker."""
        if self._thread is None:
            return succeed(None)
        self._jobs.put(None)
        return self._stopped

    def _work(self) -> None:
        while (given := self._jobs.get()) is not None:
            job, done = given
            if done.called:  # it was cancelled, and nobody waits for it
                continue
            try:
                answer = job()
            except BaseException:
                answer = Failure()
            self._reactor.callFromThread(done.callback, answer)
            del given, job, done, answer  # waiting, it holds nothing of the last job
        self._reactor.callFromThread(self._stopped.callback, None)
