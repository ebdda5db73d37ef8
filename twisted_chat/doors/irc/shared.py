"""What the connections of one listener share."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from twisted_chat.doors.irc.shown import Batches
from twisted_chat.vocabulary.names import key_of

MAX_FAREWELLS = 1_000


@define(eq=False)
class Farewell:
    """Why somebody goes, and which connections know of it: a QUIT is told once to each."""

    reason: str
    told: dict[int, set[str]] = field(factory=dict)


@define(eq=False)
class Shared:
    """Batches as they are written, and who is just going."""

    farewells: dict[str, Farewell] = field(init=False, factory=dict)
    _batches: Batches | None = field(init=False, default=None)

    def batches(self, chat: Any) -> Batches:
        """Return what writes the batches of this chat."""
        if self._batches is None:

            def epoch_of(session: str) -> str:
                found = chat.sessions.get(key_of(session) or "")
                return found.life.epoch if found is not None else ""

            def account_of(user: str) -> str | None:
                person = chat.people.here.get(key_of(user) or "")
                if person is not None and not person.guest:
                    return str(person.name)
                known = chat.people.account(key_of(user) or "")
                return str(known.name) if known is not None else None

            self._batches = Batches(epoch_of, account_of)
        return self._batches

    def goes(self, key: str, reason: str) -> None:
        """Remember why somebody goes."""
        if len(self.farewells) >= MAX_FAREWELLS:
            self.farewells.pop(next(iter(self.farewells)))
        self.farewells[key] = Farewell(reason)

    def came(self, key: str) -> None:
        """Somebody is here."""
        self.farewells.pop(key, None)
