"""A real Redis (or Valkey) for tests, on loopback, with nothing kept."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from time import monotonic, sleep

import pytest
from attrs import define, field

from tests.kit.daemon import free_port
from twisted_chat.hints.redis import PREFIX


@define(eq=False)
class Redis:
    """One server, on the same port over restarts. ``with Redis() as broker:``."""

    options: tuple[str, ...] = ()
    port: int = field(factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            pytest.skip("there is no Redis on this machine")
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", *self.options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        deadline = monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if monotonic() > deadline:
                    raise
                sleep(0.02)

    def kill(self) -> None:
        """End it without a word."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def listeners(self, channel: str) -> int:
        """Return how many nodes listen to a channel."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as link:
            link.sendall(f"PUBSUB NUMSUB {PREFIX}{channel}\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 4:
                answer += link.recv(1_000)
        return int(answer.split(b"\r\n")[3].removeprefix(b":"))

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> Redis:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
