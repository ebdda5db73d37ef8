"""Why somebody is just going, or is called otherwise now: what is told once to each connection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from twisted_chat.doors.irc.lines import format_line
from twisted_chat.doors.irc.names import prefix
from twisted_chat.vocabulary.messages import Joined, Left
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
    _farewells: dict[str, Farewell] = field(init=False, factory=dict)
    _renamed: dict[str, Farewell] = field(init=False, factory=dict)
    """Who has another name, by the new one: it has not come, it was here."""
    _parts: dict[tuple[str, str], str] = field(init=False, factory=dict)
    """Why somebody is just leaving a session, by user and session."""

    def why_gone(self, user: str) -> Farewell | None:
        """Return why somebody is gone from everywhere, where that is known."""
        return self._farewells.get(key_of(user) or "")

    def why_back(self, joined: Joined) -> Farewell | None:
        """Return why somebody who comes in was there before; whoever had its name was another."""
        key = key_of(joined.user) or ""
        self._farewells.pop(key, None)
        why = self._renamed.get(key)
        return why if why is not None and joined.session in why.rooms else None

    def why_left(self, left: Left) -> str:
        """Return why somebody leaves a session."""
        return self._parts.get((key_of(left.user) or "", key_of(left.session) or ""), "")

    def goes(self, nick: str, command: str, word: str) -> Farewell:
        """Remember why somebody goes: QUIT and a reason, or NICK and its new name."""
        if len(self._farewells) >= MAX_FAREWELLS:
            self._farewells.pop(next(iter(self._farewells)))
        key = key_of(nick) or ""
        farewell = self._farewells[key] = Farewell(format_line(prefix(nick), command, word))
        self.clock.callLater(FAREWELL_SECONDS, self._forget, self._farewells, key, farewell)
        return farewell

    @staticmethod
    def _forget(kept: dict[Any, Any], key: object, value: object) -> None:
        if kept.get(key) is value:
            del kept[key]

    def renames(self, nick: str, number: int, new: str, rooms: Iterable[str]) -> None:
        """Remember that somebody has another name now, in these sessions."""
        farewell = self.goes(nick, "NICK", new)
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

    def came(self, key: str) -> None:
        """Somebody is here by that name."""
        self._farewells.pop(key, None)
