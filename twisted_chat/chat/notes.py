"""Notes: what a node tells the others, besides what the log tells them by itself.

They are read by every other node, once, in the order in which all nodes have written them. What a
note says is applied whatever was known before: it says what is so, not what to change by how much.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from twisted_chat.vocabulary.messages import (
    Bye,
    Changed,
    Deleted,
    Invited,
    IsTyping,
    Kicked,
    Notice,
    RoleGiven,
    Text,
    TopicChanged,
    WentAway,
)
from twisted_chat.vocabulary.messages.entries import Edited, Reacted, Redacted

Announced = TopicChanged | Changed | RoleGiven | Notice
"""What members of a session are told wherever they are."""


class Noted(Struct, frozen=True, array_like=True, tag_field="t"):
    """What all notes are made of."""


class Came(Noted, frozen=True, tag="came"):
    """A user is here, by the first of its connections at that node."""

    name: str
    guest: bool
    away: str = ""


class Went(Noted, frozen=True, tag="went"):
    """A user is at that node no more."""

    key: str


class Entered(Noted, frozen=True, tag="in"):
    """A user who is at that node is in a session."""

    epoch: str
    key: str


class Exited(Noted, frozen=True, tag="out"):
    """It is there no more."""

    epoch: str
    key: str


class Happened(Noted, frozen=True, tag="told"):
    """Members of a session are to be told of something that is stored already, or nowhere."""

    epoch: str
    event: Announced


class Expelled(Noted, frozen=True, tag="kick"):
    """A user was taken out of a session, by all of its connections."""

    epoch: str
    event: Kicked


class Deleting(Noted, frozen=True, tag="del"):
    """A session is about to be deleted, and this is what its members are told then."""

    epoch: str
    event: Deleted


class IsAway(Noted, frozen=True, tag="away"):
    """A user is away, or back."""

    event: WentAway


class Everybody(Noted, frozen=True, tag="all"):
    """An operator tells everybody something."""

    event: Notice


class Ends(Noted, frozen=True, tag="end"):
    """All connections of a user end."""

    key: str
    bye: Bye


class Asked(Noted, frozen=True, tag="ask"):
    """A user was invited. A guest's invitation is nowhere else."""

    epoch: str
    event: Invited


class GuestRole(Noted, frozen=True, tag="role"):
    """A guest has this role now."""

    epoch: str
    key: str
    role: str


class Forgot(Noted, frozen=True, tag="forgot"):
    """A guest is gone for good, and its name is anybody's."""

    key: str


class Hello(Noted, frozen=True, tag="hello"):
    """A node has begun, and wants to know who is at the others."""


class Somebody(Struct, frozen=True, array_like=True):
    """A user who is at a node, and the epochs of the sessions that it is in."""

    name: str
    guest: bool
    away: str
    epochs: list[str]


class Here(Noted, frozen=True, tag="here"):
    """Everybody who is at that node; what was told before and is not in it is so no more.

    ``part`` of ``parts`` (from 0 on): they follow one another, with nothing of that node between.
    """

    part: int
    parts: int
    people: list[Somebody]


class Writes(Noted, frozen=True, tag="typing"):
    """A user is writing: a hint, which is written nowhere."""

    epoch: str
    key: str
    event: IsTyping


class Stored(Noted, frozen=True, tag="texts"):
    """A node has stored these in a session: a hint."""

    epoch: str
    entries: list[Text | Edited | Redacted | Reacted]


Note = (
    Came
    | Went
    | Entered
    | Exited
    | Happened
    | Expelled
    | Deleting
    | IsAway
    | Everybody
    | Ends
    | Asked
    | GuestRole
    | Forgot
    | Hello
    | Here
)
"""What is written for the others to read."""

Hint = Writes | Stored
"""What only travels, and may be lost."""

_encoder: Final = Encoder()
encode_notes: Final = _encoder.encode
"""Encode a list of notes, or one hint."""

_notes: Final[Decoder[Any]] = Decoder(list[Note])
_hint: Final[Decoder[Any]] = Decoder(Hint)


def decode_notes(body: bytes) -> list[Note]:
    """Return what another node has written. Raises msgspec.DecodeError."""
    found: list[Note] = _notes.decode(body)
    return found


def decode_hint(body: bytes) -> Hint:
    """Return a hint of another node. Raises msgspec.DecodeError."""
    found: Hint = _hint.decode(body)
    return found
