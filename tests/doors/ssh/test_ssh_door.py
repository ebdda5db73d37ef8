"""The SSH door, by OpenSSH's own client: people, scripts, and what nobody gets."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kit.daemon import RawClient, free_port
from tests.kit.ssh_daemon import Person, SshDaemon
from tests.kit.waiting import SECONDS, Stopwatch, eventually
from twisted_chat.operation import admin

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no OpenSSH client here"),
]


def test_person(daemon: SshDaemon) -> None:
    """A password, a prompt, a text; what others say comes above what is typed; Ctrl-D leaves."""
    alice = Person(daemon.client("alice", options=("-o", "PubkeyAuthentication=no")))
    alice.wait_for("Password:")
    alice.type("wonderland9\r")
    alice.wait_for("lobby> ")
    alice.type("hello from a terminal\r")
    alice.wait_for("alice\x1b[m: hello from a terminal")
    with RawClient(daemon.port) as bob:
        bob.login("bob")
        alice.type("half a li")
        alice.wait_for("half a li")
        bob.ask("text", data="meanwhile")
        alice.wait_for("meanwhile")
        alice.seen = alice.seen.rpartition("meanwhile")[2]
        alice.wait_for("half a li\r\x1b[16C")
        assert "hello from a terminal" in str(bob.ask("history", session="lobby"))
    alice.type("\x15\x04")
    assert alice.end() == 0


def test_guest_and_scripts(daemon: SshDaemon) -> None:
    """A guest's name is enough; commands are Unix tools, and end when what they said is stored."""
    assert daemon.run("carol", "say", "lobby", "one and two").returncode == 0
    piped = daemon.run("carol", "say", "lobby", given="three\nfour\n")
    assert (piped.returncode, piped.stderr) == (0, "")
    tail = daemon.run("carol", "tail", "lobby", "-n", "2")
    assert [line.split(" ", 1)[1] for line in tail.stdout.splitlines()] == [
        "carol: three",
        "carol: four",
    ]
    found = daemon.run("carol", "search", "lobby", "three", "--json")
    assert found.returncode == 0
    assert '"data":"three"' in found.stdout
    assert daemon.run("carol", "search", "lobby", "nowhere").returncode == 1
    assert "carol" in daemon.run("carol", "who", "lobby").stdout.splitlines()
    assert '"session":"lobby"' in daemon.run("carol", "list", "--json").stdout
    refused = daemon.run("carol", "tail", "nowhere")
    assert refused.returncode == 1
    assert refused.stderr.strip()
    assert daemon.run("carol", "fly").returncode == 2


def test_follow(daemon: SshDaemon) -> None:
    """``tail -f`` goes on from what was said last."""
    assert daemon.run("carol", "say", "lobby", "so far").returncode == 0
    command = daemon.client("dora", "tail", "lobby", "-n", "1", "-f", options=("-oBatchMode=yes",))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as following:
        try:
            assert following.stdout is not None
            assert following.stdout.readline().endswith(b"carol: so far\n")
            assert daemon.run("carol", "say", "lobby", "here it comes").returncode == 0
            assert following.stdout.readline().endswith(b"carol: here it comes\n")
        finally:
            following.terminate()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_keys(daemon: SshDaemon, kind: str, tmp_path: Path) -> None:
    """An account's key lets it in; taken away it does not; a stranger's does not."""
    key, users = tmp_path / "key", str(daemon.directory / "users.csv")
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key], check=True)
    options = ("-i", str(key))
    assert daemon.run("alice", "list", options=options).returncode == 255
    assert admin.main(["users", "key", users, "alice", f"{key}.pub"]) == 0
    assert admin.main(["users", "key", users, "alice", f"{key}.pub"]) == 1
    said = daemon.run("alice", "say", "lobby", "by key", options=options)
    assert (said.returncode, said.stderr) == (0, "")
    listed = (daemon.directory / "users.csv.keys").read_text().split()
    fingerprint = subprocess.run(
        ["ssh-keygen", "-l", "-f", f"{key}.pub"], check=True, capture_output=True, text=True
    ).stdout.split()[1]
    assert listed[0] == "alice"
    assert admin.main(["users", "unkey", users, "alice", fingerprint]) == 0
    assert daemon.run("alice", "list", options=options).returncode == 255


def test_nothing_else(daemon: SshDaemon) -> None:
    """No forwarding, no subsystem, no file, no agent: whatever OpenSSH's client can ask for."""
    port = str(free_port())
    for options in (("-R", f"{port}:127.0.0.1:{daemon.port}"), ("-R", f"/tmp/x{port}:127.0.0.1:1")):
        refused = daemon.run("carol", "list", options=("-oExitOnForwardFailure=yes", *options))
        assert refused.returncode == 255, options
    through = daemon.run("carol", options=("-W", f"127.0.0.1:{daemon.port}"))
    assert through.returncode != 0
    assert daemon.run("carol", "sftp", options=("-s",)).returncode != 0
    assert daemon.run("carol", "list", options=("-A",)).returncode == 0
    assert daemon.run("carol", "cat /etc/passwd").returncode == 2
    assert daemon.run("carol", "say lobby x; id").returncode == 0  # it is said
    assert daemon.run("alice", "list").returncode == 255


def test_host_keys(daemon: SshDaemon) -> None:
    """They are kept beside the log, for nobody else to read, and stay over a restart."""
    before = {path.name: path.read_bytes() for path in daemon.directory.glob("ssh_host_*_key")}
    assert sorted(before) == ["ssh_host_ecdsa_key", "ssh_host_ed25519_key"]
    for path in daemon.directory.glob("ssh_host_*_key"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert daemon.run("carol", "list").returncode == 0
    daemon.restart()
    assert {p.name: p.read_bytes() for p in daemon.directory.glob("ssh_host_*_key")} == before
    assert daemon.run("carol", "list", options=("-oStrictHostKeyChecking=yes",)).returncode == 0


def test_much_at_once(daemon: SshDaemon) -> None:
    """What is piped in is said whole, however much comes at once; and is read again whole."""
    lines = [f"{number:04d} {'x' * 4_000}" for number in range(120)]
    assert daemon.run("eve", "say", "lobby", given="\n".join(lines)).returncode == 0
    shown = daemon.run("eve", "history", "lobby", "-n", "120").stdout.splitlines()
    assert [line.split(" ")[2] for line in shown] == [line.split(" ")[0] for line in lines]


def test_farewell(daemon: SshDaemon) -> None:
    """A daemon that stops says so, and waits for no client that would keep its connection."""
    control = ("-oControlMaster=auto", f"-oControlPath={daemon.directory}/c", "-oControlPersist=60")
    one = subprocess.Popen(
        daemon.client("fred", "tail", "lobby", "-f", options=("-oBatchMode=yes", *control)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    with one:
        eventually(lambda: "fred" in daemon.run("carol", "who", "lobby").stdout)
        with Stopwatch(daemon.pid) as end:
            daemon.stop()
        assert end.seconds < 4
        assert one.wait(SECONDS) != 0
    daemon.start()
