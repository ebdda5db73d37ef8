"""What fits in a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from twisted_chat.vocabulary.messages import MAX_FRAME, AnyEntry, Text, encode

ROOM: Final = MAX_FRAME - 2_048
"""Bytes for the parts of a reply: what is left in a frame is for the rest of it."""

Part = TypeVar("Part", bound=Struct | str)
E = TypeVar("E", bound=AnyEntry)


def trimmed(entry: E) -> E:
    """Return an entry that fits in a frame: where it does not, reactions go, names first."""
    if not isinstance(entry, Text) or not entry.reactions or len(encode(entry)) <= ROOM:
        return entry
    counts = tuple(replace(reaction, users=()) for reaction in entry.reactions)
    shorter = replace(entry, reactions=counts)
    return shorter if len(encode(shorter)) <= ROOM else replace(entry, reactions=())


def fitting(parts: Sequence[Part], *, from_end: bool = False, room: int = ROOM) -> Sequence[Part]:
    """Return as many of ``parts`` as fit in a frame (in ``room`` bytes), and one at least."""
    size = 0
    for number, part in enumerate(reversed(parts) if from_end else parts):
        size += len(encode(part)) + 1
        if size > room and number:
            return parts[-number:] if from_end else parts[:number]
    return parts
