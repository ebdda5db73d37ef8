"""``twisted-chat export``: a log as JSON lines, for people and other programs.

One of ``type`` ``record`` for each thing that the server keeps, then for each session a line of
``type`` ``session``, and after it one of ``type`` ``text`` or ``change`` for each of its entries,
in their order, and of its records. A text is written as it is now.
"""

# SQL is composed of constants here; what people send is always a parameter.

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Annotated, Any, Final

from msgspec import DecodeError, Meta, Struct, convert
from msgspec.json import Decoder, Encoder

from twisted_chat.log.contract import Kind, Life, LogError, Record
from twisted_chat.log.shared import is_shared
from twisted_chat.log.sqlite import records
from twisted_chat.log.sqlite.changing import KINDS
from twisted_chat.log.sqlite.schema import load_lives, open_for_reading, told
from twisted_chat.log.sqlite.steps import MAX_SEQ, SEQ_BITS
from twisted_chat.vocabulary.names import key_of

Seq = Annotated[int, Meta(ge=1, le=MAX_SEQ)]


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
    first: Seq = 1


class ExportedText(Struct, tag="text", tag_field="type", omit_defaults=True, kw_only=True):
    """A text, and by ``epoch`` whose it is. ``time`` is in milliseconds since 1970."""

    epoch: str
    seq: Seq
    time: int
    source: str
    data: str
    id: str | None = None
    guest: bool = False
    reply: Seq | None = None
    edited: Seq | None = None
    redacted: Seq | None = None


class ExportedChange(Struct, tag="change", tag_field="type", omit_defaults=True, kw_only=True):
    """An edit, a redaction or a reaction, and of which text; ``note``: its reason, or its mark."""

    epoch: str
    seq: Seq
    time: int
    source: str
    kind: Kind
    of: Seq
    note: str | None = None
    id: str | None = None


class ExportedRecord(Struct, tag="record", tag_field="type", kw_only=True):
    """A record (see contract.Record); ``value`` is in base64."""

    kind: str
    scope: str
    key: str
    value: bytes


def moving(url: str) -> Any:
    """Return what exports and imports a log in PostgreSQL. Raises LogError."""
    try:
        from twisted_chat.log.postgres import moving
    except ImportError:
        raise LogError(f"{url}: pip install 'twisted-chat[cluster]'.") from None
    return moving


_encode = Encoder().encode
Line = ExportedSession | ExportedText | ExportedChange | ExportedRecord

_NAMES: Final[dict[int | None, Kind]] = {number: name for name, number in KINDS.items()}

_decode: Final = Decoder(Line).decode


class Unfit(Exception):
    """A line does not go with what is there."""


def each_line(lines: Iterable[bytes], take: Callable[[Line], object]) -> None:
    """Give each line that was exported to ``take``, which may raise Unfit.

    Raises LogError, which names the line.
    """
    for number, line in enumerate(lines, 1):
        if number == 1:
            line = line.removeprefix(BOM_UTF8)  # of an editor's
        if not line.strip():
            continue
        try:
            take(_decode(line))
        except (DecodeError, UnicodeDecodeError, Unfit) as problem:
            raise LogError(f"Line {number} can not be imported: {problem}.") from None


def exported(thing: Life | Record, kind: type[ExportedSession | ExportedRecord]) -> bytes:
    """Return the line of a session or a record."""
    return _encode(convert(thing, kind, from_attributes=True)) + b"\n"


def export(args: argparse.Namespace) -> None:
    """Write sessions and texts as JSON lines on standard output, as they are at this moment.

    The daemon may run. The lines hold private texts, and hashes of the sessions' passwords.
    """
    if is_shared(args.file):
        moving(args.file).export_log(args.file, args.session)
        return
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
    yield exported(life, ExportedSession)
    start = n << SEQ_BITS
    for row in connection.execute(
        "SELECT place - ?, time, source, data, id, guest, kind, of, edited, redacted, note"
        " FROM texts WHERE place BETWEEN ? AND ? ORDER BY place",
        (start, start, start + MAX_SEQ),
    ):
        yield _encode(_line(life.epoch, *row)) + b"\n"
    yield from _records_of(connection, life.epoch)


def _line(
    epoch: str,
    seq: int,
    time: int,
    source: str,
    data: str,
    id: str | None,
    guest: int | None,
    kind: int | None,
    of: int | None,
    edited: int | None,
    redacted: int | None,
    note: str | None,
) -> ExportedText | ExportedChange:
    if kind is None or of is None:
        return ExportedText(
            epoch=epoch, seq=seq, time=time, source=source, data=data, id=id,
            guest=bool(guest), reply=of, edited=edited, redacted=redacted,
        )  # fmt: skip
    return ExportedChange(
        epoch=epoch, seq=seq, time=time, source=source, kind=_NAMES[kind], of=of, note=note, id=id
    )


def _records_of(connection: sqlite3.Connection, scope: str | None) -> Iterator[bytes]:
    for record in records.all_of(connection, scope):
        yield exported(record, ExportedRecord)
