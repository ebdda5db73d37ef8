"""One session behind all doors: what one says the others see, in one order, under the same seq.

The same is shown over two nodes, with a door of each kind at either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.nodes import Cluster
from tests.kit.seats import DOORS, Seat
from tests.kit.world import ChatCase, World

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
