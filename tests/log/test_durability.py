"""Nothing acknowledged is lost: kill -9, a full disk, a daemon that is stopped, a slow reader."""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.kit.daemon import PATIENCE, Daemon, RawClient, free_port
from tests.kit.talkers import Client, Writer, everything
from tests.kit.waiting import eventually

pytestmark = pytest.mark.slow

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
            eventually(lambda: reader.seen and sum(len(one.told) for one in writers) > 200)
            daemon.signal(signal.SIGSTOP)
            time.sleep(5)
            daemon.signal(signal.SIGCONT)
            time.sleep(0.3)
        finally:
            for writer in writers:
                writer.stopping = True
            for writer in writers:
                writer.thread.join(PATIENCE)
            texts = everything(daemon.port)
            eventually(lambda: reader.failure is not None or reader.last >= len(texts))
            reader.stopping = True
            daemon.kill()
            reader.thread.join(PATIENCE)
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


@contextmanager
def small_disk(mebibytes: int) -> Iterator[Path]:
    """A file system of its own in memory, of so many MiB; gone in the end, whatever happens."""
    with TemporaryDirectory() as folder:
        options = f"size={mebibytes}m,mode=700"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
        try:
            mounted = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("there is no mount here")
        if mounted.returncode:
            pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            # Lazily: also where a daemon that a failure has left behind is still in it.
            subprocess.run(["umount", "--lazy", folder], check=True)


def test_file_system_full(tmp_path: Path) -> None:
    """The same on a file system that is full, and for who asks how the daemon is."""
    pytest.importorskip("autobahn")
    web = free_port()
    with (
        small_disk(8) as disk,
        Daemon(
            *("--log", f"sqlite:{disk}/chat.db", "--rate", "0"),
            *("--web", f"tcp:{web}:interface=127.0.0.1"),
            directory=tmp_path,
        ) as daemon,
        RawClient(daemon.port) as ann,
        RawClient(daemon.port) as ben,
    ):
        ann.login("ann")
        ben.login("ben")
        stored = [ann.ask("text", data=f"before {number}")["seq"] for number in range(5)]
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        while (answer := ann.ask("text", data="a little"))["type"] == "text":
            stored.append(answer["seq"])  # there is some room in the pages that it has already
        assert answer["code"] == "not-stored"
        assert len(stored) < 20
        assert [ben.receive_until("text")["seq"] for _ in stored] == stored
        assert ben.is_silent()
        assert ann.ask("text", data="x" * 10_000)["code"] == "not-stored"
        assert ben.ask("history", limit=1)["texts"][0]["seq"] == stored[-1]
        # what it tries to store is less than any text
        eventually(lambda: health(web) == 503, seconds=PATIENCE)
        filler.unlink()
        stored.append(ann.ask("text", data="after")["seq"])
        assert ben.receive_until("text")["data"] == "after"
        eventually(lambda: health(web) == 200, seconds=PATIENCE)
        assert stored == [*range(1, len(stored) + 1)]
        assert "can not store" in daemon.output
        assert "Traceback" not in daemon.output
        daemon.kill()
        daemon.start()
        assert [text["seq"] for text in everything(daemon.port)] == stored


def health(port: int) -> int:
    """Return what ``/health`` answers."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status


def test_a_reader_that_sleeps() -> None:
    """Who reads nothing while 20,000 texts are said gets all of them then, in order."""
    count = 20_000
    options = ("--rate", "0", "--log", "sqlite:chat.db?synchronous=normal")
    with (
        Daemon(*options) as daemon,
        RawClient(daemon.port) as ann,
        RawClient(daemon.port) as ben,
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
