"""Lingering: what is empty ends after a while, unless somebody comes back to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_chat.chat.session import Session
from twisted_chat.vocabulary.names import Name


@define(eq=False)
class Lingering:
    """The sessions that are to ``end``, each once; ``by`` is who left it to nobody."""

    _clock: IReactorTime
    _end: Callable[[Session, Name | None], object]
    _calls: dict[Session, IDelayedCall] = field(init=False, factory=dict)
    _stopping: bool = field(init=False, default=False)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._calls)

    def __contains__(self, session: Session) -> bool:
        return session in self._calls

    def end_later(self, session: Session, seconds: float, by: Name | None = None) -> None:
        """Let it end then, unless that is so already."""
        if not self._stopping and session not in self._calls:
            self._calls[session] = self._clock.callLater(seconds, self._lingered, session, by)

    def stays(self, session: Session) -> None:
        """Let it end no more: somebody is in it, or it has ended."""
        if (call := self._calls.pop(session, None)) is not None:
            call.cancel()

    def _lingered(self, session: Session, by: Name | None) -> None:
        del self._calls[session]
        self._end(session, by)

    def close(self) -> None:
        """Let nothing wait: the daemon is stopping."""
        self._stopping = True
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()
