"""Clients in threads that come back to their place: they notice what is lost, doubled or moved."""

from __future__ import annotations

import threading
import time

from tests.kit.daemon import Daemon, Object, RawClient

IN_FLIGHT = 20


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
