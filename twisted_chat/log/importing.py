"""``twisted-chat import``: what was exported, back into a log."""

# SQL is composed of constants here; what people send is always a parameter.
# ruff: noqa: S608

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

from attrs import define
from msgspec import structs

from twisted_chat.log.contract import Life, Record
from twisted_chat.log.exporting import (
    ExportedChange,
    ExportedRecord,
    ExportedSession,
    ExportedText,
    Line,
    Unfit,
    each_line,
    moving,
)
from twisted_chat.log.query import composed
from twisted_chat.log.shared import is_shared
from twisted_chat.log.sqlite import records
from twisted_chat.log.sqlite.changing import KINDS
from twisted_chat.log.sqlite.schema import hold, insert_life, load_lives, open_database, told
from twisted_chat.log.sqlite.steps import MAX_SEQ, SEQ_BITS


def import_(args: argparse.Namespace) -> None:
    """Read JSON lines into a log, all or none; what is there already stays as it is.

    The daemon must not run. To read the same lines again changes nothing.
    """
    if is_shared(args.file):
        with _lines(args.lines) as lines:
            _say(*moving(args.file).import_log(args.file, lines))
        return
    path = os.path.abspath(args.file)
    lock = hold(path)
    try:
        with told(path), closing(open_database(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            importing = _Import(connection)
            with _lines(args.lines) as lines:
                importing.read(lines)
            connection.execute("COMMIT")
    finally:
        os.close(lock)
    _say(importing.sessions, importing.texts, importing.records)


@contextmanager
def _lines(path: str | None) -> Iterator[Iterable[bytes]]:
    if path is None:
        yield sys.stdin.buffer
        return
    with open(path, "rb") as lines:
        yield lines


def _say(sessions: int, texts: int, records: int) -> None:
    print(f"{sessions:,} sessions, {texts:,} texts and {records:,} records were new.")


@define
class _Place:
    """A life in the file: its number, and where it begins and ends now."""

    n: int
    first: int
    head: int


class _Import:
    """Lines on their way into a file, in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.sessions = 0
        self.texts = 0
        self.records = 0
        self._connection = connection
        self._places = {
            life.epoch: _Place(n, life.first, life.head) for n, _, life in load_lives(connection)
        }

    def read(self, lines: Iterable[bytes]) -> None:
        """Read all lines. Raises LogError, which names the line."""
        each_line(lines, self._take)
        self._index()

    def _take(self, line: Line) -> None:
        match line:
            case ExportedText() | ExportedChange():
                self._take_entry(line)
            case ExportedRecord():
                self._take_record(line)
            case ExportedSession() if line.epoch not in self._places:
                self._take_session(line)

    def _take_session(self, line: ExportedSession) -> None:
        life = Life(**structs.asdict(line))
        gone = line.first - 1
        try:
            n = insert_life(self._connection, life, gone, gone)
        except sqlite3.IntegrityError:
            raise Unfit(f"there is another session {line.name}") from None
        self._places[line.epoch] = _Place(n, line.first, line.first - 1)
        self.sessions += 1

    def _take_record(self, line: ExportedRecord) -> None:
        record = Record(line.kind, line.scope, line.key, line.value, "absent")
        if record.epoch is not None and record.epoch not in self._places:
            raise Unfit(f"there is no session of the epoch {record.epoch} before it")
        self.records += records.keep(self._connection, record)

    def _take_entry(self, line: ExportedText | ExportedChange) -> None:
        place = self._places.get(line.epoch)
        if place is None:
            raise Unfit(f"there is no session of the epoch {line.epoch} before it")
        at = (place.n << SEQ_BITS) + line.seq
        if line.seq < place.first:
            return  # the file has had it, and has pruned it
        if line.seq <= place.head:
            self._compare(line, at)
            return
        if line.seq > place.head + 1:
            raise Unfit(f"the entry before it is missing (seq {place.head + 1})")
        try:
            self._insert(line, at, place.n)
        except sqlite3.IntegrityError:
            raise Unfit(f"{line.source} has used the id {line.id} before") from None
        place.head = line.seq
        if isinstance(line, ExportedText):
            self.texts += 1
        elif line.of >= place.first:
            self._mark(line, (place.n << SEQ_BITS) + line.of)

    def _compare(self, line: ExportedText | ExportedChange, at: int) -> None:
        """Look whether what is stored is the same entry, and let a text be what it became since."""
        stored = self._connection.execute(
            "SELECT time, source, id, data, edited, redacted, kind FROM texts WHERE place = ?",
            (at,),
        ).fetchone()
        is_text = isinstance(line, ExportedText)
        if stored is None or stored[:3] != (line.time, line.source, line.id):
            raise Unfit(f"there is another text with the seq {line.seq}")
        if (stored[6] is None) != is_text:
            raise Unfit(f"there is another entry with the seq {line.seq}")
        if not isinstance(line, ExportedText):
            return
        data, *states = stored[3:6]
        before, after = (
            max(0, *(s or 0 for s in some)) for some in (states, [line.edited, line.redacted])
        )
        if before == after and data != line.data:
            raise Unfit(f"there is another text with the seq {line.seq}")
        if after > before:
            self._connection.execute(
                "INSERT INTO words (words, rowid, data)"
                " SELECT 'delete', place, data FROM searched JOIN lives ON n = place >> ?"
                f" WHERE place = ? AND place & {MAX_SEQ} <= indexed",
                (SEQ_BITS, at),
            )
            self._connection.execute(
                "UPDATE texts SET data = ?, composed = ?, edited = ?, redacted = ? WHERE place = ?",
                (line.data, composed(line.data), line.edited, line.redacted, at),
            )
            self._connection.execute(
                "INSERT INTO words (rowid, data)"
                " SELECT place, data FROM searched JOIN lives ON n = place >> ?"
                f" WHERE place = ? AND place & {MAX_SEQ} <= indexed",
                (SEQ_BITS, at),
            )

    def _insert(self, line: ExportedText | ExportedChange, at: int, n: int) -> None:
        row: tuple[object, ...]
        if isinstance(line, ExportedText):
            states = (line.edited, line.redacted)
            words = composed(line.data)
            row = (line.data, line.guest or None, None, line.reply, *states, None, words)
        else:
            row = ("", None, KINDS[line.kind], line.of, None, None, line.note, None)
        self._connection.execute(
            "INSERT INTO texts"
            " (place, life, time, source, id,"
            " data, guest, kind, of, edited, redacted, note, composed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (at, n, line.time, line.source, line.id, *row),
        )

    def _mark(self, line: ExportedChange, of: int) -> None:
        """Put a reaction beside its text, or take it away."""
        if line.kind == "react":
            self._connection.execute(
                "INSERT OR IGNORE INTO reactions VALUES (?, ?, ?, ?)",
                (of, line.note or "", line.source, line.seq),
            )
        elif line.kind == "undo":
            self._connection.execute(
                "DELETE FROM reactions WHERE at = ? AND mark = ? AND source = ?",
                (of, line.note, line.source),
            )
        elif line.kind == "redact":
            self._connection.execute("DELETE FROM reactions WHERE at = ?", (of,))
        self._connection.execute(
            "UPDATE texts SET reacted = (SELECT 1 FROM reactions WHERE at = place LIMIT 1)"
            " WHERE place = ?",
            (of,),
        )

    def _index(self) -> None:
        self._connection.execute(
            f"""
            INSERT INTO words (rowid, data)
            SELECT place, data FROM lives CROSS JOIN searched
            ON place BETWEEN (n << {SEQ_BITS}) + indexed + 1 AND (n << {SEQ_BITS}) + {MAX_SEQ}
            WHERE NOT ended ORDER BY n, place
            """
        )
        self._connection.executemany(
            "UPDATE lives SET indexed = ? WHERE n = ?",
            [(place.head, place.n) for place in self._places.values()],
        )
