"""A daemon with the SSH door, and OpenSSH's client for it."""

from __future__ import annotations

import socket
import subprocess
import time
from typing import Self

from tests.kit.daemon import Daemon, free_port


class SshDaemon(Daemon):
    """A daemon with the SSH door, an account (alice) and guests."""

    def __init__(self) -> None:
        self.ssh = free_port()
        super().__init__(
            *("--ssh", f"tcp:{self.ssh}:interface=127.0.0.1", "--guests"),
            *("--log", "sqlite:chat.db"),
            users=["alice,wonderland9,operator"],
        )

    def start(self) -> Self:
        """Wait for the SSH door too: it listens last."""
        super().start()
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.ssh), 5):
                    return self
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

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
            command, input=given, capture_output=True, text=True, timeout=30, check=False
        )
