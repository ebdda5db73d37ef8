"""Clients of several nodes: each keeps so many texts unanswered, and notes when echoes came."""

from __future__ import annotations

import json
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Final

import msgspec
from attrs import Factory, define

DATA: Final = "x" * 100


class _Message(msgspec.Struct):
    type: str
    id: str | None = None
    session: str | None = None
    seq: int = 0


_decode: Final = msgspec.json.Decoder(_Message).decode


def _frame(**fields: object) -> bytes:
    body = json.dumps(fields).encode()
    return struct.pack("!I", len(body)) + body


@define(eq=False)
class Talker:
    """A client that always has ``window`` texts unanswered, spread over its sessions."""

    name: str
    port: int
    window: int = 0
    sessions: Sequence[str] = ("lobby",)
    link: socket.socket = Factory(socket.socket)
    taken: int = 0
    """Texts that came, of whomever."""
    waiting: dict[str, float] = Factory(dict)
    times: list[float] = Factory(list)
    _held: bytearray = Factory(bytearray)
    _count: int = 0
    _next: Iterator[str] = Factory(lambda: cycle(["lobby"]))

    def come(self) -> None:
        """Log in, and be in the sessions."""
        self.link = socket.create_connection(("127.0.0.1", self.port))
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ask(type="login", user=self.name)
        for session in self.sessions:
            if session != "lobby":
                answer = self.ask(type="join", session=session)
                if answer.type == "error":
                    answer = self.ask(type="create", session=session)
                if answer.type == "error":
                    self.ask(type="join", session=session)
        self._next = cycle(self.sessions)

    def ask(self, **fields: object) -> _Message:
        """Ask for something, and wait for the answer."""
        self._count += 1
        self.link.sendall(_frame(**fields, id=f"a{self._count}"))
        while True:
            for message in self.read():
                if message.id == f"a{self._count}":
                    return message

    def read(self) -> list[_Message]:
        """Return what came."""
        data = self.link.recv(262_144)
        if not data:
            raise SystemExit(f"{self.name}: the server has closed the connection")
        self._held += data
        found, at, held = [], 0, self._held
        while len(held) - at >= 4:
            end = at + 4 + int.from_bytes(held[at : at + 4], "big")
            if end > len(held):
                break
            found.append(_decode(bytes(held[at + 4 : end])))
            at = end
        del held[:at]
        return found

    def say(self, count: int) -> None:
        """Say some texts."""
        frames = []
        now = time.monotonic()
        for _ in range(count):
            self._count += 1
            id = f"{self.name}.{self._count}"
            self.waiting[id] = now
            frames.append(_frame(type="text", session=next(self._next), data=DATA, id=id))
        self.link.sendall(b"".join(frames))

    def take(self) -> None:
        """Take what came; keep the window full."""
        echoes = 0
        for message in self.read():
            if message.type == "error":
                raise SystemExit(f"{self.name}: {message}")
            if message.type != "text":
                continue
            self.taken += 1
            began = self.waiting.pop(message.id or "", None)
            if began is not None:
                self.times.append(time.monotonic() - began)
                echoes += 1
        if echoes and self.window:
            self.say(echoes)


def run(talkers: Sequence[Talker], seconds: float) -> float:
    """Let them talk; return how long that was."""
    for talker in talkers:
        if talker.window:
            talker.say(talker.window)
    return go_on(talkers, seconds)


def go_on(talkers: Sequence[Talker], seconds: float) -> float:
    """Let those who talk already go on; return how long that was."""
    began = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for talker in talkers:
            selector.register(talker.link, selectors.EVENT_READ, talker)
        while time.monotonic() - began < seconds:
            for key, _ in selector.select(0.1):
                key.data.take()
    return time.monotonic() - began
