"""What a power cut may have taken, where the operator chose speed (``synchronous=normal``).

The last commits may be gone then, and their seqs are given again to other texts. So whoever saw the
old ones is to be told: each session gets another epoch, and clients are told ``reset``. A daemon
that was only killed has lost nothing: the machine has not been started anew since.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from twisted_chat.log.contract import Record
from twisted_chat.log.sqlite import records

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

KIND: Final = "opened"
"""The kind of the record that says in which run of the machine the file was opened."""


def boot_id() -> str:
    """Return what names this run of the machine; where the system has none, nothing matches it."""
    with suppress(OSError):
        return BOOT_ID.read_text().strip()
    return ""


def opened(
    connection: sqlite3.Connection, synchronous: str, boot: Callable[[], str] = boot_id
) -> bool:
    """Note that the file is open; return whether texts may have been lost since it was last."""
    now = boot()
    (before,) = records.kept(connection, KIND, "", "", "", 1) or (None,)
    lost = before is not None and (not now or before.value != now.encode())
    connection.execute("BEGIN IMMEDIATE")
    if lost:
        records.renew_epochs(connection)
    note = now.encode() if synchronous == "normal" else None
    records.keep(connection, Record(KIND, "", "", note))
    connection.execute("COMMIT")
    if synchronous == "normal":  # the note is on the disk before anything that may be lost
        connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall()
    return lost


def closed(connection: sqlite3.Connection) -> None:
    """Note that the file was closed in an orderly way: what it holds is on the disk."""
    records.keep(connection, Record(KIND, "", "", None))
