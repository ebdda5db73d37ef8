"""Deadlines of very many connections, with one timer for all of them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

T = TypeVar("T", bound=Hashable)


@define(eq=False)
class Deadlines(Generic[T]):
    """Deadlines that are all ``seconds`` after they were set: so the first are due first."""

    clock: IReactorTime
    seconds: float
    _due: dict[T, float] = field(init=False, factory=dict)

    def set(self, one: T) -> None:
        """Set the deadline of ``one``, anew where it has one."""
        self._due.pop(one, None)
        self._due[one] = self.clock.seconds() + self.seconds

    def drop(self, one: T) -> None:
        """Forget the deadline of ``one``, if it has one."""
        self._due.pop(one, None)

    def take(self) -> list[T]:
        """Return those whose deadline has come, and forget theirs."""
        now = self.clock.seconds()
        due = []
        for one, deadline in self._due.items():
            if deadline > now:
                break
            due.append(one)
        for one in due:
            del self._due[one]
        return due
