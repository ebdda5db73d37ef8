"""The client against the real daemon, on terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path
from typing import Self

import pytest

from tests.kit.command_line import COMMAND, environment, make_daemon, pipe
from tests.kit.daemon import PATIENCE, RawClient

pytestmark = pytest.mark.slow


class Terminal:
    """The client on a terminal of its own."""

    def __init__(self, folder: Path, *words: str, kind: str = "xterm") -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self._usual = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**environment(folder), "TERM": kind},
        )
        os.close(slave)
        self.raw = ""
        self._seen = 0

    def type(self, keys: str) -> None:
        """Press keys; a carriage return is Enter."""
        os.write(self.master, keys.encode())

    def expect(self, *texts: str) -> None:
        """Wait until these are shown, in this order, after what was expected before."""
        for text in texts:
            deadline = time.monotonic() + PATIENCE
            while (at := self.shown.find(text, self._seen)) < 0:
                self._read(deadline, text)
            self._seen = at + len(text)

    @property
    def shown(self) -> str:
        """What has been shown, without what moves the cursor and colours it.

        Where nothing changes the cursor moves on: over blanks, as far as these tests look.
        """
        moved = re.sub(r"\x1b\[(\d*)C", lambda found: " " * int(found[1] or 1), self.raw)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r", "", moved)

    def end(self) -> int:
        """Wait for its end, check that the terminal is as it was, and return its exit status."""
        deadline = time.monotonic() + PATIENCE
        try:
            while True:
                self._read(deadline, "the end")
        except OSError:  # Linux's way to say that the other side of a terminal is closed
            status = self.process.wait(PATIENCE)
            assert termios.tcgetattr(self.master) == self._usual
            return status

    def _read(self, deadline: float, wanted: str) -> None:
        if not select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"{wanted!r} is not in {self.shown[self._seen :]!r}")
        self.raw += os.read(self.master, 65_536).decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


def test_two_terminals(folder: Path) -> None:
    """Two people talk; the daemon is killed and started again; both come back by themselves."""
    with make_daemon(folder) as daemon:
        place = f"127.0.0.1:{daemon.port}"
        with Terminal(folder, f"alice@{place}") as alice, Terminal(folder, f"bob@{place}") as bob:
            alice.expect("Password for alice")
            alice.type("sesame\r")
            alice.expect("You are on", "alice (operator)", "lobby: ")
            bob.expect("You are on", "bob (guest)", "lobby: ")

            bob.type("half a li")  # in the middle of it somebody speaks
            bob.expect("half a li")
            alice.type("hello bob\r")
            bob.expect("alice: hello bob", "> half a li")
            bob.type("ne\r")
            alice.expect("bob: half a line")

            alice.type("/createsess\t ops\r")
            alice.expect("ops: 1 here (alice)")
            bob.type("/j ops\r")
            bob.expect("ops: 2 here")
            alice.expect("bob has come")
            bob.type("/s lobby\r")
            bob.expect("Now in lobby")
            alice.type("anybody?\r")
            bob.expect("[ops 1]")

            daemon.kill()
            alice.expect("Trying again until it is there")
            alice.type("still here\r")
            alice.expect(f"(waiting for {place}) alice: still here", "1 waiting")
            bob.expect("Trying again")
            daemon.start()
            alice.expect("is back", "alice: still here")
            bob.expect("is back")
            bob.type("/s ops\r")
            bob.expect("alice: anybody?", "alice: still here")
            bob.type("/m alice \x1b[200~psst\nhey\x1b[201~\r")  # pasted, with a line's end
            alice.expect("bob to you: psst", "      hey")

            alice.type("half\x03")  # Ctrl-C clears the line
            alice.expect("Ctrl-C again")
            alice.type("x\r")
            alice.expect("alice: x")
            alice.type("/quit\r")
            assert alice.end() == 0
            bob.expect("alice has gone")
            bob.type("\x04")
            assert bob.end() == 0
        assert "sesame" not in alice.shown
        assert "Traceback" not in alice.shown + bob.shown


def test_locked_session_on_a_terminal(folder: Path) -> None:
    """A wrong password is asked for again, and never said or shown."""
    with make_daemon(folder) as daemon:
        pipe(folder, daemon, "--commands", given="/c vault sesame --keep\n")
        with Terminal(folder, f"carl@127.0.0.1:{daemon.port}") as carl:
            carl.expect("lobby: ")
            for keys in ("fir\x03", "\x04"):  # Ctrl-C and Ctrl-D are no answer, and end nothing
                carl.type("/j vault\r")
                carl.expect("Password of vault: ")
                carl.type(keys)
                carl.expect("vault needs a password.")
            carl.type("/j vault\r")
            carl.expect("Password of vault: ")
            carl.type("first\r")
            carl.expect("another password", "Password of vault: ")
            carl.type("sesame\r")
            carl.expect("vault: 1 here (carl)")
            carl.type("/quit\r")
            assert carl.end() == 0
        assert "first" not in carl.shown
        assert "sesame" not in carl.shown


def test_a_terminal_that_can_do_little(folder: Path) -> None:
    """There is no prompt on it, but a password is not shown there either."""
    with (
        make_daemon(folder) as daemon,
        Terminal(folder, f"alice@127.0.0.1:{daemon.port}", kind="dumb") as alice,
    ):
        alice.expect("Password for alice")
        alice.type("wrong\r")
        alice.expect("do not match", "Password for alice")
        alice.type("sesame\r")
        alice.expect("lobby: ")
        alice.type("hello\r")
        alice.expect("hello", "alice: hello")
        alice.type("/c vault --password\r")
        alice.expect("Password to lock vault with: ")
        alice.process.send_signal(signal.SIGINT)  # in the middle of it
        alice.end()
        assert "sesame" not in alice.shown
        assert "wrong" not in alice.shown


def test_harmless_on_a_terminal(folder: Path) -> None:
    """What others write does not reach the terminal as it is."""
    with (
        make_daemon(folder) as daemon,
        Terminal(folder, f"carl@127.0.0.1:{daemon.port}") as carl,
    ):
        carl.expect("lobby: ")
        pipe(folder, daemon, given="\x1b]0;owned\x07\x1b[2J \u202eevil\n")
        carl.expect(r"bot: \x1b]0;owned\x07\x1b[2J \u202eevil")
        assert "\x1b]0;owned" not in carl.raw
        assert "\u202e" not in carl.raw
        carl.type("dra\x1aft\r")  # Ctrl-Z is for the shell, where there is one
        carl.expect("carl: draft")
        carl.type("\x03\x03")  # twice leaves
        assert carl.end() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_on_a_terminal(folder: Path, number: signal.Signals) -> None:
    """A signal is a way to leave like any other: properly, and with the terminal as it was."""
    with (
        make_daemon(folder) as daemon,
        RawClient(daemon.port) as bob,
        Terminal(folder, f"carl@127.0.0.1:{daemon.port}") as carl,
    ):
        bob.login("bob")
        carl.expect("lobby: ")
        carl.type("half")
        carl.expect("half")
        carl.process.send_signal(number)
        assert bob.receive_until("left")["user"] == "carl"
        carl.end()
        assert "Traceback" not in carl.shown
