"""Logs by their URL: what ``--log`` says."""

from __future__ import annotations

from functools import partial

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from twisted_chat.log.contract import Log, LogError
from twisted_chat.log.memory import MemoryLog
from twisted_chat.log.sqlite import GATHER_SECONDS, open_sqlite
from twisted_chat.log.threads import ThreadWorker


def open_log(url: str, clock: IReactorTime, threads: IReactorFromThreads) -> Log:
    """Open the log that ``url`` names.

    That is ``memory:``, ``sqlite:FILE[?synchronous=full|normal]`` or ``postgresql://…`` as libpq
    takes it.

    Blocks: for before the reactor runs. Raises LogError, whose sentence is for the operator.
    """
    kind, _, rest = url.partition(":")
    if url == "memory:":
        return MemoryLog(clock)
    if kind in ("postgresql", "postgres"):
        return _open_postgres(url, clock, threads)
    if kind != "sqlite":
        raise LogError(f"A log is memory:, sqlite:FILE or postgresql://…, and not {url!r}.")
    path, _, option = rest.partition("?")
    name, _, value = option.partition("=")
    if not path:
        raise LogError("A log in sqlite: needs the name of its file, as in sqlite:chat.db.")
    if option and (name != "synchronous" or value not in ("full", "normal")):
        raise LogError(f"The log has an option synchronous=full or =normal, and not {option!r}.")
    workers = partial(ThreadWorker, reactor=threads)
    return open_sqlite(path, clock, workers, value or "full", GATHER_SECONDS)


def _open_postgres(url: str, clock: IReactorTime, threads: IReactorFromThreads) -> Log:
    try:
        from twisted_chat.log.postgres import open_postgres
    except ImportError:
        raise LogError(
            "A log in PostgreSQL needs psycopg: pip install 'twisted-chat[cluster]'."
        ) from None
    return open_postgres(url, clock, partial(ThreadWorker, reactor=threads))
