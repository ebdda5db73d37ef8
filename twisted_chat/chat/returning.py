"""Guests who come back: one whose connection broke is what it was, if it proves to be the same."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from twisted_chat.chat.home import Home
from twisted_chat.chat.member import Attendant
from twisted_chat.chat.notes import GuestRole
from twisted_chat.chat.people import Person
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.session import Session

MAX_GONE: Final = 1_000
"""Guests of whom it is remembered, at most: those who went last."""


def founded(home: Home, user: Attendant, session: Session) -> None:
    """Know of a session that a guest has made that it is this guest's, and not its name's."""
    if user.is_guest:
        epoch, key = session.life.epoch, user.name.key
        home.people.here[key].roles[epoch] = "owner"
        home.peers.tell(GuestRole(epoch, key, "owner"))


@define(eq=False)
class Returning:
    """The roles of guests who have gone, for as long as an empty session waits for them.

    A guest's name is anybody's once it is gone, and what it owned or ruled is not.
    """

    _clock: IReactorTime
    _rules: Rules
    _gone: OrderedDict[tuple[str, str], tuple[Person, float]] = field(
        init=False, factory=OrderedDict
    )
    """By the name's key and the guest's token: who had the name in between is another."""

    def gone(self, person: Person) -> None:
        """A guest is gone."""
        if person.roles and person.token is not None:
            at = person.name.key, person.token
            self._gone[at] = person, self._clock.seconds()
            self._gone.move_to_end(at)
            if len(self._gone) > MAX_GONE:
                self._gone.popitem(last=False)

    def back(self, person: Person, token: str | None) -> None:
        """A guest has come, with that token: give it the roles that are its own."""
        was, since = self._gone.pop((person.name.key, token or ""), (None, 0.0))
        if was is not None and self._clock.seconds() - since <= self._rules.linger:
            person.roles |= was.roles
