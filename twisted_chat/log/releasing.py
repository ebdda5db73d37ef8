"""Letting a name go that an account had, in a log that no daemon has open."""

from __future__ import annotations

import os
from contextlib import closing

from twisted_chat.log.sqlite.schema import hold, open_database, told

NAME = "name"
"""The kind of the records that keep names: see chat/former.py."""


def release(path: str, key: str) -> tuple[bool, int]:
    """Let the name go whose compared form is ``key``, and end its direct sessions.

    Returns whether it was kept, and how many sessions end. Raises LogError, also where a daemon
    has the log open.
    """
    path = os.path.abspath(path)
    lock = hold(path)
    try:
        with told(path), closing(open_database(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            names = connection.execute(
                "DELETE FROM records WHERE kind = ? AND scope = '' AND key = ?", (NAME, key)
            ).rowcount
            sessions = connection.execute(
                "UPDATE lives SET ended = 1"
                " WHERE NOT ended AND (direct_first = ?1 OR direct_second = ?1)",
                (key,),
            ).rowcount
            connection.execute("COMMIT")
    finally:
        os.close(lock)
    return names > 0, sessions
