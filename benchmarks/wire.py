"""How a load generator speaks to each kind of server: log in, say, find texts.

Written from the protocols' descriptions alone; nothing of the server is imported.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct
from msgspec.json import Decoder

from benchmarks.checking import KEY, LABEL, PAYLOAD, Parser, Wrong

Step = tuple[bytes, bytes]
"""Bytes to send, and bytes that must come back before the next step."""


def user(index: int) -> str:
    """Return the name of a user: as long as any other's."""
    return f"m{index:05d}"


class Wire(Protocol):
    """One protocol, as a load needs it."""

    echoes: bool
    """Whether a sender receives its own texts."""
    apart: bool
    """Whether senders are connections of their own, which receive no texts."""

    def enter(self, index: int, session: str | None, *, first: bool) -> list[Step]:
        """Return the steps by which a user comes into a session; None is the lobby, "" none."""

    def say(self, session: str | None, texts: Sequence[str]) -> bytes:
        """Return the bytes that say these payloads."""

    def parser(self, session: str | None) -> Parser:
        """Return a parser for a new stream."""


class _Frame(Struct):
    type: str
    session: str = ""
    seq: int = 0
    source: str = ""
    data: str = ""
    code: str = ""
    id: str = ""


_length = struct.Struct("!I")
_decode = Decoder(_Frame).decode


def id_of(text: str) -> str:
    """Return a text's id. New ones are greater, as those are that our clients choose."""
    return text[KEY:LABEL] + text[:KEY]


def frame(message: str) -> bytes:
    """Return a JSON object as the native door takes it."""
    encoded = message.encode()
    return _length.pack(len(encoded)) + encoded


class Native:
    """The native door: frames of JSON. Everyone is in the lobby after login."""

    echoes = True
    apart = False

    def __init__(self, password: str | None = None) -> None:
        self._password = f',"password":"{password}"' if password else ""

    def enter(self, index: int, session: str | None, *, first: bool) -> list[Step]:
        """Log in, as a guest where there is no password; the first creates the session."""
        login = frame(f'{{"type":"login","user":"{user(index)}"{self._password}}}')
        if session is None:
            return [(login, b'"type":"session"')]
        if not session:
            return [(login, b'"type":"welcome"')]
        kind = "create" if first else "join"
        return [
            (login, b'"type":"welcome"'),
            (frame(f'{{"type":"{kind}","session":"{session}"}}'), b'"type":"session"'),
        ]

    def say(self, session: str | None, texts: Sequence[str]) -> bytes:
        """Say them, each with an id: as all are equally long, so are the frames."""
        place = f'"session":"{session}",' if session else ""
        start, middle, end = f'{{"type":"text",{place}"id":"', '","data":"', '"}'
        length = len(start) + LABEL + len(middle) + PAYLOAD + len(end)
        start = _length.pack(length).decode("latin-1") + start
        return "".join([f"{start}{id_of(text)}{middle}{text}{end}" for text in texts]).encode(
            "latin-1"
        )

    def parser(self, session: str | None) -> Parser:
        """Return a parser that checks session, seq, source and id of each text."""
        return _NativeParser(session)


class _NativeParser:
    def __init__(self, session: str | None) -> None:
        self._session = session
        self._seq: int | None = None

    def next(self, data: bytearray, at: int) -> tuple[int, str] | None:
        """Find a frame; refuse holes in the numbering."""
        if len(data) - at < 4:
            return None
        end = at + 4 + _length.unpack_from(data, at)[0]
        if end > len(data):
            return None
        return end, self._text_of(data[at + 4 : end])

    def _text_of(self, message: bytearray) -> str:
        found = _decode(message)
        if found.type != "text":
            if found.type in ("error", "bye"):
                raise Wrong(f"the server said {found}")
            return ""
        if self._seq is not None and found.seq != self._seq + 1:
            raise Wrong(f"seq {found.seq} came after seq {self._seq}")
        if self._session and found.session != self._session:
            raise Wrong(f"a text of {found.session} came as one of {self._session}")
        text = found.data
        if found.source != "m" + text[:KEY] or found.id != id_of(text):
            raise Wrong(f"{text[:LABEL]} came from {found.source} with the id {found.id}")
        self._seq = found.seq
        return text


