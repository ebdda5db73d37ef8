"""OpenSSH's clients in one session beside native ones: processor time of a delivery, and memory.

Each text is said when the one before has come back, so that each delivery is a packet of its own.
Every client's output is held against what was said.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import selectors
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from timeit import repeat
from typing import Any, Final, Self

from benchmarks import machine
from benchmarks.checking import Wrong
from benchmarks.report import short, table
from benchmarks.servers import UNSLOWED, Daemon, NotThere, free_port
from twisted_chat.doors.ssh.sealing import MACS, TAGGED, Material, Suite, made
from twisted_chat.doors.ssh.transport import Transport

PATIENCE: Final = 120.0
"""Seconds for everybody to be there, and for everything to be read."""

AT_ONCE: Final = 20
"""Clients that come in at a time."""

KINDS: Final = {"window": ["-tt"], "tail": ["-T"]}
COMMANDS: Final = {"window": [], "tail": ["tail", "lobby", "-n", "0", "-f"]}

MARK: Final = re.compile(rb"t(\d{6})t")


class Native:
    """A native connection."""

    def __init__(self, port: int, user: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held = bytearray()
        self.ask({"type": "login", "user": user})

    def fileno(self) -> int:
        """Return its number."""
        return self.socket.fileno()

    def read(self) -> bytes:
        """Read what there is."""
        return self.socket.recv(65_536)

    def close(self) -> None:
        """End."""
        self.socket.close()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask something, and wait for its answer."""
        body = json.dumps({**request, "id": str(time.monotonic_ns())}).encode()
        self.socket.sendall(struct.pack("!I", len(body)) + body)
        wanted = json.loads(body)["id"]
        while True:
            found = self._next()
            if found.get("id") == wanted:
                return found

    def _next(self) -> dict[str, Any]:
        while len(self.held) < 4 or len(self.held) < 4 + int.from_bytes(self.held[:4], "big"):
            self.held += self.read()
        end = 4 + int.from_bytes(self.held[:4], "big")
        found: dict[str, Any] = json.loads(self.held[4:end])
        del self.held[:end]
        return found


