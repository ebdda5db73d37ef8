"""What systemd is told, and what it may do for the daemon: open its port."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Self

import pytest

from tests.kit.daemon import Daemon, RawClient

pytestmark = pytest.mark.slow


def test_systemd_is_told(tmp_path: Path) -> None:
    """That it is ready, alive, reloading and stopping, each at its time."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        heard: SimpleQueue[str] = SimpleQueue()

        def listen() -> None:
            """Take all at once, as systemd does: where few wait already, more are not taken."""
            while (said := systemd.recv(4_096).decode()) != "over":
                heard.put(said)

        listener = Thread(target=listen, daemon=True)
        listener.start()

        def told() -> str:
            return heard.get(timeout=60)

        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "300000"}
        daemon = Daemon("--log", "memory:", directory=tmp_path, environment=environment)
        with daemon:
            first = {told(), told()}
            while len(first) < 2:
                first.add(told())
            assert first == {"READY=1", "WATCHDOG=1"}
            daemon.signal(signal.SIGHUP)
            while not (said := told()).startswith("RELOADING=1"):
                assert said == "WATCHDOG=1"
            assert "MONOTONIC_USEC=" in said
            while (said := told()) != "READY=1":
                assert said == "WATCHDOG=1"
            daemon.signal(signal.SIGTERM)
            while (said := told()) != "STOPPING=1":
                assert said == "WATCHDOG=1"
            assert daemon.wait() == 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.sendto(b"over", address)
        listener.join(60)


class Activated(Daemon):
    """A daemon whose port somebody else, as systemd does, has opened for it."""

    opened: socket.socket

    @property
    def command(self) -> list[str]:
        python, _, code, *words, _, _ = super().command  # without the port of its own
        told = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=chat exec "$@" 3<&0'
        return ["sh", "-c", told, "sh", python, "-c", code, *words]

    def start(self) -> Self:
        """Start it with the open port as its third descriptor."""
        with open(self.directory / "console.log", "ab") as console:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                stdin=self.opened.fileno(),
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        return self


def test_systemd_opens_the_port(tmp_path: Path) -> None:
    """Who comes before the daemon does, or while it is restarted, waits and is served."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        options = ("--log", "memory:", "--port", "systemd:domain=INET:name=chat")
        daemon = Activated(*options, directory=tmp_path, port=port)
        daemon.opened = opened
        with RawClient(port, timeout=60) as early:
            early.send({"type": "ping"})
            with daemon:
                assert early.receive()["type"] == "pong", daemon.output
                assert daemon.stop() == 0
                with RawClient(port, timeout=60) as meanwhile:
                    meanwhile.send({"type": "ping"})
                    daemon.start()
                    assert meanwhile.receive()["type"] == "pong"
                    assert daemon.stop() == 0
    assert "Traceback" not in daemon.output
