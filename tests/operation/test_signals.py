"""Signals to the daemon, and what it reads again at SIGHUP."""

from __future__ import annotations

import signal
import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.kit.certificates import make_certificate
from tests.kit.daemon import Daemon, RawClient, free_port
from tests.kit.waiting import Stopwatch, eventually

pytestmark = pytest.mark.slow


def test_none_ends_it() -> None:
    """Those that ask for nothing harm nobody, and a hang-up does not end it."""
    with Daemon("--log", "memory:") as daemon, RawClient(daemon.port) as alice:
        alice.login("alice")
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
            daemon.signal(number)
            assert alice.ask("ping")["type"] == "pong"
        eventually(lambda: "SIGQUIT means nothing here" in daemon.output, daemon.output)
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.output


def test_the_log_file(tmp_path: Path) -> None:
    """Nobody else can read it, also one that was there; SIGUSR1 rotates it."""
    log = tmp_path / "chat.log"
    log.touch(0o644)
    daemon = Daemon("--log", "memory:", directory=tmp_path)
    daemon.twistd = ["-n", "--logfile=chat.log"]
    with daemon:
        eventually(lambda: "native door on" in log.read_text(), "it listens")
        assert log.stat().st_mode & 0o777 == 0o600
        daemon.signal(signal.SIGUSR1)
        eventually((tmp_path / "chat.log.1").exists, "rotated")
        with RawClient(daemon.port) as alice:
            alice.login("alice")
        eventually(lambda: "alice went" in log.read_text(), "it goes on")
        assert {one.stat().st_mode & 0o777 for one in tmp_path.glob("chat.log*")} == {0o600}


def test_reload(tmp_path: Path) -> None:
    """SIGHUP: accounts, limits and the welcome hold at once; what is broken changes nothing."""
    config, users = tmp_path / "chat.toml", tmp_path / "users.csv"
    welcome = tmp_path / "welcome.txt"
    users.write_text("user,password\nalice,wonder\n")
    config.write_text('log = "memory:"\nusers = "users.csv"\nmax-text = 10\n')
    with (
        Daemon("--config", "chat.toml", directory=tmp_path) as daemon,
        RawClient(daemon.port) as alice,
        RawClient(daemon.port) as bob,
    ):
        alice.login("alice", password="wonder")
        assert alice.ask("text", data="x" * 11)["code"] == "too-long"

        welcome.write_text("Be kind.\n")
        users.write_text("user,password\nalice,wonder\nbob,builder\n")
        config.write_text(
            'log = "memory:"\nusers = "users.csv"\nmax-text = 20\nwelcome = "welcome.txt"\n'
            'lobby = "hall"\n'
        )
        daemon.signal(signal.SIGHUP)
        eventually(lambda: "max-text, welcome: changed" in daemon.output, daemon.output)
        assert "lobby: this waits for a restart" in daemon.output
        assert alice.ask("text", data="x" * 11)["type"] == "text"
        bob.send({"type": "login", "user": "bob", "password": "builder"})
        assert bob.receive_until("welcome")["lobby"] == "lobby"
        assert bob.receive_until("notice")["data"] == "Be kind."

        for wrong in ("max-text = nonsense\n", "unknown = 1\n", 'welcome = "missing.txt"\n'):
            daemon.signal(signal.SIGHUP)
            before = daemon.output.count("Nothing is changed")
            other = tmp_path / "other.toml"  # it may be read at any time: it is one or the other
            other.write_text(wrong)
            other.rename(config)
            daemon.signal(signal.SIGHUP)
            eventually(
                lambda before=before: daemon.output.count("Nothing is changed") > before,  # type: ignore[misc]
                daemon.output,
            )
            assert alice.ask("text", data="x" * 20)["type"] == "text"
            config.write_text('log = "memory:"\nusers = "users.csv"\nmax-text = 20\n')
        assert "Traceback" not in daemon.output
        assert daemon.stop() == 0


