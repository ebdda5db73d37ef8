"""One seat at each door: who says things there, and remembers what it has heard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.kit.irc import Irc
from tests.kit.lines import Typist
from tests.kit.terminals import Window
from tests.kit.web import Web
from tests.kit.world import World
from twisted_chat.doors.irc import IrcFactory
from twisted_chat.doors.lines import LinesFactory

Heard = tuple[int | None, str, str]
"""A text: its seq where the door tells it, who said it, and what."""


class Seat:
    """Somebody at a door: says things, and remembers what it has heard."""

    def __init__(self, say: Callable[[str], object], hear: Callable[[], list[Heard]]) -> None:
        self.say = say
        self.hear = hear
        self.heard: list[Heard] = []

    def read(self) -> None:
        """Take what came."""
        self.heard += self.hear()


def _objects(found: list[dict[str, Any]]) -> list[Heard]:
    return [(m["seq"], m["source"], m["data"]) for m in found if m["type"] == "text"]


def native(world: World, name: str) -> Seat:
    """Come in by frames."""
    client = world.come(name)
    return Seat(
        lambda data: client.send("text", session="lobby", data=data),
        lambda: _objects(client.got()),
    )


def web(world: World, name: str) -> Seat:
    """Come in by a WebSocket."""
    socket = Web(world).come(name)
    return Seat(
        lambda data: socket.send("text", session="lobby", data=data),
        lambda: _objects(socket.got()),
    )


def irc(world: World, name: str) -> Seat:
    """Come in by IRC, with a client that hears its own texts and their ids."""
    prover = world.prover()
    client = Irc(world, IrcFactory(world.admission, world.clock, lambda: "lobby", prover=prover))
    client.send("CAP REQ :echo-message message-tags", f"NICK {name}", f"USER {name} 0 * :x")
    client.send("CAP END")

    def heard() -> list[Heard]:
        found: list[Heard] = []
        for line in client.got():
            said = re.match(r"@(\S*) :([^!]+)!\S+ PRIVMSG #lobby :?(.*)", line)
            if said is not None:
                place = re.search(r"msgid=[^;]*?(\d+)(;|$)", said[1])
                assert place is not None, line
                found.append((int(place[1]), said[2], said[3]))
        return found

    client.got()
    return Seat(lambda data: client.send(f"PRIVMSG #lobby :{data}"), heard)


def lines(world: World, name: str) -> Seat:
    """Come in by plain lines, as netcat does."""
    prover = world.prover()
    typist = Typist(world, LinesFactory(prover, world.clock, lambda: "lobby"), True)
    typist.type(name)

    def heard() -> list[Heard]:
        found = (re.search(r" (\w+): (.*)$", line) for line in typist.shown())
        return [(None, said[1], said[2]) for said in found if said is not None]

    return Seat(lambda data: typist.pipe.send(f"{data}\n".encode()), heard)


def ssh(world: World, name: str) -> Seat:
    """Come in by a terminal behind the SSH door."""
    window = Window(world, world.prover(), name, 80)
    return Seat(lambda data: window.terminal.received(f"{data}\r".encode()), list)


DOORS = (native, web, irc, lines)
