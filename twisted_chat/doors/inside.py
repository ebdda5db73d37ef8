"""A ChatClient and a Conversation in one process: for doors behind which the client's words run.

::

    what is typed -> words -> ChatClient -> Near -> Conversation -> User
    what is shown <- words <- ChatClient <- Near <- (a turn) <- Far <-'

What the chat gives out is encoded once for all of them, and decoded once for all that are given the
same batch. It is handed on in a turn of its own, so that no client's answer to what it hears comes
in the middle of a fan-out. A client that reads nothing is full, as over any other door: what it
misses is in the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field
from msgspec.json import Decoder
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime

from twisted_chat.chat.member import Encode
from twisted_chat.client.link import Connection
from twisted_chat.doors.conversation import Conversation
from twisted_chat.doors.encoding import encode_line
from twisted_chat.doors.soon import soon
from twisted_chat.doors.talk import Line, Why
from twisted_chat.vocabulary.messages import Request, Response, encode

FULL: Final = 65_536
"""Bytes that wait for a client, past which it is told nothing live."""

_decoder: Final[Decoder[Response]] = Decoder(Response)


@define(eq=False)
class _Batches:
    """Decodes a batch once for all who are given it one after the other."""

    _data: bytes = b""
    _messages: Sequence[Response] = ()

    def messages(self, data: bytes) -> Sequence[Response]:
        if data is not self._data:
            self._messages = _decoder.decode_lines(data)
            self._data = data
        return self._messages


_batches: Final = _Batches()


@define(eq=False)
class Near:
    """The client's end: see ``client.link.Connection``."""

    gone: Deferred[str]
    _far: Far

    def send(self, request: Request, frame: bytes | None = None) -> None:
        """Ask something, when it is its turn."""
        self._far.ask(encode(request) if frame is None else frame)

    def close(self) -> None:
        """End it."""
        self._far.end("closed")

    def abort(self, reason: str | None = None) -> None:
        """End it."""
        self._far.end(reason or "given up")

    def pauseProducing(self) -> None:
        """Read nothing."""
        self._far.pause()

    def resumeProducing(self) -> None:
        """Read on."""
        self._far.resume()


@define(eq=False)
class Far:
    """The conversation's end: see ``doors.talk.Line``."""

    door: str
    host: str
    port: int
    clock: IReactorTime
    received: Callable[[Response], None]
    conversation: Conversation = field(init=False)
    near: Near = field(init=False)
    encode: Encode = field(init=False, default=encode_line)
    deliver: Callable[[bytes], None] = field(init=False)
    _batches: deque[bytes] = field(init=False, factory=deque)
    """What has been given out, and not been handed on."""
    _messages: deque[Response] = field(init=False, factory=deque)
    """What is being handed on."""
    _size: int = field(init=False, default=0)
    _handing: bool = field(init=False, default=False)
    _paused: bool = field(init=False, default=False)
    _filled: bool = field(init=False, default=False)
    _requests: deque[bytes] = field(init=False, factory=deque)
    """What was asked while the line is held: no more than a client has in flight."""
    _held: bool = field(init=False, default=False)
    _asking: bool = field(init=False, default=False)
    _closing: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.deliver = self._deliver
        self.near = Near(Deferred(lambda _: self.end("given up")), self)

    # --- from the client -----------------------------------------------------------------------

    def ask(self, message: bytes) -> None:
        """Take one request."""
        self._requests.append(message)
        if not self._asking:
            self._ask()

    def _ask(self) -> None:
        self._asking = True
        try:
            while self._requests and not self._held and not self._closing:
                self.conversation.receive(self._requests.popleft())
        finally:
            self._asking = False

    def pause(self) -> None:
        """Hand on nothing."""
        self._paused = True
        self._fill()

    def resume(self) -> None:
        """Hand on what is there, and then what is in the log."""
        self._paused = False
        self._hand_on_soon()

    # --- from the conversation -----------------------------------------------------------------

    def hold(self) -> None:
        """Ask no further."""
        self._held = True

    def release(self) -> None:
        """Ask on."""
        self._held = False
        if not self._asking:
            self._ask()

    def close(self, why: Why) -> None:
        """Hand on what has been said, and end."""
        self._closing = True
        self._hand_on_soon()

    def _deliver(self, data: bytes) -> None:
        if self.near.gone.called:
            return
        self._batches.append(data)
        self._size += len(data)
        if self._size > FULL:
            self._fill()
        self._hand_on_soon()

    # --- handing on ----------------------------------------------------------------------------

    def _fill(self) -> None:
        if not self._filled:
            self._filled = True
            self.conversation.filled()

    def _hand_on_soon(self) -> None:
        if not self._handing and not self._paused and not self.near.gone.called:
            self._handing = True
            soon(self.clock, self._hand_on)

    def _hand_on(self) -> None:
        self._handing = False
        while not self._paused and not self.near.gone.called:
            if self._messages:
                self.received(self._messages.popleft())
            elif self._batches:
                data = self._batches.popleft()
                self._size -= len(data)
                self._messages.extend(_batches.messages(data))
            else:
                break
        else:
            return
        if self._closing:
            self.end("the server closed the connection")
        elif self._filled:
            self._filled = False
            self.conversation.drained()

    def end(self, reason: str) -> None:
        """It is over, on both ends."""
        if self.near.gone.called:
            return
        self._closing = True
        self._requests.clear()
        self._batches.clear()
        self._messages.clear()
        self.near.gone.callback(reason)
        self.conversation.lost()


@define(eq=False)
class Inside:
    """The way to a conversation in this process: see ``client.link.Way``. It can be gone once."""

    door: str
    host: str
    port: int
    clock: IReactorTime
    converse: Callable[[Line], Conversation]
    far: Far | None = field(init=False, default=None)

    @property
    def conversation(self) -> Conversation | None:
        """What is said; None before that begins."""
        return self.far.conversation if self.far is not None else None

    def reach(self, received: Callable[[Response], None]) -> Deferred[Connection]:
        """Begin the conversation."""
        if self.far is not None:
            return fail(ConnectionDone())
        self.far = Far(self.door, self.host, self.port, self.clock, received)
        self.far.conversation = self.converse(self.far)
        return succeed(self.far.near)
