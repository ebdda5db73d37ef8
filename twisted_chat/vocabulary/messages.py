"""The vocabulary: every request, reply and event, as they travel.

Each message is one JSON object with a ``type``. ``decode`` turns bytes into a closed union of
requests, once, or raises ChatError; ``encode`` turns a reply or an event into JSON. The schema in
``docs/protocol.schema.json`` is generated from these classes, and ``docs/protocol.md`` explains
them. Unknown fields are ignored; an unknown ``type`` is a ``bad-request``.
"""

from __future__ import annotations

import json
from typing import Annotated, Final, TypeVar

from msgspec import DecodeError, Meta, Struct, ValidationError
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from twisted_chat.vocabulary.errors import ChatError, Code

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

# The limits that the schema shows to people who write clients. Names are only bounded here
# (generously): names.py judges them, with a code and a sentence of its own.
Id = Annotated[str, Meta(min_length=1, max_length=64, description="the client's own mark")]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1, description="a text's place in its session")]
NameField = Annotated[str, Meta(max_length=1_024)]
Password = Annotated[str, Meta(max_length=1_024)]
Epoch = Annotated[str, Meta(max_length=64, description="one life of a session, opaque")]
Topic = Annotated[str, Meta(max_length=MAX_TOPIC)]
Limit = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Millis = Annotated[int, Meta(description="milliseconds since 1970, UTC")]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What all messages share: a ``type``, and no field that is at its default when encoded."""


# --- requests ------------------------------------------------------------------------------


class Place(Struct, frozen=True, kw_only=True, gc=False):
    """Where a client that comes back was: the last ``seq`` it saw, and in which life."""

    session: NameField
    after: Seq | None = None
    epoch: Epoch | None = None
    password: Password | None = None


class Login(Message, frozen=True, tag="login"):
    """Log in, as an account or as a guest, and come back to the sessions in ``resume``.

    ``token`` is the one that a guest's earlier ``welcome`` gave: whoever has it is the same guest.
    """

    user: NameField
    password: Password | None = None
    token: Annotated[str, Meta(max_length=64)] | None = None
    resume: Annotated[list[Place], Meta(max_length=MAX_RESUMED)] = []
    id: Id | None = None


class Create(Message, frozen=True, tag="create"):
    """Create a session and become its owner and first member."""

    session: NameField
    password: Password | None = None
    keep: bool = False
    topic: Topic = ""
    id: Id | None = None


class Join(Message, frozen=True, tag="join"):
    """Become a member; with ``after``, get the texts after it first."""

    session: NameField
    password: Password | None = None
    after: Seq | None = None
    epoch: Epoch | None = None
    id: Id | None = None


class Leave(Message, frozen=True, tag="leave"):
    """Stop being a member."""

    session: NameField | None = None
    id: Id | None = None


class Delete(Message, frozen=True, tag="delete"):
    """End a session, and its log: for its owner and for operators."""

    session: NameField
    id: Id | None = None


class Say(Message, frozen=True, tag="text"):
    """Say something in a session, or with ``to`` to one user alone."""

    data: str
    session: NameField | None = None
    to: NameField | None = None
    id: Id | None = None


class SetTopic(Message, frozen=True, tag="topic"):
    """Change a session's topic: for its owner and for operators."""

    topic: Topic
    session: NameField | None = None
    id: Id | None = None


class List(Message, frozen=True, tag="list"):
    """Ask which sessions there are and who is here."""

    id: Id | None = None


class Who(Message, frozen=True, tag="who"):
    """Ask who is in a session; ``after`` a name, in the order of the names' compared forms."""

    session: NameField
    after: NameField | None = None
    id: Id | None = None


class History(Message, frozen=True, tag="history"):
    """Ask for stored texts: those before a seq, after one, between the two, or the latest."""

    session: NameField | None = None
    before: Seq | None = None
    after: Seq | None = None
    limit: Limit = 50
    id: Id | None = None


