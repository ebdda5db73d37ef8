"""The real daemon in a process of its own, and a raw client: for end-to-end tests.

A test that is a plain function writes ``with Daemon() as daemon:``. An async one writes
``async with Daemon() as daemon:``, which waits in a thread and leaves the reactor free.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom
from typing import IO, Any, Self
from uuid import uuid4

from twisted.internet.threads import deferToThread

from tests.kit.warm import Forked

PATIENCE = 60.0
"""Seconds that a daemon has for starting, and for stopping: a loaded machine is slow."""

_TWISTD = "import sys; from twisted.scripts.twistd import run; sys.argv[0] = 'twistd'; run()"

_PYTHON = [sys.executable, "-c", _TWISTD]
"""The twistd of the interpreter that runs the tests."""

Object = dict[str, Any]
"""A message as it travels: these tests look at the wire, not at our classes."""


_given: deque[int] = deque(maxlen=200)
"""The ports that were given last: none is given to two of them."""


def free_port() -> int:
    """Return a TCP port that nobody on the loopback interface uses now.

    It is none of those that a system gives to outgoing connections, so that it is still free when
    the daemon takes it, and when it takes it again. Tests that run side by side have ports of their
    own: a test that waits for its daemon does not find another's.
    """
    return free_ports(1)[0]


def free_ports(count: int) -> range:
    """Return so many such ports in a row."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 15_000 + worker % 15 * 1_000
    while True:
        low = SystemRandom().randrange(first, first + 1_001 - count)
        ports = range(low, low + count)
        if not any(port in _given or not is_free(port) for port in ports):
            _given.extend(ports)
            return ports


