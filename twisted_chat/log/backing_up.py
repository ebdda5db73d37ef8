"""``twisted-chat backup``: a log, as it is at this moment, in a file of its own."""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from twisted_chat.log.attached import Attached
from twisted_chat.log.contract import LogError
from twisted_chat.log.shared import is_shared
from twisted_chat.log.sqlite import records
from twisted_chat.log.sqlite.schema import open_for_reading, told

BACKUP_PAGES: Final = 256
"""Pages of 4 KiB that a backup copies at a time."""

BESIDE: Final = ".files"
"""What is put behind the name of a copy, for the folder of its files."""

Progress = Callable[[int, int, int], object]
"""Called after each of them, with SQLite's status, the pages that remain, and all pages."""


def backup(args: argparse.Namespace) -> None:
    """Copy a log, as it is at this moment, into a file of its own.

    The daemon may run, and is not slowed. The copy is checked, and takes COPY's place only when it
    is complete and on the disk. The files that its texts name go with it, into COPY.files, where
    their folder is given.
    """
    if is_shared(args.file):
        raise LogError("A log in PostgreSQL is backed up by pg_dump, or by pg_basebackup.")
    copy = os.path.abspath(args.copy)
    attached = None
    if args.files is not None:
        attached = Attached(Path(os.path.abspath(args.files)), Path(copy + BESIDE))
    texts = copy_log(os.path.abspath(args.file), copy, attached=attached)
    print(f"{texts:,} texts are in {args.copy}.")
    if attached is not None:
        print(f"{len(attached.ids):,} files are in {args.copy}{BESIDE}.")


def copy_log(
    path: str,
    copy: str,
    progress: Progress | None = None,
    attached: Attached | None = None,
) -> int:
    """Do what ``backup`` does, and return how many texts there are in the copy.

    At each moment the files of the copy are all that the log in its place names: new ones come
    before it, and old ones go after it.
    """
    if attached is not None:
        attached.check()
    with told(path), closing(open_for_reading(path)) as source:
        if os.path.isdir(copy):
            raise LogError(f"{copy} is a folder.")
        if os.path.exists(copy) and not os.path.isfile(copy):
            raise LogError(f"{copy} is no regular file: it is not replaced.")  # a device, a pipe
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
            if attached is not None:
                attached.take(target)
    if attached is not None:
        attached.forget()
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
