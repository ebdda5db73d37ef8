"""Waiting for what another process or thread does: until it has happened, and not for so long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from twisted.internet.task import deferLater

SECONDS = 60.0
"""How long something may take: a loaded machine is slow."""

NEVER = "it did not happen in time"


def eventually(
    done: Callable[[], object], what: str = NEVER, *, seconds: float = SECONDS, each: float = 0.05
) -> None:
    """Wait until ``done`` says so; ``what`` is said where it never does."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(each)


async def until(done: Callable[[], object], what: str = NEVER) -> None:
    """The same in the reactor, which goes on meanwhile."""
    from twisted.internet import reactor

    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline, what
        await deferLater(reactor, 0.005)


class Stopwatch:
    """How long something takes, but for the time in which it, or who waits, had no processor.

    What is to be quick is to be so where there is time for it. On a busy machine these processes
    (and what they have started, and the thread that waits) are ready to run and do not: Linux
    counts for how long, and that is taken off. Elsewhere nothing is. ``with Stopwatch(daemon.pid)``
    """

    def __init__(self, *pids: int) -> None:
        self._pids = set(pids)
        self._thread_here = threading.get_native_id()
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        took = time.monotonic() - self._began
        self._over.set()
        self._thread.join()
        self._look()
        late = (self._last[pid] - first for pid, first in self._first.items())
        self.seconds = took - sum(late)

    def _watch(self) -> None:
        """Look again and again: what has ended can not be asked any more."""
        while not self._over.wait(0.05):
            self._look()

    def _look(self) -> None:
        """Note how long each has waited for a processor in its life."""
        own = Path(f"/proc/self/task/{self._thread_here}/schedstat")
        self._note(self._thread_here, [own])
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError, ValueError, IndexError):
                pid = int(status.parent.name)
                parent = int(status.read_text().rpartition(")")[2].split()[1])
                if not self._pids.isdisjoint((pid, parent)):
                    self._note(pid, (status.parent / "task").glob("*/schedstat"))

    def _note(self, number: int, tasks: Iterable[Path]) -> None:
        with suppress(OSError, ValueError, IndexError):
            late = sum(int(one.read_text().split()[1]) for one in tasks) / 1e9
            self._last[number] = max(late, self._last.get(number, 0.0))
            self._first.setdefault(number, late)
