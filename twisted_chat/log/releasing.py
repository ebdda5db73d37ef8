"""Letting a name go that an account had, in a log that no daemon has open."""

from __future__ import annotations

import os
from contextlib import closing

from twisted_chat.log.sqlite.schema import hold, open_database, told
from twisted_chat.vocabulary.names import key_of

NAME = "name"
"""The kind of the records that keep names: see chat/former.py."""

OF_ACCOUNTS = "('place', 'read', 'level', 'role', 'invitation', 'standing')"
"""Kinds of records of a session's life that are an account's, by its key: see places and ruling."""


def release(path: str, key: str) -> tuple[bool, int]:
    """Let the name go whose compared form is ``key``, and all that was kept for who had it.

    Its direct sessions end; it owns no session, has no role, no place and no device any more.

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
            connection.execute("DELETE FROM records WHERE scope = ?", (f"user:{key}",))
            connection.execute(
                f"DELETE FROM records WHERE kind IN {OF_ACCOUNTS} AND key = ? AND scope != ''",  # noqa: S608
                (key,),
            )
            connection.execute(
                "DELETE FROM records WHERE kind = 'mention' AND substr(key, 1, ?) = ?",
                (len(key) + 1, f"{key}:"),
            )
            owned = connection.execute("SELECT n, owner FROM lives WHERE owner IS NOT NULL")
            for n in [n for n, owner in owned.fetchall() if key_of(owner) == key]:
                connection.execute("UPDATE lives SET owner = NULL WHERE n = ?", (n,))
            sessions = connection.execute(
                "UPDATE lives SET ended = 1"
                " WHERE NOT ended AND (direct_first = ?1 OR direct_second = ?1)",
                (key,),
            ).rowcount
            connection.execute("COMMIT")
    finally:
        os.close(lock)
    return names > 0, sessions
