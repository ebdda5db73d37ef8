"""Bounds of the whole daemon, over real sockets: descriptors, and who asks and never reads."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.kit.daemon import Daemon, RawClient, free_port
from tests.kit.waiting import Stopwatch, eventually

pytestmark = pytest.mark.slow


class FewFiles(Daemon):
    """A daemon with few descriptors."""

    @property
    def command(self) -> list[str]:
        return ["sh", "-c", 'ulimit -n 128; exec "$@"', "sh", *super().command]


def test_no_descriptors_left(tmp_path: Path) -> None:
    """Past the limit one more is told so, and those who are here are served; then there is room."""
    with FewFiles(directory=tmp_path) as daemon, RawClient(daemon.port) as alice:
        alice.login("alice")
        with ExitStack() as crowd:
            links = [
                crowd.enter_context(socket.create_connection(("127.0.0.1", daemon.port), 10))
                for _ in range(300)
            ]
            assert alice.ask("text", data="still here")["type"] == "text"
            ended: dict[socket.socket, bytes] = {}

            def most_have_ended() -> bool:
                for link in set(links) - set(ended):
                    link.settimeout(0.001)
                    with suppress(TimeoutError):
                        try:
                            ended[link] = link.recv(1_000)
                        except ConnectionError:
                            ended[link] = b""
                return len(ended) > 150

            eventually(most_have_ended)
            assert sum(b'"server-full"' in said for said in ended.values()) > 20
            assert alice.ask("text", data="still here")["type"] == "text"
            assert len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())) < 128

        def comes() -> bool:
            with suppress(EOFError, ConnectionError), RawClient(daemon.port) as bob:
                return bool(bob.login("bob"))
            return False

        eventually(comes)
        assert "Traceback" not in daemon.output


def test_who_never_reads(tmp_path: Path) -> None:
    """200 members take nothing of 6 MB that is said: some MiB, and who reads has every text."""
    options = ("--log", "sqlite:chat.db?synchronous=normal", "--rate", "0")
    with (
        Daemon(*options, directory=tmp_path) as daemon,
        RawClient(daemon.port) as alice,
        RawClient(daemon.port) as bob,
        ExitStack() as crowd,
    ):
        alice.login("alice")
        bob.login("bob")
        for number in range(200):
            silent = crowd.enter_context(RawClient(daemon.port))
            silent.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            silent.login(f"silent{number}")
        before = resident(daemon.pid)
        for number in range(400):
            alice.ask("text", data=f"{number} " + "x" * 15_000)
        assert resident(daemon.pid) - before < 40
        found = [bob.receive_until("text")["data"].split()[0] for _ in range(400)]
        assert found == [str(number) for number in range(400)]


def test_ipv6(tmp_path: Path) -> None:
    """One socket serves IPv6 and IPv4; ``tcp:`` beside it does no harm; IPv4 is shown as IPv4."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("there is no IPv6 here")
    port, other = free_port(), free_port()
    daemon = Daemon(
        *("--port", f"tcp:{port}", "--port", f"tcp6:{port}"),
        *("--port", f"tcp6:{other}:interface=::1", "--log", "memory:"),
        directory=tmp_path,
    )
    with (
        daemon,
        RawClient(port) as four,
        RawClient(port, "::1") as six,
        RawClient(other, "::1") as s,
    ):
        for name, client in (("four", four), ("six", six), ("seven", s)):
            client.login(name)
        eventually(lambda: re.search(r"four came from 127\.0\.0\.1:", daemon.output))
        eventually(lambda: re.search(r"six came from ::1:", daemon.output))
        assert f"{port} is served for IPv4 by tcp6:{port} already" in daemon.output


def resident(pid: int) -> int:
    """Return a process's memory, in MiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1_024


def test_pipelines_that_nobody_reads(tmp_path: Path) -> None:
    """200 connections ask a thousand times each and read nothing: some MiB, and nobody notices."""
    pytest.importorskip("autobahn")
    web = free_port()
    options = ("--log", "memory:", "--web", f"tcp:{web}:interface=127.0.0.1")
    with Daemon(*options, directory=tmp_path) as daemon, RawClient(daemon.port) as alice:
        alice.login("alice")
        with urlopen(f"http://127.0.0.1:{web}/", timeout=60) as page:
            found = re.search(r'assets/[^"]+\.css', page.read().decode())
        assert found is not None
        asked = f"GET /{found[0]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 1_000
        before = resident(daemon.pid)
        with ExitStack() as crowd:
            for _ in range(200):
                link = crowd.enter_context(socket.create_connection(("127.0.0.1", web), 10))
                link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                link.setblocking(False)
                link.send(asked)
            waits = []
            for _ in range(100):
                with Stopwatch(daemon.pid) as answer:
                    alice.ask("ping")
                waits.append(answer.seconds)
                time.sleep(0.01)
            assert resident(daemon.pid) - before < 20
            assert sorted(waits)[50] < 0.1
