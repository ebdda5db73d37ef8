"""Several chats in one process that are one: over a log in memory, joined by the seam of peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.kit.world import Client, World
from twisted_chat.chat.chat import Chat
from twisted_chat.hints.hub import Carry, Hub
from twisted_chat.log.contract import Life
from twisted_chat.log.memory import MemoryLog
from twisted_chat.log.shared_memory import Feed, SharedMemoryLog
from twisted_chat.nodes.node import Node


class _Late(SharedMemoryLog):
    """A log in which something happens just after the lives were read, once."""

    meanwhile: Callable[[], object] | None = None

    def lives(self) -> Sequence[Life]:
        lives = super().lives()
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return lives


class Cluster:
    """Worlds that share a clock, a log and a hub. ``carry`` says what becomes of each hint."""

    def __init__(
        self,
        count: int = 2,
        *,
        carry: Carry | None = None,
        users: Sequence[str] | None = None,
        operators: Sequence[str] = (),
        **rules: Any,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1_000.0)
        self.feed = Feed(MemoryLog(self.clock))
        self.hub = Hub() if carry is None else Hub(carry)
        self.failed: list[str] = []
        self.nodes: list[Node] = []
        self.worlds: list[World] = []
        self._options = {"users": users, "operators": operators, **rules}
        for _ in range(count):
            self.add()

    def add(self, meanwhile: Callable[[], object] | None = None) -> World:
        """Begin one more node; ``meanwhile`` happens when it has read which lives there are."""
        node = f"node{len(self.nodes) + 1:04}"
        log = _Late(self.feed, node)
        log.meanwhile = meanwhile
        hints = self.hub.join()

        def join(chat: Chat) -> None:
            joined = Node(chat, log, hints, self.clock, self.failed.append)
            chat.be_one_of(joined)
            done: list[None] = []
            Deferred.fromCoroutine(joined.begin()).addCallback(done.append)
            assert done, "a log in memory answers at once"
            self.nodes.append(joined)

        world = World(log=log, clock=self.clock, join=join, **self._options)
        self.worlds.append(world)
        self.nodes[-1].start()
        world.settle()
        return world

    def settle(self) -> None:
        """End this turn."""
        self.clock.advance(0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, a quarter of a second at a time."""
        for _ in range(int(seconds * 4)):
            self.clock.advance(0.25)

    def quiet(self) -> None:
        """Let everybody forget what came until now."""
        for world in self.worlds:
            world.quiet()

    def kill(self, number: int) -> None:
        """Let a node be gone without a word: nothing of it is done any more."""
        node = self.nodes[number]
        self.feed.broken.add(node.name)
        for call in (node._looking, node._renewing):
            if call.running:
                call.stop()
        node.telling.stop()
        node.hints.close()

    def cut_off(self, number: int) -> Callable[[], None]:
        """Let a node not reach the log; return what lets it again."""
        name = self.nodes[number].name
        self.feed.broken.add(name)
        return lambda: self.feed.broken.discard(name)


def kinds(client: Client, *wanted: str) -> list[tuple[str, str]]:
    """Return what came of these kinds: its type, and whom it is about."""
    return [(m["type"], m.get("user", "")) for m in client.got() if m["type"] in wanted]
