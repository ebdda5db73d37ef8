"""Opening the durable log: its file, its connections, its threads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, closing

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_chat.log.sqlite.log import MakeWorker, SqliteLog
from twisted_chat.log.sqlite.power import boot_id, opened
from twisted_chat.log.sqlite.reading import Reader
from twisted_chat.log.sqlite.schema import hold, open_database, open_for_reading, told
from twisted_chat.log.sqlite.writing import Writer

_logger = Logger()


def open_sqlite(
    path: str,
    clock: IReactorTime,
    make_worker: MakeWorker,
    synchronous: str = "full",
    gather: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
    boot: Callable[[], str] = boot_id,
) -> SqliteLog:
    """Open the log at ``path``, or begin one; bring an older one up to date.

    ``synchronous`` is ``full`` (a power cut loses nothing that was acknowledged) or ``normal`` (it
    may lose the last commits; a crash of this process loses nothing). ``gather`` is GATHER_SECONDS
    or nothing; ``sleep`` is what waits so long. ``boot``: see power.py.
    Blocks: for before the reactor runs. Raises LogError.
    """
    path = os.path.abspath(path)
    with ExitStack() as undoing:
        lock = hold(path)
        undoing.callback(os.close, lock)
        connection = undoing.enter_context(closing(open_database(path, synchronous)))
        with told(path):
            if opened(connection, synchronous, boot):
                _logger.warn(
                    "{path}: the machine went down while it was open, and the last texts may be"
                    " lost (synchronous=normal): clients are told to begin anew.",
                    path=path,
                )
            writer = Writer(path, connection, synchronous)
        pages = Reader(undoing.enter_context(closing(open_for_reading(path))))
        finder = Reader(undoing.enter_context(closing(open_for_reading(path))))
        undoing.pop_all()
    return SqliteLog(
        clock,
        path,
        writer,
        pages,
        finder,
        lock,
        make_worker("log-write"),
        make_worker("log-read"),
        make_worker("log-search"),
        gather,
        sleep,
    )
