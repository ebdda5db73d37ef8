"""A long time of everything: clients come, go, vanish, stall and flood; promises are checked.

What each client is shown is compared with what all others were: one order, no holes, each id once,
and nothing that was missed left out. Memory and descriptors of the daemon are looked at all along;
the memory of the last part must be that of the middle, and in the end no descriptor may be left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import struct
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final

from attrs import define, field

from benchmarks import machine
from benchmarks.checking import Wrong
from benchmarks.report import table
from benchmarks.servers import Daemon

PATIENCE: Final = 60.0
"""Seconds that an answer may take."""

REMEMBERED: Final = 200_000
"""Texts of a session that are compared, at most: the newest."""

Object = dict[str, Any]


@define
class Truth:
    """What a session's texts are, as whoever saw them first saw them."""

    seen: dict[int, bytes] = field(factory=dict)
    ids: dict[tuple[str, str], int] = field(factory=dict)

    def check(self, text: Object, who: str) -> None:
        """Raise Wrong where somebody is shown another text than others were."""
        seq, source, id = text["seq"], text["source"], text.get("id")
        digest = blake2b(f"{source}\0{text['data']}".encode(), digest_size=8).digest()
        if self.seen.setdefault(seq, digest) != digest:
            raise Wrong(f"{who}: text {seq} is another one for others")
        if id is not None and self.ids.setdefault((source, id), seq) != seq:
            raise Wrong(f"{who}: {id!r} of {source} has two seqs: {seq} too")
        if len(self.seen) > REMEMBERED:
            for old in sorted(self.seen)[: REMEMBERED // 2]:
                del self.seen[old]
            for key in list(self.ids)[: len(self.ids) // 2]:
                del self.ids[key]


@define(eq=False)
class World:
    """What all clients share."""

    port: int
    sessions: int = 1
    """How many sessions the clients are spread over; the first is the lobby."""
    pace: float = 1.0
    """What every wait of a client is multiplied by."""
    truths: dict[str, Truth] = field(factory=dict)
    counts: Counter[str] = field(factory=Counter)
    over: bool = False


class Ended(Exception):
    """The server has closed the connection."""


@define(eq=False)
class Client:
    """A client that remembers its place, as a good one does, over its connections."""

    world: World
    name: str
    home: str = "lobby"
    """The session that it talks in."""
    epoch: str | None = None
    seq: int = 0
    token: str | None = None
    unanswered: dict[str, str] = field(factory=dict)
    """Texts that it said and was not shown, by id: it says them again when it is back."""
    _said: int = 0
    _size: int | None = None
    """The length of the object that is read, where no more than that has come."""
    _reader: asyncio.StreamReader = field(init=False)
    _writer: asyncio.StreamWriter = field(init=False)

    async def come(self) -> None:
        """Log in, go on where it was, and say again what has no answer."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.world.port)
        self._size = None
        login: Object = {"type": "login", "user": self.name, "token": self.token}
        place: Object = {"session": self.home, "after": self.seq, "epoch": self.epoch}
        if self.epoch is not None:
            login["resume"] = [place]
        self.send({key: value for key, value in login.items() if value is not None})
        welcome = await self.until("welcome")
        self.token = welcome.get("token", self.token)
        if self.epoch is None and self.home != "lobby":
            self.send({"type": "join", "session": self.home})
        await self.until_in()
        for id, data in self.unanswered.items():
            self.send({"type": "text", "session": self.home, "data": data, "id": id})
        self.world.counts["came"] += 1

    def send(self, message: Object) -> None:
        """Send one object."""
        if self._writer.transport.is_closing():
            raise Ended("closed")
        body = json.dumps(message).encode()
        self._writer.write(struct.pack("!I", len(body)) + body)

    def say(self, data: str) -> None:
        """Say something, once."""
        self._said += 1
        id = f"{self._said}"
        self.unanswered[id] = data
        self.send({"type": "text", "session": self.home, "data": data, "id": id})

    async def until_in(self) -> None:
        """Read on until it is in the session that it talks in."""
        while (await self.until("session"))["session"] != self.home:
            pass

    async def until(self, type: str) -> Object:
        """Read on until there is an object of that type."""
        while True:
            found = await self.receive()
            if found["type"] == type:
                return found
            if found["type"] == "error" and type in ("welcome", "session"):
                raise Ended(found["data"])

    async def receive(self, patience: float = PATIENCE) -> Object:
        """Read one object; see that it fits what came before."""
        try:
            async with asyncio.timeout(patience):
                if self._size is None:
                    (self._size,) = struct.unpack("!I", await self._reader.readexactly(4))
                found: Object = json.loads(await self._reader.readexactly(self._size))
                self._size = None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Ended("closed") from None
        if found["type"] == "session" and found["session"] == self.home:
            if found.get("reset") or found["epoch"] != self.epoch:
                if self.epoch is not None:
                    raise Wrong(f"{self.name}: {self.home} began anew")
                self.epoch, self.seq = found["epoch"], found["head"]
        elif found["type"] == "text" and found["session"] == self.home:
            self._read(found)
        return found

    def _read(self, text: Object) -> None:
        self.world.counts["shown"] += 1
        own = text["source"] == self.name
        again = own and text["seq"] <= self.seq  # an id that was stored already
        if not again:
            if text["seq"] != self.seq + 1:
                raise Wrong(f"{self.name}: after {self.seq} came {text['seq']}")
            self.seq = text["seq"]
        self.world.truths.setdefault(self.home, Truth()).check(text, self.name)
        if own and self.unanswered.pop(text.get("id", ""), None) is not None:
            self.world.counts["stored"] += 1

    async def listen(self, seconds: float) -> None:
        """Read for so long."""
        end = time.monotonic() + seconds * self.world.pace
        while (left := end - time.monotonic()) > 0 and not self.world.over:
            with suppress(TimeoutError):
                await self.receive(min(left, 1.0))

    async def leave(self) -> None:
        """Say goodbye."""
        self.send({"type": "logout"})
        with suppress(Ended):
            await self.until("bye")
        self._writer.close()

    def vanish(self) -> None:
        """Be gone, without a word."""
        self._writer.transport.abort()

    def flood(self) -> None:
        """Send much at once: texts, questions, and what is no request."""
        for number in range(200):
            self.say(f"flood {number} " + "x" * random.randrange(400))
        for _ in range(50):
            self.send({"type": "list"})
            self.send({"type": "nonsense"})
            self.send({"type": "history", "session": self.home, "limit": 200})
        self.world.counts["floods"] += 1


async def talks(client: Client) -> None:
    """Stay for a while, and say something now and then."""
    for _ in range(random.randrange(3, 20)):
        client.say(f"{client.name} says {random.random()}")
        await client.listen(random.uniform(0.5, 4))
    await client.leave()


async def vanishes(client: Client) -> None:
    """Say something, and be gone in the middle of it."""
    await client.listen(random.uniform(0, 5))
    for number in range(random.randrange(1, 30)):
        client.say(f"going {number}")
    await asyncio.sleep(random.uniform(0, 0.05))
    client.world.counts["vanished"] += 1
    client.vanish()


async def stalls(client: Client) -> None:
    """Read nothing for a while, and then all of it."""
    client.world.counts["stalled"] += 1
    end = time.monotonic() + random.uniform(5, 30) * client.world.pace
    while time.monotonic() < end and not client.world.over:
        await asyncio.sleep(0.5)
    await client.listen(10)
    client.vanish()


async def floods(client: Client) -> None:
    """Send more than anybody should, and read the answers."""
    client.flood()
    await client.listen(random.uniform(3, 10))
    await client.leave()


KINDS: Final[Sequence[Callable[[Client], Coroutine[Any, Any, None]]]] = (
    *(talks,) * 6,
    *(vanishes,) * 3,
    *(stalls,) * 2,
    floods,
)


def home(number: int) -> str:
    """Return the name of a session."""
    return f"room{number}" if number else "lobby"


async def begin(world: World) -> None:
    """Create the sessions."""
    host = Client(world, "host")
    await host.come()
    for number in range(1, world.sessions):
        host.send({"type": "create", "session": home(number), "keep": True})
        await host.until("session")
    await host.leave()


async def live(world: World, number: int, again: float) -> None:
    """Be one client after another, each where the one before it was."""
    client = Client(world, f"u{number}", home(number % world.sessions))
    while not world.over:
        try:
            await client.come()
            await random.choice(KINDS)(client)
        except (Ended, OSError, TimeoutError) as ended:
            world.counts[f"ended: {ended}"[:40]] += 1
        await asyncio.sleep(min(random.expovariate(1 / again) * world.pace, PATIENCE))


async def strange(world: World) -> None:
    """Connect, and be no client at all: half a frame, a long one, bytes one by one, nothing."""
    while not world.over:
        sent = random.choice(
            [b"", b"\0\0", b"\xff" * 100, b"GET / HTTP/1.1\r\n\r\n", struct.pack("!I", 9) + b"{"]
        )
        with suppress(OSError, TimeoutError):
            _, writer = await asyncio.open_connection("127.0.0.1", world.port)
            for byte in sent:
                if writer.transport.is_closing():
                    break
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)
            await asyncio.sleep(random.uniform(0, 3) * world.pace)
            writer.transport.abort()
            world.counts["strangers"] += 1


def descriptors(pid: int) -> int:
    """Return how many a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


async def soak(
    server: Daemon, minutes: float, clients: int, sessions: int, pace: float
) -> list[list[str]]:
    """Run it; return what was seen, a row each thirtieth of the time. Raises Wrong."""
    world = World(server.port, sessions, pace)
    await begin(world)
    began = time.monotonic()
    tasks = [asyncio.create_task(live(world, number, 2.0)) for number in range(clients)]
    tasks += [asyncio.create_task(strange(world)) for _ in range(max(1, clients // 20))]
    rows = []
    memory: list[float] = []
    pause = max(2.0, minutes * 60 / 30)
    while time.monotonic() - began < minutes * 60:
        await asyncio.sleep(pause)
        for task in tasks:
            if task.done():
                task.result()
        memory.append(machine.resident(server.pid) / 1024 / 1024)
        rows.append(
            [
                f"{time.monotonic() - began:.0f}",
                f"{memory[-1]:.0f}",
                f"{descriptors(server.pid)}",
                f"{machine.processor_ns(server.pid) / 1e9:.0f}",
                f"{world.counts['stored']:,}",
                f"{world.counts['shown']:,}",
                f"{world.counts['came']:,}",
            ]
        )
        print("  ".join(rows[-1]), flush=True)
    world.over = True
    done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 120)
    for found in done:
        if isinstance(found, BaseException) and not isinstance(found, asyncio.CancelledError):
            raise found
    print(dict(world.counts.most_common(20)))
    middle, last = sorted(memory[len(memory) // 3 : -len(memory) // 3 or None]), memory[-3:]
    if middle and min(last) > 1.25 * middle[len(middle) // 2] + 10:
        raise Wrong(f"memory grows: {middle[len(middle) // 2]:.0f} MiB, then {min(last):.0f}")
    return rows


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks soak``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long [10]")
    parser.add_argument("--clients", type=int, default=200, help="clients at once, about [200]")
    parser.add_argument("--sessions", type=int, default=1, help="spread over so many [1]")
    parser.add_argument("--pace", type=float, default=1, help="every wait so much longer [1]")
    parser.add_argument("--log", default="sqlite:chat.db", help="memory: or sqlite:FILE [sqlite]")
    options = parser.parse_args(argv)
    print(machine.describe())
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Daemon("--presence-limit", "50", log=options.log) as server:
        before = descriptors(server.pid)
        rows = asyncio.run(
            soak(server, options.minutes, options.clients, options.sessions, options.pace)
        )
        deadline = time.monotonic() + 60
        while (left := descriptors(server.pid)) > before + 4 and time.monotonic() < deadline:
            time.sleep(1)
        said = (server.folder / "console").read_text(errors="replace")
        if left > before + 4:
            raise Wrong(f"{left - before} descriptors are left")
        for word in ("Traceback", "Unhandled"):
            if word in said:
                raise Wrong(f"the daemon's log has a {word}")
    head = ["s", "MiB", "descriptors", "CPU s", "stored", "shown", "logins"]
    print(f"\n{table(head, rows)}\n\nEvery promise held; {left} descriptors at the end.")
    return 0
