"""More than plain texts: what changes them, and what is told beside them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from twisted_chat.vocabulary.messages.limits import (
    MAX_REACTION,
    Id,
    Message,
    NameField,
    Reason,
    Seq,
)

__all__ = [
    "Away",
    "Edit",
    "React",
    "Read",
    "Redact",
    "Typing",
]


class Edit(Message, frozen=True, tag="edit"):
    """Say that one's text ``of`` reads ``data`` now."""

    of: Seq
    data: str
    session: NameField | None = None
    id: Id | None = None


class Redact(Message, frozen=True, tag="redact"):
    """Take a text back: what it said is gone, that it was said is not."""

    of: Seq
    session: NameField | None = None
    reason: Reason | None = None
    id: Id | None = None


class React(Message, frozen=True, tag="react"):
    """Put a mark beside a text, or with ``undo`` take one's own away."""

    of: Seq
    data: Annotated[str, Meta(min_length=1, max_length=MAX_REACTION)]
    session: NameField | None = None
    undo: bool = False
    id: Id | None = None


class Read(Message, frozen=True, tag="read"):
    """Say how far one has read; it never goes back."""

    seq: Seq
    session: NameField | None = None
    id: Id | None = None


class Away(Message, frozen=True, tag="away"):
    """Say that one is away, and why; without ``data``, that one is back."""

    data: Reason = ""
    id: Id | None = None


class Typing(Message, frozen=True, tag="typing"):
    """Say that one is writing; it has no reply."""

    session: NameField | None = None
    id: Id | None = None
