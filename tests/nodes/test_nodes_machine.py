"""Two nodes at random: hints that are lost, doubled and late, logs out of reach, nodes that die.

Clients move between the nodes and come back with their places. Each holds every text that it is
shown to what the log says: once, in one order, without a hole; and at the end everybody has all.
"""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
from attrs import Factory, define
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.frames import Object
from tests.kit.machines import examples
from tests.kit.nodes import Cluster
from tests.kit.world import Client, World

USERS = ("alice", "bob", "carol")


@define(eq=False)
class Seat:
    """A user's client over all its connections: it keeps what a real one keeps."""

    user: str
    client: Client | None = None
    epoch: str | None = None
    last: int = 0
    texts: list[tuple[int, str, str]] = Factory(list)
    pending: dict[str, str] = Factory(dict)
    acknowledged: dict[str, int] = Factory(dict)
    again: set[str] = Factory(set)
    """What was said more than once."""

    def absorb(self) -> None:
        """Take what came."""
        if self.client is None:
            return
        for message in self.client.got():
            self.take(message)
        if self.client.closed:
            self.client = None

    def take(self, message: Object) -> None:
        """Take one message."""
        match message["type"]:
            case "text":
                self.see(message)
            case "session":
                assert not message.get("reset"), message
                assert message["head"] >= self.last, (message, self.last)
                if self.epoch is None:
                    self.last = message["head"]
                self.epoch = message["epoch"]
            case "error":
                assert message["code"] == "not-stored", message
                self.pending.pop(message.get("id") or "", None)
            case kind:
                known = ("joined", "left", "presence", "welcome", "bye")
                assert kind in known, message

    def see(self, text: Object) -> None:
        """Take a text: the next one, or what was stored before, said to its sender again."""
        seq = text["seq"]
        if text["source"] == self.user and text["id"] in self.pending:
            self.acknowledged[text["id"]] = seq
            del self.pending[text["id"]]
        if seq <= self.last:
            assert text["source"] == self.user, (text, self.last)
            assert text["id"] in self.again, (text, self.last)
            return
        assert seq == self.last + 1, (text, self.last)
        self.last = seq
        self.texts.append((seq, text["source"], text["data"]))


