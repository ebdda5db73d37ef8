"""What one person wants: how it looks, what rings, whom it does not want to read.

The client keeps it in one small file, ``$XDG_CONFIG_HOME/twisted-chat/settings.json``, which may be
written by hand; what can not be read in it is as if it were not there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, Literal, get_args

import msgspec
from attrs import define, field
from msgspec import Struct

Bell = Literal["mentions", "direct", "none"]
Times = Literal["minutes", "seconds", "none"]

MAX_IGNORED: Final = 1_000
"""Users that somebody ignores, at most."""

ON_OFF: Final = ("on", "off")


class Wishes(Struct, omit_defaults=True):
    """What a person wants. ``ignored`` are compared names."""

    bell: Bell = "mentions"
    """What rings: mentions and direct messages, direct messages alone, or nothing."""
    colours: bool = True
    nicks: bool = True
    """Whether each name has a colour of its own."""
    times: Times = "minutes"
    presence: bool = True
    """Whether comings and goings are shown."""
    ignored: list[str] = []
    pages: dict[str, str] = {}
    """Where the pages of servers are, by the servers' addresses."""


CHOICES: Final[dict[str, Sequence[str]]] = {
    "bell": get_args(Bell),
    "colours": ON_OFF,
    "nicks": ON_OFF,
    "times": get_args(Times),
    "presence": ON_OFF,
}
"""What may be set, and to what."""


@define(eq=False)
class Kept:
    """The wishes of one person. ``save`` keeps them, where there is a place for them."""

    wishes: Wishes = field(factory=Wishes)
    save: Callable[[Wishes], object] = field(default=lambda _: None)

    def shown(self, name: str) -> str:
        """Return what is set, as it is typed."""
        value = getattr(self.wishes, name)
        return value if isinstance(value, str) else ON_OFF[not value]

    def set(self, name: str, value: str) -> None:
        """Set one of ``CHOICES``, and keep it. Raises ValueError for another value."""
        if value not in CHOICES[name]:
            raise ValueError(f"{name} is {', '.join(CHOICES[name][:-1])} or {CHOICES[name][-1]}.")
        chosen = value == "on" if CHOICES[name] is ON_OFF else value
        setattr(self.wishes, name, chosen)
        self.save(self.wishes)

    def page(self, server: str, address: str) -> None:
        """Know where the page of a server is."""
        self.wishes.pages[server] = address
        self.save(self.wishes)

    def ignore(self, key: str, *, wanted: bool) -> bool:
        """Ignore somebody, or do so no more; return whether that is new.

        Raises ValueError where there are too many.
        """
        ignored = self.wishes.ignored
        if (key in ignored) == wanted:
            return False
        if wanted and len(ignored) >= MAX_IGNORED:
            raise ValueError(f"You ignore {MAX_IGNORED:,} users already.")
        (ignored.append if wanted else ignored.remove)(key)
        self.save(self.wishes)
        return True


def read(data: bytes) -> Wishes:
    """Read what was kept; what can not be read is as if it were not there."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(data, type=Wishes)
    return Wishes()


def in_file(path: Path | None) -> Kept:
    """Return the wishes in a file, and keep them there. A file that can't be written is none."""
    if path is None:
        return Kept()
    wishes = Wishes()
    with suppress(OSError):
        wishes = read(path.read_bytes())

    def save(wishes: Wishes) -> None:
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=path.parent, delete=False) as file:  # mode 0600
                file.write(msgspec.json.format(msgspec.json.encode(wishes)) + b"\n")
            os.replace(file.name, path)

    kept = Kept(wishes, save)
    if os.environ.get("NO_COLOR"):  # https://no-color.org
        kept.wishes.colours = False
    return kept


def usual_path() -> Path | None:
    """Return where it is, by the XDG Base Directory Specification; None without a home."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        folder = Path(config) if config.startswith("/") else Path.home() / ".config"
    except RuntimeError:
        return None
    return folder / "twisted-chat" / "settings.json"
