"""What the log gives a seq: texts, and what changes them."""

from __future__ import annotations

from msgspec import Struct

from twisted_chat.vocabulary.messages.limits import Message, Millis

__all__ = [
    "AnyEntry",
    "Edited",
    "Reacted",
    "Reaction",
    "Redacted",
    "Text",
]


class Reaction(Struct, frozen=True, kw_only=True, gc=False):
    """A mark beside a text: how many put it there, and the first of them."""

    data: str
    count: int
    users: tuple[str, ...]


class Text(Message, frozen=True, tag="text"):
    """One text, in its place. For its sender it is the acknowledgement.

    Read from the past it is as it is now: ``data`` is the newest, ``edited`` the seq of the last
    edit, ``redacted`` that of the redaction (``data`` is empty then). ``guest``: by no account.
    """

    session: str
    seq: int
    time: Millis
    source: str
    data: str
    id: str | None = None
    guest: bool = False
    reply: int | None = None
    edited: int | None = None
    redacted: int | None = None
    reactions: tuple[Reaction, ...] = ()


class _Amendment(Message, frozen=True):
    """What the entries share that change a text: ``of`` is its seq, ``seq`` their own."""

    session: str
    seq: int
    time: Millis
    source: str
    of: int


class Edited(_Amendment, frozen=True, tag="edited"):
    """The text ``of`` reads ``data`` now. Read from the past, ``data`` is the newest."""

    data: str
    id: str | None = None


class Redacted(_Amendment, frozen=True, tag="redacted"):
    """The text ``of`` was taken back."""

    reason: str | None = None
    id: str | None = None


class Reacted(_Amendment, frozen=True, tag="reacted"):
    """Somebody put a mark beside the text ``of``, or with ``undo`` took it away."""

    data: str
    undo: bool = False
    id: str | None = None


AnyEntry = Text | Edited | Redacted | Reacted
"""Whatever has a seq in a session."""
