"""The folder of files that texts name: where each is in it, and how it is copied with the log.

::

    DIR/secret              makes the names of contents, so that none can be guessed
    DIR/ab/ab12….data       a content (``.small``: a small picture of it); it never changes
    DIR/ab/ab12….json       what is known of it: written last, and removed first
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define, field

from twisted_chat.log.contract import LogError

ID_LENGTH: Final = 32
"""Characters of an ID: 128 bits in hexadecimal."""

KEY: Final = "secret"

SUFFIXES: Final = ("data", "small", "json")
"""What there is of a file, in the order in which it comes to be."""

_NAMED: Final = re.compile(rf"\b[0-9a-f]{{{ID_LENGTH}}}\b")


def place_of(folder: Path, id: str, suffix: str) -> Path:
    """Return where something of a file is."""
    return folder / id[:2] / f"{id}.{suffix}"


@define
class Attached:
    """The files of a log, and where they are copied to. What can not be done raises OSError.

    A copy that is there already is brought up to date: only new files are copied.
    """

    folder: Path
    copy: Path
    ids: set[str] = field(init=False, factory=set)
    """Those that ``take`` has copied."""

    def check(self) -> None:
        """Raise LogError where one of them is no such folder, or both are the same."""
        if not (self.folder / KEY).is_file():
            raise LogError(f"{self.folder} is no folder of files.")
        if self.copy.exists():
            if not self.copy.is_dir():
                raise LogError(f"{self.copy} is no folder.")
            if self.copy.samefile(self.folder):
                raise LogError(f"{self.copy} is the folder of files itself.")

    def take(self, database: sqlite3.Connection) -> None:
        """Copy the files that are named by the texts of a log.

        What was redacted, or edited away, is named by none.
        """
        self.ids = {
            id
            for (data,) in database.execute("SELECT data FROM texts WHERE kind IS NULL")
            for id in _NAMED.findall(data)
            if place_of(self.folder, id, "json").is_file()
        }
        self.copy.mkdir(mode=0o700, exist_ok=True)
        self._copy(self.folder / KEY, self.copy / KEY)
        for id in self.ids:
            place_of(self.copy, id, "").parent.mkdir(mode=0o700, exist_ok=True)
            for suffix in SUFFIXES:
                target = place_of(self.copy, id, suffix)
                if suffix == "json" or not target.exists():
                    with suppress(FileNotFoundError):  # it has no small one, or is just removed
                        self._copy(place_of(self.folder, id, suffix), target)

    def forget(self) -> None:
        """Remove from the copy what is not among those: an earlier one had it."""
        for there in self.copy.glob("??/*.*"):
            if there.stem not in self.ids:
                there.unlink()

    def _copy(self, source: Path, target: Path) -> None:
        new = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            with (
                open(source, "rb") as reading,
                open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as writing,
            ):
                shutil.copyfileobj(reading, writing)
                writing.flush()
                os.fsync(writing.fileno())
            os.replace(new, target)
        finally:
            new.unlink(missing_ok=True)
