"""WebSockets and HTTP for unit tests: a browser's side, byte by byte, of a chat on a Clock."""

from __future__ import annotations

import json
import os
import struct
import zlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any, Self

from attrs import frozen

from tests.kit.frames import Object
from tests.kit.pipe import Pipe
from tests.kit.world import ChatCase, World
from twisted_chat.doors.web import WebDoor, web_door

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
COMPRESSED = 0x40

_ids = count()


def masked(opcode: int, payload: bytes, *, final: bool = True, rsv: int = 0) -> bytes:
    """Return a frame of a client."""
    first = (0x80 if final else 0) | rsv | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def frame_of(message: Object) -> bytes:
    """Return a message as a client's frame."""
    return masked(TEXT, json.dumps(message).encode())


@frozen
class Frame:
    """A frame of the server, and its bytes as they came."""

    opcode: int
    payload: bytes
    compressed: bool
    raw: bytes


def frames_of(data: bytes) -> tuple[list[Frame], bytes]:
    """Cut frames of a server; return them and what is left. Masked ones are wrong."""
    found = []
    while len(data) >= 2:
        first, size = data[0], data[1]
        assert first & 0x80, "a server has no reason to cut a message"
        assert not size & 0x80, "a server does not mask"
        start = 2
        if size == 126:
            (size,), start = struct.unpack_from("!H", data, 2), 4
        elif size == 127:
            (size,), start = struct.unpack_from("!Q", data, 2), 10
        if len(data) < start + size:
            break
        payload = data[start : start + size]
        compressed = bool(first & COMPRESSED)
        found.append(Frame(first & 0x0F, payload, compressed, data[: start + size]))
        data = data[start + size :]
    return found, data


def inflated(frame: Frame, window_bits: int = 15) -> bytes:
    """Return what a frame says, by itself: with an inflater that has seen nothing before."""
    if not frame.compressed:
        return frame.payload
    return zlib.decompressobj(-window_bits).decompress(frame.payload + b"\0\0\xff\xff")


@frozen
class Answer:
    """The answer to an HTTP request."""

    status: int
    headers: dict[str, str]
    body: bytes


class WebPipe(Pipe):
    """A connection that HTTP can be spoken on."""

    @property
    def disconnecting(self) -> bool:
        """Whether it is being closed."""
        return self.closing


class Web:
    """The web door of a world."""

    def __init__(
        self,
        world: World,
        accepts: Callable[[], Awaitable[None]] | None = None,
        **settings: Any,
    ) -> None:
        async def well() -> None:
            """Everything is stored."""

        self.world = world
        lobby = world.chat.rules.lobby
        settings.setdefault("hosts", ["chat.test"])
        self.door: WebDoor = web_door(
            world.admission, world.clock, lambda: lobby or None, accepts or well, **settings
        )
        self._port = 50_000

    def pipe(self) -> Pipe:
        """Return a new connection to the site."""
        self._port += 1
        pipe = WebPipe(self.world.clock, self._port)
        pipe.open(self.door.site)
        return pipe

    def ask(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
        """Send a request and return its answer, which has come at once."""
        pipe = self.pipe()
        lines = [f"{method} {path} HTTP/1.1", "Host: chat.test:8080", *headers, "", ""]
        pipe.send("\r\n".join(lines).encode("latin-1") + body)
        self.world.settle()
        return answer_in(bytes(pipe.unread))

    def connect(self, *headers: str, host: str = "chat.test:8080", behind: bytes = b"") -> Socket:
        """Open a WebSocket; ``behind`` is sent with the request."""
        pipe = self.pipe()
        lines = [
            *("GET /ws HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"),
            f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}",
            *("Sec-WebSocket-Version: 13", *headers, "", ""),
        ]
        pipe.send("\r\n".join(lines).encode("latin-1") + behind)
        self.world.settle()
        return Socket(self.world, pipe)

    def come(self, user: str, *headers: str, **fields: Any) -> Socket:
        """Open a WebSocket, log in, and read what comes of it."""
        socket = self.connect(*headers)
        welcome = socket.ask("login", user=user, **fields)
        assert welcome["type"] == "welcome", welcome
        socket.got()
        return socket


class WebCase(ChatCase):
    """A test at the web door."""

    def web(self, **settings: Any) -> Web:
        """Return a web door with a chat behind it."""
        return Web(self.world(), **settings)


def answer_in(data: bytes) -> Answer:
    """Return the answer in these bytes."""
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    if headers.get("Transfer-Encoding") == "chunked":
        chunks, rest = b"", body
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            chunks, rest = chunks + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        body = chunks
    return Answer(int(status.split()[1]), headers, body)


class Socket:
    """A WebSocket's client: objects in, objects out."""

    def __init__(self, world: World, pipe: Pipe) -> None:
        self.world = world
        self.pipe = pipe
        self.frames: list[Frame] = []
        head, _, self._rest = pipe.take().partition(b"\r\n\r\n")
        self.handshake = answer_in(head + b"\r\n\r\n")

    @property
    def protocol(self) -> Any:
        """The server's end of it."""
        return self.pipe.protocol

    def send(self, type: str, **fields: Any) -> Self:
        """Send a request."""
        self.pipe.send(frame_of({"type": type, **fields}))
        return self

    def raw(self, data: bytes) -> Self:
        """Send bytes as they are."""
        self.pipe.send(data)
        return self

    def read(self) -> list[Frame]:
        """Return the frames that came since this was asked last."""
        self.world.settle()
        while self.pipe.reading and self.pipe.unread:
            self._rest += self.pipe.take()
            self.world.settle()
        frames, self._rest = frames_of(self._rest)
        self.frames += frames
        return frames

    def got(self) -> list[Object]:
        """Return the messages that came since this was asked last."""
        return [json.loads(inflated(one)) for one in self.read() if one.opcode == TEXT]

    def ask(self, type: str, **fields: Any) -> Object:
        """Send a request and return its reply; what came besides is forgotten."""
        id = f"web-{next(_ids)}"
        self.send(type, id=id, **fields)
        got = self.got()
        for found in got:
            if found.get("id") == id:
                return found
        raise AssertionError(f"no answer to {type}, but {got}")

    def close_code(self) -> int:
        """Return the code of the close frame that came; it is the last frame of all."""
        self.read()
        last = self.frames[-1]
        assert last.opcode == CLOSE, [one.opcode for one in self.frames]
        code: int = struct.unpack_from("!H", last.payload)[0]
        return code

    def answer_close(self) -> Self:
        """Send the close frame back, as browsers do."""
        return self.raw(masked(CLOSE, self.frames[-1].payload))

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        self.world.settle()
        return self.pipe.gone


def opcodes(frames: Sequence[Frame]) -> list[int]:
    """Return the kinds of frames."""
    return [frame.opcode for frame in frames]
