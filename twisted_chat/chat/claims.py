"""Claims: one flow at a time for each name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import Factory, define
from twisted.internet.defer import Deferred


@define(eq=False)
class Claims:
    """The names whose sessions are beginning or ending: one flow has each, the others wait."""

    _waiting: dict[str, list[Deferred[None]]] = Factory(dict)

    def __contains__(self, key: str) -> bool:
        return key in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[None]:
        """Have that name, when those who had it before are done."""
        while key in self._waiting:
            waiter: Deferred[None] = Deferred()
            self._waiting[key].append(waiter)
            await waiter
        self._waiting[key] = []
        try:
            yield
        finally:
            for waiter in self._waiting.pop(key):
                waiter.callback(None)
