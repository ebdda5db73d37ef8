"""The file behind the durable log: its tables, how it is opened, and who may hold it.

A text's row is found by its *place*, one integer made of the life's number and the text's seq. So
a page of history is one run of rows, the search index (whose rows bear the same number) can be
entered at any seq of any life, and no other life's texts lie between.
"""

# SQL is composed of constants here; what people send is always a parameter.
# ruff: noqa: S608

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import quote

from twisted.logger import Logger

from twisted_chat.log.contract import Life, LogError, Settings
from twisted_chat.log.sqlite.steps import (
    APPLICATION_ID,
    COMPOSED,
    MAX_LIVES,
    MAX_SEQ,
    SEQ_BITS,
    STEPS,
    compose,
)

_logger = Logger()

OLDEST_SQLITE: Final = (3, 35)

BUSY_SECONDS: Final = 5.0
"""How long a commit waits for another program that writes to the file."""

CHECKPOINT_PAGES: Final = 4_000
"""Pages (of 4 KiB) in the WAL from which on a commit moves them into the file.

Pages that every commit changes are moved once for all of them, so more is cheaper; but whoever
waits for that commit waits longer.
"""


def open_database(
    path: str, synchronous: str = "full", steps: Sequence[str] = STEPS
) -> sqlite3.Connection:
    """Open the file for the one that writes to it; make it, or bring it up to date, where needed.

    ``path`` is held by ``hold``. Raises LogError: not ours, damaged, too new, not to be written.
    The file that is refused is not changed.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise LogError(f"SQLite {sqlite3.sqlite_version} is too old for the log: 3.35 is needed.")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # texts are private
        _force(os.path.realpath(path) + "-wal")
    except OSError as problem:
        raise LogError(f"The log {path} can not be opened: {problem.strerror}.") from None
    with told(path):
        connection = _connect(path, "rw")
        try:
            version = _version(path, connection)
            if version > len(steps):
                raise LogError(
                    f"The log {path} was written by a newer version of this program"
                    f" (format {version}, and this one knows {len(steps)})."
                )
            connection.execute("PRAGMA journal_mode = wal").fetchall()
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}").fetchall()
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute("PRAGMA secure_delete = on").fetchall()  # what is redacted is gone
            _migrate(connection, version, steps)
            # Fails now, and not with the first text, where the file can not be written to.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            close_to_others(path)
        except BaseException:
            connection.close()
            raise
        return connection


def _force(path: str) -> None:
    """Force what is in the file to the disk, where there is such a file.

    A daemon that was killed may have written a commit and not forced it. Whoever opens the log next
    finds that commit, and shows it: so it has to be as safe as any other first.
    """
    with suppress(FileNotFoundError):
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def open_for_reading(path: str) -> sqlite3.Connection:
    """Open the file for reading alone, beside the one that writes to it.

    Raises LogError where it is not there or not a log of this version.
    """
    if not os.path.isfile(path):
        raise LogError(f"There is no log {path}.")
    with told(path):
        connection = _connect(path, "ro")
        folder = os.path.dirname(path)
        may_write = os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
        if not may_write and not os.path.exists(path + "-wal"):
            # Closed in an orderly way, where nobody here can write: SQLite would make a -shm.
            connection.close()
            connection = _connect(path, "ro&immutable=1")
        try:
            if _version(path, connection) != len(STEPS):
                raise LogError(f"The log {path} is of another version of this program.")
        except BaseException:
            connection.close()
            raise
        return connection


def _connect(path: str, mode: str) -> sqlite3.Connection:
    # Each connection is used by one thread at a time, and closed by another.
    return sqlite3.connect(
        f"file:{quote(path)}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
        cached_statements=32,
    )


def _version(path: str, connection: sqlite3.Connection) -> int:
    """Return the file's version, 0 for an empty one. Raises LogError where it is not ours."""
    ((version,),) = connection.execute("PRAGMA user_version")
    ((application,),) = connection.execute("PRAGMA application_id")
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema")
    if application != APPLICATION_ID and (application or version or tables):
        raise LogError(f"The file {path} is a database, but not a chat log.")
    return int(version)


def _migrate(connection: sqlite3.Connection, version: int, steps: Sequence[str]) -> None:
    for number, step in enumerate(steps[version:], version + 1):
        # A step is done with its number or not at all.
        connection.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number};")
        if number == COMPOSED:
            compose(connection)
        connection.execute("COMMIT")


