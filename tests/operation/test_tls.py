"""The native door, and sessions' own ports, over TLS; real sockets."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kit.certificates import make_certificate
from tests.kit.daemon import Daemon, RawClient, free_port
from twisted_chat.operation.limits import SPARE_FILES

pytestmark = pytest.mark.slow


class TlsDaemon(Daemon):
    """A daemon whose ports all speak TLS."""

    def __init__(self, certificate: Path, *options: str) -> None:
        super().__init__("--log", "memory:", *options)
        self.certificate = certificate

    @property
    def command(self) -> list[str]:
        plain = f"tcp:{self.port}:interface=127.0.0.1"
        keys = f"privateKey={self.certificate}:certKey={self.certificate}"
        tls = f"ssl:{self.port}:interface=127.0.0.1:{keys}"
        return [tls if word == plain else word for word in super().command]


class TlsClient(RawClient):
    """A client that speaks TLS, and looks at the certificate."""

    def __init__(self, port: int, certificate: Path) -> None:
        super().__init__(port)
        context = ssl.create_default_context(cafile=str(certificate))
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")


def test_sessions_own_ports(tmp_path: Path) -> None:
    """Where every port speaks TLS, sessions' own do too."""
    certificate, own = make_certificate(tmp_path), free_port()
    with (
        TlsDaemon(certificate, "--session-ports", f"{own}-{own}") as daemon,
        TlsClient(daemon.port, certificate) as ann,
    ):
        ann.login("ann")
        assert ann.ask("create", session="ops")["port"] == own
        with TlsClient(own, certificate) as ben:
            ben.login("ben")
            ben.ask("text", data="hello")
            assert ann.receive_until("text")["session"] == "ops"
        with RawClient(own) as plain, pytest.raises((EOFError, ConnectionError)):
            plain.login("carol")
        assert "Traceback" not in daemon.output


def test_no_room(tmp_path: Path) -> None:
    """Past the limit a connection is closed at once, and is no error."""
    certificate = make_certificate(tmp_path)
    with TlsDaemon(certificate, "--max-connections", "1") as daemon, ExitStack() as others:
        for _ in range(1 + SPARE_FILES // 2):
            others.enter_context(RawClient(daemon.port))
        with RawClient(daemon.port) as late:
            assert late.at_end()
        assert "Traceback" not in daemon.output
