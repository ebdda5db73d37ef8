"""Writers and readers in threads that move between servers, and hold all that they see to account.

A writer says a text again, under its id, until it is acknowledged. A reader comes back with its
place, and wants every text once, in one order, without a hole.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from tests.kit.daemon import RawClient

LOST = (OSError, EOFError, RuntimeError)
"""What says that a server is not there, or lets go."""

_chance = Random()
"""Its own: hypothesis, in another test of this process, wants the other to be left alone."""


PATIENCE = 4.0


class Member(threading.Thread):
    """Somebody at one of ``ports()``; what goes wrong with the promises is in ``wrong``."""

    def __init__(self, name: str, ports: Callable[[], Sequence[int]]) -> None:
        super().__init__(name=name, daemon=True)
        self.ports = ports
        self.wrong: list[str] = []
        self.over = threading.Event()
        self.moves = 0
        self.patience = PATIENCE
        """Seconds after which it goes elsewhere; longer each time, until there is an answer."""

    def run(self) -> None:
        while not self.over.is_set():
            try:
                with RawClient(_chance.choice(self.ports()), timeout=self.patience) as client:
                    self.moves += 1
                    self.work(client)
            except TimeoutError:
                self.patience = min(1.5 * self.patience, 60.0)
            except LOST:
                time.sleep(0.1)

    def work(self, client: RawClient) -> None:
        """Do what one does while connected."""
        raise NotImplementedError


class Writer(Member):
    """Says numbered texts in the lobby, one after the other."""

    def __init__(self, name: str, ports: Callable[[], Sequence[int]]) -> None:
        super().__init__(name, ports)
        self.acknowledged: dict[str, int] = {}
        self.count = 0

    def work(self, client: RawClient) -> None:
        client.login(self.name, password="secret")
        until = time.monotonic() + _chance.uniform(1, 4)
        while not self.over.is_set() and time.monotonic() < until:
            id = f"{self.name}-{self.count}"
            client.send({"type": "text", "session": "lobby", "data": id, "id": id})
            found = self.answer(client, id)
            if found["type"] == "text":
                self.patience = PATIENCE
                self.acknowledged[id] = found["seq"]
                self.count += 1
            elif found["code"] != "not-stored":
                self.wrong.append(f"{id}: {found}")
                self.count += 1
            else:
                time.sleep(0.1)
            time.sleep(0.005)

    def answer(self, client: RawClient, id: str) -> dict[str, Any]:
        """Wait for the answer to a text."""
        while True:
            found = client.receive()
            if found.get("id") == id:
                return found


class Reader(Member):
    """Reads the lobby, from its place on."""

    def __init__(self, name: str, ports: Callable[[], Sequence[int]]) -> None:
        super().__init__(name, ports)
        self.epoch: str | None = None
        self.last = 0
        self.texts: dict[int, str] = {}

    def work(self, client: RawClient) -> None:
        place = {"session": "lobby", "epoch": self.epoch, "after": self.last}
        resume = {} if self.epoch is None else {"resume": [place]}
        client.send(
            {"type": "login", "user": self.name, "password": "secret", "id": "in", **resume}
        )
        client.receive()
        self.patience = PATIENCE
        until = time.monotonic() + _chance.uniform(1, 4)
        while not self.over.is_set() and time.monotonic() < until:
            try:
                message = client.receive(timeout=1.0)
            except TimeoutError:
                continue
            if message["type"] == "session":
                if message.get("reset") or message["head"] < self.last:
                    self.wrong.append(f"at {self.last}: {message}")
                if self.epoch is None:
                    self.epoch, self.last = message["epoch"], message["head"]
            elif message["type"] == "text":
                self.see(message)

    def see(self, text: dict[str, Any]) -> None:
        """Take a text."""
        if text["seq"] != self.last + 1:
            self.wrong.append(f"{text['seq']} after {self.last}")
        self.last = max(self.last, text["seq"])
        self.texts[text["seq"]] = text["id"]


@contextmanager
def at_work(members: Sequence[Member]) -> Iterator[None]:
    """Let them begin; and end, whatever happens: none goes on beside another test."""
    for member in members:
        member.start()
    try:
        yield
    finally:
        for member in members:
            member.over.set()
        for member in members:
            member.join(60)