def load_lives(connection: sqlite3.Connection) -> list[tuple[int, int, Life]]:
    """Return each life's number, the last seq that the search index knows, and the life."""
    rows = connection.execute(
        f"""
        SELECT n, indexed, epoch, key, name, owner, topic, keep, password,
               invite, moderated, hidden, open_topic, max_members,
               direct_first, direct_second, pruned,
               (SELECT min(place) FROM texts WHERE place BETWEEN low AND high) & {MAX_SEQ},
               (SELECT max(place) FROM texts WHERE place BETWEEN low AND high) & {MAX_SEQ}
        FROM (SELECT *, n << {SEQ_BITS} AS low, (n << {SEQ_BITS}) + {MAX_SEQ} AS high FROM lives)
        WHERE NOT ended ORDER BY n
        """
    )
    return [
        (
            n,
            indexed,
            Life(
                epoch=epoch,
                key=key,
                name=name,
                owner=owner,
                topic=topic,
                keep=bool(keep),
                password=password,
                invite=bool(invite),
                moderated=bool(moderated),
                hidden=bool(hidden),
                open_topic=bool(open_topic),
                limit=limit,
                direct=None if one is None else (one, other),
                head=pruned if head is None else head,
                first=pruned + 1 if first is None else first,
            ),
        )
        for (
            n, indexed, epoch, key, name, owner, topic, keep, password,
            invite, moderated, hidden, open_topic, limit, one, other, pruned, first, head,
        ) in rows
    ]  # fmt: skip


def insert_life(
    connection: sqlite3.Connection, life: Life, pruned: int = 0, indexed: int = 0
) -> int:
    """Store a life and return its number. Raises sqlite3.IntegrityError where one is there."""
    one, other = life.direct or (None, None)
    n = connection.execute(
        "INSERT INTO lives (epoch, key, name, owner, topic, keep, password, invite, moderated,"
        " hidden, open_topic, max_members, direct_first, direct_second, pruned, indexed)"
        f" VALUES ({','.join('?' * 16)})",
        (life.epoch, life.key, life.name, life.owner, life.topic, life.keep, life.password,
         life.invite, life.moderated, life.hidden, life.open_topic, life.limit, one, other,
         pruned, indexed),
    ).lastrowid  # fmt: skip
    if n is None or n > MAX_LIVES:
        raise sqlite3.OperationalError("there were too many sessions")
    return n


_COLUMNS: Final = {
    "owner": "owner",
    "topic": "topic",
    "keep": "keep",
    "password": "password",
    "invite": "invite",
    "moderated": "moderated",
    "hidden": "hidden",
    "open_topic": "open_topic",
    "limit": "max_members",
}
"""Where each of a life's settings is."""


def amend_life(connection: sqlite3.Connection, n: int, changes: Settings) -> None:
    """Store some settings of a life."""
    if changes:
        columns = ", ".join(f"{_COLUMNS[name]} = ?" for name in changes)
        connection.execute(f"UPDATE lives SET {columns} WHERE n = ?", (*changes.values(), n))


def close_to_others(path: str) -> None:
    """Let nobody but its owner read the log: it holds private texts. Warn where that can not be."""
    for file in (path, path + "-wal", path + "-shm"):
        try:
            found = os.stat(file, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
                os.chmod(file, 0o600)
                _logger.info("{file} could be read by others: its mode is 0600 now", file=file)
        except FileNotFoundError:
            continue
        except OSError as problem:
            _logger.warn("{file} can be read by others ({why})", file=file, why=problem.strerror)


def hold(path: str) -> int:
    """Take the file for this process alone, until ``os.close`` of the number that is returned.

    The kernel lets go of it when the process ends, however it ends; the lock's file stays and
    means nothing by itself. Raises LogError where another process holds it.
    """
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(path + "-lock", flags, 0o600)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise LogError(f"The file {path}-lock is a link: it is not written through.") from None
        raise LogError(f"The log {path} can not be opened: {problem.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.write(lock, b"%d\n" % os.getpid())
    except BlockingIOError:
        holder = os.read(lock, 20).decode("ascii", "replace").strip()
        os.close(lock)
        raise LogError(f"The log {path} is in use by process {holder or 'unknown'}.") from None
    except OSError as problem:
        os.close(lock)
        raise LogError(f"The log {path} can not be locked: {problem.strerror}.") from None
    return lock


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turn what SQLite raises into a LogError."""
    try:
        yield
    except sqlite3.OperationalError as problem:
        raise LogError(f"The log {path} can not be used: {problem}.") from None
    except sqlite3.DatabaseError as problem:
        raise LogError(
            f"The log {path} is damaged, or not a log at all: {problem}."
            " It was left as it is; a backup can take its place."
        ) from None
