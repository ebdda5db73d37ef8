"""The smallest door: plain lines, in no language of this chat. What `talk` and `stream` are for."""

from __future__ import annotations

from typing import Any

from twisted_chat.doors.stream import Stream, StreamFactory
from twisted_chat.doors.talk import Line, Talk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye, Error, Response, Text


def encode_plain(response: Response) -> bytes:
    """Show texts, refusals and farewells; all else is not for this door."""
    match response:
        case Text():
            return f"{response.seq} {response.source}: {response.data}\n".encode()
        case Error():
            return f"! {response.code}\n".encode()
        case Bye():
            return f"* {response.data}\n".encode()
    return b""


class PlainTalk(Talk):
    """The first line is one's name, and every other is said."""

    def take(self, message: bytes) -> Any:
        if self.user is None:
            return self._come(message.decode())
        self.user.say(message.decode())
        return None

    async def _come(self, name: str) -> None:
        if await self.admit(self.admission.admit(name, None, None, self)):
            await self.enter()


class PlainProtocol(Stream):
    door, encode = "plain", staticmethod(encode_plain)

    def cut(self, data: bytes) -> int:
        start = 0
        while not self.paused and (end := data.find(b"\n", start)) >= 0:
            line, start = data[start:end], end + 1
            self.received(line)
        if len(data) - start > 512:
            self.conversation.refuse(ChatError("too-large", "A line has 512 bytes."))
        return start


class PlainFactory(StreamFactory):
    make = PlainProtocol

    def converse(self, line: Line) -> PlainTalk:
        return PlainTalk(line, self.admission, self.clock, self.entry, self.rate)
