"""Nothing acknowledged is lost: kill -9, a full disk, a daemon that is stopped, a slow reader."""

from __future__ import annotations

import random
import resource
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.daemon import Daemon, Object, RawClient

IN_FLIGHT = 20
KILLS = 10


class Client:
    """A client in a thread: it comes back to its place, for as long as it is wanted."""

    def __init__(self, daemon: Daemon, user: str) -> None:
        self.daemon = daemon
        self.user = user
        self.last = 0
        self.epoch: str | None = None
        self.seen: list[Object] = []
        self.stopping = False
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        """Talk, and come back whenever the connection is lost."""
        try:
            while not self.done():
                try:
                    with RawClient(self.daemon.port, timeout=0.5) as connection:
                        connection.timeout = 15.0
                        self.come(connection)
                        while not self.done():
                            self.turn(connection)
                except (OSError, EOFError):
                    time.sleep(0.05)
        except BaseException as failure:
            self.failure = failure

    def come(self, connection: RawClient) -> None:
        """Log in, back to the last place."""
        place: Object = {"session": "lobby"}
        if self.epoch is not None:
            place |= {"after": self.last, "epoch": self.epoch}
        connection.send({"type": "login", "user": self.user, "resume": [place], "id": "login"})
        assert connection.receive()["type"] == "welcome"
        snapshot = connection.receive()
        assert "reset" not in snapshot
        assert self.epoch in (None, snapshot["epoch"])
        if self.epoch is None:
            self.last = snapshot["head"]
        self.epoch = snapshot["epoch"]

    def done(self) -> bool:
        return self.stopping

    def turn(self, connection: RawClient) -> None:
        """Take one message: each text is the next one."""
        found = connection.receive()
        assert found["type"] != "error", found
        if found["type"] == "text":
            self.took(found)

    def took(self, text: Object) -> None:
        if text["seq"] > self.last:
            assert text["seq"] == self.last + 1
            self.last = text["seq"]
            self.seen.append(text)


class Writer(Client):
    """Keeps IN_FLIGHT texts unanswered, and says them again after a loss."""

    def __init__(self, daemon: Daemon, user: str) -> None:
        self.pending: dict[str, str] = {}
        self.told: dict[str, int] = {}
        self.count = 0
        super().__init__(daemon, user)

    def come(self, connection: RawClient) -> None:
        super().come(connection)
        for id, data in self.pending.items():
            connection.send({"type": "text", "session": "lobby", "data": data, "id": id})

    def done(self) -> bool:
        return self.stopping and not self.pending

    def turn(self, connection: RawClient) -> None:
        while len(self.pending) < IN_FLIGHT and not self.stopping:
            self.count += 1
            id, data = f"{self.user}-{self.count}", f"text {self.count} of {self.user}"
            self.pending[id] = data
            connection.send({"type": "text", "session": "lobby", "data": data, "id": id})
        super().turn(connection)

    def took(self, text: Object) -> None:
        super().took(text)
        if text["source"] == self.user:
            assert self.told.setdefault(text["id"], text["seq"]) == text["seq"]
            self.pending.pop(text["id"], None)


def everything(port: int) -> list[Object]:
    """Return all texts of the lobby, by history."""
    found: list[Object] = []
    with RawClient(port) as client:
        client.login("historian")
        more = True
        while more:
            after = found[-1]["seq"] if found else 0
            page = client.ask("history", session="lobby", after=after, limit=200)
            found += page["texts"]
            more = page["more"]
    return found


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
