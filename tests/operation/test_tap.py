"""The daemon as a process: its options, what it says when they are wrong, and how it ends."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.daemon import PATIENCE, Daemon, RawClient, free_port
from tests.kit.waiting import Stopwatch, eventually
from tests.kit.warm import ran

pytestmark = pytest.mark.slow


def refused(*options: str, cwd: Path, port: int | None = None) -> str:
    """Run a daemon that can not start; return its one line on standard error."""
    daemon = Daemon(*options, directory=cwd, port=port)
    found = ran("twistd", *daemon.words, cwd=cwd)
    said = found.stderr
    assert found.returncode == 1, (found.returncode, said)
    assert said.count("\n") == 1, said
    assert said.startswith("twistd chat: "), said
    assert "Traceback" not in found.stdout
    if port is None:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", daemon.port), 1)
    return said


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--linger", "soon"], "--linger"),
        (["--nonsense"], "nonsense"),
        (["argument"], "argument"),
        (["--users", "broken.csv"], "broken.csv"),
        (["--log", "sqlite:/nonexistent/chat.db"], "/nonexistent/chat.db"),
        (["--port", "nonsense:1"], "nonsense:1"),
        (["--config", "missing.toml"], "missing.toml"),
        (["--port", "tcp:99999"], "tcp:99999"),
        (["--port", "tcp:abc"], "tcp:abc"),
        (["--port", "unix:/nonexistent/socket"], "unix:/nonexistent/socket"),
        (["--port", "ssl:1:privateKey=broken.csv"], "ssl:1"),
    ],
)
def test_wrong_options(options: list[str], word: str, tmp_path: Path) -> None:
    """A wrong value is one clear line on standard error, exit status 1, and nothing listens."""
    (tmp_path / "broken.csv").write_text("name,secret\nx,y\n")
    assert word in refused(*options, cwd=tmp_path)


def test_port_in_use(tmp_path: Path) -> None:
    """A port in use is one clear line; the other ports are not left open."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = free_port()
        port = taken.getsockname()[1]
        said = refused(
            *("--port", f"tcp:{other}:interface=127.0.0.1", "--log", "memory:"),
            cwd=tmp_path,
            port=port,
        )
    assert str(port) in said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", other), 1)


def test_a_daemon_that_can_not_start(tmp_path: Path) -> None:
    """Without -n the one who waits for the daemon is told, with status 1, and no pid file stays."""
    daemon = Daemon("--log", "sqlite:/nonexistent/chat.db", directory=tmp_path)
    daemon.twistd = []
    found = subprocess.run(
        daemon.command,
        cwd=tmp_path,
        capture_output=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )
    assert found.returncode == 1, found
    assert "/nonexistent/chat.db" in (tmp_path / "twistd.log").read_text()
    # twistd takes the file away after it has told who waits.
    eventually(lambda: not (tmp_path / "twistd.pid").exists())


def test_a_pid_file_that_was_left_behind(tmp_path: Path) -> None:
    """In the foreground no pid file stands in the way, whoever has its number now; or is written.

    One that is asked for by name is.
    """
    left = tmp_path / "twistd.pid"
    left.write_text(f"{os.getpid()}\n")
    daemon = Daemon("--log", "memory:", directory=tmp_path)
    daemon.twistd = ["-n"]
    with daemon:
        assert left.read_text() == f"{os.getpid()}\n"
    daemon.twistd = ["-n", "--pidfile=chat.pid"]
    with daemon:
        assert (tmp_path / "chat.pid").read_text().strip() == str(daemon.pid)


def test_told_to_end_at_once(tmp_path: Path) -> None:
    """A daemon that is ended in the moment in which it listens has not failed."""
    daemon = Daemon(directory=tmp_path)
    for _ in range(12):
        daemon.start()
        # Before the reactor runs the signal itself ends it.
        assert daemon.stop() in (0, -signal.SIGTERM), daemon.output


def test_help() -> None:
    """``twistd --help`` lists chat, and its own help every option."""
    twistd = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
    said = subprocess.run([*twistd, "--help"], capture_output=True, cwd="/", check=True).stdout
    assert re.search(rb"^ +chat +\S", said, re.MULTILINE)
    said = subprocess.run([*twistd, "chat", "--help"], capture_output=True, cwd="/").stdout
    for option in (b"--port", b"--users", b"--guests", b"--log", b"--lobby", b"--linger"):
        assert option in said
    for option in (b"--max-sessions", b"--max-members", b"--session-ports", b"--config", b"--rate"):
        assert option in said


