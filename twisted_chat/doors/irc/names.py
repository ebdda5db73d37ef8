"""What IRC calls things: a session is a channel, a user is a nick, one direct session a query."""

from __future__ import annotations

from twisted_chat.vocabulary.names import key_of

SERVER = "twisted-chat.invalid"
"""What the server calls itself where a host's name is wanted: addresses are told to nobody."""


def prefix(nick: str) -> str:
    """Return who says something, as IRC writes it."""
    return f"{nick}!{nick}@{SERVER}" if nick.isascii() else f"{nick}!u@{SERVER}"


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


def direct_of(one: str, other: str) -> str:
    """Return the direct session of two users."""
    return f"@{one},{other}"
