"""Export and import of a log in PostgreSQL: the same lines as those of a log in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from attrs import define, evolve, field
from msgspec import structs
from msgspec.json import Decoder, encode

from twisted_chat.log.contract import Life, LogError, Record
from twisted_chat.log.exporting import (
    ExportedChange,
    ExportedRecord,
    ExportedSession,
    ExportedText,
    Line,
    Unfit,
    each_line,
    exported,
)
from twisted_chat.log.postgres.database import Connection, connect, prepare, sentence
from twisted_chat.log.postgres.records import put
from twisted_chat.log.postgres.rows import KINDS
from twisted_chat.log.postgres.words import lexemes
from twisted_chat.log.shared import CLAIM
from twisted_chat.vocabulary.names import key_of

BITE: Final = 500
"""Entries that are sent to the database together."""

_LIFE: Final = Decoder(Life)
_KINDS: Final = {number: name for name, number in KINDS.items()}

_INSERT: Final = (
    "INSERT INTO chat.texts (life, seq, time, source, data, id, words, guest, kind, of, edited,"
    " redacted, note) VALUES (%s, %s, %s, %s, %s, %s, %s::tsvector, %s, %s, %s, %s, %s, %s)"
)

_REACTED: Final = (
    "UPDATE chat.texts SET reacted ="
    " (SELECT true FROM chat.reactions WHERE life = %(n)s AND of = %(of)s LIMIT 1)"
    " WHERE life = %(n)s AND seq = %(of)s"
)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as problem:
        raise LogError(f"The log's database: {sentence(problem)}.") from None


# --- export --------------------------------------------------------------------------------


def export_log(url: str, session: str | None) -> None:
    """Write the log as JSON lines on standard output, as it is at this moment. Raises LogError."""
    with _told(), connect(url, "twisted-chat export") as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        lives = _lives(connection)
        out = sys.stdout.buffer
        if session is not None:
            wanted = {session, key_of(session)}
            lives = [(n, life) for n, life in lives if life.key in wanted]
            if not lives:
                raise LogError(f"There is no session {session} in the log.")
        else:
            out.writelines(_records(connection, None))
        for n, life in lives:
            out.write(exported(life, ExportedSession))
            out.writelines(_entries(connection, n, life.epoch))
            out.writelines(_records(connection, life.epoch))
        out.flush()
        connection.execute("COMMIT")


def _lives(connection: Connection) -> list[tuple[int, Life]]:
    rows = connection.execute(
        "SELECT n, body, head, first FROM chat.lives WHERE NOT ended ORDER BY n"
    ).fetchall()
    return [(n, evolve(_LIFE.decode(body), head=head, first=at)) for n, body, head, at in rows]


def _entries(connection: Connection, n: int, epoch: str) -> Iterator[bytes]:
    with connection.cursor("entries", binary=True) as cursor:  # the server keeps what waits
        cursor.execute(
            "SELECT seq, time, source, data, id, guest, kind, of, edited, redacted, note"
            " FROM chat.texts WHERE life = %s ORDER BY seq",
            (n,),
        )
        for seq, time, source, data, id, guest, kind, of, edited, redacted, note in cursor:
            source, id = source.decode(), None if id is None else id.decode()
            line: ExportedText | ExportedChange
            if kind is None or of is None:
                line = ExportedText(
                    epoch=epoch, seq=seq, time=time, source=source, data=data.decode(), id=id,
                    guest=bool(guest), reply=of, edited=edited, redacted=redacted,
                )  # fmt: skip
            else:
                said = None if note is None else note.decode()
                line = ExportedChange(
                    epoch=epoch, seq=seq, time=time, source=source, kind=_KINDS[kind], of=of,
                    note=said, id=id,
                )  # fmt: skip
            yield encode(line) + b"\n"


def _records(connection: Connection, scope: str | None) -> Iterator[bytes]:
    where = "scope = %s" if scope is not None else "(scope = '' OR position(':' in scope) > 0)"
    rows = connection.execute(
        f"SELECT kind, scope, key, value FROM chat.records WHERE {where} AND kind <> %s"  # noqa: S608
        " ORDER BY kind, scope, key",
        (CLAIM,) if scope is None else (scope, CLAIM),
        binary=True,
    )
    for kind, at, key, value in rows:
        yield exported(Record(kind, at, key, bytes(value)), ExportedRecord)


# --- import --------------------------------------------------------------------------------


def import_log(url: str, lines: Iterable[bytes]) -> tuple[int, int, int]:
    """Read JSON lines into the log, all or none; return how many sessions, texts, records were new.

    No node may run. Raises LogError.
    """
    prepare(url, "twisted-chat import")
    with _told(), connect(url, "twisted-chat import") as connection, connection.transaction():
        alive = connection.execute(
            "SELECT node FROM chat.nodes WHERE until > clock_timestamp()"
        ).fetchone()
        if alive is not None:
            raise LogError(f"The log is in use: node {alive[0]} runs.")
        importing = _Import(connection)
        importing.read(lines)
        return importing.sessions, importing.texts, importing.records


@define
class _Place:
    """A life in the log, and where it begins and ends now."""

    n: int
    first: int
    head: int


@define(eq=False)
class _Import:
    """Lines on their way into the database, in one transaction."""

    _connection: Connection
    sessions: int = 0
    texts: int = 0
    records: int = 0
    _places: dict[str, _Place] = field(factory=dict)
    _rows: list[tuple[Any, ...]] = field(factory=list)
    _marked: dict[tuple[int, int], None] = field(factory=dict)
    """Texts whose reactions are others now: their lives' numbers and seqs."""

    def read(self, lines: Iterable[bytes]) -> None:
        """Read all lines. Raises LogError, which names the line."""
        for n, life in _lives(self._connection):
            self._places[life.epoch] = _Place(n, life.first, life.head)
        each_line(lines, self._take)
        self._flush()
        with self._connection.cursor() as cursor:
            cursor.executemany(_REACTED, [{"n": n, "of": of} for n, of in self._marked])
        for place in self._places.values():
            self._connection.execute(
                "UPDATE chat.lives SET head = %s, moved = txid_current() WHERE n = %s",
                (place.head, place.n),
            )

    def _take(self, line: Line) -> None:
        match line:
            case ExportedText() | ExportedChange():
                self._take_entry(line)
            case ExportedRecord():
                record = Record(line.kind, line.scope, line.key, line.value, "absent")
                if record.epoch is not None and record.epoch not in self._places:
                    raise Unfit(f"there is no session of the epoch {record.epoch} before it")
                self.records += put(record, self._connection)
            case ExportedSession() if line.epoch not in self._places:
                self._take_session(line)

    def _take_session(self, line: ExportedSession) -> None:
        life = evolve(Life(**structs.asdict(line)), head=0, first=1)
        row = self._connection.execute(
            "INSERT INTO chat.lives (epoch, key, body, head, first) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING RETURNING n",
            (life.epoch, life.key, encode(life).decode(), line.first - 1, line.first),
        ).fetchone()
        if row is None:
            raise Unfit(f"there is another session {line.name}")
        self._places[line.epoch] = _Place(row[0], line.first, line.first - 1)
        self.sessions += 1

    def _take_entry(self, line: ExportedText | ExportedChange) -> None:
        place = self._places.get(line.epoch)
        if place is None:
            raise Unfit(f"there is no session of the epoch {line.epoch} before it")
        if line.seq < place.first:
            return  # the log has had it, and has pruned it
        if line.seq <= place.head:
            self._flush()
            self._compare(line, place.n)
            return
        if line.seq > place.head + 1:
            raise Unfit(f"the entry before it is missing (seq {place.head + 1})")
        self._rows.append(_row(line, place.n))
        if len(self._rows) >= BITE:
            self._flush()
        place.head = line.seq
        if isinstance(line, ExportedText):
            self.texts += 1
        elif line.of >= place.first:
            self._mark(line, place.n)

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(_INSERT, rows)
        except psycopg.errors.UniqueViolation:
            raise Unfit("before it, somebody has used an id twice") from None

    def _compare(self, line: ExportedText | ExportedChange, n: int) -> None:
        """Look whether what is stored is the same entry, and let a text be what it became since."""
        row = self._connection.execute(
            "SELECT time, source, id, data, edited, redacted, kind FROM chat.texts"
            " WHERE life = %s AND seq = %s",
            (n, line.seq),
            binary=True,
        ).fetchone()
        id = None if line.id is None else line.id.encode()
        if row is None or row[:3] != (line.time, line.source.encode(), id):
            raise Unfit(f"there is another text with the seq {line.seq}")
        if (row[6] is None) != isinstance(line, ExportedText):
            raise Unfit(f"there is another entry with the seq {line.seq}")
        if not isinstance(line, ExportedText):
            return
        before = max(row[4] or 0, row[5] or 0)
        after = max(line.edited or 0, line.redacted or 0)
        if before == after and row[3] != line.data.encode():
            raise Unfit(f"there is another text with the seq {line.seq}")
        if after > before:
            self._connection.execute(
                "UPDATE chat.texts SET data = %s, words = %s::tsvector, edited = %s, redacted = %s"
                " WHERE life = %s AND seq = %s",
                (line.data.encode(), lexemes(line.data), line.edited, line.redacted, n, line.seq),
            )

    def _mark(self, line: ExportedChange, n: int) -> None:
        """Put a reaction beside its text, or take it away."""
        at = (n, line.of)
        self._marked[at] = None
        one = (*at, (line.note or "").encode(), line.source.encode())
        if line.kind == "react":
            self._connection.execute(
                "INSERT INTO chat.reactions (life, of, mark, source, seq)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (*one, line.seq),
            )
        elif line.kind == "undo":
            self._connection.execute(
                "DELETE FROM chat.reactions"
                " WHERE life = %s AND of = %s AND mark = %s AND source = %s",
                one,
            )
        elif line.kind == "redact":
            self._connection.execute("DELETE FROM chat.reactions WHERE life = %s AND of = %s", at)


def _row(line: ExportedText | ExportedChange, n: int) -> tuple[Any, ...]:
    id = None if line.id is None else line.id.encode()
    source = line.source.encode()
    if isinstance(line, ExportedText):
        data = line.data.encode()
        rest = (line.guest or None, None, line.reply, line.edited, line.redacted, None)
        return (n, line.seq, line.time, source, data, id, lexemes(line.data), *rest)
    note = None if line.note is None else line.note.encode()
    change = (None, KINDS[line.kind], line.of, None, None, note)
    return (n, line.seq, line.time, source, b"", id, "", *change)