def test_config(tmp_path: Path) -> None:
    """The file's settings hold, those of the command line win, and several ports listen."""
    other = free_port()
    (tmp_path / "chat.toml").write_text(
        'lobby = "hall"\nname = "file"\nlog = "memory:"\nmax-text = 10\n'
    )
    options = (
        "--config",
        "chat.toml",
        "--name",
        "line",
        "--port",
        f"tcp:{other}:interface=127.0.0.1",
    )
    with Daemon(*options, directory=tmp_path) as daemon, RawClient(daemon.port) as alice:
        bob = RawClient(other)
        welcome = alice.login("alice")
        assert (welcome["server"], welcome["lobby"]) == ("line", "hall")
        assert welcome["limits"]["text"] == 10
        bob.login("bob")
        alice.send({"type": "text", "data": "hello"})
        assert bob.receive_until("text")["data"] == "hello"
        bob.close()


def test_a_client_that_does_not_read() -> None:
    """It says bye, flushes what is being written, and ends within 5 seconds with status 0."""
    with Daemon("--log", "memory:") as daemon, RawClient(daemon.port) as alice:
        alice.login("alice")
        stranger = RawClient(daemon.port)  # not logged in
        lazy = RawClient(daemon.port)
        lazy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        lazy.login("lazy")
        for _ in range(20):
            for _ in range(40):
                alice.send({"type": "text", "data": "x" * 10_000})
            for _ in range(40):
                alice.receive_until("text")
        with Stopwatch(daemon.pid) as end:
            daemon.signal(signal.SIGTERM)
            bye = alice.receive_until("bye")
            assert bye["retry"] > 0
            assert stranger.receive()["type"] == "bye"
            assert daemon.wait() == 0
        assert end.seconds < 3.5
        assert "Traceback" not in daemon.output
        assert "Unhandled" not in daemon.output
        with pytest.raises(ConnectionRefusedError):
            RawClient(daemon.port)
        stranger.close()
        lazy.close()


def test_signals_at_once() -> None:
    """With everybody reading it ends at once; a second signal changes nothing."""
    with Daemon("--log", "memory:") as daemon, RawClient(daemon.port) as alice:
        alice.login("alice")
        with Stopwatch(daemon.pid) as end:
            daemon.signal(signal.SIGINT)
            daemon.signal(signal.SIGTERM)
            daemon.signal(signal.SIGINT)
            assert alice.receive_until("bye")
            assert daemon.wait() == 0
        assert end.seconds < 3
        assert "Traceback" not in daemon.output


def test_signals_to_the_last() -> None:
    """Whoever does not stop asking it to end makes no death by signal of it."""
    with Daemon("--log", "memory:") as daemon, RawClient(daemon.port) as alice:
        alice.login("alice")
        while daemon.process is not None and daemon.process.poll() is None:
            daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


def test_what_was_said_is_flushed(tmp_path: Path) -> None:
    """Texts that were sent before the signal are stored and answered, or said again once."""
    with Daemon(directory=tmp_path) as daemon:
        with RawClient(daemon.port) as alice:
            alice.login("alice")
            for number in range(50):
                alice.send({"type": "text", "data": str(number), "id": f"n{number}"})
            assert alice.receive_until("text")["seq"] == 1
            assert daemon.stop() == 0
        daemon.start()
        with RawClient(daemon.port) as alice:
            alice.login("alice")
            seqs = []
            for number in range(50):
                alice.send({"type": "text", "data": str(number), "id": f"n{number}"})
            for _ in range(50):
                seqs.append(alice.receive_until("text")["seq"])
            assert sorted(set(seqs)) == list(range(1, 51))


def test_a_missing_users_file_is_said() -> None:
    """With no users file everyone is a guest, and the log says so; etc/users.csv is taken."""
    with Daemon("--log", "memory:") as daemon:
        assert "guest" in daemon.output
        (daemon.directory / "etc").mkdir()
        (daemon.directory / "etc" / "users.csv").write_text("user,password\nalice,wonder\n")
        daemon.restart()
        with RawClient(daemon.port) as client:
            assert client.ask("login", user="alice", password="x")["code"] == "bad-credentials"
            assert client.ask("login", user="bob")["code"] == "bad-credentials"
            assert client.login("alice", password="wonder")["user"] == "alice"
        assert "wonder" not in daemon.output


def test_the_table_on_a_terminal(tmp_path: Path) -> None:
    """Where standard output is a terminal the table is drawn without being asked for."""
    daemon = Daemon("--log", "memory:", directory=tmp_path)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        daemon.command, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave
    )
    os.close(slave)
    try:
        said = b""
        deadline = time.monotonic() + PATIENCE
        client = None
        while not (b"1 connected" in said and b"alice" in said) and time.monotonic() < deadline:
            if client is None:
                try:
                    client = RawClient(daemon.port)
                    client.login("alice")
                except OSError:
                    time.sleep(0.05)
                    continue
            if select.select([master], [], [], 0.1)[0]:
                said += os.read(master, 65_536)
        assert b"1 connected" in said
        assert b"alice" in said
        assert client is not None
        client.close()
    finally:
        process.terminate()
        process.wait(PATIENCE)
        os.close(master)
