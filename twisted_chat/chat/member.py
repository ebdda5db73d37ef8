"""A member: one connection's place in one session; and what a session needs of that connection.

What a member can be, and what it can become::

    WAITING --its snapshot is sent--> BEHIND --it has read up to the head--> LIVE
       ^                                ^  |                                  |
       +----resumed further back--------+--+------its buffer is full----------+
                                        (from each of them: GONE, for good)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from enum import Enum, auto
from typing import Any, Final, Generic, Protocol, TypeVar

from attrs import define, field

from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye, Response
from twisted_chat.vocabulary.names import Name


class Encode(Protocol):
    """What turns a message into a door's bytes. Members with the same one share the work."""

    def __call__(self, response: Response, /) -> bytes:
        """Encode one message."""


class Mind(Protocol):
    """A logged-in client, as the chat sees it: where it is, and how to tell it things.

    ``host`` and ``port`` are the client's; ``door`` is the name of the door it came through.
    """

    door: str
    host: str
    port: int
    encode: Encode
    deliver: Callable[[bytes], None]
    """Send these bytes, in order. Never blocks; calls ``User.filled`` when it has had enough."""

    def settled(self) -> None:
        """Some texts that the user said have been answered."""

    def refused(self, refusal: ChatError, id: str | None, session: str) -> None:
        """What it said with that ``id``, in that session, was refused by the log."""

    def slow(self, seconds: float) -> None:
        """The user says too much: read nothing more from this client for so long."""

    def close(self, farewell: Bye) -> None:
        """Send this, and close the connection."""


class Attendant(Protocol):
    """What a session needs of a User: one connection of somebody."""

    name: Name
    """Whose connection it is."""
    mind: Mind
    gone: bool
    """Whether it has logged out: it is told nothing any more."""
    full: bool
    reading: bool
    """Whether a page of some session is being read for it: one at a time."""
    members: dict[str, MemberOf[Any]]
    behind: dict[MemberOf[Any], None]
    """Those of its members that are not live, in the order in which they are read to."""
    is_guest: bool
    """Whether no account is behind it."""
    unsettled: int
    """Texts that it said and that have not been answered yet."""
    unsettled_size: int
    """Their characters."""

    @property
    def is_operator(self) -> bool:
        """Whether it may do what operators may."""


class Standing(Enum):
    """What a member is to its session."""

    WAITING = auto()
    """It is to have a snapshot first, when it is its turn: ``wanted`` is where it reads on."""
    BEHIND = auto()
    """It has a place, ``seq``, and is read to from the log."""
    LIVE = auto()
    """It is given each batch as the others are."""
    GONE = auto()
    """It is no member any more: it is told nothing."""


STANDINGS: Final[Mapping[Standing, Set[Standing]]] = {
    Standing.WAITING: {Standing.WAITING, Standing.BEHIND, Standing.GONE},
    Standing.BEHIND: {Standing.WAITING, Standing.BEHIND, Standing.LIVE, Standing.GONE},
    Standing.LIVE: {Standing.WAITING, Standing.BEHIND, Standing.GONE},
    Standing.GONE: set(),
}
"""What each may become."""

S = TypeVar("S")


@define(eq=False, repr=False)
class MemberOf(Generic[S]):
    """One connection's place in one session.

    ``seq`` is its place in the log while it is not live; ``told`` counts the events of the
    session, stored nowhere, that it knows of. What it had missed when it came, up to ``missed``,
    it reads without a break. ``wanted`` is where it wants to read on from (``after`` and
    ``epoch``), while that has to wait.
    """

    user: Attendant
    session: S
    standing: Standing = field(default=Standing.BEHIND, init=False)
    seq: int = field(default=0, init=False)
    told: int = field(default=0, init=False)
    missed: int = field(default=0, init=False)
    wanted: tuple[int | None, str | None] = field(default=(None, None), init=False)

    @property
    def is_live(self) -> bool:
        """Whether it is given what the others are, when they are."""
        return self.standing is Standing.LIVE

    def become(self, standing: Standing) -> None:
        """Be something else. Raises ValueError for what can not follow on what it is."""
        if standing not in STANDINGS[self.standing]:
            raise ValueError(
                f"a member that is {self.standing.name} does not become {standing.name}"
            )
        self.standing = standing
