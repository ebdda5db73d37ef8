"""What the log gives a seq: texts, and what changes them."""

from __future__ import annotations

from msgspec import Struct

from twisted_chat.vocabulary.messages.limits import Message, Millis

__all__ = [
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
    users: list[str]


class Text(Message, frozen=True, tag="text"):
    """One text, in its place. For its sender it is the acknowledgement."""

    session: str
    seq: int
    time: Millis
    source: str
    data: str
    id: str | None = None


class _Amendment(Message, frozen=True):
    """What the entries share that change a text: ``of`` is its seq, ``seq`` their own."""

    session: str
    seq: int
    time: Millis
    source: str
    of: int


class Edited(_Amendment, frozen=True, tag="edited"):
    """The text ``of`` reads ``data`` now."""

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
