"""Programs that start at once: forked of a process that has read their modules already.

To read them is most of what a start costs, and the tests start hundreds of daemons. What is forked
is else what its command says: the same program, in a folder, an environment and with files of its
own, and with nothing of the process that it comes from.

The process that forks is this file, run as a program: one for each process of tests, from the first
start on. A request is one message on its standard input, a socket: a JSON array, and descriptors:
the child's three standard files, and where its number is told and how it has ended.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Final

PROGRAMS: Final = {
    "twistd": ("twisted.scripts.twistd", "run"),
    "twisted-chat": ("twisted_chat.client.terminal.main", "main"),
}
"""What can be forked: the module, and the function in it that is the program."""

MODULES: Final = (
    *("twisted_chat.tap", "twisted_chat.log.sqlite", "twisted_chat.operation.admin"),
    *("twisted_chat.doors.web", "twisted.conch.ssh.transport"),
)
"""What is read before, too: what most need, and makes no reactor. An extra may be missing."""

MAX_REQUEST: Final = 65_536
"""Bytes of a request, at most."""

_NUMBER: Final = struct.Struct("!i")


class Forked:
    """A running program, used as a ``subprocess.Popen`` is."""

    def __init__(
        self,
        program: str,
        words: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        standard: Sequence[IO[bytes]],
    ) -> None:
        """``standard``: its standard input, output and error."""
        self.returncode: int | None = None
        """How it has ended: its status, or the negative of the signal."""
        self._command = [program, *words]
        self._told, telling = os.pipe()
        try:
            request = json.dumps([self._command, str(cwd), dict(environment)]).encode()
            files = [file.fileno() for file in standard]
            socket.send_fds(_forker.reached(), [request], [*files, telling])
        finally:
            os.close(telling)
        self.pid = self._read()

    def poll(self) -> int | None:
        """Return how it has ended, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self._command, timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(self._read())
            os.close(self._told)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.send_signal(signal.SIGKILL)

    def _read(self) -> int:
        found: int = _NUMBER.unpack(os.read(self._told, _NUMBER.size))[0]
        return found


def ran(
    program: str, *words: str, cwd: Path | None = None, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program until it ends, with ``said`` on its standard input."""
    with TemporaryFile() as given, TemporaryFile() as output, TemporaryFile() as errors:
        given.write(said.encode())
        given.seek(0)
        standard = (given, output, errors)
        child = Forked(program, words, cwd or Path.cwd(), os.environ, standard)
        try:
            status = child.wait(120)
        finally:
            child.kill()
        output.seek(0)
        errors.seek(0)
        told = output.read().decode(), errors.read().decode()
        return subprocess.CompletedProcess([program, *words], status, *told)


class _Forker:
    """The process that forks, from the first time that it is wanted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._socket: socket.socket | None = None

    def reached(self) -> socket.socket:
        """Return where it is asked."""
        with self._lock:
            if self._socket is None:
                self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with its:
                    command = [sys.executable, "-P", __file__]
                    self._process = subprocess.Popen(command, stdin=its.fileno())
                atexit.register(self._end)
            return self._socket

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._process.wait()


_forker = _Forker()


# --- in the process that forks ---


def serve() -> None:
    """Fork for whoever asks, until nobody can: then exit. Returns in a child, as its command."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks is told by the terminal, too
    for name in (*MODULES, *(module for module, _ in PROGRAMS.values())):
        with suppress(ImportError):
            importlib.import_module(name)
    assert "twisted.internet.reactor" not in sys.modules, "each child makes its own"
    gc.freeze()  # no child looks through what all of them share
    asked = socket.socket(fileno=0)
    while True:
        request, descriptors, _, _ = socket.recv_fds(asked, MAX_REQUEST, 4)
        if not request:
            sys.exit()
        if os.fork() == 0:
            asked.detach()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return watch(request, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):  # those who waited, and are done
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def watch(request: bytes, *descriptors: int) -> None:
    """Fork the child; tell its number, and how it has ended. Returns in the child."""
    *standard, telling = descriptors
    child = os.fork()
    if child == 0:
        command, cwd, environment = json.loads(request)
        return become(command, cwd, environment, standard)
    os.write(telling, _NUMBER.pack(child))
    os.closerange(0, telling)
    _, status = os.waitpid(child, 0)
    with suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(telling, _NUMBER.pack(status))
    os._exit(0)


def become(
    command: list[str], cwd: str, environment: dict[str, str], standard: Sequence[int]
) -> None:
    """Be what a new process would be."""
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    os.closerange(3, max(os.sysconf("SC_OPEN_MAX"), 1_024))
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, "")
    sys.argv = command


if __name__ == "__main__":
    serve()
    _module, _function = PROGRAMS[sys.argv[0]]
    getattr(importlib.import_module(_module), _function)()