def socket_frame(message: bytes) -> bytes:
    """Return a message as a browser's WebSocket frame: masked, always by the same mask."""
    size = len(message)
    assert size < 65_536
    head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else _MEDIUM.pack(0x81, 0xFE, size)
    pattern = int.from_bytes((_MASK * (size // 4 + 1))[:size], "big")
    return head + _MASK + (int.from_bytes(message, "big") ^ pattern).to_bytes(size, "big")


_MASK = b"\x5a\x17\xc3\x91"

_MEDIUM = struct.Struct("!BBH")

_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Web(Native):
    """The web door: the same objects, each in a WebSocket's text frame, uncompressed."""

    def enter(self, index: int, session: str | None, *, first: bool) -> list[Step]:
        """Open the WebSocket, and log in as at the native door."""
        steps = super().enter(index, session, first=first)
        framed = [(socket_frame(request[4:]), answer) for request, answer in steps]
        return [(_HANDSHAKE, b"\r\n\r\n"), *framed]

    def say(self, session: str | None, texts: Sequence[str]) -> bytes:
        """Say them, each with an id."""
        place = f'"session":"{session}",' if session else ""
        start, middle, end = f'{{"type":"text",{place}"id":"', '","data":"', '"}'
        return b"".join(
            [socket_frame(f"{start}{id_of(text)}{middle}{text}{end}".encode()) for text in texts]
        )

    def parser(self, session: str | None) -> Parser:
        """Return a parser that checks the same as at the native door."""
        return _WebParser(session)


class _WebParser(_NativeParser):
    def next(self, data: bytearray, at: int) -> tuple[int, str] | None:
        """Find a frame; pings say nothing."""
        if len(data) - at < 4:
            return None
        kind, size, longer = _MEDIUM.unpack_from(data, at)
        start = at + 2 if size < 126 else at + 4
        end = start + (size if size < 126 else longer)
        if size == 127 or kind not in (0x81, 0x89):
            raise Wrong(f"the server sent a frame that begins {bytes(data[at : at + 4])!r}")
        if end > len(data):
            return None
        return end, self._text_of(data[start:end]) if kind == 0x81 else ""


class Irc:
    """IRC (RFC 2812): a channel, without any capability. A sender does not see its own."""

    echoes = False
    apart = False

    def enter(self, index: int, session: str | None, *, first: bool) -> list[Step]:
        """Register and join."""
        name = user(index)
        return [
            (f"NICK {name}\r\nUSER {name} 0 * :{name}\r\n".encode(), b" 001 "),
            (f"JOIN #{session or 'lobby'}\r\n".encode(), b" 366 "),
        ]

    def say(self, session: str | None, texts: Sequence[str]) -> bytes:
        """Say them to the channel."""
        start = f"PRIVMSG #{session or 'lobby'} :"
        return "".join([f"{start}{text}\r\n" for text in texts]).encode()

    def parser(self, session: str | None) -> Parser:
        """Return a parser that checks the source and the channel."""
        return _IrcParser(session or "lobby")


class _IrcParser:
    def __init__(self, session: str) -> None:
        self._match: Final = re.compile(
            rb":m(\d{5})![^ ]+ PRIVMSG #%b :([^\r\n]*)\r\n" % session.encode()
        ).match

    def next(self, data: bytearray, at: int) -> tuple[int, str] | None:
        """Find a line."""
        found = self._match(data, at)
        if found is None:
            end = data.find(b"\r\n", at)
            if end < 0:
                return None
            line = bytes(data[at:end])
            if b" PRIVMSG " in line or not line.startswith(b":"):
                raise Wrong(f"the server said {line!r}")
            return end + 2, ""
        text = found[2].decode()
        if found[1].decode() != text[:KEY]:
            raise Wrong(f"{text[:LABEL]} came from {found[1]!r}")
        return found.end(), text


class Resp:
    """Redis publish and subscribe (RESP 2): subscribers, and publishers beside them."""

    echoes = False
    apart = True

    def enter(self, index: int, session: str | None, *, first: bool) -> list[Step]:
        """Subscribe."""
        name = session or "lobby"
        return [(f"SUBSCRIBE {name}\r\n".encode(), f"{name}\r\n:1\r\n".encode())]

    def say(self, session: str | None, texts: Sequence[str]) -> bytes:
        """Publish them."""
        name = session or "lobby"
        start = f"*3\r\n$7\r\nPUBLISH\r\n${len(name)}\r\n{name}\r\n${PAYLOAD}\r\n"
        return "".join([f"{start}{text}\r\n" for text in texts]).encode()

    def parser(self, session: str | None) -> Parser:
        """Return a parser that checks the channel."""
        return _RespParser(session or "lobby")


class _RespParser:
    def __init__(self, session: str) -> None:
        self._start: Final = (
            f"*3\r\n$7\r\nmessage\r\n${len(session)}\r\n{session}\r\n${PAYLOAD}\r\n".encode()
        )

    def next(self, data: bytearray, at: int) -> tuple[int, str] | None:
        """Find a message."""
        body = at + len(self._start)
        end = body + PAYLOAD + 2
        if end > len(data):
            return None
        if not data.startswith(self._start, at):
            raise Wrong(f"the server said {bytes(data[at:end])!r}")
        return end, data[body : end - 2].decode()


def wire(kind: str, password: str | None = None) -> Wire:
    """Return the wire of that name."""
    match kind:
        case "native":
            return Native(password)
        case "web":
            return Web(password)
        case "irc":
            return Irc()
        case "resp":
            return Resp()
        case _:
            raise ValueError(kind)