def is_free(port: int) -> bool:
    """Whether nobody on the loopback interface uses it, and nothing of a connection is left."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Daemon:
    """``twistd -n chat`` in a folder of its own, listening on the loopback interface.

    ``options`` go behind ``chat``, ``twistd`` before it; ``--port`` is given besides. ``users`` are
    lines of its users file (``alice,wonderland,operator``). What it says on its console is in
    ``output``. The port stays the same over ``restart``; so do the folder and
    what is in it.
    """

    def __init__(
        self,
        *options: str,
        directory: Path | None = None,
        port: int | None = None,
        environment: dict[str, str] | None = None,
        users: Sequence[str] = (),
    ) -> None:
        self.options: Sequence[str] = options
        self.twistd: Sequence[str] = ["-n"]
        self.port = free_port() if port is None else port
        self.directory = directory or Path(tempfile.mkdtemp(prefix="twisted-chat-"))
        if users:
            lines = ["user,password,role", *users, ""]
            (self.directory / "users.csv").write_text("\n".join(lines))
            self.options = (*options, "--users", "users.csv")
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self._owns_directory = directory is None
        self._own = environment or {}
        """What is in its environment alone."""

    @property
    def words(self) -> list[str]:
        """What is said to twistd: its own port is the last that it opens, of all ports."""
        port = f"tcp:{self.port}:interface=127.0.0.1"
        return [*self.twistd, "chat", *self.options, "--port", port]

    @property
    def command(self) -> list[str]:
        """What is run."""
        return [*_PYTHON, *self.words]

    @property
    def pid(self) -> int:
        """The process's number; only while it runs."""
        return self._running().pid

    @property
    def output(self) -> str:
        """What it has said on its console, in all its lives."""
        path = self.directory / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> Self:
        """Start it and wait until it accepts connections, at whichever door."""
        if self.process is not None:
            raise RuntimeError("The daemon runs already.")
        with open(self.directory / "console.log", "ab") as console:
            self.process = self._started(console)
        deadline = time.monotonic() + PATIENCE
        while True:
            if self.process.poll() is not None:
                status, self.process = self.process.returncode, None
                raise RuntimeError(f"The daemon ended with status {status}:\n{self.output}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(f"The daemon does not listen:\n{self.output}") from None
                time.sleep(0.02)
            else:
                return self

    def _started(self, console: IO[bytes]) -> subprocess.Popen[bytes] | Forked:
        """Run the command; where it is the usual one, without reading all modules again."""
        command = self.command
        if command[: len(_PYTHON)] == _PYTHON and not self._own:
            words = command[len(_PYTHON) :]
            with open(os.devnull, "rb") as nothing:
                standard = (nothing, console, console)
                return Forked("twistd", words, self.directory, os.environ, standard)
        return subprocess.Popen(
            command,
            cwd=self.directory,
            env={**os.environ, **self._own},
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        )

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running().send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait until it has ended by itself, and return its exit status."""
        process = self._running()
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"The daemon does not end:\n{self.output}") from None
        self.process = None
        return status

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and return its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it in the middle of whatever it does (SIGKILL)."""
        process = self._running()
        process.kill()
        process.wait()
        self.process = None

    def restart(self) -> Self:
        """Start it again on the same port and folder, after ``stop`` where it still runs."""
        if self.process is not None:
            self.stop()
        return self.start()

    def close(self) -> None:
        """Let nothing of it remain."""
        if self.process is not None:
            self.kill()
        if self._owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _running(self) -> subprocess.Popen[bytes] | Forked:
        if self.process is None:
            raise RuntimeError(f"The daemon does not run:\n{self.output}")
        return self.process

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await deferToThread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        await deferToThread(self.close)


class RawClient:
    """Frames over a blocking socket: what the server says, with nothing in between.

    Every wait ends in TimeoutError after ``timeout`` seconds, and in EOFError where the server
    has closed the connection.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = PATIENCE) -> None:
        self.timeout = timeout
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held = bytearray()

    def send(self, message: Object) -> None:
        """Send one object."""
        self.send_frame(json.dumps(message).encode())

    def send_frame(self, body: bytes) -> None:
        """Send anything at all, with its length before it."""
        self.socket.settimeout(self.timeout)
        self.socket.sendall(struct.pack("!I", len(body)) + body)

    def receive(self, timeout: float | None = None) -> Object:
        """Return the next object that the server says; nothing is lost by a time-out."""
        while len(self._held) < 4 or len(self._held) < 4 + self._length():
            self._read(timeout)
        end = 4 + self._length()
        found: Object = json.loads(self._held[4:end])
        del self._held[:end]
        return found

    def is_silent(self, seconds: float = 0.3) -> bool:
        """Whether the server says nothing for so long."""
        if not self._held:
            try:
                self._read(seconds)
            except TimeoutError:
                return True
        return False

    def receive_until(self, type: str, **fields: object) -> Object:
        """Skip what comes before the next object of this type, and with these fields."""
        while True:
            found = self.receive()
            if found["type"] == type and fields.items() <= found.items():
                return found

    def ask(self, type: str, **fields: object) -> Object:
        """Send a request and return its answer, an error too; events before it are skipped."""
        id = uuid4().hex  # a text's id is once-only for the user, not for the connection
        self.send({"type": type, **fields, "id": id})
        while True:
            found = self.receive()
            if found.get("id") == id:
                return found

    def login(self, user: str, **fields: object) -> Object:
        """Log in and return the ``welcome``.

        Where the server has a lobby, the first snapshot is read too: the lobby's, or that of the
        session whose own port this is. Anything else is left to be received.
        """
        found = self.ask("login", user=user, **fields)
        if found["type"] != "welcome":
            raise RuntimeError(f"No welcome, but {found}")
        if found.get("lobby") is not None:
            self.receive_until("session")
        return found

    def at_end(self) -> bool:
        """Read on until the server closes the connection: True then, False on a time-out."""
        try:
            while True:
                self._read()
        except TimeoutError:
            return False
        except (EOFError, ConnectionError):
            return True

    def close(self) -> None:
        """Hang up, without a word to the server."""
        self.socket.close()

    def _length(self) -> int:
        return int.from_bytes(self._held[:4], "big")

    def _read(self, timeout: float | None = None) -> None:
        self.socket.settimeout(self.timeout if timeout is None else timeout)
        found = self.socket.recv(65_536)
        if not found:
            raise EOFError("The server has closed the connection.")
        self._held += found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def tables(daemon: Daemon) -> list[str]:
    """Return the tables on the console, from the first to the last."""
    return re.findall(r"^\d+ connected\n(?:.+\n)*", daemon.output, re.MULTILINE)
