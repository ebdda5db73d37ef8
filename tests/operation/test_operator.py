"""What an operator asks a running daemon for: orders, figures, a JSON log, and the doctor."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import time
from base64 import b64encode
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.kit.certificates import make_certificate
from tests.kit.command_line import command
from tests.kit.daemon import Daemon, RawClient, free_port
from tests.kit.waiting import eventually
from twisted_chat.operation.steering import NoDaemon, ask

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
DASHBOARD = ROOT / "etc" / "grafana-dashboard.json"


def test_orders(tmp_path: Path) -> None:
    """The socket is the operator's alone; each order does what it says, or says why not."""
    options = ("--log", "memory:", "--admin", "admin.sock")
    with (
        Daemon(*options, directory=tmp_path) as daemon,
        RawClient(daemon.port) as alice,
        RawClient(daemon.port) as bob,
    ):
        path = str(tmp_path / "admin.sock")
        mode = os.stat(path).st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        alice.login("alice")
        bob.login("bob")
        alice.ask("create", session="ops", topic="deploy\x1b[2J")

        said = command("admin", "who", cwd=tmp_path)
        assert said.returncode == 0, said.stderr
        assert re.search(
            r"^alice +127\.0\.0\.1 +\d+ +native +\d+ s +lobby, ops$", said.stdout, re.M
        )
        assert [line.split()[0] for line in ask(path, "who", {"session": "ops"})] == [
            "user",
            "alice",
        ]
        listed = "\n".join(ask(path, "sessions", {}))
        assert re.search(r"^ops +1 +0 +alice +- +- +deploy\\x1b\[2J$", listed, re.M)

        assert ask(path, "notice", {"data": "Soon."}) == ["Told to 2 connections."]
        assert alice.receive_until("notice")["data"] == "Soon."
        (act,) = ask(path, "audit", {})
        assert re.search(r"what=notice  by=operator  reason=Soon\.$", act), act

        ended = command(
            "admin", "--socket", path, "disconnect", "bob", "--reason", "spam", cwd=ROOT
        )
        assert ended.stdout == "bob: 1 connections ended.\n"
        assert "spam" in bob.receive_until("bye")["data"]
        assert bob.at_end()

        ask(path, "ban", {"address": "198.51.100.7", "seconds": 60, "reason": "spam"})
        ask(path, "mute", {"user": "eve", "session": "ops"})
        (_, banned), (_, muted) = ask(path, "bans", {}), ask(path, "bans", {"session": "ops"})
        assert re.fullmatch(r"ban +198\.51\.100\.7 +operator +\S+Z +\S+Z +spam", banned), banned
        assert re.fullmatch(r"mute +eve +operator +\S+Z +- +-", muted), muted
        ask(path, "unban", {"address": "198.51.100.7"})
        assert len(ask(path, "bans", {})) == 1

        for order, given, word in (
            ("disconnect", {"user": "nobody"}, "nobody"),
            ("notice", {"data": ""}, "1 to 1024"),
            ("notice", {"data": "x", "session": "none"}, "no such session"),
            ("nonsense", {}, "nonsense"),
        ):
            with pytest.raises(NoDaemon, match=word):
                ask(path, order, given)
        refused = command("admin", "disconnect", "nobody", cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("twisted-chat: There is nobody here")
        assert alice.ask("ping")["type"] == "pong"
        assert "Traceback" not in daemon.output


@pytest.mark.parametrize(
    "sent",
    [b"\n", b"{}\n", b"[]\n", b"\xff\n", b'{"order":1}\n', b"x" * 100_000, b'{"order":"who"}'],
)
def test_any_bytes_at_the_socket(sent: bytes, tmp_path: Path) -> None:
    """Whatever comes, the daemon goes on."""
    options = ("--log", "memory:", "--admin", "admin.sock")
    with Daemon(*options, directory=tmp_path) as daemon:
        path = str(tmp_path / "admin.sock")
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(path)
            try:
                link.sendall(sent)
                link.shutdown(socket.SHUT_WR)
                link.recv(1_000)
            except OSError:
                pass
        assert ask(path, "who", {}) == ["user  address  port  door  since  sessions"]
        assert "Traceback" not in daemon.output


def test_a_socket_that_was_left_behind(tmp_path: Path) -> None:
    """A killed daemon's stands in nobody's way; who asks there is told."""
    daemon = Daemon("--log", "memory:", "--admin", "admin.sock", directory=tmp_path)
    with daemon:
        daemon.kill()
        with pytest.raises(NoDaemon, match="no daemon"):
            ask(str(tmp_path / "admin.sock"), "who", {})
        daemon.start()
        assert len(ask(str(tmp_path / "admin.sock"), "who", {})) == 1
        assert daemon.stop() == 0
    assert "No daemon" in command("admin", "who", cwd=tmp_path).stderr


def test_reload_and_drain(tmp_path: Path) -> None:
    """A reload says what is wrong to who asked; a drain ends the daemon, everybody told."""
    (tmp_path / "chat.toml").write_text('log = "memory:"\nadmin = "admin.sock"\n')
    with (
        Daemon("--config", "chat.toml", directory=tmp_path) as daemon,
        RawClient(daemon.port) as alice,
        RawClient(daemon.port) as bob,
    ):
        alice.login("alice")
        bob.login("bob")
        assert command("admin", "reload", cwd=tmp_path).returncode == 0
        (tmp_path / "chat.toml").write_text("nonsense")
        refused = command("admin", "reload", cwd=tmp_path)
        assert refused.returncode == 1
        assert "chat.toml" in refused.stderr
        began = time.monotonic()
        drained = command("admin", "drain", "--seconds", "1", cwd=tmp_path)
        assert drained.returncode == 0, drained.stderr
        assert time.monotonic() - began > 0.9
        for client in (alice, bob):
            assert client.receive_until("bye")["retry"] > 0
        assert daemon.wait() == 0


def status_of(request: Request) -> int:
    """Send a request and return the status of its answer."""
    try:
        with urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


FIGURES = (
    'twisted_chat_connections{door="native"} 1.0',
    "twisted_chat_users 1.0",
    "twisted_chat_guests 1.0",
    "twisted_chat_texts_total 3.0",
    'twisted_chat_refusals_total{code="no-such-session"} 1.0',
    "twisted_chat_sessions 1.0",
    "twisted_chat_files 1.0",
    "twisted_chat_files_bytes 4096.0",
    'twisted_chat_files_sent_total{code="ok"} 1.0',
    'twisted_chat_files_sent_total{code="bad-request"} 1.0',
    'twisted_chat_webhook_posts_total{code="ok"} 0.0',
    'twisted_chat_webhook_posts_total{code="no-such-session"} 1.0',
)


def metrics_at(port: int) -> str:
    """Return the page of figures."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


def test_metrics(tmp_path: Path) -> None:
    """They say what is so; each query of the dashboard names one, and each one is in it."""
    pytest.importorskip("prometheus_client")
    pytest.importorskip("PIL")
    port, tls, web = free_port(), free_port(), free_port()
    key = make_certificate(tmp_path)
    options = (
        *("--log", "memory:", "--metrics", f"tcp:{port}:interface=127.0.0.1"),
        *("--port", f"ssl:{tls}:interface=127.0.0.1:privateKey={key}"),
        *("--web", f"tcp:{web}:interface=127.0.0.1", "--files", "files"),
    )
    with Daemon(*options, directory=tmp_path) as daemon, RawClient(daemon.port) as alice:
        guest = b64encode(f"alice:{alice.login('alice')['token']}".encode()).decode()
        for path, data, status in (
            ("files?name=a", b"12345", 201),
            ("files?name=b", b"II*\0 a picture that can not be cleaned", 400),
            ("hooks/nobody", b'{"text": "Hello"}', 404),
        ):
            request = Request(f"http://127.0.0.1:{web}/{path}", data)
            request.add_header("Authorization", f"Basic {guest}")
            assert status_of(request) == status
        for number in range(3):
            alice.ask("text", data=str(number))
        alice.ask("join", session="none")
        eventually(lambda: all(line in metrics_at(port) for line in FIGURES), "as it is")
        page = metrics_at(port)
    assert f'twisted_chat_certificate_expires{{endpoint="ssl:{tls}"}}' in page
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    there = {name for name in kinds if not name.endswith("_created")}
    queries = re.findall(r'"expr": "((?:[^"\\]|\\.)*)"', DASHBOARD.read_text())
    named = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for query in queries
        for name in re.findall(r"\b(?:twisted_chat|process)_\w+", query)
    }
    assert named <= there, named - there
    ours = {name for name in there if name.startswith("twisted_chat_")}
    assert ours <= named, ours - named


def test_json_log(tmp_path: Path) -> None:
    """Each line is an object; what people chose is in it as it is, and can break no line."""
    options = ("--log", "memory:", "--log-format", "json")
    daemon = Daemon(*options, directory=tmp_path)
    daemon.twistd = ["-n", "--logfile=chat.log"]
    log = tmp_path / "chat.log"
    with daemon, RawClient(daemon.port) as alice:
        alice.login("älice")
        eventually(lambda: "lice came" in log.read_text(), "it is said")
        said = [json.loads(line) for line in log.read_text().splitlines()]
        came = next(one for one in said if one["message"].startswith("älice came"))
        assert (came["user"], came["door"], came["host"]) == ("älice", "native", "127.0.0.1")
        assert came["level"] == "info"
        assert log.stat().st_mode & 0o777 == 0o600
        daemon.signal(signal.SIGUSR1)
        eventually((tmp_path / "chat.log.1").exists, "it is rotated")
        assert daemon.stop() == 0


def test_doctor(tmp_path: Path) -> None:
    """It says what is wrong, and ends with 1; where nothing is, with 0."""
    users = tmp_path / "users.csv"
    users.write_text("user,password,role\nalice,alice-changeme,\nbob,secret,operator\n")
    users.chmod(0o644)
    key = make_certificate(tmp_path)
    (tmp_path / "chat.toml").write_text(
        f'port = ["ssl:1235:privateKey={key}"]\nusers = "users.csv"\nmetrics = ["9464"]\n'
    )
    found = command("doctor", "--config", "chat.toml", cwd=tmp_path)
    assert found.returncode == 1, found
    for word in (
        "everybody knows the passwords of alice",
        "plain text",
        "chmod 600 users.csv",
        "expires on",  # it is good for a day
        "everybody can read the metrics",
    ):
        assert word in found.stdout, found.stdout
    good = command("doctor", "--port", "tcp:1234:interface=127.0.0.1", cwd=tmp_path)
    assert good.returncode == 0, good.stdout
    assert "WRONG" not in good.stdout
    assert "--trust-proxy" not in good.stdout
    anybody = command("doctor", "--registration", "open", cwd=tmp_path)
    assert "with a password of 3 characters" in anybody.stdout
    careful = command("doctor", "--registration", "open", "--min-password", "6", cwd=tmp_path)
    assert "--min-password" not in careful.stdout
    web = ("doctor", "--web", "tcp:8080:interface=127.0.0.1", "--web-host", "chat.example.org")
    assert "--trust-proxy names it" in command(*web, cwd=tmp_path).stdout
    named = command(*web, "--trust-proxy", "127.0.0.1", cwd=tmp_path)
    assert "--trust-proxy names it" not in named.stdout
    (tmp_path / "chat.db").write_bytes(b"nonsense" * 1_000)
    damaged = command("doctor", cwd=tmp_path)
    assert damaged.returncode == 1
    assert "chat.db" in damaged.stdout
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    away = command("doctor", "--log", nowhere, cwd=tmp_path)
    assert away.returncode == 1
    assert "can not be reached" in away.stdout or "psycopg" in away.stdout
    assert "Traceback" not in away.stdout + away.stderr
    broken = command("doctor", "--linger", "soon", cwd=tmp_path)
    assert (broken.returncode, broken.stdout.count("\n")) == (1, 1)
    assert "--linger" in broken.stdout


def test_a_name_is_let_go(tmp_path: Path) -> None:
    """What an account or a guest has left under a name, the operator can end: running or not."""
    users = tmp_path / "users.csv"
    for user in ("dave", "erin", "alice"):
        words = ("users", "add", str(users), user, "--password-stdin")
        added = command(*words, cwd=tmp_path, said="correct horse")
        assert added.returncode == 0, added.stderr
    options = (
        "--users",
        str(users),
        "--guests",
        "--log",
        "sqlite:chat.db",
        "--admin",
        "admin.sock",
    )
    with Daemon(*options, directory=tmp_path) as daemon, RawClient(daemon.port) as guest:
        path = str(tmp_path / "admin.sock")
        guest.login("gus")
        for user in ("dave", "erin"):
            with RawClient(daemon.port) as client:
                client.login(user, password="correct horse")
                assert client.ask("text", to="alice", data="mine")["type"] == "text"
                assert client.ask("text", to="gus", data="hello")["type"] == "text"
        assert ask(path, "delete", {"session": "@erin,gus"}) == ["@erin,gus has ended."]
        with pytest.raises(NoDaemon, match="has an account"):
            ask(path, "release", {"user": "dave"})
        for user in ("dave", "erin"):
            assert command("users", "remove", str(users), user, cwd=tmp_path).returncode == 0
        time.sleep(0.1)
        with RawClient(daemon.port) as client:
            assert client.ask("login", user="dave")["code"] == "bad-credentials"
        said = ask(path, "release", {"user": "Dave"})
        assert said == ["Dave is anybody's name now; 2 direct sessions ended."]
        with pytest.raises(NoDaemon, match="Nothing is kept"):
            ask(path, "release", {"user": "dave"})
        refused = command("users", "release", str(users), "erin", "--log", "chat.db", cwd=tmp_path)
        assert "admin release" in refused.stderr
    freed = command("users", "release", str(users), "erin", "--log", "chat.db", cwd=tmp_path)
    assert freed.stdout == "erin is anybody's name now; 1 direct sessions ended.\n", freed.stderr
    with Daemon(*options, directory=tmp_path) as daemon:
        for user in ("dave", "erin"):
            with RawClient(daemon.port) as client:
                assert client.ask("login", user=user)["type"] == "welcome"
