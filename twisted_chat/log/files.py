"""What an operator does with the durable log's file: ``twisted-chat export``, and others.

An export is JSON lines: one of ``type`` ``record`` for each thing that the server keeps, then for
each session a line of ``type`` ``session``, and after it one of ``type`` ``text`` for each of its
texts, in their order, and of its records. Every command raises LogError or OSError
with what a person needs to know, and has then stored or replaced nothing.
"""

# SQL is composed of constants here; what people send is always a parameter.
# ruff: noqa: S608

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Annotated, Final

from attrs import define
from msgspec import DecodeError, Meta, Struct, convert, structs
from msgspec.json import Decoder, Encoder

from twisted_chat.log.contract import Life, LogError, Record
from twisted_chat.log.sqlite import records
from twisted_chat.log.sqlite.schema import (
    MAX_SEQ,
    SEQ_BITS,
    hold,
    insert_life,
    load_lives,
    open_database,
    open_for_reading,
    told,
)
from twisted_chat.vocabulary.names import key_of

BACKUP_PAGES: Final = 256
"""Pages of 4 KiB that a backup copies at a time."""

Progress = Callable[[int, int, int], object]
"""Called after each of them, with SQLite's status, the pages that remain, and all pages."""


class ExportedSession(Struct, tag="session", tag_field="type", omit_defaults=True, kw_only=True):
    """One life of a session, without its texts. ``password`` is a hash."""

    epoch: str
    key: str
    name: str
    owner: str | None = None
    topic: str = ""
    keep: bool = False
    password: str | None = None
    invite: bool = False
    moderated: bool = False
    hidden: bool = False
    open_topic: bool = False
    limit: int = 0
    direct: tuple[str, str] | None = None
    first: Annotated[int, Meta(ge=1, le=MAX_SEQ)] = 1


class ExportedText(Struct, tag="text", tag_field="type", omit_defaults=True, kw_only=True):
    """A text, and by ``epoch`` whose it is. ``time`` is in milliseconds since 1970."""

    epoch: str
    seq: Annotated[int, Meta(ge=1, le=MAX_SEQ)]
    time: int
    source: str
    data: str
    id: str | None = None


class ExportedRecord(Struct, tag="record", tag_field="type", kw_only=True):
    """A record (see contract.Record); ``value`` is in base64."""

    kind: str
    scope: str
    key: str
    value: bytes


