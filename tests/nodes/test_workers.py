"""``--workers N``: several nodes on one machine, behind one port."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.daemon import Daemon, RawClient
from tests.kit.postgres import postgres
from tests.kit.redis import Redis
from tests.kit.waiting import eventually
from twisted_chat.operation import steering
from twisted_chat.operation.settings import Settings, SettingsError
from twisted_chat.operation.workers import number, own


class WorkersTests(SynchronousTestCase):
    """What each worker has of the settings."""

    def test_of_each_its_own(self) -> None:
        """What can not be shared has the worker's number."""
        chosen = Settings(
            workers=3,
            log="postgresql://x",
            admin="a.sock",
            metrics=("tcp:9100:interface=127.0.0.1",),
        )
        self.assertEqual(own(chosen, 0), chosen)
        worker = own(chosen, 2)
        self.assertEqual(
            (worker.admin, worker.metrics[0]), ("a.sock.2", "tcp:9102:interface=127.0.0.1")
        )
        self.assertEqual((number({}), number({"TWISTED_CHAT_WORKER": "2"})), (0, 2))

    def test_what_they_can_not_have(self) -> None:
        """Workers need a log that they share, and ports that can be shared."""
        for chosen in (
            Settings(workers=2),
            Settings(workers=2, log="postgresql://x", session_ports=(1, 2)),
            Settings(workers=2, log="postgresql://x", web=("unix:web.sock",)),
            Settings(workers=2, log="postgresql://x", metrics=("unix:m.sock",)),
        ):
            with self.assertRaises(SettingsError):
                own(chosen, 1)


def _counts(daemon: Daemon) -> list[int]:
    found = steering.ask(str(daemon.directory / "admin.sock"), "nodes", {})
    return [int(line.split()[-7]) for line in found[1:]]


@pytest.mark.slow
def test_workers_are_one_chat(tmp_path: Path) -> None:
    """Connections are dealt out among them; one that dies is started again; all end together."""
    with ExitStack() as stack:
        broker = stack.enter_context(Redis())
        daemon = stack.enter_context(
            Daemon(
                *("--log", postgres().url(), "--hints", broker.url, "--workers", "2"),
                *("--admin", "admin.sock"),
            )
        )
        eventually(lambda: os.path.exists(daemon.directory / "admin.sock.1"))
        eventually(lambda: len(_counts(daemon)) == 2 and daemon.output.count("native door on") == 2)
        clients = [stack.enter_context(RawClient(daemon.port)) for _ in range(20)]
        for place, client in enumerate(clients):
            client.login(f"guest{place}")
        eventually(lambda: sum(_counts(daemon)) == 20)
        assert min(_counts(daemon)) > 0
        clients[0].send({"type": "text", "session": "lobby", "data": "hi", "id": "1"})
        for client in clients:
            assert client.receive_until("text")["data"] == "hi"
        found = steering.ask(str(daemon.directory / "admin.sock.1"), "nodes", {})
        pid = int(found[1].split()[0].split("-")[-2])
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: "started again" in daemon.output)
        eventually(lambda: len(_counts(daemon)) == 2 and daemon.output.count("native door on") == 3)
        assert daemon.stop() == 0
        assert daemon.output.count("Server Shut Down") == 2, daemon.output
