"""Any bytes at all: an error or a closed connection, and never an unhandled exception."""

from __future__ import annotations

import gc
import json
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from tests.kit.frames import frame
from tests.kit.world import ChatCase, Client, World
from twisted_chat.vocabulary.messages import MAX_FRAME

NAMES = st.sampled_from(
    ["alice", "bob", "lobby", "ops", "@alice,bob", "", "x" * 70, "é", "@", "@,"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | NAMES
    | st.sampled_from([2**53, 2**53 - 1, -1, 0, 1, "\ud800", "x" * 20_000, "\x00" * 3_000])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELDS = {
    "login": ["user", "password", "token", "resume"],
    "create": ["session", "password", "keep", "topic"],
    "join": ["session", "password", "after", "epoch"],
    "leave": ["session"],
    "delete": ["session"],
    "text": ["data", "session", "to"],
    "topic": ["topic", "session"],
    "list": [],
    "who": ["session", "after"],
    "history": ["session", "before", "after", "limit"],
    "search": ["session", "query", "before", "limit"],
    "ping": [],
    "logout": [],
}
GOOD: dict[str, st.SearchStrategy[Any]] = {
    "user": st.sampled_from(["alice", "carol", "dave"]),
    "session": st.sampled_from(["lobby", "ops", "dev", "@alice,bob", "@bob,carol"]),
    "to": st.sampled_from(["alice", "bob", "nobody"]),
    "data": st.text(min_size=1, max_size=50),
    "topic": st.text(max_size=50),
    "query": st.text(max_size=20)
    | st.sampled_from(["x", '"a b"', "x*", '"', "*", "NOT", "a OR b"]),
    "keep": st.booleans(),
    "after": st.integers(0, 20),
    "before": st.integers(0, 20),
    "limit": st.integers(1, 300),
    "resume": st.lists(
        st.fixed_dictionaries({"session": NAMES, "after": st.integers(0, 9)}), max_size=5
    ),
}


@st.composite
def requests(draw: st.DrawFn, wrong: bool) -> bytes:
    """Draw a request: a good one, or one with something wrong in it."""
    type = draw(st.sampled_from(sorted(FIELDS)))
    request: dict[str, Any] = {"type": type, "id": draw(st.text(min_size=1, max_size=5))}
    for field in FIELDS[type]:
        if draw(st.integers(0, 3)):
            request[field] = draw(GOOD.get(field, st.text(max_size=10)))
    if wrong:
        for _ in range(draw(st.integers(1, 3))):
            key = draw(st.sampled_from([*request, "extra"]))
            request[key] = draw(VALUES)
    if draw(st.integers(0, 20)) == 0:
        request.pop("type")
    return json.dumps(request).encode()


@st.composite
def cut(draw: st.DrawFn) -> bytes:
    """Draw a request in whose bytes something was changed."""
    body = bytearray(draw(requests(False)))
    for _ in range(draw(st.integers(1, 4))):
        if body:
            place = draw(st.integers(0, len(body) - 1))
            match draw(st.integers(0, 2)):
                case 0:
                    body[place] = draw(st.integers(0, 255))
                case 1:
                    del body[place : place + draw(st.integers(1, 9))]
                case _:
                    body[place:place] = draw(st.binary(max_size=9))
    return bytes(body)


FRAMES = st.one_of(
    st.binary(max_size=60).map(frame),
    VALUES.map(lambda value: frame(json.dumps(value).encode())),
    requests(True).map(frame),
    requests(False).map(frame),
    cut().map(frame),
)
STREAMS = st.lists(FRAMES | st.binary(max_size=30), min_size=1, max_size=12)

PROFILE = settings(
    max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


class AnyBytesTests(ChatCase):
    """Under a chat with somebody in it, who must notice nothing."""

    def tell(self, world: World, client: Client, stream: list[bytes], size: int) -> None:
        """Send bytes, in pieces of some size; all that comes back is frames of known objects."""
        data = b"".join(stream)
        for start in range(0, len(data), size):
            client.raw(data[start : start + size])
        for message in client.got():
            self.assertIsInstance(message["type"], str)
        if not client.closed:
            self.assertLessEqual(len(client.protocol._unprocessed), MAX_FRAME + 4)

    def check(self, world: World, bob: Client) -> None:
        """The others are well, and nothing was logged as an error."""
        gc.collect(0)  # a failure that nobody handles is logged when it is collected
        self.assertEqual(self.flushLoggedErrors(), [])
        bob.got()
        self.assertEqual(bob.ask("ping")["type"], "pong")
        said = bob.ask("text", data="still here", session="lobby")
        self.assertEqual(said["type"], "text")

    @PROFILE
    @given(STREAMS, st.sampled_from([1, 7, 100_000]))
    def test_before_the_login(self, stream: list[bytes], size: int) -> None:
        """Whatever comes before a login."""
        world = self.world(users=["bob"])
        bob = world.come("bob")
        client = world.connect()
        self.tell(world, client, stream, size)
        self.check(world, bob)
        for _ in range(40):
            world.clock.advance(1)
        if client.protocol not in world.factory.watch.connections:
            self.assertTrue(client.closed)

    @PROFILE
    @given(STREAMS, st.sampled_from([1, 7, 100_000]), st.booleans())
    def test_after_the_login(self, stream: list[bytes], size: int, vanishes: bool) -> None:
        """Whatever comes after it; and the client may go at any time."""
        world = self.world(users=["alice", "bob"])
        bob, alice = world.come("bob"), world.come("alice")
        bob.ask("create", session="ops")
        bob.ask("text", to="alice", data="hello")
        self.tell(world, alice, stream, size)
        if vanishes and not alice.closed:
            world.log.hold = True
            alice.raw(b"".join(stream))
            world.settle()
            if not alice.closed:
                alice.vanish()
            for _ in range(20):
                world.log.hold = True
                world.log.let_go()
                world.settle()
            self.assertEqual([user.name.text for user in self.users(world)], ["bob"])
        self.check(world, bob)

    def users(self, world: World) -> list[Any]:
        return [user for person in world.chat.people.here.values() for user in person.users]
