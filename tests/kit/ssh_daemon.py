"""A daemon with the SSH door, and OpenSSH's client for it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time

from tests.kit.daemon import PATIENCE, Daemon, free_port


class SshDaemon(Daemon):
    """A daemon with the SSH door, an account (alice) and guests."""

    def __init__(self) -> None:
        self.ssh = free_port()
        super().__init__(
            *("--ssh", f"tcp:{self.ssh}:interface=127.0.0.1", "--guests"),
            *("--log", "sqlite:chat.db"),
            users=["alice,wonderland9,operator"],
        )

    def client(self, user: str, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """Return an ssh command."""
        return [
            *("ssh", "-F", "none", "-p", str(self.ssh), "-o", "StrictHostKeyChecking=no"),
            *("-o", f"UserKnownHostsFile={self.directory}/known", "-o", "LogLevel=ERROR"),
            *("-o", "IdentitiesOnly=yes", *options, f"{user}@127.0.0.1", *words),
        ]

    def run(
        self, user: str, *words: str, given: str = "", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as somebody who can not be asked for anything."""
        command = self.client(user, *words, options=("-o", "BatchMode=yes", *options))
        return subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=2 * PATIENCE, check=False
        )


class Person:
    """Somebody at a pseudo-terminal."""

    def __init__(self, command: list[str]) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp(command[0], command)
        self.seen = ""

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self.fd, text.encode())

    def wait_for(self, words: str) -> None:
        """Wait until something is shown."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.seen:
            assert time.monotonic() < deadline, f"{words!r} is not in {self.seen!r}"
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.fd, 65_536).decode(errors="replace")
                except OSError:
                    raise AssertionError(f"it is over: {self.seen!r}") from None

    def end(self) -> int:
        """Wait until it is over; return its status."""
        try:
            while os.read(self.fd, 65_536):
                pass
        except OSError:
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