class OpenSsh:
    """An OpenSSH client, on the generators' core."""

    def __init__(self, port: int, user: str, kind: str, options: Sequence[str]) -> None:
        core = {machine.cores()[1]}
        fixed = [
            "-F",
            "none",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ]
        self.process = subprocess.Popen(
            [
                *("ssh", *fixed, "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", *options),
                *(*KINDS[kind], "-p", str(port), f"{user}@127.0.0.1", *COMMANDS[kind]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TERM": "xterm"},
            preexec_fn=lambda: os.sched_setaffinity(0, core),
        )

    def fileno(self) -> int:
        """Return the number of its output."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def read(self) -> bytes:
        """Read what there is."""
        return os.read(self.fileno(), 65_536)

    def close(self) -> None:
        """End."""
        self.process.kill()
        self.process.wait()


class Crowd:
    """Those who read: what each was shown is kept, and looked through at the end."""

    def __init__(self) -> None:
        self.members: dict[Native | OpenSsh, bytearray] = {}
        self._selector = selectors.DefaultSelector()

    def add(self, member: Native | OpenSsh) -> None:
        """Have one more."""
        self.members[member] = bytearray()
        self._selector.register(member, selectors.EVENT_READ, member)

    def read(self, seconds: float) -> None:
        """Read what there is, or wait so long for something."""
        for key, _ in self._selector.select(seconds):
            found = key.data.read()
            if not found:
                raise Wrong("A client has ended.")
            self.members[key.data] += found

    def read_until(self, done: Callable[[], bool], what: str) -> None:
        """Read until that is so."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise Wrong(f"{what} takes too long.")
            self.read(0.05)

    def check(self, first: int, texts: int) -> None:
        """Raise Wrong unless each was shown each of these once, in order."""
        wanted = [b"%06d" % number for number in range(first, first + texts)]
        for shown in self.members.values():
            if (found := MARK.findall(shown)) != wanted:
                raise Wrong(f"A client was shown {len(found)} of {texts} texts.")
            shown.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.close()


def sealing(suite: Suite) -> float:
    """Return what a packet that goes nowhere costs, in microseconds."""
    transport = Transport()
    transport.transport = type("Nowhere", (), {"write": lambda _self, _data: None})()
    transport._outgoing = made(suite, Material(bytes(64), bytes(64), bytes(64)))
    payload = bytes(160)
    return min(repeat(lambda: transport.sendPacket(94, payload), number=10_000)) * 100


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks ssh``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks ssh", description=__doc__)
    parser.add_argument("--clients", type=int, default=200, help="of each kind [200]")
    parser.add_argument("--texts", type=int, default=300, help="texts said [300]")
    parser.add_argument("--ciphers", action="append", help="of the clients; several times [theirs]")
    options = parser.parse_args(argv)
    if shutil.which("ssh") is None:
        raise NotThere("There is no OpenSSH client here.")
    print(machine.describe())
    runs: list[tuple[str, str, list[str]]] = [("native", "native", [])]
    for kind in KINDS:
        for cipher in options.ciphers or [""]:
            chosen = ["-o", f"Ciphers={cipher}"] if cipher else []
            runs.append((f"{kind} {cipher}".strip(), kind, chosen))
    rows, native = [], 1.0
    for name, kind, chosen in runs:
        cost, memory = measured(kind, chosen, options.clients, options.texts)
        native = cost if kind == "native" else native
        rows.append([name, short(cost), short(cost / native), short(memory / 1024)])
    print(f"\n{options.clients} clients of each kind, {options.texts} texts one after the other\n")
    print(table(["", "us/delivery", "to native", "KiB/client"], rows))
    print("\nA packet of 160 bytes alone\n")
    suites = [Suite(cipher) for cipher in TAGGED] + [Suite(b"aes128-ctr", mac) for mac in MACS]
    costs = [[f"{one.cipher.decode()} {one.mac.decode()}", short(sealing(one))] for one in suites]
    print(table(["", "us"], costs))
    return 0


def measured(kind: str, chosen: Sequence[str], clients: int, texts: int) -> tuple[float, float]:
    """Return the server's microseconds for each delivery, and its bytes for each client."""
    door = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(
            Daemon(*UNSLOWED, "--ssh", f"tcp:{door}:interface=127.0.0.1", log="memory:")
        )
        os.sched_setaffinity(0, {machine.cores()[1]})
        talker = Native(server.port, "talker")
        stack.callback(talker.close)
        crowd = stack.enter_context(Crowd())
        before = machine.resident(server.pid)
        for number in range(clients):
            user = f"reader{number}"
            crowd.add(
                Native(server.port, user) if kind == "native" else OpenSsh(door, user, kind, chosen)
            )
            if (number + 1) % AT_ONCE == 0 or number + 1 == clients:
                crowd.read_until(lambda: here(talker) == len(crowd.members) + 1, "coming in")
        for _ in range(20):
            crowd.read(0.05)
        memory = (machine.resident(server.pid) - before) / clients
        say(talker, crowd, 0, 20)  # to be warm
        spent = machine.processor_ns(server.pid)
        say(talker, crowd, 20, texts)
        spent = machine.processor_ns(server.pid) - spent
    return spent / 1000 / (texts * (clients + 1)), memory


def here(talker: Native) -> int:
    """Return how many are in the lobby."""
    count: int = talker.ask({"type": "list"})["sessions"][0]["users"]
    return count


def say(talker: Native, crowd: Crowd, first: int, texts: int) -> None:
    """Say texts, one after the other, and wait until everybody was shown the last."""
    for number in range(first, first + texts):
        talker.ask({"type": "text", "data": f"t{number:06d}t " + "words and words " * 4})
        crowd.read(0)
    last = b"t%06dt" % (first + texts - 1)
    crowd.read_until(lambda: all(last in shown for shown in crowd.members.values()), "reading")
    crowd.check(first, texts)
