"""Logs by their URL: what ``--log`` says."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from twisted_chat.log.contract import Log, LogError
from twisted_chat.log.memory import MemoryLog
from twisted_chat.log.sqlite import open_sqlite
from twisted_chat.log.sqlite.log import GATHER_SECONDS
from twisted_chat.log.threads import ThreadWorker


def open_log(
    url: str,
    clock: IReactorTime,
    threads: IReactorFromThreads,
    now: Callable[[], float] = time.time,
) -> Log:
    """Open the log that ``url`` names.

    That is ``memory:``, ``sqlite:FILE[?synchronous=full|normal]`` or ``postgresql://…`` as libpq
    takes it. ``clock`` measures durations; ``now`` is the time of day, for what is stored.

    Blocks: for before the reactor runs. Raises LogError, whose sentence is for the operator.
    """
    kind, _, rest = url.partition(":")
    if url == "memory:":
        return MemoryLog(clock, now=now)
    if kind in ("postgresql", "postgres"):
        return _open_postgres(url, clock, threads, now)
    if kind != "sqlite":
        raise LogError(f"A log is memory:, sqlite:FILE or postgresql://…, and not {url!r}.")
    path, _, option = rest.partition("?")
    name, _, value = option.partition("=")
    if not path:
        raise LogError("A log in sqlite: needs the name of its file, as in sqlite:chat.db.")
    if option and (name != "synchronous" or value not in ("full", "normal")):
        raise LogError(f"The log has an option synchronous=full or =normal, and not {option!r}.")
    workers = partial(ThreadWorker, reactor=threads)
    log = open_sqlite(path, clock, workers, value or "full", GATHER_SECONDS)
    log.now = now
    return log


def _open_postgres(
    url: str, clock: IReactorTime, threads: IReactorFromThreads, now: Callable[[], float]
) -> Log:
    try:
        from twisted_chat.log.postgres import open_postgres
    except ImportError:
        raise LogError(
            "A log in PostgreSQL needs psycopg: pip install 'twisted-chat[cluster]'."
        ) from None
    log = open_postgres(url, clock, partial(ThreadWorker, reactor=threads))
    log.now = now
    return log
