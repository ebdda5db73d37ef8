"""The web door of the real daemon, over sockets and TLS, without a browser."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit.browser import WebDaemon
from tests.kit.certificates import make_certificate
from tests.kit.daemon import Daemon, Object, RawClient, free_port
from tests.kit.waiting import eventually
from tests.kit.warm import ran
from tests.kit.web import CLOSE, TEXT, frame_of, frames_of

pytestmark = pytest.mark.slow

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)


class WebSocket:
    """A WebSocket over a blocking socket."""

    def __init__(self, link: socket.socket, *headers: str) -> None:
        self.link = link
        link.settimeout(60)
        more = "".join(f"{header}\r\n" for header in headers)
        link.sendall(HANDSHAKE.format(host="127.0.0.1", more=more).encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += link.recv(65_536)
        head, _, self._rest = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # RFC 6455, section 1.3

    def send(self, type: str, **fields: object) -> None:
        """Send a request."""
        self.link.sendall(frame_of({"type": type, **fields}))

    def receive(self) -> Object | int:
        """Return the next message, or the code of a close frame."""
        while True:
            frames, rest = frames_of(self._rest)
            if frames:
                frame = frames[0]
                self._rest = self._rest[len(frame.raw) :]
                if frame.opcode == TEXT:
                    found: Object = json.loads(frame.payload)
                    return found
                assert frame.opcode == CLOSE
                code: int = struct.unpack_from("!H", frame.payload)[0]
                return code
            data = self.link.recv(65_536)
            assert data, "the connection was closed without a word"
            self._rest = rest + data

    def receive_until(self, type: str) -> Object:
        """Skip what comes before the next message of this type."""
        while True:
            found = self.receive()
            assert isinstance(found, dict), found
            if found["type"] == type:
                return found


@contextmanager
def connected(port: int, *headers: str, tls: ssl.SSLContext | None = None) -> Iterator[WebSocket]:
    """Open a WebSocket."""
    with socket.create_connection(("127.0.0.1", port), 15) as link:
        if tls is None:
            yield WebSocket(link, *headers)
        else:
            with tls.wrap_socket(link, server_hostname="localhost") as wrapped:
                yield WebSocket(wrapped, *headers)


def get(port: int, path: str) -> tuple[int, bytes]:
    """Ask for a page; return status and body."""
    with socket.create_connection(("127.0.0.1", port), 15) as link:
        link.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        data = b""
        while more := link.recv(65_536):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_both_doors(tmp_path: Path) -> None:
    """What is said at one door is heard at the other; when the daemon ends, it says so."""
    with WebDaemon("--log", f"sqlite:{tmp_path}/chat.db") as daemon:
        with connected(daemon.web_port) as alice, RawClient(daemon.port) as bob:
            alice.send("login", user="alice")
            alice.receive_until("session")
            bob.login("bob")
            bob.ask("text", data="Hello")
            assert alice.receive_until("text")["data"] == "Hello"
            alice.send("text", data="Hi " * 5_000)
            assert bob.receive_until("text", source="alice")["data"] == "Hi " * 5_000
            alice.receive_until("text")
            assert get(daemon.web_port, "/health")[0] == 200
            assert b"<!doctype html>" in get(daemon.web_port, "/")[1]
            assert daemon.stop() == 0
            assert alice.receive_until("bye")["retry"] > 0
            assert alice.receive() == 1001
        assert "Traceback" not in daemon.output
        assert "Unhandled" not in daemon.output


def test_proxy() -> None:
    """The operator sees the address that a trusted proxy tells."""
    with (
        WebDaemon("--log", "memory:", "--trust-proxy", "127.0.0.1") as daemon,
        connected(daemon.web_port, "X-Forwarded-For: 6.6.6.6, 203.0.113.9") as alice,
    ):
        alice.send("login", user="alice")
        alice.receive_until("session")
        eventually(lambda: "alice came from 203.0.113.9:0 by the web door" in daemon.output)


def test_tls(tmp_path: Path) -> None:
    """The door over TLS: large texts both ways, and an orderly end."""
    certificate = make_certificate(tmp_path)
    port = free_port()
    endpoint = f"ssl:{port}:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}"
    tls = ssl.create_default_context(cafile=str(certificate))
    with Daemon("--log", "memory:", "--web", endpoint) as daemon:
        with connected(port, tls=tls) as alice, RawClient(daemon.port) as bob:
            alice.send("login", user="alice")
            alice.receive_until("session")
            bob.login("bob")
            for number in range(200):
                bob.send({"type": "text", "data": f"{number} " + "x" * 10_000})
            for number in range(200):
                assert alice.receive_until("text")["data"].split()[0] == str(number)
            alice.send("text", data="y" * 16_000)
            assert len(bob.receive_until("text", source="alice")["data"]) == 16_000
            alice.receive_until("text")
            alice.send("logout")
            alice.receive_until("bye")
            assert alice.receive() == 1000
        assert "Traceback" not in daemon.output


def start(*options: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Start a daemon that is to end at once, after some Python."""
    if not before:
        return ran("twistd", "-n", "chat", *options)
    program = f"{before}\nfrom twisted.scripts.twistd import run\nrun()"
    command = [sys.executable, "-c", program, "-n", "chat", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--web", "8080x"), "--web must be a port number or an endpoint"),
        (("--web", "tcp:1:2:3:4"), "is no endpoint"),
        (("--web", "0", "--web-origin", "example.org"), "--web-origin must be an origin"),
        (("--web", "0", "--trust-proxy", "proxy"), "--trust-proxy must be an address"),
    ],
)
def test_wrong_options(options: tuple[str, ...], said: str) -> None:
    """A wrong value is one clear line, and exit status 1, before anything listens."""
    ended = start("--port", "tcp:0:interface=127.0.0.1", "--log", "memory:", *options)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert said in line


def test_port_in_use() -> None:
    """A port that somebody has is one clear line, too; the other door is closed with it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = start(
            *("--port", "tcp:0:interface=127.0.0.1", "--log", "memory:"),
            *("--web", f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"),
        )
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1


def test_without_autobahn() -> None:
    """Without the extra, it says which one is missing; without the door, nothing is."""
    hide = "import sys; sys.modules['autobahn'] = None"
    options: list[Any] = ["--port", "tcp:0:interface=127.0.0.1", "--log", "memory:"]
    ended = start(*options, "--web", "tcp:0:interface=127.0.0.1", before=hide)
    assert ended.returncode == 1
    assert "twisted-chat[web]" in ended.stderr
    ended = start(*options, "--linger", "x", before=hide)
    assert "--linger must be" in ended.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:  # as far as to listening
        port = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        metrics = ("--metrics", "tcp:0:interface=127.0.0.1")
        ended = start("--port", port, "--log", "memory:", *metrics, before=hide)
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
