"""What a client and the SSH door agree on, and new keys: OpenSSH's client, and ssh-audit's eyes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.ssh_daemon import SshDaemon
from twisted_chat.doors.ssh.sealing import CHACHA, CIPHERS, MACS, TAGGED
from twisted_chat.doors.ssh.transport import EXCHANGES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no OpenSSH client here"),
]

SMALL = 100_000
"""Bytes after which the daemon wants new keys, here."""

CONTESTED = {
    "curve25519-sha256": ["does not provide protection against post-quantum attacks"],
    "curve25519-sha256@libssh.org": ["does not provide protection against post-quantum attacks"],
    "ecdsa-sha2-nistp256": [
        "using elliptic curves that are suspected as being backdoored by the U.S. National"
        " Security Agency",
        "using weak random number generator could reveal the key",
    ],
}
"""What ssh-audit finds, and stays: docs/decisions.md says why."""


class ImpatientDaemon(SshDaemon):
    """One that wants new keys soon."""

    @property
    def command(self) -> list[str]:
        """See Daemon."""
        before = (
            "from twisted_chat.doors.ssh.transport import Transport\n"
            f"Transport.key_bytes = {SMALL}\n"
        )
        return [one.replace("import sys;", f"{before}import sys;") for one in super().command]


def supported(what: str) -> list[str]:
    """Return what the client here can do."""
    return subprocess.run(["ssh", "-Q", what], capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize("cipher", [c.decode() for c in CIPHERS if c != CHACHA])
def test_ciphers(daemon: SshDaemon, cipher: str) -> None:
    """Each cipher, there and back."""
    said = "x" * 10_000
    options = (f"-oCiphers={cipher}", "-v")
    ran = daemon.run("carol", "say", "lobby", given=said, options=options)
    assert (ran.returncode, ran.stderr.count(f"cipher: {cipher} ")) == (0, 2), ran.stderr
    read = daemon.run("carol", "history", "lobby", "-n", "1", options=options)
    assert said in read.stdout


@pytest.mark.parametrize("mac", [mac.decode() for mac in MACS])
def test_macs(daemon: SshDaemon, mac: str) -> None:
    """Each MAC."""
    cipher = next(c for c in CIPHERS if c not in TAGGED).decode()
    ran = daemon.run("carol", "list", options=(f"-oMACs={mac}", f"-oCiphers={cipher}", "-v"))
    assert (ran.returncode, ran.stderr.count(f"MAC: {mac} ")) == (0, 2), ran.stderr


@pytest.mark.parametrize("exchange", [name.decode() for name in EXCHANGES])
def test_exchanges(daemon: SshDaemon, exchange: str) -> None:
    """Each exchange of keys that the client here has."""
    if exchange not in supported("kex"):
        pytest.skip("the client here does not have it")
    assert daemon.run("carol", "list", options=(f"-oKexAlgorithms={exchange}",)).returncode == 0


@pytest.mark.parametrize(
    "old", ["Ciphers=aes128-cbc", "MACs=hmac-sha1", "KexAlgorithms=ecdh-sha2-nistp256"]
)
def test_old(daemon: SshDaemon, old: str) -> None:
    """What is old is not had."""
    refused = daemon.run("carol", "list", options=(f"-o{old}", "-oCiphers=aes128-ctr", "-v"))
    assert refused.returncode == 255
    assert "no matching" in refused.stderr


def test_strange_cipher() -> None:
    """ChaCha20, which OpenSSH's clients are not offered, is what OpenSSH takes for it."""
    with NamelessDaemon() as running:
        ran = running.run("carol", "say", "lobby", given="x" * 10_000, options=("-v",))
        assert (ran.returncode, ran.stderr.count(f"cipher: {CHACHA.decode()} ")) == (0, 2)
        read = running.run("carol", "history", "lobby", "-n", "1")
        assert "x" * 10_000 in read.stdout


class NamelessDaemon(SshDaemon):
    """One that does not look at the client's version."""

    @property
    def command(self) -> list[str]:
        """See Daemon."""
        before = (
            "from twisted_chat.doors.ssh import transport\n"
            "transport.AFFORDABLE = transport.CIPHERS\n"
        )
        return [one.replace("import sys;", f"{before}import sys;") for one in super().command]


def test_new_keys() -> None:
    """The server wants new keys in the middle of much, said and read: all of it comes, in order."""
    lines = [f"{number:04d} {'x' * 4_000}" for number in range(200)]
    with ImpatientDaemon() as running:
        said = running.run("gina", "say", "lobby", given="\n".join(lines), options=("-v",))
        assert said.returncode == 0
        assert said.stderr.count("SSH2_MSG_NEWKEYS received") > 4
        read = running.run("gina", "history", "lobby", "-n", "200", options=("-v",))
        assert [line.split(" ")[2] for line in read.stdout.splitlines()] == [
            line.split(" ")[0] for line in lines
        ]
        assert read.stderr.count("SSH2_MSG_NEWKEYS received") > 4


def test_audit(daemon: SshDaemon) -> None:
    """ssh-audit finds nothing but what stays."""
    pytest.importorskip("ssh_audit")
    command = (sys.executable, "-m", "ssh_audit.ssh_audit", "-j", "--skip-rate-test")
    ran = subprocess.run(
        [*command, "-p", str(daemon.ssh), "127.0.0.1"], capture_output=True, text=True, timeout=60
    )
    found = json.loads(ran.stdout)
    assert found["cves"] == []
    bad = {
        one["algorithm"]: one["notes"].get("fail", []) + one["notes"].get("warn", [])
        for kind in ("kex", "key", "enc", "mac")
        for one in found[kind]
    }
    assert {name: notes for name, notes in bad.items() if notes} == CONTESTED
    assert "kex-strict-s-v00@openssh.com" in bad


def command_of(program: str, daemon: SshDaemon, words: str) -> list[str]:
    """Return a command of another client than OpenSSH's, which trusts this daemon."""
    if program == "dbclient":  # Dropbear's: ChaCha20 is all that it has here
        return ["dbclient", "-y", "-y", "-p", str(daemon.ssh), "carol@127.0.0.1", words]
    key = daemon.directory / "ssh_host_ed25519_key"
    shown = subprocess.run(["ssh-keygen", "-l", "-f", key], capture_output=True, text=True)
    known = ("-hostkey", shown.stdout.split()[1])
    return ["plink", "-batch", "-P", str(daemon.ssh), *known, "carol@127.0.0.1", words]


@pytest.mark.parametrize("program", ["plink", "dbclient"])
def test_others(program: str, tmp_path: Path) -> None:
    """PuTTY's and Dropbear's clients, over new keys in the middle of much."""
    if shutil.which(program) is None:
        pytest.skip("it is not here")
    lines = [f"{number:04d} {'x' * 3_000}" for number in range(150)]
    with ImpatientDaemon() as running:
        for words, given in (("say lobby", "\n".join(lines)), ("history lobby", "")):
            ran = subprocess.run(
                command_of(program, running, words),
                env={**os.environ, "HOME": str(tmp_path)},
                input=given,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert ran.returncode == 0, ran.stderr
    assert [line.split(" ", 2)[2] for line in ran.stdout.splitlines()] == lines
