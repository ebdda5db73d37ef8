"""A program in a real terminal: tmux, on a server of its own."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable
from uuid import uuid4


class Tmux:
    """A terminal that breaks its rows anew when it is made narrower."""

    def __init__(self, command: list[str], columns: int = 80) -> None:
        self.name = f"chat-{uuid4().hex[:8]}"
        size = ("-x", str(columns), "-y", "24")
        self.run("-f", "/dev/null", "new-session", "-d", *size, shlex.join(command))

    def run(self, *words: str) -> str:
        """Run a command of tmux, on a server of its own."""
        done = subprocess.run(
            ["tmux", "-L", self.name, *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def type(self, *lines: str) -> None:
        """Type lines, each with its Enter, one after the other."""
        for line in lines:
            self.run("send-keys", "-l", line)
            self.run("send-keys", "Enter")
            time.sleep(0.2)  # else some programs take it for what is pasted

    def wait_for(self, words: str) -> list[str]:
        """Wait until words are on the screen."""
        return self.wait(lambda rows: any(words in row for row in rows))

    def shown(self) -> list[str]:
        """Return what is on the screen, and above it."""
        return [row.rstrip() for row in self.run("capture-pane", "-p", "-S", "-200").splitlines()]

    def wait(self, is_so: Callable[[list[str]], bool]) -> list[str]:
        """Wait until something is shown; return all of it."""
        deadline = time.monotonic() + 60
        while not is_so(rows := self.shown()):
            assert time.monotonic() < deadline, rows
            time.sleep(0.1)
        return rows

    def end(self) -> None:
        """End it, with its server."""
        subprocess.run(["tmux", "-L", self.name, "kill-server"], capture_output=True, check=False)
