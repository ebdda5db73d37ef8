"""A connection to the database: one, of one thread, made when it is needed and made anew when lost.

What fails because the database can not be reached fails with one kind of exception, whatever libpq
calls it, and the next piece of work tries again. A server that was restarted, or another to which
the address leads now, is found by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import psycopg
from attrs import define, field

from twisted_chat.log.contract import LogError
from twisted_chat.log.postgres.schema import bring_up_to_date

CONNECT_SECONDS: Final = 5
"""How long the database may take to answer a connection."""

DEAD_MILLISECONDS: Final = 10_000
"""How long bytes may wait to be acknowledged by the database's machine, before it is given up."""

T = TypeVar("T")

Connection = psycopg.Connection[tuple[Any, ...]]


class Unreachable(Exception):
    """The database is not there, or it went away while it worked: the sentence says which."""


@define(eq=False)
class Database:
    """One connection; not for two threads at once. ``options`` are settings of the server's."""

    url: str
    name: str
    options: str = ""
    _connection: Connection | None = field(default=None, init=False)

    def do(self, work: Callable[[Connection], T], *, again: bool = False) -> T:
        """Return what ``work`` returns. Raises Unreachable; what else it raises is its own.

        With ``again`` it is tried once more, on a new connection, where the old one turns out to be
        lost: for what only reads.
        """
        try:
            return self._do(work)
        except Unreachable:
            if not again:
                raise
            return self._do(work)

    def _do(self, work: Callable[[Connection], T]) -> T:
        try:
            connection = self._open()
            return work(connection)
        except (psycopg.OperationalError, psycopg.InterfaceError) as problem:
            if isinstance(problem, psycopg.errors.QueryCanceled):
                raise
            self.close()
            raise Unreachable(sentence(problem)) from None

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.url, self.name, self.options)
        return self._connection

    def cancel(self) -> None:
        """Ask the server to stop what it does for this connection: may be called in any thread."""
        connection = self._connection
        if connection is not None:
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=CONNECT_SECONDS)

    def close(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()


def connect(url: str, name: str, options: str = "") -> Connection:
    """Connect. Raises psycopg.Error."""
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        tcp_user_timeout=DEAD_MILLISECONDS,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=2,
        application_name=name,
        options=f"-c search_path=chat -c client_encoding=UTF8 {options}".strip(),
    )


def prepare(url: str, name: str) -> None:
    """Make the schema, or bring it up to date. Blocks: for before the reactor runs.

    Raises LogError, whose sentence is for the operator.
    """
    try:
        with connect(url, name) as connection:
            bring_up_to_date(connection)
    except psycopg.Error as problem:
        raise LogError(f"The log's database can not be used: {sentence(problem)}.") from None


def sentence(problem: Exception) -> str:
    """Return one line of what libpq and the server say, in many; it names no password."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return (lines[0] if lines else type(problem).__name__).rstrip(".")
