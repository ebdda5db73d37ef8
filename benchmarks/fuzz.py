"""Anything at all, for as long as it is told to, at three doors: nothing breaks, nothing grows.

Requests of all kinds with fields that are right, wrong, huge or missing; frames and lines in which
bytes were changed, cut and doubled; in an order that nobody would ask in, by clients that come, go
and stop reading. The chat runs in this process, on a clock of its own. It ends with 1 where an
exception is logged, an answer is ``internal``, or memory goes on growing.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import time
from collections import Counter
from typing import Any, Final, get_args

from msgspec.inspect import type_info
from twisted.internet.error import ConnectionLost
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import provider

from benchmarks import machine
from benchmarks.checking import Wrong
from benchmarks.report import table
from tests.kit.frames import frame
from tests.kit.pipe import Pipe
from tests.kit.world import World
from twisted_chat.accounts.proofs import Prover
from twisted_chat.doors.irc import IrcFactory
from twisted_chat.doors.lines import LinesFactory
from twisted_chat.vocabulary.messages.requests import Request

USERS: Final = ("alice", "bob", "carol")
CLIENTS: Final = 12
WORLD: Final = 3_000
"""Messages after which everything begins anew: what is said must not be what grows."""

WORDS: Final = (
    *("alice", "bob", "carol", "root", "guest", "nobody", "lobby", "ops", "#ops", "@alice,bob", ""),
    *("secret", "x", "x" * 33, "x" * 70, "x" * 20_000, "\0", "\x1b[2J", "é", "\u202e", "\ud800"),
    *("a OR b", '"', "*", "moderator", "owner", "none", "10.0.0.0/8", "::1", "192.0.2.1", "😀"),
)
SCALARS: Final[tuple[object, ...]] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    7,
    300,
    2**53,
    2**63,
    1.5,
    1e308,
    [],
    {},
    [1],
    {"a": 1},
)

IRC: Final = (
    *(
        "NICK",
        "USER",
        "JOIN",
        "PART",
        "PRIVMSG",
        "NOTICE",
        "TOPIC",
        "NAMES",
        "LIST",
        "WHO",
        "WHOIS",
    ),
    *("MODE", "KICK", "INVITE", "CAP", "AUTHENTICATE", "PASS", "PING", "QUIT", "AWAY", "MONITOR"),
    *(
        "CHATHISTORY",
        "TAGMSG",
        "REDACT",
        "MARKREAD",
        "BATCH",
        "OPER",
        "KLINE",
        "WHOWAS",
        "REGISTER",
    ),
)
LINES: Final = ("/join", "/leave", "/list", "/who", "/say", "/msg", "/kick", "/ban", "/set", "/me")


def _kinds() -> list[tuple[str, list[str]]]:
    found = []
    for kind in get_args(Request):
        info: Any = type_info(kind)
        found.append((str(info.tag), [one.encode_name for one in info.fields]))
    return found


KINDS: Final = _kinds()


def value(chance: random.Random) -> object:
    """Return something for a field."""
    match chance.randrange(8):
        case 0:
            return chance.choice(SCALARS)
        case 1:
            return chance.randrange(-2, 400)
        case 2:
            return [value(chance) for _ in range(chance.randrange(3))]
        case 3:
            return "".join(chr(chance.randrange(0xD7FF)) for _ in range(chance.randrange(30)))
        case _:
            return chance.choice(WORDS)


def request(chance: random.Random) -> bytes:
    """Return a request, as good as chance has it."""
    kind, fields = chance.choice(KINDS)
    said: dict[str, object] = {"type": kind, "id": f"{chance.randrange(100)}"}
    for one in fields:
        if chance.random() < 0.7:
            said[one] = value(chance)
    if kind == "login" and chance.random() < 0.7:
        said = {"type": "login", "user": chance.choice(WORDS[:6]), "password": "secret", "id": "l"}
    return json.dumps(said).encode()


def changed(chance: random.Random, body: bytes) -> bytes:
    """Change some bytes of what would be right."""
    held = bytearray(body)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(held) + 1)
        match chance.randrange(3):
            case 0:
                held[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del held[at : at + chance.randrange(9)]
            case _:
                held[at:at] = chance.randbytes(chance.randrange(9))
    return bytes(held)


class Guest:
    """Somebody at one of the doors."""

    def __init__(self, world: World, factory: Any, door: str, chance: random.Random) -> None:
        self.world, self.door, self.chance = world, door, chance
        self.pipe = Pipe(world.clock, 50_000, f"192.0.2.{chance.randrange(1, 250)}")
        self.protocol = factory.buildProtocol(self.pipe.getPeer())
        self.pipe.protocol = self.protocol
        self.protocol.makeConnection(self.pipe)

    def say(self) -> int:
        """Say something or other; return how many messages that was."""
        chance, count = self.chance, self.chance.randrange(1, 6)
        parts = []
        for _ in range(count):
            if self.door == "native":
                body = request(chance)
                body = changed(chance, body) if chance.random() < 0.3 else body
                part = frame(body)
                parts.append(changed(chance, part) if chance.random() < 0.03 else part)
            else:
                words = IRC if self.door == "irc" else LINES
                line = " ".join(
                    [
                        chance.choice(words),
                        *(str(value(chance)) for _ in range(chance.randrange(4))),
                    ]
                )
                data = line.encode("utf-8", "replace") + chance.choice((b"\r\n", b"\n", b"\r"))
                parts.append(changed(chance, data) if chance.random() < 0.2 else data)
        self.pipe.send(b"".join(parts))
        return count

    def read(self) -> bytes:
        """Read what came, or let it lie."""
        self.pipe.reading = self.chance.random() < 0.8
        return self.pipe.take() if self.pipe.reading else b""


def round_of(chance: random.Random, counts: Counter[str]) -> None:
    """Run one chat for a while. Raises Wrong."""
    world = World(users=USERS, operators=["root"], rate=0.0)
    prover = Prover(world.admission, world.directory)
    factories = {
        "native": world.factory,
        "irc": IrcFactory(world.admission, world.clock, lambda: "lobby", prover=prover),
        "lines": LinesFactory(prover, world.clock, lambda: "lobby"),
    }
    guests: list[Guest] = []
    said = 0
    while said < WORLD:
        if len(guests) < CLIENTS:
            door = chance.choice(("native", "native", "irc", "lines"))
            guests.append(Guest(world, factories[door], door, chance))
        guest = chance.choice(guests)
        if guest.pipe.gone or chance.random() < 0.02:
            if not guest.pipe.gone:
                guest.pipe.lose(ConnectionLost())
            guests.remove(guest)
            continue
        count = guest.say()
        said += count
        counts[guest.door] += count
        world.clock.advance(chance.choice((0, 0, 0, 0.05, 1.0)))
        got = guest.read()
        if b'"internal"' in got:
            raise Wrong(f"an answer is internal: {got[-300:]!r}")
        counts["errors"] += got.count(b'"type":"error"')
    for guest in guests:
        if not guest.pipe.gone:
            guest.pipe.lose(ConnectionLost())
    world.clock.advance(120)
    if world.chat.connections:
        raise Wrong(f"{world.chat.connections} connections are left")


def main(argv: list[str]) -> None:
    """Go on until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    args = parser.parse_args(argv)
    broken: list[str] = []

    @provider(ILogObserver)
    def watch(event: LogEvent) -> None:
        if "log_failure" in event:
            broken.append(str(event["log_failure"].getTraceback()))

    globalLogPublisher.addObserver(watch)
    counts: Counter[str] = Counter()
    sizes: list[int] = []
    began, rounds = time.monotonic(), 0
    while time.monotonic() - began < args.seconds:
        chance = random.Random(args.seed + rounds)
        round_of(chance, counts)
        gc.collect()
        if broken:
            raise Wrong(f"seed {args.seed + rounds}: {broken[0]}")
        rounds += 1
        sizes.append(machine.resident(os.getpid()))
    total = sum(counts[door] for door in ("native", "irc", "lines"))
    middle = sizes[len(sizes) // 3] if sizes else 0
    growth = (sizes[-1] - middle) / 2**20 if sizes else 0.0
    print(f"seed {args.seed}, {rounds:,} chats, {total:,} messages, {growth:+.1f} MiB in the end\n")
    print(table(("door", "messages"), [(name, f"{count:,}") for name, count in counts.items()]))
    if growth > 32:
        raise Wrong(f"memory grew by {growth:.0f} MiB")
