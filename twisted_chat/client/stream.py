"""Texts for ``async for``: bounded, and none is left out."""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred

from twisted_chat.client.events import Ended, Event
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_HISTORY, Deleted, Snapshot, Text, Texts

MAX_HELD: Final = 1_000
"""Texts that are held for who iterates; what comes beyond them is read from the history later."""


class Reader(Protocol):
    """Who reads on in a history: a ChatClient."""

    user: str

    def history(
        self, session: str, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> Deferred[Texts]:
        """Read stored texts."""


@define(eq=False)
class TextStream:
    """Iterates over texts, in the order of each session.

    Who iterates slowly costs a bounded amount of memory and misses nothing: past 1,000 texts the
    stream only remembers, for each session, where to read on. Iterate in one place at a time.
    """

    _client: Reader
    _session: str | None
    _own: bool
    _held: deque[Text] = field(factory=deque)
    _behind: dict[str, tuple[int, int]] = field(factory=dict)  # session: after, up to
    _wake: Deferred[None] | None = None
    _ended: Ended | None = None

    def __aiter__(self) -> TextStream:
        return self

    async def __anext__(self) -> Text:
        """Return the next text; raises ChatError where the login was refused for good."""
        while True:
            if self._held:
                return self._held.popleft()
            if self._ended is not None:
                if self._ended.error is not None:
                    raise self._ended.error
                raise StopAsyncIteration
            if self._behind:
                await self._read_on()
            else:
                self._wake = Deferred()
                try:
                    await self._wake
                finally:  # also where whoever iterates waits no longer
                    self._wake = None

    def heard(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Text() if self._wanted(event):
                self._take(event)
            case Ended():
                self._ended = event
            case Snapshot(reset=True) | Deleted():
                self._behind.pop(event.session, None)
                return
            case _:
                return
        if self._wake is not None:
            wake, self._wake = self._wake, None
            wake.callback(None)

    def _wanted(self, text: Text) -> bool:
        if not self._own and text.source == self._client.user:
            return False
        return self._session is None or self._session.casefold() == text.session.casefold()

    def _take(self, text: Text) -> None:
        after, _ = self._behind.get(text.session, (text.seq - 1, 0))
        if text.session in self._behind or len(self._held) >= MAX_HELD:
            self._behind[text.session] = (after, text.seq)
        else:
            self._held.append(text)

    async def _read_on(self) -> None:
        session, (after, _) = next(iter(self._behind.items()))
        try:
            page = await self._client.history(session, after=after, limit=MAX_HISTORY)
        except ChatError:  # no longer a member: there is nothing to read on
            self._behind.pop(session, None)
            return
        texts = [text for text in page.texts if isinstance(text, Text)]
        self._held.extend(text for text in texts if self._wanted(text))
        if session in self._behind:  # which it is not where the session was deleted meanwhile
            _, upto = self._behind.pop(session)
            last = page.texts[-1].seq if page.texts else upto
            if last < upto:
                self._behind[session] = (last, upto)
