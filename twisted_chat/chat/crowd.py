"""Who has how many of something that is short, by address; and who has most: it makes room."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

from attrs import define, field

from twisted_chat.vocabulary.addresses import network

T = TypeVar("T")

LOOKED_AT = 64
"""Of those of the busiest address, the newest that are looked at when one is to make room."""


@define(eq=False)
class Crowd(Generic[T]):
    """Things from addresses (IPv6: of each /64). All that it does takes the same short time."""

    _of: dict[str, dict[T, None]] = field(factory=dict, init=False)
    _where: dict[T, str] = field(factory=dict, init=False)
    _having: dict[int, dict[str, None]] = field(factory=dict, init=False)
    """Addresses, by how many they have."""
    _most: int = field(default=0, init=False)

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, thing: T) -> bool:
        return thing in self._where

    def add(self, thing: T, host: str) -> None:
        """One more has come from there."""
        where = network(host)
        self._where[thing] = where
        things = self._of.setdefault(where, {})
        self._move(where, len(things), len(things) + 1)
        things[thing] = None

    def discard(self, thing: T) -> None:
        """It has gone, if it was here."""
        where = self._where.pop(thing, None)
        if where is None:
            return
        things = self._of[where]
        self._move(where, len(things), len(things) - 1)
        del things[thing]
        if not things:
            del self._of[where]

    def count(self, host: str) -> int:
        """Return how many have come from there."""
        return len(self._of.get(network(host), ()))

    def most(self) -> int:
        """Return how many the address has that has most."""
        return self._most

    def newest_of_busiest(self) -> Iterator[T]:
        """Yield the newest of the address that has most, LOOKED_AT at most."""
        for where in islice(self._having.get(self._most, ()), 1):
            yield from tuple(islice(reversed(self._of[where]), LOOKED_AT))

    def _move(self, where: str, before: int, after: int) -> None:
        if before:
            having = self._having[before]
            del having[where]
            if not having:
                del self._having[before]
        if after:
            self._having.setdefault(after, {})[where] = None
        if after > self._most or (before == self._most and before not in self._having):
            self._most = after
