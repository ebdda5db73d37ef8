"""Everybody comes back at once after a ``kill -9``: until all are in again and have caught up."""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import time
from collections.abc import Sequence
from typing import Any, Final

from benchmarks import machine
from benchmarks.checking import Wrong
from benchmarks.servers import Daemon

AT_ONCE: Final = 250
"""Clients that come in at a time before the kill."""

TEXTS: Final = 100
"""Texts that all but one have missed when they come back."""

TRIES: Final = 200
PAUSE: Final = 0.25

Place = tuple[str, int]
Object = dict[str, Any]


def frame(message: Object) -> bytes:
    """Return an object as it travels."""
    body = json.dumps(message).encode()
    return struct.pack("!I", len(body)) + body


async def receive(reader: asyncio.StreamReader) -> Object:
    """Return the next object."""
    (size,) = struct.unpack("!I", await reader.readexactly(4))
    found: Object = json.loads(await reader.readexactly(size))
    return found


async def come(
    port: int, name: str, place: Place | None = None
) -> tuple[Place, asyncio.StreamWriter]:
    """Be in the lobby, with all that was missed; try again while there is nobody to answer."""
    for _ in range(TRIES):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            login: Object = {"type": "login", "user": name}
            if place is not None:
                login["resume"] = [{"session": "lobby", "epoch": place[0], "after": place[1]}]
            writer.write(frame(login))
            return await caught_up(reader, name, place), writer
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(PAUSE)
    raise Wrong(f"{name} does not get in")


async def caught_up(reader: asyncio.StreamReader, name: str, place: Place | None) -> Place:
    """Read up to the lobby's head; see that nothing is missing."""
    while (found := await receive(reader)).get("session") != "lobby" or found["type"] != "session":
        if found["type"] == "error":
            raise OSError(found["data"])
    epoch, head = found["epoch"], found["head"]
    if place is None:
        return epoch, head
    if epoch != place[0]:
        raise Wrong(f"{name}: the lobby began anew")
    for seq in range(place[1] + 1, head + 1):
        while (text := await receive(reader))["type"] != "text":
            pass
        if text["seq"] != seq:
            raise Wrong(f"{name}: {text['seq']} came for {seq}")
    return epoch, head


async def looked(port: int) -> Place:
    """Return how far the lobby is: for who comes, looks, and goes."""
    place, writer = await come(port, "looker")
    writer.transport.abort()
    return place


async def measured(server: Daemon, clients: int) -> tuple[float, float]:
    """Return the seconds until it listens again, and until everybody is back."""
    here: list[tuple[Place, asyncio.StreamWriter]] = []
    for start in range(0, clients, AT_ONCE):
        names = (f"u{n}" for n in range(start, min(clients, start + AT_ONCE)))
        here += await asyncio.gather(*(come(server.port, name) for name in names))
    place, writer = here[0]
    for number in range(TEXTS):
        writer.write(frame({"type": "text", "data": f"text {number}"}))
    while place[1] + TEXTS != (await looked(server.port))[1]:
        await asyncio.sleep(PAUSE)
    for _, other in here:
        other.transport.abort()
    began = time.monotonic()
    server.kill()
    server.again()
    listens = time.monotonic() - began
    back = await asyncio.gather(*(come(server.port, f"u{n}", place) for n in range(clients)))
    took = time.monotonic() - began
    if {head for (_, head), _ in back} != {place[1] + TEXTS}:
        raise Wrong("texts are missing")
    return listens, took


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks back``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks back", description=__doc__)
    parser.add_argument("--clients", type=int, default=5_000, help="how many [5000]")
    options = parser.parse_args(argv)
    print(machine.describe())
    limit = str(options.clients + AT_ONCE)
    with Daemon("--max-connections", limit, log="sqlite:chat.db") as server:
        listens, took = asyncio.run(measured(server, options.clients))
    print(
        f"\n{options.clients:,} clients: it listens again after {listens:.1f} s, and everybody is"
        f" back after {took:.1f} s, with the {TEXTS} texts that were missed."
    )
    return 0
