"""Why somebody is just going, or is called otherwise now: what is told once to each connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from twisted_chat.doors.irc.lines import format_line
from twisted_chat.doors.irc.names import prefix
from twisted_chat.vocabulary.messages import Joined, Left, RoleGiven
from twisted_chat.vocabulary.names import key_of

MAX_FAREWELLS: Final = 1_000

PART_SECONDS: Final = 1.0
"""How long a reason to leave a session is known, at most: that is when its leaving is told."""

FAREWELL_SECONDS: Final = 10.0
"""How long it takes, at most, until all sessions have told that somebody is gone."""


@define(eq=False)
class Farewell:
    """Why somebody is no more in any session, as a line: it is told once to each connection."""

    line: bytes
    is_bot: bool = False
    """Whether it was one: its mode has gone with it."""
    told: set[int] = field(factory=set)
    rooms: frozenset[str] = frozenset()
    """Of a change of nick: the sessions that one was in, and is in again."""
    back: set[tuple[int, str]] = field(factory=set)
    """Of a change of nick: to whom it was not told that somebody came back, and into what."""

    def once(self, number: int) -> bytes:
        """Return the line for a connection, the first time."""
        if number in self.told:
            return b""
        self.told.add(number)
        return self.line

    def comes_back(self, number: int, session: str) -> bool:
        """Whether who comes into a session was there before; once for each connection."""
        if (number, session) in self.back:
            return False
        self.back.add((number, session))
        return True


@define(eq=False)
class Goings:
    """Who is just going, and why."""

    clock: IReactorTime
    is_bot: Callable[[str], bool]
    """Whether somebody who is here is a bot."""
    _farewells: dict[str, Farewell] = field(init=False, factory=dict)
    _renamed: dict[str, Farewell] = field(init=False, factory=dict)
    """Who has another name, by the new one: it has not come, it was here."""
    _parts: dict[tuple[str, str], str] = field(init=False, factory=dict)
    """Why somebody is just leaving a session, by user and session."""
    _taken: dict[tuple[str, str], str] = field(init=False, factory=dict)
    """The letters of roles that are just being taken away, by user and session."""

    def why_gone(self, user: str) -> Farewell | None:
        """Return why somebody is gone from everywhere, where that is known."""
        return self._farewells.get(key_of(user) or "")

    def why_back(self, joined: Joined) -> Farewell | None:
        """Return why somebody who comes in was there before; whoever had its name was another."""
        key = key_of(joined.user) or ""
        why = self._renamed.get(key)
        self.came(key)
        return why if why is not None and joined.session in why.rooms else None

    def is_another(self, given: RoleGiven) -> bool:
        """Whether a role is just what somebody had by its former name."""
        return given.user == given.by and (key_of(given.user) or "") in self._renamed

    def why_left(self, left: Left) -> str:
        """Return why somebody leaves a session."""
        return self._parts.get((key_of(left.user) or "", key_of(left.session) or ""), "")

    def quits(self, nick: str, reason: str) -> None:
        """Remember why somebody goes for good."""
        self._goes(nick, format_line(prefix(nick), "QUIT", reason))

    def _goes(self, nick: str, line: bytes) -> Farewell:
        if len(self._farewells) >= MAX_FAREWELLS:
            self._farewells.pop(next(iter(self._farewells)))
        key = key_of(nick) or ""
        farewell = self._farewells[key] = Farewell(line, self.is_bot(nick))
        self.clock.callLater(FAREWELL_SECONDS, self._forget, self._farewells, key, farewell)
        return farewell

    @staticmethod
    def _forget(kept: dict[Any, Any], key: object, value: object) -> None:
        if kept.get(key) is value:
            del kept[key]

    def renames(self, nick: str, number: int, new: str, rooms: Iterable[str]) -> None:
        """Remember that somebody has another name now, in these sessions.

        Or the same one, which it is an account by now: of that nobody is told.
        """
        line = format_line(prefix(nick), "NICK", new) if nick != new else b""
        farewell = self._goes(nick, line)
        farewell.told.add(number)
        farewell.rooms = frozenset(rooms)
        if len(self._renamed) >= MAX_FAREWELLS:
            self._renamed.pop(next(iter(self._renamed)))
        key = key_of(new) or ""
        self._renamed[key] = farewell
        self.clock.callLater(FAREWELL_SECONDS, self._forget, self._renamed, key, farewell)

    def leaves(self, user: str, session: str, reason: str) -> None:
        """Remember why somebody just leaves a session, by compared names."""
        self._parts[user, session] = reason
        self.clock.callLater(PART_SECONDS, self._forget, self._parts, (user, session), reason)

    def takes(self, user: str, session: str, letter: str) -> None:
        """Know which role somebody is losing, by compared names, until that is told."""
        self._taken[user, session] = letter

    def took(self, user: str, session: str) -> None:
        """It is told."""
        self._taken.pop((user, session), None)

    def taken(self, given: RoleGiven) -> str:
        """Return the letters of what somebody has no more: of any role, where it is not known."""
        return self._taken.get((key_of(given.user) or "", key_of(given.session) or ""), "ov")

    def came(self, key: str) -> None:
        """Somebody is here by that name: not who had it before, but for one who has it still."""
        if self._farewells.get(key) is not self._renamed.get(key):
            self._farewells.pop(key, None)
