"""One batch that is given out: written once for each set of capabilities that matters.

Of almost all of it everybody has the same lines: a ``View`` has them, for all whose capabilities
are alike. What is somebody's own (an echo, that it went out itself) and what each connection is
told once (why somebody is gone, or called otherwise) is put into its place among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from itertools import accumulate
from typing import Any, Final

from attrs import define, field

from twisted_chat.doors.encoding import decode_lines
from twisted_chat.doors.irc.going import Farewell, Goings
from twisted_chat.vocabulary.messages import (
    Error,
    Joined,
    Left,
    Reacted,
    ReadTo,
    Redacted,
    Response,
    Text,
)

Caps = frozenset[str]

_alike: Final[dict[Caps, Caps]] = {}
"""Sets of capabilities, each once: clients of one kind ask for the same."""

MAX_ALIKE: Final = 1_000


def once(caps: Caps) -> Caps:
    """Return a set of capabilities that is the same for all who ask for these."""
    if len(_alike) >= MAX_ALIKE:
        _alike.clear()
    return _alike.setdefault(caps, caps)


NOBODY: Final[Set[Any]] = frozenset()


@define(eq=False)
class View:
    """The batch that is being given out, as those see it whose capabilities these are.

    It is all that a delivery looks at, almost always: see talk.IrcTalk.
    """

    caps: Caps
    data: bytes | None = field(init=False, default=None)
    """The batch, as the chat gave it out."""
    lines: bytes = field(init=False, default=b"")
    """What it is to all but those who are ``apart``."""
    apart: Set[Any] = field(init=False, default=NOBODY)
    """Connections that have something of their own in it."""

    def shows(self, data: bytes, lines: bytes, apart: Set[Any]) -> None:
        """Know the lines of a batch."""
        self.data, self.lines, self.apart = data, lines, apart

    def forget(self, talk: Any) -> None:
        """A connection is gone: nothing of it is kept."""
        if talk in self.apart:
            self.shows(b"", b"", NOBODY)


@define(eq=False)
class Batch:
    """What a batch tells, and its lines as they were written for whom."""

    data: bytes
    messages: Sequence[Response] = field(init=False)
    _goings: Goings
    _show: Callable[[Response, Caps], bytes]
    own: dict[str, list[int]] = field(init=False, factory=dict)
    """The places of what somebody did, by its name; of what is for one alone, by none."""
    is_special: bool = field(init=False, default=False)
    """Whether something in it is each connection's own affair."""
    _apart: dict[int, Farewell] = field(init=False, factory=dict)
    """Of what is told otherwise than as a coming or a going, and once: why."""
    _written: dict[Caps, tuple[bytes, Sequence[int]]] = field(init=False, factory=dict)
    """Its lines, for those of whom nothing is in it; and where those of each message begin, and
    the last ones end."""

    def __attrs_post_init__(self) -> None:
        self.messages = decode_lines(self.data)
        for place, message in enumerate(self.messages):
            match message:
                case Text() | Reacted() | Redacted():
                    self.own.setdefault(message.source, []).append(place)
                case Left():
                    self.own.setdefault(message.user, []).append(place)
                    self._set_apart(place, self._goings.why_gone(message.user))
                case Joined():
                    self._set_apart(place, self._goings.why_back(message))
                case Error() | ReadTo():
                    self.own.setdefault("", []).append(place)

        self.is_special = bool(self._apart) or "" in self.own

    def _set_apart(self, place: int, why: Farewell | None) -> None:
        if why is not None:
            self._apart[place] = why

    def places_of(self, name: str) -> Sequence[int]:
        """Return which of the messages are not for everybody alike, for somebody."""
        found: Sequence[int] = self.own.get(name, ())
        if self.is_special:
            return sorted({*found, *self._apart, *self.own.get("", ())})
        return found

    def why(self, place: int) -> Farewell | None:
        """Return why somebody comes or goes, where that is told once."""
        return self._apart.get(place)

    def _lines(self, caps: Caps) -> tuple[bytes, Sequence[int]]:
        found = self._written.get(caps)
        if found is None:
            lines = [self._show(one, caps) for one in self.messages]
            found = b"".join(lines), [0, *accumulate(map(len, lines))]
            self._written[caps] = found
        return found

    def written(self, caps: Caps) -> bytes:
        """Return all of it, for anybody whose capabilities these are."""
        return self._lines(caps)[0]

    def lines(self, place: int, caps: Caps) -> bytes:
        """Return the lines of one message."""
        whole, ends = self._lines(caps)
        return whole[ends[place] : ends[place + 1]]

    def written_with(
        self, caps: Caps, places: Sequence[int], show: Callable[[int], bytes]
    ) -> bytes:
        """Return all of it, but what is at some places as ``show`` shows it."""
        if len(self.messages) == len(places) == 1:
            return show(0)
        whole, ends = self._lines(caps)
        view, at = memoryview(whole), 0
        parts: list[bytes | memoryview] = []
        for place in places:
            parts += [view[at : ends[place]], show(place)]
            at = ends[place + 1]
        parts.append(view[at:])
        return b"".join(parts)
