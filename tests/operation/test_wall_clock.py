"""The wall clock is set, an hour back or forward, under a daemon that runs: no duration changes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.kit.daemon import Daemon, RawClient, free_port
from tests.kit.waiting import eventually

pytestmark = pytest.mark.slow

_SHIFTED = """
import os, time
real = time.time
def shifted():
    try:
        return real() + float(open("shift").read() or 0)
    except OSError:
        return real()
time.time = shifted
import subprocess
import sys
from twisted.scripts.twistd import run
sys.argv[0] = "twistd"
run()
"""


class ShiftedDaemon(Daemon):
    """A daemon whose wall clock a file sets: before anything of Twisted has taken ``time.time``."""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", _SHIFTED, *super().command[3:]]

    def shift(self, seconds: float) -> None:
        """Set its wall clock, so many seconds from the true time."""
        (self.directory / "shift.new").write_text(str(seconds))
        (self.directory / "shift.new").rename(self.directory / "shift")


@pytest.mark.parametrize("seconds", [-3_600, 3_600])
def test_the_wall_clock_is_set(seconds: int, tmp_path: Path) -> None:
    """Connections are answered at once, and a session that is empty closes when it should.

    What is said bears the time of day as it is now.
    """
    web = free_port()
    options = ("--linger", "1", "--rate", "20", "--web", f"tcp:{web}:interface=127.0.0.1")
    with (
        ShiftedDaemon(*options, directory=tmp_path) as daemon,
        RawClient(daemon.port) as alice,
        RawClient(daemon.port) as bob,
        RawClient(daemon.port) as late,
    ):
        alice.login("alice")
        bob.login("bob")
        bob.ask("create", session="ops")
        daemon.shift(seconds)
        began = time.monotonic()
        for number in range(60):  # past the rate and what is allowed at once: it waits, and goes on
            alice.send({"type": "text", "data": str(number)})
        times = [alice.receive_until("text")["time"] for _ in range(60)]
        assert 0.5 < time.monotonic() - began < 60
        assert abs(times[-1] / 1_000 - (time.time() + seconds)) < 10
        bob.close()
        eventually(
            lambda: all(one["session"] != "ops" for one in alice.ask("list")["sessions"]), each=0.2
        )
        with urlopen(f"http://127.0.0.1:{web}/health", timeout=60) as health:
            assert health.status == 200
        assert late.login("late")["type"] == "welcome"
        assert daemon.stop() == 0


_SHIFTED_CLIENT = _SHIFTED.replace(
    'from twisted.scripts.twistd import run\nsys.argv[0] = "twistd"\nrun()',
    "from twisted_chat.client.terminal.main import main\nmain()",
)


def test_the_wall_clock_of_a_client(tmp_path: Path) -> None:
    """It comes back by itself when the server is back, also where its clock went back an hour."""
    with Daemon("--log", "memory:", directory=tmp_path) as daemon:
        words = ["--follow", f"eve@127.0.0.1:{daemon.port}"]
        client = subprocess.Popen(
            [sys.executable, "-c", _SHIFTED_CLIENT, *words],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert client.stdout is not None

            def said(text: str) -> None:
                with RawClient(daemon.port) as alice:
                    alice.login("alice")
                    eventually(
                        lambda: "eve" in alice.ask("who", session="lobby")["users"],
                        "the client is not there",
                    )
                    alice.ask("text", data=text)
                for line in client.stdout or ():
                    if text in line:
                        return
                raise AssertionError("the client has ended")

            said("before")
            (tmp_path / "shift.new").write_text("-3600")
            (tmp_path / "shift.new").rename(tmp_path / "shift")
            daemon.kill()
            time.sleep(0.5)
            daemon.start()
            said("after")
        finally:
            client.kill()
            client.wait()
            if client.stdout is not None:
                client.stdout.close()
