"""Logins of accounts that have places: what they cost beside others, and many at once.

An account that is in 1,000 sessions while it is away logs in as one does that is in the lobby
alone, and as a guest does, who has no places at all: in turns, in one run. Then 10,000 guests come
in at once, and 10,000 accounts that were there before.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any, Final

from msgspec.json import encode
from twisted.internet.task import Clock

from benchmarks import machine
from benchmarks.back import Object, frame, receive
from benchmarks.checking import Wrong
from benchmarks.report import short, table
from benchmarks.servers import UNSLOWED, Daemon
from tests.kit.logs import InlineWorker
from twisted_chat.accounts.devices import Kept
from twisted_chat.log.contract import Life, Record
from twisted_chat.log.sqlite import open_sqlite

AT_ONCE: Final = 500
"""Logins under way at a time, where many come in."""

CROWDED: Final = 20
"""Accounts that are in many sessions."""

TURNS: Final = 5
"""Logins of each of them in one turn."""

DEVICE, SECRET = "benchmark", "not much of a secret"
TOKEN: Final = f"{DEVICE}.{SECRET}"

Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def come(port: int, user: str, joins: int = 0, **login: object) -> tuple[Link, Object, int]:
    """Log in, and join so many sessions; return the link, the welcome, how many snapshots came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(frame({"type": "login", "user": user, "id": "1", **login}))
    welcome = await receive(reader)
    if welcome["type"] != "welcome":
        raise Wrong(f"{user}: {welcome}")
    for number in range(joins):
        writer.write(frame({"type": "join", "session": f"s{number}"}))
    writer.write(frame({"type": "ping", "id": "2"}))  # it is answered when all else is done
    snapshots = 0
    while (found := await receive(reader))["type"] != "pong":
        snapshots += found["type"] == "session"
    return (reader, writer), welcome, snapshots


def prepare(folder: Path, places: int, many: int) -> None:
    """Write accounts, each with a device that has a token, and let some be in many sessions.

    With a token, as hashing a password would be all that is measured.
    """
    crowded = [f"a{number}" for number in range(CROWDED)]
    lonely = [f"c{number}" for number in range(CROWDED * TURNS)]
    users = [*crowded, *lonely, *(f"b{number}" for number in range(many))]
    with open(folder / "u.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "password"])
        writer.writerows([user, "correct horse battery"] for user in users)
    log = open_sqlite(str(folder / "chat.db"), Clock(), InlineWorker, "normal")
    secret = sha256(SECRET.encode()).hexdigest()
    device = encode(Kept(hash=secret, since=0, last=0, door="native", address="127.0.0.1"))
    records = [Record("device", f"user:{user}", DEVICE, device) for user in users]
    for number in range(places):
        epoch = f"e{number}"
        log.create(Life(epoch=epoch, key=f"s{number}", name=f"s{number}", keep=True))
        records += [Record("place", epoch, user, user.encode()) for user in crowded]
    for start in range(0, len(records), 1_000):
        log.keep(records[start : start + 1_000])
    log.close()


async def idle(server: Daemon) -> None:
    """Wait until the server has nothing to do."""
    before = 0
    while (now := machine.processor_ns(server.pid)) - before > 5_000_000:
        before = now
        await asyncio.sleep(0.2)


async def turn(server: Daemon, users: Sequence[str], **login: Any) -> tuple[float, int, int]:
    """Let users log in one after the other; return us of the server for each, places, snapshots."""
    before = machine.processor_ns(server.pid)
    listed = seen = 0
    links = []
    for user in users:
        link, welcome, snapshots = await come(server.port, user, **login)
        listed, seen = len(welcome.get("places", ())), snapshots
        links.append(link)
    cost = (machine.processor_ns(server.pid) - before) / 1_000 / len(users)
    for _, writer in links:
        writer.transport.abort()
    await idle(server)
    return cost, listed, seen


async def crowd(server: Daemon, users: Sequence[str], **login: Any) -> tuple[float, float]:
    """Let users log in at once; return seconds, and us of the server for each."""
    room = asyncio.Semaphore(AT_ONCE)
    links: list[Link] = []

    async def one(user: str) -> None:
        async with room:
            link, _, _ = await come(server.port, user, **login)
            links.append(link)

    before, began = machine.processor_ns(server.pid), time.monotonic()
    await asyncio.gather(*map(one, users))
    took = time.monotonic() - began
    cost = (machine.processor_ns(server.pid) - before) / 1_000 / len(users)
    for _, writer in links:
        writer.transport.abort()
    await idle(server)
    return took, cost


async def measured(server: Daemon, options: argparse.Namespace) -> None:
    """Measure and print."""
    crowded = [f"a{n}" for n in range(CROWDED)] * TURNS
    kinds: dict[str, tuple[Sequence[str], dict[str, Any]]] = {
        "a guest": ([f"g{n}" for n in range(len(crowded))], {}),
        "an account in the lobby": (
            [f"c{n}" for n in range(len(crowded))],
            {"token": TOKEN},
        ),
        f"an account in {options.places:,} sessions": (crowded, {"token": TOKEN}),
        "the account, joining each of them": (crowded, {"token": TOKEN, "joins": options.places}),
        "the account, in all of them again": (crowded, {"token": TOKEN, "places": True}),
    }
    found: dict[str, list[tuple[float, int, int]]] = {kind: [] for kind in kinds}
    for _ in range(options.runs + 1):  # the first is for everything to be there
        for kind, (users, login) in kinds.items():
            found[kind].append(await turn(server, users, **login))
    rows = []
    first = median(cost for cost, _, _ in found["an account in the lobby"][1:])
    for kind, turns in found.items():
        cost = median(one for one, _, _ in turns[1:])
        rows.append((kind, f"{cost:,.0f}", short(cost / first), *map(str, turns[-1][1:])))
    print(table(("login of", "server us", "ratio", "places told", "snapshots"), rows), flush=True)
    many_rows = []
    many = range(options.many)
    crowds: tuple[tuple[str, Sequence[str], dict[str, Any]], ...] = (
        ("guests", [f"g{n}" for n in many], {}),
        ("accounts, the first time", [f"b{n}" for n in many], {"token": TOKEN}),
        ("accounts that have places", [f"b{n}" for n in many], {"token": TOKEN}),
    )
    for kind, users, login in crowds:
        took, cost = await crowd(server, users, **login)
        many_rows.append((kind, short(took), f"{options.many / took:,.0f}", f"{cost:,.0f}"))
    head = (f"{options.many:,} at once", "seconds", "logins/s", "server us/login")
    print(f"\n{table(head, many_rows)}")


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks places``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks places", description=__doc__)
    parser.add_argument("--places", type=int, default=999, help="sessions of an account [999]")
    parser.add_argument("--many", type=int, default=10_000, help="logins at once [10,000]")
    parser.add_argument("--runs", type=int, default=5, help="turns of each kind [5]")
    options = parser.parse_args(argv)
    print(machine.describe())
    limit = ("--max-sessions", str(options.places + 2), "--max-connections", "20000")
    server = Daemon(*UNSLOWED, *limit, "--users", "u.csv", "--guests", log="sqlite:chat.db")
    prepare(server.folder, options.places, options.many)
    with server:
        asyncio.run(measured(server, options))
    return 0
