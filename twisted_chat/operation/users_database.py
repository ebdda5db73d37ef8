"""Accounts in the log's database, for ``twisted-chat users``: read and changed as a users file is.

Whatever a command does to the accounts and the public keys is one transaction, and a line of the
feed for each that is changed: the nodes that run know it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from twisted_chat.accounts import users_file
from twisted_chat.accounts.kept import (
    ACCOUNT,
    PUBLIC_KEY,
    account_of,
    key_in,
    record_of,
    record_of_key,
)
from twisted_chat.accounts.keys import BadKey, PublicKey, parse_key
from twisted_chat.accounts.users_edit import Edit, TextEdit, editing, editing_text, read_or_empty
from twisted_chat.accounts.users_file import EMPTY, AccountsError, UsersFile
from twisted_chat.log.contract import LogError, Record
from twisted_chat.log.shared import is_shared

LOCK: Final = 0x7C4A_7C4B
"""The advisory lock that a command holds."""

NODE: Final = "twisted-chat-users"
"""Who has written the lines."""


def read_users(path: str) -> UsersFile:
    """Read a users file, or the accounts in a database. Raises AccountsError, LogError."""
    if not is_shared(path):
        return users_file.read(path)
    with _transaction(path) as connection:
        return _users(_records(connection, ACCOUNT))


def read_users_or_empty(path: str) -> UsersFile:
    """Do the same, of a file that need not be there."""
    return read_users(path) if is_shared(path) else read_or_empty(path)


@contextmanager
def editing_users(path: str, *, new: bool, waits: Callable[[], object]) -> Iterator[Edit]:
    """Change a users file, or the accounts in a database: all or nothing.

    Raises AccountsError, LogError, OSError.
    """
    if not is_shared(path):
        with editing(path, new=new, waits=waits) as edit:
            yield edit
        return
    with _transaction(path) as connection:
        before = _records(connection, ACCOUNT)
        edit = Edit(_users(before))
        yield edit
        after = [record_of(account) for account in edit.file.accounts]
        _store(connection, before, {(one.scope, one.key): one for one in after})


@contextmanager
def editing_keys(path: str) -> Iterator[TextEdit]:
    """Change the public keys beside a users file, or in a database: all or nothing."""
    from twisted_chat.accounts.keys import SUFFIX

    if not is_shared(path):
        with editing_text(path + SUFFIX) as edit:
            yield edit
        return
    with _transaction(path) as connection:
        before = _records(connection, PUBLIC_KEY)
        edit = TextEdit([key.line() for key in map(key_in, before.values()) if key is not None])
        yield edit
        after = [record_of_key(_key(line)) for line in edit.lines]
        _store(connection, before, {(one.scope, one.key): one for one in after})


def keys_in(url: str) -> list[PublicKey]:
    """Return the public keys in a database. Raises LogError."""
    with _transaction(url) as connection:
        found = map(key_in, _records(connection, PUBLIC_KEY).values())
        return [key for key in found if key is not None]


def _key(line: str) -> PublicKey:
    user, _, rest = line.partition(" ")
    try:
        return parse_key(user, rest)
    except BadKey as wrong:
        raise AccountsError("the database", str(wrong).rstrip(".")) from None


@contextmanager
def _transaction(url: str) -> Iterator[Any]:
    try:
        import psycopg

        from twisted_chat.log.postgres.database import connect, prepare, sentence
    except ImportError:
        raise LogError(f"{url}: pip install 'twisted-chat[cluster]'.") from None
    prepare(url, "twisted-chat users")
    try:
        with connect(url, "twisted-chat users") as connection, connection.transaction():
            # One command at a time: what it has read is what it changes.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            yield connection
    except psycopg.Error as problem:
        raise LogError(f"The log's database: {sentence(problem)}.") from None


def _records(connection: Any, kind: str) -> dict[tuple[str, str], Record]:
    rows = connection.execute(
        "SELECT scope, key, value FROM chat.records WHERE kind = %s ORDER BY scope, key",
        (kind,),
        binary=True,
    )
    return {(scope, key): Record(kind, scope, key, bytes(value)) for scope, key, value in rows}


def _users(records: Mapping[tuple[str, str], Record]) -> UsersFile:
    accounts = [one for one in map(account_of, records.values()) if one is not None]
    return EMPTY.with_accounts(accounts)


def _store(
    connection: Any,
    before: Mapping[tuple[str, str], Record],
    after: Mapping[tuple[str, str], Record],
) -> None:
    from twisted_chat.log.postgres.feed import Lines
    from twisted_chat.log.postgres.records import keep

    changed = [one for at, one in after.items() if before.get(at) != one]
    gone = [
        Record(one.kind, one.scope, one.key, None) for at, one in before.items() if at not in after
    ]
    lines = Lines(NODE)
    keep([*gone, *changed], lines, connection)
    lines.write(connection)