def test_limits_are_read_again(tmp_path: Path) -> None:
    """Each limit of an address, of a user, and of a time holds as it is written now."""
    config, users = tmp_path / "chat.toml", tmp_path / "users.csv"
    users.write_text("user,password\nalice,wonder\nbob,builder\ncarol,singer\n")
    always = 'log = "memory:"\nusers = "users.csv"\ntrust = [""]\n'
    config.write_text(always)
    with (
        Daemon("--config", "chat.toml", directory=tmp_path) as daemon,
        RawClient(daemon.port) as alice,
        RawClient(daemon.port) as bob,
    ):
        alice.login("alice", password="wonder")
        bob.login("bob", password="builder")
        alice.ask("create", session="one")
        limits = (
            *("max-sessions-per-user", "invites-per-minute", "directs-per-minute"),
            *("failed-logins-per-minute", "max-logins", "texts-per-second"),
        )
        config.write_text(
            f"{always}{''.join(f'{limit} = 1' + chr(10) for limit in limits)}max-mentions = 1\n"
        )
        daemon.signal(signal.SIGHUP)
        eventually(lambda: "Reload: " in daemon.output, daemon.output)
        assert "waits for a restart" not in daemon.output
        assert all(limit in daemon.output for limit in limits)
        assert alice.ask("create", session="two")["code"] == "too-many-sessions"
        found = [alice.ask("invite", session="one", user="bob").get("code") for _ in range(2)]
        assert found == [None, "too-many-attempts"]
        found = [alice.ask("text", to=to, data="x").get("code") for to in ("bob", "carol")]
        assert found == [None, "too-many-sessions"]
        began = time.monotonic()
        for number in range(8):
            bob.send({"type": "text", "session": "lobby", "data": f"{number}", "id": f"{number}"})
        assert bob.receive_until("text", data="7")["seq"] == 8
        assert time.monotonic() - began > 1
        with RawClient(daemon.port) as carol:
            assert carol.ask("login", user="carol", password="no")["code"] == "bad-credentials"
            wanted = "too-many-attempts"
            assert carol.ask("login", user="carol", password="singer")["code"] == wanted
        config.write_text(f"{always}connects-per-minute = 1\n")
        daemon.signal(signal.SIGHUP)
        eventually(lambda: "connects-per-minute" in daemon.output, daemon.output)
        with RawClient(daemon.port) as other:
            assert other.receive()["code"] == wanted
            assert other.at_end()


def serial(port: int, name: str) -> int:
    """Return the serial number of the certificate that one who asks for ``name`` is shown."""
    from cryptography import x509

    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), 10) as link,
        trusting.wrap_socket(link, server_hostname=name) as tls,
    ):
        shown = tls.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


def test_a_renewed_certificate(tmp_path: Path) -> None:
    """It is shown from SIGHUP on; a broken one is refused; each name has its own; nobody is cut."""
    (tmp_path / "talk").mkdir()
    key = make_certificate(tmp_path, serial=1)
    talk = make_certificate(tmp_path / "talk", serial=7, name="talk.example.org")
    port = free_port()
    tls = f"ssl:{port}:interface=127.0.0.1:privateKey={key}"
    with Daemon("--log", "memory:", "--port", tls, "--certificate", str(talk)) as daemon:
        eventually(lambda: f":{port}" in daemon.output, daemon.output)
        assert serial(port, "localhost") == 1
        assert serial(port, "talk.example.org") == 7
        assert serial(port, "other.example.org") == 1
        trusting = ssl.create_default_context(cafile=str(key))
        link = socket.create_connection(("127.0.0.1", port), 10)
        stays = trusting.wrap_socket(link, server_hostname="localhost")

        make_certificate(tmp_path, serial=2)
        daemon.signal(signal.SIGHUP)
        eventually(lambda: serial(port, "localhost") == 2, daemon.output)

        good = key.read_bytes()
        key.write_text("broken")
        daemon.signal(signal.SIGHUP)
        eventually(lambda: "Nothing is changed" in daemon.output, daemon.output)
        assert serial(port, "localhost") == 2
        key.write_bytes(good)

        stays.sendall(b'\0\0\0\x0f{"type":"ping"}')
        assert b"pong" in stays.recv(100)
        stays.close()
        assert daemon.stop() == 0


def test_a_chain_is_sent(tmp_path: Path) -> None:
    """A ``fullchain.pem`` is sent whole: who verifies needs what is between it and an authority."""
    key = make_certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    chain = make_certificate(other, name="authority").read_text()
    key.write_text(key.read_text() + chain[chain.index("-----BEGIN CERT") :])
    from twisted_chat.operation.certificates import chain_in

    assert len(chain_in(str(key))) == 1
    port = free_port()
    tls = f"ssl:{port}:interface=127.0.0.1:privateKey={key}"
    with Daemon("--log", "memory:", "--port", tls) as daemon:
        eventually(lambda: f":{port}" in daemon.output, daemon.output)
        from OpenSSL import SSL

        with socket.create_connection(("127.0.0.1", port), 10) as link:
            session = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), link)
            session.set_connect_state()
            link.settimeout(None)
            session.do_handshake()
            found = session.get_peer_cert_chain()
            assert found is not None
            assert len(found) == 2


def test_a_removed_account(tmp_path: Path) -> None:
    """Its connections end within a second of SIGHUP, and nobody else's do."""
    users = tmp_path / "users.csv"
    users.write_text("user,password\nalice,wonder\nbob,builder\n")
    options = ("--log", "memory:", "--users", "users.csv")
    with (
        Daemon(*options, directory=tmp_path) as daemon,
        RawClient(daemon.port) as alice,
        RawClient(daemon.port) as bob,
    ):
        alice.login("alice", password="wonder")
        bob.login("bob", password="builder")
        users.write_text("user,password\nbob,builder\n")
        with Stopwatch(daemon.pid) as end:
            daemon.signal(signal.SIGHUP)
            assert alice.receive_until("bye")
            assert alice.at_end()
        assert end.seconds < 2
        assert bob.ask("ping")["type"] == "pong"
