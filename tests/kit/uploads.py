"""Files at the web door: a door that keeps them in a folder of its own, sending and getting."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from twisted.internet.defer import Deferred, execute

from tests.kit.frames import Object
from tests.kit.pipe import Pipe
from tests.kit.web import Answer, Web, answer_in
from tests.kit.world import ChatCase, Client, World
from twisted_chat.accounts.bearers import Bearers

pytest.importorskip("PIL", reason="no Pillow: pip install pillow")

from twisted_chat.doors.web.files.pictures import Picture
from twisted_chat.doors.web.files.store import Bounds, Store
from twisted_chat.doors.web.files.uploads import Files


def basic(user: str, secret: str) -> str:
    """Return a header that says who asks."""
    return f"Authorization: Basic {b64encode(f'{user}:{secret}'.encode()).decode()}"


def token_of(client: Client) -> str:
    """Return the token of somebody's welcome."""
    assert client.token is not None
    return client.token


class FilesCase(ChatCase):
    """A test with files."""

    def setUp(self) -> None:
        super().setUp()
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "files"

    def files(self, world: World, **bounds: int) -> Files:
        """Return what keeps files, with a folder of its own."""
        room = {"file": 4_000_000, "user": 10_000_000, "all": 20_000_000, **bounds}
        store = Store(self.folder, Bounds(**room))
        store.open()
        prover = world.prover()
        run: Callable[[Callable[[], Picture]], Deferred[Picture]] = execute
        return Files(store, Bearers(world.chat, prover), run, world.clock.seconds)

    def web_of(self, world: World, **bounds: int) -> tuple[Web, Files]:
        """Return a web door that takes files."""
        files = self.files(world, **bounds)
        return Web(world, files=files), files

    def send(
        self, web: Web, data: bytes, *headers: str, name: str = "a.bin", at_once: bool = True
    ) -> Answer:
        """Send a file, in pieces, and return the answer."""
        pipe = web.pipe()
        lines = [
            f"POST /files?name={name} HTTP/1.1",
            "Host: chat.test:8080",
            f"Content-Length: {len(data)}",
            *headers,
            "",
            "",
        ]
        pipe.send("\r\n".join(lines).encode())
        web.world.settle()
        for start in range(0, len(data), 65_536):
            pipe.send(data[start : start + 65_536])
            web.world.settle()
        return self.answer(web, pipe)

    def answer(self, web: Web, pipe: Pipe) -> Answer:
        """Return what was answered, all of it."""
        data = b""
        for _ in range(400):
            web.world.settle()
            new = pipe.take()
            data += new
            if not new and data:
                break
        return answer_in(data)

    def get(self, web: Web, path: str, *headers: str) -> Answer:
        """Ask for a file, as a browser does."""
        pipe = web.pipe()
        lines = [f"GET /{path} HTTP/1.1", "Host: chat.test:8080", *headers, "", ""]
        pipe.send("\r\n".join(lines).encode())
        return self.answer(web, pipe)

    def stored(self, answer: Answer) -> Object:
        """Return what the answer says of a file that is kept."""
        self.assertEqual(answer.status, 201, answer.body)
        found: Object = json.loads(answer.body)
        return found

    def left(self) -> list[str]:
        """Return what is still being sent, as far as the disk knows."""
        return os.listdir(self.folder / "incoming")