class Search(Message, frozen=True, tag="search"):
    """Ask for the stored texts that a query finds, the newest of those before ``before``."""

    query: Annotated[str, Meta(max_length=MAX_QUERY)]
    session: NameField | None = None
    before: Seq | None = None
    limit: Limit = 50
    id: Id | None = None


class Ping(Message, frozen=True, tag="ping"):
    """Ask for a ``pong``; allowed before login."""

    id: Id | None = None


class Logout(Message, frozen=True, tag="logout"):
    """Leave every session and be let go with ``bye``."""

    id: Id | None = None


Request = (
    Login
    | Create
    | Join
    | Leave
    | Delete
    | Say
    | SetTopic
    | List
    | Who
    | History
    | Search
    | Ping
    | Logout
)
"""Everything that a client can ask for."""


# --- replies and events --------------------------------------------------------------------


class Limits(Struct, frozen=True, kw_only=True, gc=False):
    """What this server takes: ``text`` and ``frame`` in bytes, ``history`` in texts."""

    text: int
    frame: int = MAX_FRAME
    history: int = MAX_HISTORY


class Direct(Struct, frozen=True, kw_only=True, gc=False):
    """One of a user's direct sessions, and how far it goes: what is unread can be told from it."""

    session: str
    epoch: str
    head: int


class Welcome(Message, frozen=True, tag="welcome"):
    """The login is done. ``token`` is a guest's proof for coming back."""

    user: str
    server: str
    limits: Limits
    protocol: int
    lobby: str | None = None
    token: str | None = None
    operator: bool = False
    guest: bool = False
    direct: list[Direct] = []
    id: str | None = None


class Snapshot(Message, frozen=True, tag="session"):
    """A session as it is now: all that a client needs to show it.

    ``reset``: the place that was asked for (``after``, ``epoch``) could not be honoured; forget
    what was seen, and read the past with ``history``.
    """

    session: str
    epoch: str
    head: int
    users: list[str]
    count: int
    topic: str
    owner: str | None
    keep: bool = False
    locked: bool = False
    port: int | None = None
    reset: bool = False
    id: str | None = None


class Text(Message, frozen=True, tag="text"):
    """One text, in its place. For its sender it is the acknowledgement."""

    session: str
    seq: int
    time: Millis
    source: str
    data: str
    id: str | None = None


class Joined(Message, frozen=True, tag="joined"):
    """A user came into a session; ``count`` users are there now."""

    session: str
    user: str
    count: int


class Left(Message, frozen=True, tag="left"):
    """A user went out of a session; as a reply (with ``id``) it is one's own leaving."""

    session: str
    user: str
    count: int
    id: str | None = None


class Presence(Message, frozen=True, tag="presence"):
    """Comings and goings of a large session, gathered: at most one a second."""

    session: str
    count: int
    joined: list[str] = []
    left: list[str] = []


class TopicChanged(Message, frozen=True, tag="topic"):
    """A session's topic is now this."""

    session: str
    user: str
    topic: str
    id: str | None = None


class Deleted(Message, frozen=True, tag="deleted"):
    """A session is no more, and its texts are gone; ``user`` ended it."""

    session: str
    user: str
    id: str | None = None


