"""The folder of files: one file for each content, and beside it what is known of it.

::

    DIR/incoming/           what is being sent; what is left of old is removed at start
    all else                see log/attached.py

Several processes may have the same folder: each finds what the others have put there.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from hmac import new as hmac
from pathlib import Path
from typing import Final

from attrs import define, field
from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode
from msgspec.structs import replace

from twisted_chat.log.attached import ID_LENGTH, KEY, SUFFIXES, place_of
from twisted_chat.vocabulary.errors import ChatError

LEAST: Final = 4_096
"""Bytes that a file counts for at least: so much does its place on a disk take."""


class Kept(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a file. ``user`` is whose it counts as; ``since`` is in seconds."""

    name: str
    type: str
    size: int
    user: str
    since: float
    width: int = 0
    height: int = 0
    small: int = 0
    """Bytes of the small picture, where there is one."""
    epoch: str = ""
    seq: int = 0
    """A text in which it was found last."""

    @property
    def weight(self) -> int:
        """What it counts for."""
        return max(LEAST, self.size + self.small)


@define
class Bounds:
    """How much may be kept, in bytes: of one file, of one user, in all."""

    file: int
    user: int
    all: int


OLD_SECONDS: Final = 86_400.0
"""After so long nobody is sending what is incoming."""

_kept: Final = Decoder(Kept)
_ID: Final = re.compile(f"[0-9a-f]{{{ID_LENGTH}}}")


@define(eq=False)
class Store:
    """The folder, and what is in it, by ID. Raises OSError where the folder can not be used."""

    folder: Path
    bounds: Bounds
    _files: dict[str, Kept] = field(init=False, factory=dict)
    _of_user: dict[str, int] = field(init=False, factory=dict)
    """What each user's files count for; with what is being sent."""
    total: int = field(init=False, default=0)
    _secret: bytes = field(init=False, default=b"")

    def open(self) -> None:
        """Make the folder where there is none, and read what is in it."""
        incoming = self.folder / "incoming"
        for one in (self.folder, incoming):
            one.mkdir(mode=0o700, exist_ok=True)
        for left in (*incoming.iterdir(), *self.folder.glob("??/*.new")):
            _remove_old(left)
        self._secret = _secret_of(self.folder / KEY)
        self.refresh()
        for data in self.folder.glob("??/*.*"):
            if data.stem not in self._files:
                _remove_old(data)

    def refresh(self) -> None:
        """Know what others have put into the folder, or taken out of it."""
        there = set()
        for described in self.folder.glob("??/*.json"):
            there.add(described.stem)
            self.get(described.stem)
        for id in self._files.keys() - there:
            self._drop(id)

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._files))

    def get(self, id: str) -> Kept | None:
        """Return what is known of a file."""
        if id not in self._files and _ID.fullmatch(id):
            with suppress(OSError, DecodeError):
                self._add(id, _kept.decode(self.path(id, "json").read_bytes()))
        return self._files.get(id)

    def path(self, id: str, suffix: str = "data") -> Path:
        """Return where a file is."""
        return place_of(self.folder, id, suffix)

    def incoming(self) -> Path:
        """Return the path of a new file to write to."""
        return self.folder / "incoming" / secrets.token_hex(8)

    # --- how much there is -------------------------------------------------------------------

    def reserve(self, user: str, size: int) -> None:
        """Keep room for a file that is being sent.

        Raises ChatError ``too-large``, ``not-stored`` (the user's room, or the server's, is used).
        """
        if size > self.bounds.file:
            raise ChatError("too-large", f"A file has at most {self.bounds.file} bytes.")
        weight = max(LEAST, size)
        if self._of_user.get(user, 0) + weight > self.bounds.user:
            raise ChatError("not-stored", "You have no room for more files; old ones go in a day.")
        if self.total + weight > self.bounds.all:
            raise ChatError("not-stored", "The server has no room for more files.")
        self._count(user, weight)

    def release(self, user: str, size: int) -> None:
        """Give back room that ``reserve`` kept."""
        self._count(user, -max(LEAST, size))

    def _count(self, user: str, weight: int) -> None:
        self.total += weight
        left = self._of_user.get(user, 0) + weight
        if left:
            self._of_user[user] = left
        else:
            self._of_user.pop(user, None)

    # --- coming and going --------------------------------------------------------------------

    def id_of(self, digest: bytes) -> str:
        """Return the ID of a content, by its SHA-256."""
        return hmac(self._secret, digest, sha256).hexdigest()[:ID_LENGTH]

    def add(self, id: str, kept: Kept, data: Path, small: Path | None) -> Kept:
        """Take a content, unless it is here already; return what is known of it.

        ``data`` and ``small`` are moved. What is here already counts as its first user's, and
        stays for another while. Raises ChatError ``not-stored``.
        """
        known = self.get(id)
        try:
            if known is not None:
                kept = replace(known, since=kept.since)
            else:
                self.path(id).parent.mkdir(mode=0o700, exist_ok=True)
                os.replace(data, self.path(id))
                if small is not None:
                    os.replace(small, self.path(id, "small"))
            self._describe(id, kept)
        except OSError:
            raise ChatError("not-stored", "The file could not be stored.") from None
        if known is None:
            self._add(id, kept)
        else:
            self._files[id] = kept
        return kept

    def renew(self, id: str, now: float, epoch: str, seq: int) -> None:
        """Let a file stay for another while: it was found in that text."""
        if (known := self._files.get(id)) is not None:
            self._files[id] = replace(known, since=now, epoch=epoch, seq=seq)
            with suppress(OSError):
                self._describe(id, self._files[id])

    def remove(self, id: str) -> None:
        """Forget a file."""
        if self._drop(id):
            for suffix in reversed(SUFFIXES):
                self.path(id, suffix).unlink(missing_ok=True)

    def _drop(self, id: str) -> bool:
        known = self._files.pop(id, None)
        if known is not None:
            self._count(known.user, -known.weight)
        return known is not None

    def _add(self, id: str, kept: Kept) -> None:
        self._files[id] = kept
        self._count(kept.user, kept.weight)

    def _describe(self, id: str, kept: Kept) -> None:
        path = self.path(id, "json")
        new = path.with_suffix(f".{secrets.token_hex(4)}.new")
        new.write_bytes(encode(kept))
        os.replace(new, path)


def _remove_old(path: Path) -> None:
    """Remove what nobody is writing any more: another process may have it in hand."""
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > OLD_SECONDS:
            path.unlink()


def _secret_of(path: Path) -> bytes:
    """Return the folder's secret; whoever comes first makes it, whole."""
    if not path.exists():
        new = path.with_name(f"secret.{secrets.token_hex(4)}")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        with suppress(FileExistsError):
            os.link(new, path)
        new.unlink()
    return path.read_bytes()
