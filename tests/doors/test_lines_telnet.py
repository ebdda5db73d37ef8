"""The lines door, by the telnet that people have, in a terminal."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kit.daemon import Daemon, RawClient, free_port
from tests.kit.ssh_daemon import Person
from tests.kit.tmux import Tmux

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("telnet") is None, reason="there is no telnet here"),
]


class LinesDaemon(Daemon):
    """A daemon with a lines door, an account (alice) and guests."""

    def __init__(self, folder: Path) -> None:
        self.lines = free_port()
        (folder / "users.csv").write_text("user,password\nalice,wonderland9\n")
        super().__init__(
            *("--lines", f"tcp:{self.lines}:interface=127.0.0.1", "--guests"),
            *("--users", "users.csv", "--log", "memory:"),
            directory=folder,
        )


@pytest.fixture(scope="module")
def daemon() -> Iterator[LinesDaemon]:
    """Run one for all."""
    folder = Path(tempfile.mkdtemp(prefix="twisted-chat-lines-"))
    with LinesDaemon(folder) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


def test_person(daemon: LinesDaemon) -> None:
    """A name, a password that is not shown, a text, what others say, and /quit."""
    alice = Person(["telnet", "127.0.0.1", str(daemon.lines)])
    alice.wait_for("Name: ")
    alice.type("alice\r")
    alice.wait_for("Password: ")
    alice.type("wonderland9\r")
    alice.wait_for("You are on")
    assert "wonderland9" not in alice.seen
    alice.type("grüße, 日本\r")
    alice.wait_for("alice: grüße, 日本")
    with RawClient(daemon.port) as bob:
        bob.login("bob")
        bob.ask("text", data="meanwhile \x1b[2J")
        alice.wait_for("bob: meanwhile \\x1b[2J")
    alice.type("/quit\r")
    assert alice.end() in (0, 1)  # telnet's own, as the server closes
    assert "\x1b" not in alice.seen


def behind(rows: list[str], words: str) -> list[str]:
    """Return the last row with these words, and those below it that are not empty."""
    found = [at for at, row in enumerate(rows) if words in row]
    return [row for row in rows[found[-1] :] if row] if found else []


def is_whole(words: str, rows: list[str]) -> bool:
    """Whether the text with these words is shown to its end."""
    return any(row.endswith("end") for row in behind(rows, words))


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux here")
def test_window(daemon: LinesDaemon) -> None:
    """Lines are broken between words, as wide as the window is now."""
    window = Tmux(["telnet", "127.0.0.1", str(daemon.lines)])
    try:
        window.wait(lambda rows: any(row.startswith("Name:") for row in rows))
        window.type("carol")
        window.wait(lambda rows: any("You are on" in row for row in rows))
        for columns in (60, 40):
            window.run("resize-window", "-x", str(columns), "-y", "24")
            window.type(f"{columns} " + "word " * 20 + "end")
            rows = window.wait(partial(is_whole, f"carol: {columns} word"))
            *broken, _ = behind(rows, f"carol: {columns} word")
            assert broken
            assert all(len(row) <= columns and row.endswith("word") for row in broken), rows
    finally:
        window.end()
