"""The client as people start it: a process of its own, on pipes, and a daemon for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.kit.daemon import PATIENCE, Daemon
from tests.kit.warm import ran

COMMAND = [sys.executable, "-m", "twisted_chat.client.terminal.main"]

USERS = "user,password,role\nalice,sesame,operator\nbot,secret,\n"
"""The accounts of ``make_daemon``; ``secret`` and ``wrong`` are files with passwords beside it."""


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONWARNINGS": "error::DeprecationWarning:twisted_chat",
        "PROMPT_TOOLKIT_NO_CPR": "1",  # nobody answers where the cursor is
        "XDG_STATE_HOME": str(folder / "state"),
        "TERM": "xterm",
        "TZ": "UTC",
    }


def make_daemon(folder: Path, *options: str) -> Daemon:
    """Return a daemon with its log in this folder, whose accounts are in ``users.csv`` there."""
    users = ("--users", str(folder / "users.csv"), "--guests")
    return Daemon("--log", "sqlite:chat.db", *users, *options, directory=folder)


def command(*words: str, cwd: Path, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``twisted-chat`` in a folder until it ends; ``said`` is its standard input."""
    return ran("twisted-chat", *words, cwd=cwd, said=said)


def pipe(
    folder: Path, daemon: Daemon, *words: str, given: str = "", password: str = "secret"
) -> subprocess.CompletedProcess[str]:
    """Run the client on pipes until it ends."""
    return subprocess.run(
        [
            *COMMAND,
            f"bot@127.0.0.1:{daemon.port}",
            "--password-file",
            str(folder / password),
            *words,
        ],
        input=given,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env=environment(folder),
        check=False,
    )


def by_lines(folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Give the client these lines, on no server yet, until it ends."""
    return subprocess.run(
        [*COMMAND, "--commands"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env=environment(folder),
        check=False,
    )


def assert_shown(done: subprocess.CompletedProcess[str], *ends: str) -> None:
    """Check that it went well, and showed lines with these ends, in this order."""
    assert (done.returncode, done.stderr) == (0, ""), done
    shown = iter(done.stdout.splitlines())
    for end in ends:
        assert any(line.endswith(end) for line in shown), (end, done.stdout)
