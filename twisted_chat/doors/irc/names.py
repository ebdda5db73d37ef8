"""What IRC calls things: a session is a channel, a user is a nick, one direct session a query."""

from __future__ import annotations

import re
from typing import Final

from twisted_chat.vocabulary.names import key_of

HOST: Final = "twisted-chat.invalid"
"""What stands where a user's host is wanted: addresses are told to nobody."""

MAX_SERVER: Final = 63
"""Characters of a server's name (RFC 2812, section 1.1)."""

_HOSTS: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")


def server_of(name: str) -> str:
    """Return what the server is called as the source of a line, which has to be like a host.

    That is its name, where that is one; of any other what can be one, in a domain that is nobody's.
    """
    labels = name.split(".")
    if len(labels) > 1 and len(name) <= MAX_SERVER and all(map(_HOSTS.fullmatch, labels)):
        return name
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[: MAX_SERVER - 8].strip("-")
    return f"{plain or 'chat'}.invalid"


def prefix(nick: str) -> str:
    """Return who says something, as IRC writes it."""
    return f"{nick}!{nick}@{HOST}" if nick.isascii() else f"{nick}!u@{HOST}"


def channel(session: str) -> str:
    """Return a session's channel."""
    return f"#{session}"


def session_of(target: str) -> str | None:
    """Return the session of a channel; None for what is none."""
    return target[1:] if target.startswith("#") and len(target) > 1 else None


def target_of(session: str, source: str) -> str:
    """Return where a text of ``source`` is said: a channel, or the other one of the two."""
    if not session.startswith("@"):
        return channel(session)
    one, _, other = session[1:].partition(",")
    return other if key_of(one) == key_of(source) else one


def is_own(session: str) -> bool:
    """Whether a session is somebody's with itself: who says something there hears it, too."""
    if not session.startswith("@"):
        return False
    one, _, other = session[1:].partition(",")
    return one == other


def direct_of(one: str, other: str) -> str:
    """Return the direct session of two users."""
    return f"@{one},{other}"