class NodesMachine(RuleBasedStateMachine):
    """What may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.fates: list[int] = []
        self.late: list[Callable[[], None]] = []
        self.cluster = Cluster(carry=self.carry, users=USERS)
        self.seats = [Seat(user) for user in (*USERS, "alice")]
        self.mend: dict[int, Callable[[], None]] = {}
        self.dead: set[int] = set()
        self.ids = 0

    def carry(self, deliver: Callable[[], None]) -> None:
        """Deliver a hint: now, never, twice, or later."""
        fate = self.fates.pop() if self.fates else 1
        if fate == 3:
            self.late.append(deliver)
        for _ in range(fate if fate < 3 else 0):
            deliver()

    def world(self, number: int) -> World:
        """Return the world of a node that lives."""
        alive = [n for n in range(len(self.cluster.worlds)) if n not in self.dead]
        return self.cluster.worlds[alive[number % len(alive)]]

    def come(self, seat: Seat, world: World) -> None:
        """Let a client be at a node, from its place on, and say again what was not answered."""
        client = world.connect()
        if seat.epoch is None:
            client.send("login", user=seat.user, password="secret")
        else:
            place = {"session": "lobby", "epoch": seat.epoch, "after": seat.last}
            client.send("login", user=seat.user, password="secret", resume=[place])
        seat.client = client
        for id, data in seat.pending.items():
            client.send("text", session="lobby", data=data, id=id)
        seat.again.update(seat.pending)
        seat.absorb()

    @initialize()
    def begin(self) -> None:
        """Everybody comes."""
        for number, seat in enumerate(self.seats):
            self.come(seat, self.world(number))

    @rule(seat=st.integers(0, 3), count=st.integers(1, 4))
    def say(self, seat: int, count: int) -> None:
        """Say something, and wait for nothing."""
        who = self.seats[seat]
        if who.client is None or who.epoch is None:
            return
        for _ in range(count):
            self.ids += 1
            who.pending[f"t{self.ids}"] = f"{self.ids}"
            who.client.send("text", session="lobby", data=f"{self.ids}", id=f"t{self.ids}")
        who.absorb()

    @rule(fates=st.lists(st.integers(0, 3), max_size=12))
    def hints(self, fates: list[int]) -> None:
        """What becomes of the next hints."""
        self.fates = fates

    @rule()
    def late_ones(self) -> None:
        """What was late comes, the last one first."""
        late, self.late = self.late[::-1], []
        for deliver in late:
            deliver()
        self.look()

    @rule(quarters=st.integers(0, 6))
    def pass_time(self, quarters: int) -> None:
        """Let time pass."""
        self.cluster.pass_time(quarters / 4)
        self.look()

    @rule(seat=st.integers(0, 3), node=st.integers(0, 3))
    def move(self, seat: int, node: int) -> None:
        """Lose the connection, and come back anywhere."""
        who = self.seats[seat]
        if who.client is not None:
            who.absorb()
        if who.client is not None:
            who.client.vanish()
        self.come(who, self.world(node))

    @rule(seat=st.integers(0, 3))
    def read_slowly(self, seat: int) -> None:
        """Stop reading, or read on."""
        who = self.seats[seat]
        if who.client is None:
            return
        if who.client.pipe.reading:
            who.absorb()
            if who.client is not None:
                who.client.stop_reading()
        else:
            who.client.read()
            who.absorb()

    @rule(node=st.integers(0, 3))
    def cut_off(self, node: int) -> None:
        """Let a node not reach the log."""
        number = node % len(self.cluster.worlds)
        if number not in self.dead and number not in self.mend:
            self.mend[number] = self.cluster.cut_off(number)

    @precondition(lambda self: self.mend)
    @rule()
    def mend_all(self) -> None:
        """Let the nodes reach the log again."""
        for mend in self.mend.values():
            mend()
        self.mend.clear()
        self.cluster.pass_time(0.25)
        self.look()

    @rule(node=st.integers(0, 3), late=st.booleans())
    def slow_log(self, node: int, late: bool) -> None:
        """Let a node's log be slow: in storing, or only in saying so."""
        log = self.world(node).log
        if not log.hold:
            log.hold, log.late = True, late

    @rule(node=st.integers(0, 3), commits=st.integers(0, 3), reads=st.integers(0, 3))
    def answers(self, node: int, commits: int, reads: int) -> None:
        """Let some of what waits be done."""
        world = self.world(node)
        for _ in range(min(commits, len(world.log.commits))):
            world.log.commit()
        for _ in range(min(reads, len(world.log.reads))):
            world.log.answer()
        self.look()

    @rule(node=st.integers(0, 3))
    def fast_log(self, node: int) -> None:
        """Let all of it be done, and the log be fast again."""
        self.world(node).log.let_go()
        self.look()

    @precondition(lambda self: len(self.cluster.worlds) < 5)
    @rule(node=st.integers(0, 3))
    def die(self, node: int) -> None:
        """Let a node be gone, with its connections, and another begin."""
        self.mend_all()
        world = self.world(node)
        number = self.cluster.worlds.index(world)
        world.log.let_go()
        self.dead.add(number)
        self.cluster.kill(number)
        for seat in self.seats:
            if seat.client is not None and seat.client.world is world:
                seat.client = None
        self.cluster.add()

    def look(self) -> None:
        """Let everybody take what came."""
        for seat in self.seats:
            if seat.client is None or seat.client.pipe.reading:
                seat.absorb()

    def teardown(self) -> None:
        """At rest everybody has all of it."""
        self.fates = []
        self.mend_all()
        for number in set(range(len(self.cluster.worlds))) - self.dead:
            self.cluster.worlds[number].log.let_go()
        self.late_ones()
        for seat in self.seats:
            if seat.client is not None and not seat.client.pipe.reading:
                seat.client.read()
        self.cluster.pass_time(3)
        for number, seat in enumerate(self.seats):
            seat.absorb()
            if seat.client is None:
                self.come(seat, self.world(number))
        self.cluster.pass_time(3)
        (life,) = self.cluster.feed.log.lives()
        log = self.cluster.feed.log._kept[life.epoch].texts
        stored = [(t.seq, t.source, t.data) for t in log]  # type: ignore[union-attr]
        by_id = {text.id: text.seq for text in log}
        assert len(by_id) == len(log), "a text was stored twice"
        for seat in self.seats:
            seat.absorb()
            assert not seat.pending, seat.pending
            assert seat.last == life.head, (seat.user, seat.last, life.head)
            assert seat.texts == stored[len(stored) - len(seat.texts) :], seat.user
            for id, seq in seat.acknowledged.items():
                assert by_id[id] == seq, id
        for world in self.cluster.worlds:
            if self.cluster.worlds.index(world) not in self.dead:
                here = self.seats[0].client
                assert here is not None
                assert world.chat.sessions["lobby"].count == len(USERS)


class NodesTests(SynchronousTestCase):
    """The promises, over two nodes."""

    def test_promises_hold_over_nodes(self) -> None:
        """Whatever becomes of hints, connections, logs and nodes: once, in order, no hole."""
        run_state_machine_as_test(NodesMachine, settings=examples(40, 40))
