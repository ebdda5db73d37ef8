"""The SSH door's own keys: made once, whole; renewed; each connection keeps those it began with."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.ssh_client import SshClient, ssh_factory
from tests.kit.ssh_daemon import SshDaemon
from tests.kit.waiting import eventually
from tests.kit.world import ChatCase
from twisted_chat.doors.ssh import HostKeyError, hostkeys


class MakingTests(SynchronousTestCase):
    """How they are made."""

    def setUp(self) -> None:
        self.folder = mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def test_once(self) -> None:
        """They are for their owner alone, and the same again."""
        keys = hostkeys.host_keys(self.folder)
        self.assertEqual(
            sorted(key.sshType() for key in keys), [b"ecdsa-sha2-nistp256", b"ssh-ed25519"]
        )
        self.assertEqual(hostkeys.host_keys(self.folder), keys)
        self.assertEqual(len(os.listdir(self.folder)), 2)
        for name in os.listdir(self.folder):
            self.assertEqual(os.stat(os.path.join(self.folder, name)).st_mode & 0o777, 0o600)

    def test_at_the_same_time(self) -> None:
        """Of several that start at once the first makes them, and all have the same."""
        first = hostkeys.host_keys(self.folder)
        with patch("os.path.lexists", return_value=False):
            self.assertEqual(hostkeys.host_keys(self.folder), first)
        self.assertEqual(len(os.listdir(self.folder)), 2)

    def test_cut_off(self) -> None:
        """What goes wrong in the middle leaves nothing behind."""
        with patch("os.fsync", side_effect=OSError(28, "No space left on device")):
            self.assertRaises(HostKeyError, hostkeys.host_keys, self.folder)
        self.assertEqual(os.listdir(self.folder), [])

    def test_others(self) -> None:
        """What others can read, a link, and what is no key are refused."""
        hostkeys.host_keys(self.folder)
        path = hostkeys.paths(self.folder)[0]
        os.chmod(path, 0o640)
        self.assertRaises(HostKeyError, hostkeys.host_keys, self.folder)
        os.rename(path, f"{path}.other")
        os.symlink(f"{path}.other", path)
        self.assertRaises(HostKeyError, hostkeys.renewed, self.folder)
        os.unlink(path)
        self.assertRaises(HostKeyError, hostkeys.renewed, self.folder)
        Path(path).write_text("no key")
        os.chmod(path, 0o600)
        self.assertRaises(HostKeyError, hostkeys.renewed, self.folder)


class RenewedTests(ChatCase):
    """New ones while somebody is there."""

    def test_connections(self) -> None:
        """Who is there keeps the key that it has judged, over new keys too."""
        folder = mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        world = self.world()
        factory = ssh_factory(world)
        before = factory.keys[0]
        old = SshClient(world, factory)
        old.come("gus")
        new_keys = hostkeys.host_keys(folder)
        factory.renew(new_keys)
        new = SshClient(world, factory)
        new.come("bob")
        old.exchange_keys()
        self.assertEqual(old.host_key, before.public().blob())
        self.assertEqual(new.host_key, new_keys[0].public().blob())


def told(daemon: SshDaemon, words: str) -> None:
    """Reload; wait until the daemon has said that."""
    daemon.signal(signal.SIGHUP)
    eventually(lambda: words in daemon.output)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no OpenSSH client here")
def test_reload() -> None:
    """SIGHUP takes up new keys; what is no key is refused, and the old ones hold."""
    with SshDaemon() as daemon:
        assert daemon.run("carol", "list").returncode == 0
        path = daemon.directory / "ssh_host_ed25519_key"
        before = path.read_bytes()
        path.write_bytes(b"nothing")
        told(daemon, "no private key")
        assert daemon.run("carol", "list").stderr == ""
        path.unlink()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        told(daemon, "Reload: Certificates, keys")
        assert "man-in-the-middle" in daemon.run("carol", "list").stderr
        path.write_bytes(before)
        daemon.restart()
        assert daemon.run("carol", "list").stderr == ""
