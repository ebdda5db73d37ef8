"""The limits of what travels, and the types of fields that have one.

The schema shows them to people who write clients. Names are only bounded here (generously):
names.py judges them, with a code and a sentence of its own.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

__all__ = [
    "MAX_BANS",
    "MAX_FRAME",
    "MAX_FRAME_BEFORE_LOGIN",
    "MAX_HISTORY",
    "MAX_IGNORED",
    "MAX_LEVELS",
    "MAX_QUERY",
    "MAX_REACTION",
    "MAX_REACTIONS",
    "MAX_REACTORS",
    "MAX_REASON",
    "MAX_RESUMED",
    "MAX_SNAPSHOT_USERS",
    "MAX_TEXT",
    "MAX_TOPIC",
    "MAX_WHO",
    "PROTOCOL",
    "Address",
    "Epoch",
    "Id",
    "Level",
    "Limit",
    "Message",
    "Millis",
    "NameField",
    "Password",
    "Reason",
    "Seconds",
    "Seq",
    "Topic",
]


PROTOCOL: Final = 1
"""The version of the protocol that these messages are."""

MAX_FRAME: Final = 65_536
"""Bytes in one message after login, in either direction, at most."""

MAX_FRAME_BEFORE_LOGIN: Final = 4_096
"""Bytes in one message before login, at most."""

MAX_TEXT: Final = 16_384
"""Bytes in a text's ``data`` (UTF-8), at most, unless ``--max-text`` says otherwise."""

MAX_HISTORY: Final = 200
"""Texts in one ``history`` or ``found``, at most."""

MAX_SNAPSHOT_USERS: Final = 100
"""Names in a ``session`` snapshot, at most."""

MAX_WHO: Final = 1_000
"""Names in one ``who``, at most."""

MAX_TOPIC: Final = 256
"""Characters in a topic, at most."""

MAX_RESUMED: Final = 64
"""Sessions in a login's ``resume``, at most."""

MAX_QUERY: Final = 256
"""Characters in a search's query, at most."""

MAX_REASON: Final = 256
"""Characters in the reason of a kick, a ban or a redaction, at most."""

MAX_REACTION: Final = 32
"""Characters in a reaction, at most."""

MAX_REACTIONS: Final = 20
"""Different reactions to one text, at most."""

MAX_REACTORS: Final = 20
"""Names beside one reaction to a text, at most; the count is of all."""

MAX_BANS: Final = 200
"""Bans and mutes in one ``bans``, at most."""

MAX_IGNORED: Final = 200
"""Users that one account ignores, at most."""

MAX_LEVELS: Final = 100
"""Sessions for which one account says of what it is told, at most."""

Id = Annotated[str, Meta(min_length=1, max_length=64, description="the client's own mark")]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1, description="a text's place in its session")]
NameField = Annotated[str, Meta(max_length=1_024)]
Password = Annotated[str, Meta(max_length=1_024)]
Epoch = Annotated[str, Meta(max_length=64, description="one life of a session, opaque")]
Topic = Annotated[str, Meta(max_length=MAX_TOPIC)]
Reason = Annotated[str, Meta(max_length=MAX_REASON)]
Limit = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Millis = Annotated[int, Meta(description="milliseconds since 1970, UTC")]

Level = Literal["all", "mentions", "none"]
"""Of what one is told in a session: every text, those that name one, nothing."""

Seconds = Annotated[int, Meta(ge=1, le=3_155_760_000, description="for so long")]
Address = Annotated[
    str, Meta(max_length=64, description="an address, or a network as 192.0.2.0/24")
]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What all messages share: a ``type``, and no field that is at its default when encoded."""
