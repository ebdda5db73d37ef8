"""What may be done to a text that is stored, the same for every log."""

from __future__ import annotations

from attrs import frozen

from twisted_chat.log.contract import Entry
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    MAX_REACTIONS,
    AnyEntry,
    Edited,
    Reacted,
    Redacted,
    Text,
)


@frozen
class Target:
    """The text that an entry is about. ``marks`` are the different reactions to it."""

    source: str
    is_redacted: bool
    marks: int = 0
    is_there: bool = False
    """Whether somebody has put this mark there."""
    is_own: bool = False
    """Whether whoever asks has."""


def refusal(entry: Entry, target: Target | None) -> ChatError | None:
    """Return why an entry can not be stored, or None.

    ``no-such-text``: there is none with that seq (any more), or it was redacted. ``not-allowed``:
    it is somebody else's. ``bad-request``: such a mark is there already, or is not, or there are
    MAX_REACTIONS others.
    """
    if target is None:
        return ChatError("no-such-text", f"There is no text {entry.of} in this session.")
    if entry.kind == "text":
        return None
    if target.is_redacted:
        return ChatError("no-such-text", f"The text {entry.of} was redacted.")
    if entry.kind in ("edit", "redact"):
        if not entry.anyones and entry.source != target.source:
            return ChatError("not-allowed", f"The text {entry.of} is {target.source}'s.")
        return None
    if entry.kind == "react":
        if target.is_own:
            return ChatError("bad-request", "You have reacted so to that text already.")
        if not target.is_there and target.marks >= MAX_REACTIONS:
            return ChatError("bad-request", f"A text has at most {MAX_REACTIONS} reactions.")
        return None
    if not target.is_own:
        return ChatError("bad-request", "You have not reacted so to that text.")
    return None


def placed(session: str, seq: int, time: int, entry: Entry) -> AnyEntry:
    """Return an entry in its place, as it is told when it is new."""
    source, data, id, of = entry.source, entry.data, entry.id, entry.of
    if of is None or entry.kind == "text":
        return Text(
            session=session,
            seq=seq,
            time=time,
            source=source,
            data=data,
            id=id,
            guest=entry.guest,
            reply=of,
        )
    if entry.kind == "edit":
        return Edited(session=session, seq=seq, time=time, source=source, of=of, data=data, id=id)
    if entry.kind == "redact":
        return Redacted(
            session=session, seq=seq, time=time, source=source, of=of, reason=data or None, id=id
        )
    return Reacted(
        session=session,
        seq=seq,
        time=time,
        source=source,
        of=of,
        data=data,
        undo=entry.kind == "undo",
        id=id,
    )
