"""The roster: which users are in a session, by how many connections, and who is told of it.

A user with several connections, at this node or another, comes with the first and goes with the
last. In a large session comings and goings are gathered, and told once a second, so that a storm of
them does not cost the square of its members.

Invariants: every attendance has a connection or a node at least; while something is gathered one
timer is running, and what came and went within the second is named nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import nsmallest
from itertools import islice

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from twisted_chat.chat.member import Attendant
from twisted_chat.vocabulary.messages import (
    MAX_SNAPSHOT_USERS,
    MAX_WHO,
    Joined,
    Left,
    Members,
    Presence,
    Response,
)
from twisted_chat.vocabulary.names import Name

GATHERED_NAMES = 200
"""Names in each list of one ``presence``, at most."""

GATHER_SECONDS = 1.0
"""How long comings and goings of a large session are gathered."""


@define(eq=False)
class Attendance:
    """A user in a session, by how many connections at this node."""

    name: Name
    connections: int = 0
    nodes: set[str] | None = None
    """The other nodes at which it is here."""


@define(eq=False)
class Roster:
    """Who is in the session of that name; ``tell`` is how the members hear of it.

    ``waiting`` returns how many events wait to be told: what a log that hangs keeps back. Over
    ``limit`` users comings and goings are gathered. A ``silent`` session, a direct one, tells none.
    """

    session: str
    _clock: IReactorTime
    _limit: int
    _silent: bool
    _tell: Callable[[Response, Attendant | None], None]
    """Tell the members, but for the connection that caused it, which has a reply."""
    _waiting: Callable[[], int]
    _users: dict[str, Attendance] = field(init=False, factory=dict)
    besides: Callable[[], Sequence[Name]] = field(init=False, default=tuple)
    """Who is shown as here, and is not: who has blocked the other one in a direct session."""
    visiting: dict[str, int] = field(init=False, factory=dict)
    """How many users are here at each of the other nodes."""
    _gathered: dict[str, tuple[str, bool]] = field(init=False, factory=dict)
    """Who came (True) or went since it was told last, by key; no name where it did both."""

    @property
    def count(self) -> int:
        """How many users are here."""
        return len(self._users) + len(self.besides())

    def __contains__(self, key: str) -> bool:
        return key in self._users

    def first_names(self) -> Sequence[str]:
        """Return so many names as a snapshot has."""
        users = islice(self._users.values(), MAX_SNAPSHOT_USERS)
        return [*(one.name.text for one in users), *(name.text for name in self.besides())]

    def who(self, after: str) -> Members:
        """Return the first names whose compared form is over ``after``."""
        names = {key: one.name.text for key, one in self._users.items() if key > after}
        names |= {name.key: name.text for name in self.besides() if name.key > after}
        keys = nsmallest(MAX_WHO + 1, names)
        return Members(
            session=self.session,
            users=[names[key] for key in keys[:MAX_WHO]],
            count=self.count,
            more=len(keys) > MAX_WHO,
        )

    def named(self, key: str) -> str | None:
        """Return the name of a user who is here."""
        attendance = self._users.get(key)
        return None if attendance is None else attendance.name.text

    def came(self, name: Name, cause: Attendant) -> bool:
        """One more connection of that user is here; ``cause`` is not told.

        Returns whether it is the first at this node.
        """
        attendance = self._users.get(name.key)
        if attendance is None:
            attendance = self._users[name.key] = Attendance(name)
            self._note(name, cause, came=True)
        attendance.connections += 1
        return attendance.connections == 1

    def went(self, name: Name, cause: Attendant) -> bool:
        """One connection of that user is here no more; return whether it was the last."""
        attendance = self._users[name.key]
        attendance.connections -= 1
        if not attendance.connections and not attendance.nodes:
            del self._users[name.key]
            self._note(name, cause, came=False)
        return not attendance.connections

    def came_at(self, node: str, name: Name) -> None:
        """A user is here at another node."""
        attendance = self._users.get(name.key)
        if attendance is None:
            attendance = self._users[name.key] = Attendance(name)
            self._note(name, None, came=True)
        if attendance.nodes is None:
            attendance.nodes = set()
        if node not in attendance.nodes:
            attendance.nodes.add(node)
            self.visiting[node] = self.visiting.get(node, 0) + 1

    def went_at(self, node: str, key: str) -> None:
        """A user is here no more at another node; fine where it was not."""
        attendance = self._users.get(key)
        if attendance is None or not self._leaves(attendance, node):
            return
        if not attendance.connections and not attendance.nodes:
            del self._users[key]
            self._note(attendance.name, None, came=False)

    def _leaves(self, attendance: Attendance, node: str) -> bool:
        if not attendance.nodes or node not in attendance.nodes:
            return False
        attendance.nodes.discard(node)
        self.visiting[node] -= 1
        if not self.visiting[node]:
            del self.visiting[node]
        return True

    def expelled(self, key: str) -> None:
        """A user is here no more, by none of its connections, which is told otherwise."""
        attendance = self._users.pop(key, None)
        if attendance is not None:
            for node in tuple(attendance.nodes or ()):
                self._leaves(attendance, node)

    def clear(self) -> None:
        """Nobody is here any more, and nobody is told."""
        self._users.clear()
        self.visiting.clear()

    def _note(self, name: Name, cause: Attendant | None, *, came: bool) -> None:
        if self._silent:
            return
        if self._gathered or self.count > self._limit or self._waiting() >= GATHERED_NAMES:
            self._gather(name, came=came)
            return
        event = Joined if came else Left
        self._tell(event(session=self.session, user=name.text, count=self.count), cause)

    def _gather(self, name: Name, *, came: bool) -> None:
        if not self._gathered:
            self._clock.callLater(GATHER_SECONDS, self._tell_gathered)
        # Who came and went within the second is not named; the mark stays, and the timer with it.
        undone = name.key in self._gathered and self._gathered[name.key][0] != ""
        self._gathered[name.key] = ("" if undone else name.text, came)

    def _tell_gathered(self) -> None:
        gathered, self._gathered = self._gathered, {}
        came = (name for name, came in gathered.values() if came and name)
        went = (name for name, came in gathered.values() if not came and name)
        self._tell(
            Presence(
                session=self.session,
                count=self.count,
                joined=list(islice(came, GATHERED_NAMES)),
                left=list(islice(went, GATHERED_NAMES)),
            ),
            None,
        )
