"""Nothing acknowledged is lost: kill -9, a full disk, a daemon that is stopped, a slow reader."""

from __future__ import annotations

import random
import resource
import signal
import time
from pathlib import Path

import pytest

from tests.daemon import Daemon, RawClient
from tests.talkers import Client, Writer, everything

KILLS = 10


def test_killed_at_random() -> None:
    """SIGKILL ten times, and a stop of 5 s: what was acknowledged is there once, as it was told."""
    chance = random.Random(7)
    with Daemon("--log", "sqlite:chat.db", "--rate", "0") as daemon:
        writers = [Writer(daemon, f"writer{number}") for number in range(4)]
        reader = Client(daemon, "reader")
        try:
            for _ in range(KILLS):
                time.sleep(chance.uniform(0.05, 0.5))
                daemon.kill()
                daemon.start()
            time.sleep(0.3)
            daemon.signal(signal.SIGSTOP)
            time.sleep(5)
            daemon.signal(signal.SIGCONT)
            time.sleep(0.3)
        finally:
            for writer in writers:
                writer.stopping = True
            for writer in writers:
                writer.thread.join(30)
            texts = everything(daemon.port)
            deadline = time.monotonic() + 20
            while (
                reader.failure is None and reader.last < len(texts) and time.monotonic() < deadline
            ):
                time.sleep(0.05)
            reader.stopping = True
            daemon.kill()
            reader.thread.join(20)
        for client in (*writers, reader):
            assert client.failure is None, (client.user, client.failure)
            assert not client.thread.is_alive()
        assert [text["seq"] for text in texts] == list(range(1, len(texts) + 1))
        assert len({(text["source"], text["id"]) for text in texts}) == len(texts)
        told = {id: seq for writer in writers for id, seq in writer.told.items()}
        assert len(told) > 200
        assert {text["id"]: text["seq"] for text in texts} == told
        assert reader.seen == texts[-len(reader.seen) :]
        assert "Traceback" not in daemon.output


def test_disk_full(tmp_path: Path) -> None:
    """Not stored is said to the sender, shown to nobody, and over when there is room again."""
    if not hasattr(resource, "prlimit"):
        pytest.skip("no way to limit the size of another process's files here")
    options = ("--log", "sqlite:chat.db", "--rate", "0")
    with (
        Daemon(*options, directory=tmp_path) as daemon,
        RawClient(daemon.port) as ann,
        RawClient(daemon.port) as ben,
    ):
        ann.login("ann")
        ben.login("ben")
        for number in range(5):
            ann.ask("text", data=f"before {number}")
        largest = max(path.stat().st_size for path in tmp_path.iterdir())
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (largest + 100_000, hard))
        stored = 5
        refused = None
        for _ in range(100):
            answer = ann.ask("text", data="x" * 10_000)
            if answer["type"] == "error":
                refused = answer
                break
            stored += 1
            assert answer["seq"] == stored
        assert refused is not None
        assert refused["code"] == "not-stored"
        ann.send({"type": "text", "data": "again " * 500, "id": "same"})
        while (answer := ann.receive()).get("id") != "same":
            pass
        assert answer["code"] == "not-stored"
        assert ann.ask("ping")["type"] == "pong"
        assert [ben.receive_until("text")["seq"] for _ in range(stored)] == [*range(1, stored + 1)]
        assert ben.is_silent()
        assert ben.ask("history", limit=1)["texts"][0]["seq"] == stored
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))
        ann.send({"type": "text", "data": "again " * 500, "id": "same"})
        while (answer := ann.receive()).get("id") != "same":
            pass
        assert answer["seq"] == stored + 1
        assert ben.receive_until("text")["seq"] == stored + 1
        assert daemon.stop() == 0
        daemon.start()
        assert [text["seq"] for text in everything(daemon.port)] == [*range(1, stored + 2)]


def test_a_reader_that_sleeps() -> None:
    """Who reads nothing while 20,000 texts are said gets all of them then, in order."""
    count = 20_000
    options = ("--rate", "0", "--log", "sqlite:chat.db?synchronous=normal")
    with (
        Daemon(*options) as daemon,
        RawClient(daemon.port, timeout=30) as ann,
        RawClient(daemon.port, timeout=30) as ben,
    ):
        ann.login("ann")
        ben.login("ben")
        before = memory(daemon.pid)
        body = "x" * 500
        for start in range(0, count, 50):
            for number in range(start, start + 50):
                ann.send({"type": "text", "data": f"{number} {body}"})
            for _ in range(50):
                ann.receive_until("text")
        assert memory(daemon.pid) - before < 8_000  # of 10 MB that were said
        for number in range(count):
            text = ben.receive_until("text")
            assert text["seq"] == number + 1
            assert text["data"].startswith(f"{number} ")
        ann.send({"type": "text", "data": "live"})
        assert ben.receive_until("text")["seq"] == count + 1


def memory(pid: int) -> int:
    """Return how much memory a process has, in KiB."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("no /proc here")
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1])
