"""Every delivery exactly once and in order, checked cheaply enough to check all of them.

Everyone in a session is owed the same bytes. So whoever is first to receive some of them extends
the session's *stream*: that is parsed, and each text compared with what its sender sent. What the
others receive is only compared with the stream, as memory. A lost, doubled, changed or overtaken
text shows in the one or the other.

A sender on a server that does not echo (IRC) is owed the stream without its own texts: it skips
them, and is never read beyond what is parsed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

LABEL = 15
"""Characters at the start of a payload that are unlike any other: the sender and its count."""

KEY = 5
"""Characters at the start of a payload that name its sender."""

PAYLOAD = 100
"""Characters in a payload."""

_TRIM = 4_000_000
"""Bytes of a stream that are kept, about, behind the last who has received them."""


class Wrong(Exception):
    """A delivery was lost, doubled, changed or out of order; or the run went wrong otherwise."""


class Parser(Protocol):
    """Finds the texts in a stream. Holds what a server says of order: a ``seq``."""

    def next(self, data: bytearray, at: int) -> tuple[int, str] | None:
        """Return where the message at ``at`` ends and its payload ("" if it is no text).

        None where the message is not complete. Raises Wrong for what may not be there.
        """


class Sender:
    """Who says texts in a stream, and which of them nobody has received yet."""

    __slots__ = ("behind", "index", "key", "number", "outstanding", "places", "sent", "session")

    def __init__(self, index: int, session: str | None) -> None:
        self.index = index
        self.session = session
        self.key = f"{index:05d}"
        self.number = 0
        self.sent: deque[tuple[str, int]] = deque()
        """What was said and not received by anyone: payloads and the times they were due."""
        self.outstanding = 0
        """Texts said and not acknowledged: by the echo, or by the first who receives it."""
        self.places: deque[int] = deque()
        """Where its own texts end in the stream, until its own reader has passed."""
        self.behind: Muted | None = None
        """The reader that must skip them, on a server that does not echo."""

    def say(self, count: int, due: int) -> list[str]:
        """Return the next payloads, which are outstanding from now on.

        Each is unlike anything else that is said. ``due`` is in microseconds.
        """
        first = self.number
        self.number += count
        self.outstanding += count
        rest = f" {due:016d} ".ljust(PAYLOAD - LABEL, "x")
        texts = [f"{self.key}-{number:09d}{rest}" for number in range(first, self.number)]
        self.sent.extend([(text, due) for text in texts])
        return texts


class Stream:
    """The one order of a session, as whoever received it first has seen it."""

    def __init__(self, parser: Parser, name: str, *, echoes: bool) -> None:
        self.name = name
        self.parser = parser
        self.echoes = echoes
        """Whether a sender acknowledges its text by receiving it."""
        self.data = bytearray()
        self.base = 0
        """The position in the stream of ``data[0]``."""
        self.end = 0
        """The position up to which bytes were received by anyone."""
        self.parsed = 0
        """The position up to which they are parsed and checked."""
        self.senders: dict[str, Sender] = {}
        self.readers: list[Reader] = []
        self.texts = 0
        """Texts seen so far."""
        self.owed = 0
        """Bytes that all readers together are to receive."""
        self.timed = False
        """Whether to keep ``ends`` and ``dues``, for latencies."""
        self.ends: list[int] = []
        self.dues: list[int] = []
        self.acknowledged: list[Sender] = []
        """Senders that may say more, one mention for each text: emptied by the user."""

    def extend(self, chunk: memoryview) -> None:
        """Take what nobody has received before; check each text that it completes."""
        self.data += chunk
        self.end += len(chunk)
        self.owed += len(chunk) * len(self.readers)
        if len(self.data) > _TRIM * 2:
            self._trim()
        base, data, find = self.base, self.data, self.parser.next
        while found := find(data, self.parsed - base):
            end, text = found
            end += base
            if text:
                self._text(text, end)
            self.parsed = end

    def _text(self, text: str, end: int) -> None:
        sender = self.senders.get(text[:KEY])
        if sender is None or not sender.sent or sender.sent[0][0] != text:
            raise Wrong(f"{self.name}: {_judged(sender, text)}")
        due = sender.sent.popleft()[1]
        self.texts += 1
        if self.echoes:
            sender.places.append(end)
        else:
            if sender.behind is not None:
                sender.behind.own(self.parsed, end)
                self.owed -= end - self.parsed
            sender.outstanding -= 1
            self.acknowledged.append(sender)
        if self.timed:
            self.ends.append(end)
            self.dues.append(due)

    def _trim(self) -> None:
        done = min([reader.position for reader in self.readers] + [self.parsed])
        del self.data[: done - self.base]
        self.base = done

    def check_complete(self) -> None:
        """Raise Wrong unless everyone has received everything that was said, and no more."""
        for sender in self.senders.values():
            if sender.sent:
                raise Wrong(f"{self.name}: {sender.sent[0][0][:LABEL]} was delivered to nobody")
        if self.parsed != self.end:
            raise Wrong(f"{self.name}: the stream stops within a message")
        for reader in self.readers:
            if reader.position != self.end:
                raise Wrong(
                    f"{self.name}: {reader.name} lacks the last {self.end - reader.position} bytes"
                )


class Reader:
    """One connection's place in a stream."""

    __slots__ = ("name", "position", "seen", "sender", "stream")

    def __init__(self, stream: Stream, name: str, sender: Sender | None = None) -> None:
        self.stream = stream
        self.name = name
        self.sender = sender
        """Whose echoes come here."""
        self.position = stream.end
        self.seen = 0
        """Texts whose latency is counted already."""
        stream.readers.append(self)

    def allowance(self) -> int:
        """Return how many bytes may be read now."""
        return 1 << 30

    def received(self, view: memoryview) -> None:
        """Compare what came with the stream, or extend it."""
        stream = self.stream
        if stream.data.startswith(view, self.position - stream.base):
            self.position += len(view)
            if self.sender is not None:
                self._acknowledge(self.sender)
            return
        known = stream.end - self.position
        if known >= len(view) or not stream.data.startswith(
            view[:known], self.position - stream.base
        ):
            raise Wrong(self._difference(bytes(view)))
        self.position += len(view)
        stream.extend(view[known:])
        if self.sender is not None:
            self._acknowledge(self.sender)

    def _acknowledge(self, sender: Sender) -> None:
        places = sender.places
        while places and places[0] <= self.position:
            places.popleft()
            sender.outstanding -= 1
            self.stream.acknowledged.append(sender)

    def _difference(self, got: bytes) -> str:
        at = self.position - self.stream.base
        wanted = bytes(self.stream.data[at : at + len(got)])
        same = next(
            (
                place
                for place, pair in enumerate(zip(wanted, got, strict=False))
                if pair[0] != pair[1]
            ),
            min(len(wanted), len(got)),
        )
        part = slice(max(0, same - 40), same + 60)
        return (
            f"{self.stream.name}: {self.name} received {got[part]!r}, where others received"
            f" {wanted[part]!r}"
        )


