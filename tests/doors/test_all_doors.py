"""One session behind all doors: what one says the others see, in one order, under the same seq.

The same is shown over two nodes, with a door of each kind at either.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doors.irc.test_irc_door import Irc
from tests.doors.test_lines_door import Typist
from tests.kit.nodes import Cluster
from tests.kit.support import ChatCase, World
from tests.kit.web_support import Web
from twisted_chat.accounts.proofs import Prover
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
    prover = Prover(world.admission, cast(Any, world.directory))
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
    prover = Prover(world.admission, cast(Any, world.directory))
    typist = Typist(world, LinesFactory(prover, world.clock, lambda: "lobby"), True)
    typist.type(name)

    def heard() -> list[Heard]:
        found = (re.search(r" (\w+): (.*)$", line) for line in typist.shown())
        return [(None, said[1], said[2]) for said in found if said is not None]

    return Seat(lambda data: typist.pipe.send(f"{data}\n".encode()), heard)


DOORS = (native, web, irc, lines)

STEPS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(1, 3), st.booleans()), min_size=1, max_size=25
)
"""Who talks, how often at once, and whether all is read then."""


class AllDoorsTests(ChatCase):
    """Two people at each of four doors."""

    def check(self, seats: list[Seat], settle: Callable[[], None], steps: Any) -> None:
        """Let them talk; all have heard the same in the end."""
        settle()
        for seat in seats:
            seat.read()
            seat.heard.clear()
        said = 0
        for who, count, reads in steps:
            for _ in range(count):
                said += 1
                seats[who].say(f"text{said}")
            if reads:
                for seat in seats:
                    seat.read()
        for _ in range(3):
            settle()
            for seat in seats:
                seat.read()
        first = seats[0].heard
        self.assertEqual([seq for seq, *_ in first], list(range(1, said + 1)))
        self.assertEqual(
            sorted(data for *_, data in first), sorted(f"text{n + 1}" for n in range(said))
        )
        for seat in seats[1:]:
            told = [
                (seq if mine is not None else None, source, data)
                for (seq, source, data), (mine, *_) in zip(first, seat.heard, strict=True)
            ]
            self.assertEqual(seat.heard, told)

    @settings(max_examples=40)
    @given(STEPS)
    def test_one_order_behind_all_doors(self, steps: Any) -> None:
        """Whoever says what by whichever door, all see it once, in one order."""
        world = World()
        seats = [door(world, f"{door.__name__}{n}") for n in range(2) for door in DOORS]
        self.check(seats, world.settle, steps)

    @settings(max_examples=40)
    @given(STEPS)
    def test_one_order_behind_all_doors_of_two_nodes(self, steps: Any) -> None:
        """The same, where each door has one of them at either node."""
        cluster = Cluster()
        seats = [
            door(world, f"{door.__name__}{n}")
            for n, world in enumerate(cluster.worlds)
            for door in DOORS
        ]
        self.check(seats, lambda: cluster.pass_time(1.25), steps)
