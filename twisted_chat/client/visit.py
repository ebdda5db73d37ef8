"""``async with``: being on a server for as long as a block lasts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

from twisted.internet.defer import Deferred

from twisted_chat.vocabulary.messages import Welcome

V = TypeVar("V", bound="Visit")


class Visit(ABC):
    """Logs in where a block begins, and out where it ends."""

    @abstractmethod
    def start(self) -> Deferred[Welcome]:
        """Log in."""

    @abstractmethod
    def logout(self) -> Deferred[None]:
        """Log out."""

    async def __aenter__(self: V) -> V:
        """Log in."""
        try:
            await self.start()
        except Exception:  # and not where the program ends while it waits
            await self.logout()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Log out, but not where the program ends meanwhile: then nothing can be waited for."""
        if kind is not GeneratorExit:
            await self.logout()