class Muted(Reader):
    """A sender's place, on a server that does not echo: the stream without its own texts."""

    __slots__ = ("places", "skippable")

    def __init__(self, stream: Stream, name: str) -> None:
        super().__init__(stream, name)
        self.places: deque[tuple[int, int]] = deque()
        self.skippable = 0

    def own(self, start: int, end: int) -> None:
        """Learn where a text of its own lies, which it will not receive."""
        self.places.append((start, end))
        self.skippable += end - start
        self._skip()

    def allowance(self) -> int:
        """Return how many bytes may be read now: those that are parsed and not its own."""
        return self.stream.parsed - self.position - self.skippable

    def received(self, view: memoryview) -> None:
        """Compare what came with the stream between its own texts."""
        stream = self.stream
        while view:
            limit = self.places[0][0] if self.places else stream.parsed
            piece = view[: limit - self.position]
            if not piece or not stream.data.startswith(piece, self.position - stream.base):
                raise Wrong(self._difference(bytes(view)))
            self.position += len(piece)
            view = view[len(piece) :]
            self._skip()

    def _skip(self) -> None:
        while self.places and self.places[0][0] == self.position:
            start, end = self.places.popleft()
            self.skippable -= end - start
            self.position = end


def percentile(ordered: Sequence[float], part: float) -> float:
    """Return the value below which that part (0 to 1) of ordered values lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _judged(sender: Sender | None, text: str) -> str:
    label = text[:LABEL]
    if sender is None:
        return f"nobody says {label}"
    if not sender.sent:
        return f"{label} came when nothing was outstanding: doubled"
    wanted = sender.sent[0][0][:LABEL]
    if label == wanted:
        return f"{label} was changed on the way"
    if label < wanted:
        return f"{label} came where {wanted} was next: doubled, or late"
    return f"{label} came where {wanted} was next: that is lost, or overtaken"
