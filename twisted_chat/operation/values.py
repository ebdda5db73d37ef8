"""How the value of a setting is read: what it must be is the sentence of a ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from twisted_chat.vocabulary.addresses import LOCAL, block
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import session_name, user_name

BACKLOG: Final = "backlog=1024"
"""A storm of clients that come back finds room to wait in, wherever TCP is listened on."""


def text(raw: str) -> str:
    """Any text."""
    return raw


def whole(low: int, high: int, what: str) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(raw: str) -> int:
        if re.fullmatch(r"[0-9]{1,12}", raw) and low <= int(raw) <= high:
            return int(raw)
        raise ValueError(f"must be {what} from {low} to {high}, not {raw!r}")

    return parse


def amount(what: str) -> Callable[[str], float]:
    """A number that is not negative."""

    def parse(raw: str) -> float:
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", raw):
            return float(raw)
        raise ValueError(f"must be {what}, not {raw!r}")

    return parse


def lobby(raw: str) -> str:
    """A session's name, or nothing."""
    try:
        return session_name(raw).text if raw else ""
    except ChatError as problem:
        raise ValueError(str(problem)) from None


def name(raw: str) -> str:
    """A user's name."""
    try:
        return user_name(raw).text
    except ChatError as problem:
        raise ValueError(str(problem)) from None


def endpoint(raw: str) -> str:
    """A port number, or a Twisted endpoint description, which tap.py judges."""
    if raw.isdecimal() and raw.isascii():
        return f"tcp:{whole(0, 65_535, 'a port')(raw)}:{BACKLOG}"
    if ":" not in raw:
        raise ValueError(f"must be a port number or an endpoint such as tcp:1234, not {raw!r}")
    return raw


def origin(raw: str) -> str:
    """An origin of the web."""
    if re.fullmatch(r"https?://[^/?#@\s]+", raw) is None:
        raise ValueError(f"must be an origin such as https://chat.example.org, not {raw!r}")
    return raw


def proxy(raw: str) -> str:
    """An address or a network; or ``local``, which is whoever comes through a UNIX socket."""
    found = raw if raw == LOCAL else block(raw)
    if found is None:
        raise ValueError(
            f"must be an address such as 127.0.0.1, a network such as 10.0.0.0/8, or local,"
            f" not {raw!r}"
        )
    return found


def trusted(raw: str) -> str:
    """As proxy; or nothing."""
    return proxy(raw) if raw else raw


def registration(raw: str) -> str:
    """Who may register."""
    if raw not in ("closed", "invite", "open"):
        raise ValueError(f"must be closed, invite or open, not {raw!r}")
    return raw


def host(raw: str) -> str:
    """A host's name, or all of one more label."""
    if re.fullmatch(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", raw) is None:
        raise ValueError(f"must be a host name such as chat.example.org, not {raw!r}")
    return raw.lower()


def log_format(raw: str) -> str:
    """How the log is written."""
    if raw not in ("text", "json"):
        raise ValueError(f"must be text or json, not {raw!r}")
    return raw


def ports(raw: str) -> tuple[int, int]:
    """Two ports, with a dash between them."""
    found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", raw)
    if found is not None:
        low, high = int(found[1]), int(found[2])
        if 0 < low <= high <= 65_535:
            return low, high
    raise ValueError(f"must be two ports, LOW-HIGH, such as 4000-4063, not {raw!r}")


def truth(raw: str) -> bool:
    """A truth."""
    if raw not in ("true", "false"):
        raise ValueError(f"must be true or false, not {raw!r}")
    return raw == "true"
