"""What the line client remembers from one run to the next: direct messages that were read.

Also a token: of a guest, who is the same as before when the client is started again, and of an
account, whose password is not asked for again and kept nowhere. One small file,
``$XDG_STATE_HOME/twisted-chat/memory.json``, which only its owner can read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import msgspec
from attrs import define, field
from msgspec import Struct

from twisted_chat.client.places import Place

MAX_KNOWN: Final = 100
"""Users on servers that are remembered, at most: those who were there last."""


class Seen(Struct, omit_defaults=True):
    """How far a direct session was read."""

    epoch: str | None
    seq: int


class Stay(Struct, omit_defaults=True):
    """What is remembered of one user on one server."""

    token: str | None = None
    direct: dict[str, Seen] = {}


@define(eq=False)
class Memory:
    """Remembers stays, by ``user@server``. A file that can not be read or written is no problem."""

    path: Path | None
    _stays: dict[str, Stay] = field(factory=dict)

    def of(self, who: str) -> Stay | None:
        """Return what is remembered of ``user@server``."""
        self._read()
        return self._stays.get(who)

    def keep(self, who: str, token: str | None, places: Iterable[Place]) -> None:
        """Remember a stay."""
        self._read()  # another client may have written meanwhile
        self._stays.pop(who, None)
        direct = {place.session: Seen(place.epoch, place.seen) for place in places if place.direct}
        self._stays[who] = Stay(token, direct)
        while len(self._stays) > MAX_KNOWN:
            del self._stays[next(iter(self._stays))]
        if self.path is not None:
            with suppress(OSError):
                self._write(self.path)

    def _read(self) -> None:
        if self.path is not None:
            with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
                self._stays = msgspec.json.decode(self.path.read_bytes(), type=dict[str, Stay])

    def _write(self, path: Path) -> None:
        """Replace the file at once: another client may read it."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:  # mode 0600
            file.write(msgspec.json.encode(self._stays))
        os.replace(file.name, path)


def usual_path() -> Path | None:
    """Return where the memory is, by the XDG Base Directory Specification; None without a home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    try:
        folder = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return folder / "twisted-chat" / "memory.json"
