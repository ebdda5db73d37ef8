"""The native door: messages in frames of a 4-byte big-endian length, over TCP or TLS.

``ChatFactory`` holds what the connections of one listener share, ``ChatProtocol`` what belongs to
one of them.
"""

from __future__ import annotations

from struct import Struct
from typing import cast

from attrs import define
from twisted.internet.interfaces import IAddress
from twisted.protocols.basic import Int32StringReceiver

from twisted_chat.chat.member import Encode
from twisted_chat.doors.conversation import Conversation
from twisted_chat.doors.stream import Stream, StreamFactory
from twisted_chat.doors.talk import Line
from twisted_chat.doors.turnstile import Refused
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_FRAME_BEFORE_LOGIN, Error, Response, encode

_length = Struct("!I")


def encode_frame(response: Response) -> bytes:
    """Encode one message as a frame."""
    message = encode(response)
    return _length.pack(len(message)) + message


class ChatProtocol(Stream, Int32StringReceiver):
    """One connection: frames in and out."""

    factory: ChatFactory
    door = "native"
    encode: Encode = staticmethod(encode_frame)
    conversation: Conversation

    def cut(self, data: bytes) -> int:
        """Cut frames, as Int32StringReceiver does; but ``release`` may come within a frame."""
        size = len(data)
        start = 0
        received = self.stringReceived
        while not self.paused and start + 4 <= size:
            (length,) = _length.unpack_from(data, start)
            end = start + 4 + length
            if length > MAX_FRAME_BEFORE_LOGIN and length > self.MAX_LENGTH:
                self.lengthLimitExceeded(length)
                return size
            if end > size:
                break
            frame = data[start + 4 : end]
            start = end
            received(frame)
        return start

    @property
    def MAX_LENGTH(self) -> int:  # type: ignore[override]
        """How long a frame may be now."""
        return self.conversation.max_message

    def stringReceived(self, string: bytes) -> None:
        """Answer one message."""
        self.received(string)

    def lengthLimitExceeded(self, length: int) -> None:
        """Say so, and close: nothing after it can be understood."""
        sentence = f"A frame has at most {self.MAX_LENGTH} bytes; this one has {length}."
        self.conversation.refuse(ChatError("too-large", sentence))


@define(eq=False, slots=False)
class ChatFactory(StreamFactory):
    """One listener of the native door."""

    def make(self) -> ChatProtocol:
        """Return a connection."""
        return ChatProtocol()

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> ChatProtocol | Refused:
        """Take a connection; one for which there is no room is closed at once."""
        return cast("ChatProtocol | Refused", super().buildProtocol(addr))

    def say(self, refused: ChatError) -> bytes:
        """See StreamFactory."""
        return encode_frame(Error(code=refused.code, data=str(refused)))

    def converse(self, line: Line) -> Conversation:
        """Begin the conversation of a connection."""
        return Conversation(line, self.admission, self.clock, self.entry, self.rate)