_encode = Encoder().encode
_LINE: Final = Decoder(ExportedSession | ExportedText | ExportedRecord)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``export``, ``import`` and ``backup``: each sets ``run``, which takes the arguments."""
    exporting = commands.add_parser(
        "export", help="write a log's sessions and texts as JSON lines", description=export.__doc__
    )
    exporting.add_argument("file", metavar="FILE", help="the log's file, such as chat.db")
    exporting.add_argument("session", metavar="SESSION", nargs="?", help="this one alone")
    exporting.set_defaults(run=export)
    importing = commands.add_parser(
        "import", help="read what export wrote into a log", description=import_.__doc__
    )
    importing.add_argument("file", metavar="FILE", help="the log's file; made if it is not there")
    importing.add_argument("lines", metavar="LINES", nargs="?", help="instead of standard input")
    importing.set_defaults(run=import_)
    backing = commands.add_parser(
        "backup", help="copy a log while the daemon runs", description=backup.__doc__
    )
    backing.add_argument("file", metavar="FILE", help="the log's file, such as chat.db")
    backing.add_argument("copy", metavar="COPY", help="the file to make, or to replace")
    backing.set_defaults(run=backup)


# --- export --------------------------------------------------------------------------------


def export(args: argparse.Namespace) -> None:
    """Write sessions and texts as JSON lines on standard output, as they are at this moment.

    The daemon may run. The lines hold private texts, and hashes of the sessions' passwords.
    """
    path = os.path.abspath(args.file)
    with told(path), closing(open_for_reading(path)) as connection:
        connection.execute("BEGIN")  # one moment for all of it
        lives = [(n, life) for n, _, life in load_lives(connection)]
        if args.session is not None:
            wanted = {args.session, key_of(args.session)}
            lives = [(n, life) for n, life in lives if life.key in wanted]
            if not lives:
                raise LogError(f"There is no session {args.session} in {path}.")
        else:
            sys.stdout.buffer.writelines(_records_of(connection, None))
        for n, life in lives:
            sys.stdout.buffer.writelines(_lines_of(connection, n, life))
        sys.stdout.buffer.flush()


def _lines_of(connection: sqlite3.Connection, n: int, life: Life) -> Iterator[bytes]:
    yield _encode(convert(life, ExportedSession, from_attributes=True)) + b"\n"
    for seq, time, source, data, id in connection.execute(
        "SELECT place - ?, time, source, data, id FROM texts"
        " WHERE place BETWEEN ? AND ? ORDER BY place",
        (n << SEQ_BITS, n << SEQ_BITS, (n << SEQ_BITS) + MAX_SEQ),
    ):
        text = ExportedText(epoch=life.epoch, seq=seq, time=time, source=source, data=data, id=id)
        yield _encode(text) + b"\n"
    yield from _records_of(connection, life.epoch)


def _records_of(connection: sqlite3.Connection, scope: str | None) -> Iterator[bytes]:
    for record in records.all_of(connection, scope):
        yield _encode(convert(record, ExportedRecord, from_attributes=True)) + b"\n"


# --- import --------------------------------------------------------------------------------


def import_(args: argparse.Namespace) -> None:
    """Read JSON lines into a log, all or none; what is there already stays as it is.

    The daemon must not run. To read the same lines again changes nothing.
    """
    path = os.path.abspath(args.file)
    lock = hold(path)
    try:
        with told(path), closing(open_database(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            importing = _Import(connection)
            if args.lines is None:
                importing.read(sys.stdin.buffer)
            else:
                with open(args.lines, "rb") as lines:
                    importing.read(lines)
            connection.execute("COMMIT")
    finally:
        os.close(lock)
    print(
        f"{importing.sessions:,} sessions, {importing.texts:,} texts"
        f" and {importing.records:,} records were new."
    )


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
        for number, line in enumerate(lines, 1):
            if number == 1:
                line = line.removeprefix(BOM_UTF8)  # of an editor's
            if not line.strip():
                continue
            try:
                self._take(_LINE.decode(line))
            except (DecodeError, UnicodeDecodeError, _Unfit) as problem:
                raise LogError(f"Line {number} can not be imported: {problem}.") from None
        self._index()

    def _take(self, line: ExportedSession | ExportedText | ExportedRecord) -> None:
        if isinstance(line, ExportedText):
            self._take_text(line)
        elif isinstance(line, ExportedRecord):
            self._take_record(line)
        elif line.epoch not in self._places:
            self._take_session(line)

    def _take_session(self, line: ExportedSession) -> None:
        life = Life(**structs.asdict(line))
        gone = line.first - 1
        try:
            n = insert_life(self._connection, life, gone, gone)
        except sqlite3.IntegrityError:
            raise _Unfit(f"there is another session {line.name}") from None
        self._places[line.epoch] = _Place(n, line.first, line.first - 1)
        self.sessions += 1

    def _take_record(self, line: ExportedRecord) -> None:
        record = Record(line.kind, line.scope, line.key, line.value, "absent")
        if record.epoch is not None and record.epoch not in self._places:
            raise _Unfit(f"there is no session of the epoch {record.epoch} before it")
        self.records += records.keep(self._connection, record)

    def _take_text(self, line: ExportedText) -> None:
        place = self._places.get(line.epoch)
        if place is None:
            raise _Unfit(f"there is no session of the epoch {line.epoch} before it")
        said = (line.time, line.source, line.data, line.id)
        at = (place.n << SEQ_BITS) + line.seq
        if line.seq < place.first:
            return  # the file has had it, and has pruned it
        if line.seq <= place.head:
            stored = self._connection.execute(
                "SELECT time, source, data, id FROM texts WHERE place = ?", (at,)
            ).fetchone()
            if stored != said:
                raise _Unfit(f"there is another text with the seq {line.seq}")
            return
        if line.seq > place.head + 1:
            raise _Unfit(f"the text before it is missing (seq {place.head + 1})")
        try:
            self._connection.execute(
                "INSERT INTO texts (place, life, time, source, data, id) VALUES (?, ?, ?, ?, ?, ?)",
                (at, place.n, *said),
            )
        except sqlite3.IntegrityError:
            raise _Unfit(f"{line.source} has used the id {line.id} before") from None
        place.head = line.seq
        self.texts += 1

    def _index(self) -> None:
        self._connection.execute(
            f"""
            INSERT INTO words (rowid, data)
            SELECT place, data FROM lives CROSS JOIN texts
            ON place BETWEEN (n << {SEQ_BITS}) + indexed + 1 AND (n << {SEQ_BITS}) + {MAX_SEQ}
            WHERE NOT ended ORDER BY n, place
            """
        )
        self._connection.executemany(
            "UPDATE lives SET indexed = ? WHERE n = ?",
            [(place.head, place.n) for place in self._places.values()],
        )


class _Unfit(Exception):
    """A line does not go with what is there."""


# --- backup --------------------------------------------------------------------------------


def backup(args: argparse.Namespace) -> None:
    """Copy a log, as it is at this moment, into a file of its own.

    The daemon may run, and is not slowed. The copy is checked, and takes COPY's place only when it
    is complete and on the disk.
    """
    texts = copy_log(os.path.abspath(args.file), os.path.abspath(args.copy))
    print(f"{texts:,} texts are in {args.copy}.")


def copy_log(path: str, copy: str, progress: Progress | None = None) -> int:
    """Do what ``backup`` does, and return how many texts there are in the copy."""
    with told(path), closing(open_for_reading(path)) as source:
        if os.path.isdir(copy):
            raise LogError(f"{copy} is a folder.")
        if os.path.exists(copy) and os.path.samefile(path, copy):
            raise LogError(f"{copy} is the log itself.")
        if any(os.path.exists(copy + beside) for beside in ("-wal", "-journal")):
            # It would be taken for a part of the copy, and spoil it.
            raise LogError(f"{copy} is a database in use, or was not closed: it is not replaced.")
        with _replacing(copy) as unfinished, closing(sqlite3.connect(unfinished)) as target:
            source.execute("BEGIN")  # a moment that does not move on while it is copied
            source.execute("SELECT count(*) FROM lives").fetchone()
            try:
                source.backup(target, pages=BACKUP_PAGES, progress=progress)
                # Where the copy is restored, seqs are given again that somebody has seen on other
                # texts. It is another life of each session, so that nobody resumes the old one.
                records.renew_epochs(target)
                target.commit()
                target.execute("PRAGMA journal_mode = delete").fetchall()  # one file, not three
            except sqlite3.OperationalError as problem:  # the source can be read, as was just seen
                raise LogError(f"{copy} can not be written: {problem}.") from None
            ((verdict,),) = target.execute("PRAGMA quick_check(1)")
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict.splitlines()[-1])
            ((texts,),) = target.execute("SELECT count(*) FROM texts")
    return int(texts)


@contextmanager
def _replacing(path: str) -> Iterator[str]:
    """Give a file that takes the place of ``path`` afterwards, or leaves no trace."""
    folder, name = os.path.split(path)
    number, unfinished = tempfile.mkstemp(prefix=f".{name}.", dir=folder)  # for its owner alone
    try:
        yield unfinished
        os.fsync(number)
        os.replace(unfinished, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
        raise
    finally:
        os.close(number)
    holder = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(holder)  # the name, too
    finally:
        os.close(holder)
