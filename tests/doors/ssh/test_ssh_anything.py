"""Whatever comes by SSH, in whatever order, from who is in: it is answered, or it is the end."""

from __future__ import annotations

import struct
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.conch.ssh.common import NS

from tests.kit.ssh_client import SshClient, ssh_factory
from tests.kit.world import ChatCase

Step = Callable[[SshClient], None]

NUMBERS = st.sampled_from([0, 1, 2, 7, 2**31, 2**32 - 1])
SIZES = st.sampled_from([0, 1, 100, 1_024, 32_768, 2**21, 2**32 - 1])
REQUESTS = [b"pty-req", b"shell", b"exec", b"window-change", b"env", b"subsystem", b"signal"]
REQUESTS += [
    b"x11-req",
    b"auth-agent-req@openssh.com",
    b"break",
    b"xon-xoff",
    b"exit-status",
    b"\xff",
]
COMMANDS = ["say lobby hi", "say lobby", "tail lobby -n 5 -f", "history lobby", "who lobby", "fly"]
TYPED = st.one_of(
    st.binary(max_size=80),
    st.sampled_from([b"hi\r", b"/who\r", b"\x03", b"\x04", b"\t\t", b"\x1b[200~a\rb", b"/quit\r"]),
    st.just(b"x" * 30_000),
)
TERMINAL = st.tuples(
    st.sampled_from([b"xterm", b"dumb", b"", b"\xff"]), st.lists(SIZES, min_size=4, max_size=4)
).map(lambda asked: NS(asked[0]) + struct.pack(">4L", *asked[1]) + NS(b""))


def message(number: int, *parts: bytes) -> Step:
    """Return a step that sends a message."""
    return lambda client: client.send(number, b"".join(parts))


def requested(asked: tuple[int, bytes, bytes, bytes]) -> Step:
    """Return a step that sends a channel's request."""
    channel, kind, wanted, rest = asked
    return message(98, struct.pack(">L", channel), NS(kind), wanted, rest)


STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(NUMBERS, SIZES, SIZES).map(
        lambda sizes: message(90, NS(b"session"), struct.pack(">3L", *sizes))
    ),
    st.just(lambda client: client.open()),
    st.sampled_from(COMMANDS).map(lambda command: lambda client: client.run(command)),
    st.just(lambda client: client.shell()),
    TYPED.map(lambda typed: lambda client: client.type(typed)),
    st.tuples(
        NUMBERS,
        st.sampled_from(REQUESTS),
        st.sampled_from([b"", b"\0", b"\1"]),
        st.one_of(TERMINAL, st.binary(max_size=20)),
    ).map(requested),
    st.tuples(st.sampled_from([93, 94, 95, 96, 97, 99, 100]), NUMBERS, NUMBERS, TYPED).map(
        lambda sent: message(sent[0], struct.pack(">2L", *sent[1:3]), sent[3])
    ),
    st.sampled_from(["keepalive@openssh.com", "tcpip-forward", "no-more-sessions@openssh.com"]).map(
        lambda kind: message(80, NS(kind.encode()), b"\1", NS(b""), struct.pack(">L", 22))
    ),
    st.just(lambda client: client.exchange_keys()),
    st.just(lambda client: client.protocol.sendKexInit()),
    st.just(lambda client: client.settle()),
)


class AnythingTests(ChatCase):
    """Somebody who is in, and has no manners."""

    @settings(max_examples=150, deadline=None)
    @given(st.lists(STEPS, max_size=12))
    def test_anything(self, steps: list[Step]) -> None:
        """Nothing breaks, nothing is logged, what waits is bounded, and others talk on."""
        world = self.world()
        factory = ssh_factory(world)
        alice, client = world.come("alice"), SshClient(world, factory)
        client.come("gus")
        for step in steps:
            if not client.pipe.gone:
                step(client)
        client.settle()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(alice.say("still here")["type"], "text")
        client.pipe.lose()
        world.pass_time(1)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(len(factory.watch.connections), 0)
