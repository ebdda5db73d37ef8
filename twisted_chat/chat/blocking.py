"""Who has blocked whom: a mute in a direct session, by one of its two users for itself.

What the blocked one says there is stored and comes back to it as ever, and nobody tells it
anything; but the other one is in that session no more: it hears nothing of it, and nothing there is
unread. Once it is lifted, it reads what was said.
"""

from __future__ import annotations

from typing import Protocol

from twisted_chat.chat.ruling import Ruling
from twisted_chat.log.contract import Life


class Held(Protocol):
    """What is asked of a session."""

    life: Life
    ruling: Ruling


def other_of(session: Held, key: str) -> str | None:
    """Return the other one of a direct session's two users; None where it is none."""
    return next((other for other in session.life.direct or () if other != key), None)


def blocks(session: Held, key: str) -> bool:
    """Whether the user of that key has blocked the other one of a direct session."""
    if session.life.direct is None or not session.ruling.mutes:
        return False
    return session.ruling.mutes.get(f"user:{other_of(session, key)}") is not None