class ListedSession(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A line of a list: ``users`` is a count."""

    session: str
    users: int
    topic: str
    owner: str | None
    locked: bool
    port: int | None = None


class ListedUser(Struct, frozen=True, kw_only=True, gc=False):
    """A line of a list: a user, and the sessions that it is in."""

    user: str
    sessions: list[str]


class Listing(Message, frozen=True, tag="list"):
    """Which sessions there are and who is here; with ``more``, another with the same id follows."""

    sessions: list[ListedSession]
    users: list[ListedUser]
    more: bool = False
    id: str | None = None


class Members(Message, frozen=True, tag="who"):
    """Who is in a session, in the order of compared names; ``more`` after the last of them."""

    session: str
    users: list[str]
    count: int
    more: bool = False
    id: str | None = None


class Texts(Message, frozen=True, tag="history"):
    """Stored texts, oldest first; ``more`` lie beyond, in the direction that was asked for."""

    session: str
    texts: list[Text]
    more: bool
    epoch: str
    id: str | None = None


class Found(Message, frozen=True, tag="found"):
    """The texts that a search found, oldest first; ``more`` lie before the first of them."""

    session: str
    texts: list[Text]
    more: bool
    id: str | None = None


class Pong(Message, frozen=True, tag="pong"):
    """The answer to a ``ping``."""

    id: str | None = None


class Notice(Message, frozen=True, tag="notice"):
    """A sentence from the server to a person."""

    data: str


class Bye(Message, frozen=True, tag="bye"):
    """The server is about to close the connection; come back after ``retry`` milliseconds."""

    data: str
    retry: int | None = None
    id: str | None = None


class Error(Message, frozen=True, tag="error"):
    """A refusal. ``session`` is named where a ``resume``, or a text said there, is refused."""

    code: Code
    data: str
    session: str | None = None
    id: str | None = None


Response = (
    Welcome
    | Snapshot
    | Text
    | Joined
    | Left
    | Presence
    | TopicChanged
    | Deleted
    | Listing
    | Members
    | Texts
    | Found
    | Pong
    | Notice
    | Bye
    | Error
)
"""Everything that the server says: replies and events."""


# --- bytes ---------------------------------------------------------------------------------

_decoder: Final[Decoder[Request]] = Decoder(Request)

encode: Final = Encoder().encode
"""Encode one message as JSON in UTF-8."""


Reply = TypeVar("Reply", bound=Message)


def with_id(reply: Reply, id: str | None) -> Reply:
    """Return ``reply`` bearing the ``id`` of its request."""
    return reply if id is None else replace(reply, id=id)


class BadRequest(ChatError):
    """A JSON object that is no request; ``id`` is the one it bears, where it bears one."""

    def __init__(self, sentence: str, id: str | None) -> None:
        super().__init__("bad-request", sentence)
        self.id = id


class NotAnObject(ChatError):
    """Not even a JSON object: what comes after it can not be trusted, so the door closes."""

    def __init__(self) -> None:
        super().__init__("bad-request", "A message is one JSON object in UTF-8.")


def decode(message: bytes) -> Request:
    """Turn one message into a request.

    Raises BadRequest (the connection stays) or NotAnObject (the connection is closed).
    """
    try:
        return _decoder.decode(message)
    except (DecodeError, UnicodeDecodeError, RecursionError) as problem:
        refusal = _judged(message, problem)
    raise refusal


def _judged(message: bytes, problem: Exception) -> BadRequest | NotAnObject:
    """Say what is wrong with ``message``: off the fast path, so it may read it again."""
    if isinstance(problem, RecursionError):
        return BadRequest("The message is nested too deeply.", None)
    try:
        # Strict where json is lax (NaN), lax where it is strict (digits without end).
        found = json.loads(message.decode(), parse_constant=_refuse, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return NotAnObject()
    if not isinstance(found, dict):
        return NotAnObject()
    id = found.get("id")
    if not isinstance(id, str) or not 1 <= len(id) <= 64 or not _is_text(id):
        id = None
    if isinstance(problem, ValidationError):
        # Both may quote what came, which may fill a frame: the answer must fit into one too.
        kind, sentence = found.get("type"), str(problem)[:200]
        known = isinstance(kind, str) and len(kind) <= 16 and _is_text(kind)
        if sentence.endswith("`$.type`"):
            return BadRequest(
                f"There is no request {kind!r}." if known else "A type is missing.", id
            )
        return BadRequest(f"{sentence} in a {kind!r}." if known else f"{sentence}.", id)
    return BadRequest("Text is any Unicode but lone surrogates.", id)


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _is_text(value: str) -> bool:
    """Whether ``value`` can be written in UTF-8: it holds no lone surrogate."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
