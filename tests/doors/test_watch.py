"""What the doors do together: room, what waits to be read, and the way back after a stop."""

from __future__ import annotations

import json
from collections import deque
from typing import Any, cast

from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import succeed
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from tests.kit.world import ChatCase
from twisted_chat.accounts.proofs import Prover
from twisted_chat.chat.pace import Pace
from twisted_chat.doors.irc import IrcFactory
from twisted_chat.doors.lines import LinesFactory
from twisted_chat.doors.native import ChatFactory
from twisted_chat.doors.outlet import Outlet
from twisted_chat.doors.ssh import SshFactory
from twisted_chat.doors.turnstile import RETURN_MILLISECONDS, RETURNS, Turnstile, in_words
from twisted_chat.doors.watch import STALLED_SECONDS
from twisted_chat.doors.web import web_door
from twisted_chat.doors.weighing import FULL, SHORT, restore, shorten, waiting, weigh
from twisted_chat.vocabulary.messages import Bye


class Stream:
    """As much of a TCP transport as is weighed."""

    def __init__(self, size: int) -> None:
        self.dataBuffer = b"x" * (size // 2)
        self._tempDataLen = size - size // 2
        self.bufferSize = FULL


class Link:
    """A connection."""

    def __init__(self, size: int) -> None:
        self.transport: Any = Stream(size)
        self._outlet: Outlet | None = None


class WeighingTests(SynchronousTestCase):
    """How much waits, and for whom."""

    def test_twisted_has_these(self) -> None:
        """What is looked at in a transport is there: these are no promises of Twisted's."""
        for name in ("dataBuffer", "_tempDataLen", "bufferSize"):
            self.assertTrue(hasattr(FileDescriptor(cast(Any, object())), name), name)
        self.assertEqual(FileDescriptor.bufferSize, FULL)

    def test_the_largest_first(self) -> None:
        """Those for whom most waits have had enough sooner; who holds little is left alone."""
        links = [Link(size) for size in (0, 1_000, 50_000, 60_000, 10_000)]
        weights, total = weigh(links)
        self.assertEqual(total, 121_000)
        self.assertEqual(waiting(links[2].transport), 50_000)
        shorten(weights, 100_000)
        sizes = [link.transport.bufferSize for link in links]
        self.assertEqual(sizes, [FULL, FULL, SHORT, SHORT, FULL])
        shorten(weights, 10**9)
        self.assertEqual(links[1].transport.bufferSize, FULL)
        restore(links)
        self.assertEqual({link.transport.bufferSize for link in links}, {FULL})

    def test_what_is_shared(self) -> None:
        """What many are too slow for is there once, and weighed once."""
        batch, other = b"x" * 10_000, b"y" * 5_000
        links = [Link(0), Link(0), Link(0)]
        for link, kept in zip(links, ([batch], [batch, other], []), strict=True):
            link._outlet = outlet = Outlet(StringTransport())
            outlet._rest = deque(memoryview(data)[7:] for data in kept)
        self.assertEqual(weigh(links), ({}, 15_000))

    def test_no_room(self) -> None:
        """The operator is told how many found none, once for all of them."""
        turnstile = Turnstile(1)
        with capturedLogs() as logs:
            turnstile.tell()
            for _ in range(3):
                turnstile.refuse("max-connections", in_words)
            turnstile.tell()
            turnstile.tell()
        self.assertEqual([event["count"] for event in logs], [3])


class TurnstileTests(SynchronousTestCase):
    """Room for connections, and for what waits."""

    def test_too_much_waits(self) -> None:
        """Past the bound nobody new comes in, until half of it is read; the operator is told."""
        turnstile = Turnstile(max_waiting=1_000)
        native, web = object(), object()
        with capturedLogs() as logs:
            self.assertEqual(turnstile.weighed(native, 600), -1)
            self.assertFalse(turnstile.is_full)
            self.assertEqual(turnstile.weighed(web, 600), 200)
            self.assertTrue(turnstile.is_full)
            self.assertEqual(turnstile.weighed(web, 700), 300)
            self.assertEqual(turnstile.weighed(web, 0), 0)
            self.assertTrue(turnstile.is_full)
            self.assertEqual(turnstile.weighed(native, 500), -1)
            self.assertFalse(turnstile.is_full)
        self.assertEqual(len(logs), 2)

    def test_the_way_back(self) -> None:
        """Clients are told to come back in turns: as many at once as the machine takes."""
        turnstile = Turnstile()
        farewell = Bye(data="Down.", retry=1_000)
        said = [turnstile.retry(farewell).retry for _ in range(3 * RETURNS)]
        expected = [1_000 + turn * RETURN_MILLISECONDS for turn in range(3) for _ in range(RETURNS)]
        self.assertEqual(said, expected)
        self.assertIsNone(turnstile.retry(Bye(data="Gone.")).retry)


class StopTests(ChatCase):
    """The end of the daemon."""

    def test_one_that_does_not_read(self) -> None:
        """It holds up the end for a second: it has no use for a farewell."""
        world = self.world()
        alice, lazy = world.come("alice"), world.come("lazy")
        lazy.stop_reading()
        for _ in range(20):
            alice.say("x" * 10_000)
            world.quiet()
        done = world.factory.close(Bye(data="Down.", retry=1_000))
        alice.pipe.lose()
        self.assertNoResult(done)
        world.clock.advance(STALLED_SECONDS)
        world.clock.advance(0)
        self.assertTrue(lazy.pipe.gone)
        self.successResultOf(done)


class TurnedAwayTests(ChatCase):
    """Who can not come in is told why, in the words of the door, before anything is read."""

    def said(self, factory: Any, turnstile: Turnstile) -> bytes:
        """Return what one connection too many is told; it is closed."""
        factory.turnstile = turnstile
        protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 50_000))
        transport = StringTransport()
        protocol.makeConnection(transport)
        self.assertTrue(transport.disconnecting)
        said: bytes = transport.value()
        return said

    def test_at_every_door(self) -> None:
        """A code where the door has codes, a sentence where people read."""
        world = self.world()
        prover, clock = Prover(world.admission, None), world.clock
        admission, entry = world.admission, lambda: "lobby"
        turnstile = Turnstile(limit=1, per_address=1)
        turnstile.enter(cast(Any, object()), "192.0.2.1")
        words = "There are too many connections from your address already."
        frame = self.said(ChatFactory(admission, clock, entry), turnstile)
        self.assertEqual(int.from_bytes(frame[:4], "big"), len(frame) - 4)
        self.assertEqual(
            json.loads(frame[4:]), {"type": "error", "code": "server-full", "data": words}
        )
        irc = self.said(IrcFactory(admission, clock, entry, prover=prover), turnstile)
        self.assertEqual(irc, f"ERROR :{words}\r\n".encode())
        for factory in (
            LinesFactory(prover, clock, entry),
            SshFactory(prover, clock, entry, ()),
        ):
            self.assertEqual(self.said(factory, turnstile), f"{words}\r\n".encode())
        site = web_door(admission, clock, entry, lambda: succeed(None)).site
        head, _, body = self.said(site, turnstile).partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 503 "))
        self.assertIn(b"\r\nRetry-After: 60\r\n", head)
        self.assertEqual(body.decode(), f"{words}\n")
        self.assertEqual(turnstile.refused, {"max-connections-per-address": 5})

    def test_over_tls(self) -> None:
        """Nothing is said where a handshake would have to be waited for."""
        transport = StringTransport()
        directlyProvides(transport, ISSLTransport)
        Turnstile().refuse("max-connections", in_words).makeConnection(transport)
        self.assertEqual(transport.value(), b"")
        self.assertTrue(transport.disconnecting)

    def test_each_limit(self) -> None:
        """Each is counted by its name, and told to the operator once for many."""
        clock = Clock()
        turnstile = Turnstile(1, 100, 1, ("192.0.2.9",), Pace(clock, 2))
        turnstile.enter(cast(Any, object()), "192.0.2.1")
        found = [
            turnstile.turns_away(host, in_words) is None
            for host in ("192.0.2.1", "192.0.2.2", "192.0.2.9", "192.0.2.2", "192.0.2.2")
        ]
        self.assertEqual(found, [False] * 5)
        turnstile.weighed(object(), 101)
        self.assertIsNotNone(turnstile.turns_away("192.0.2.9", in_words))
        counts = {
            "max-connections": 3,
            "connects-per-minute": 1,
            "max-connections-per-address": 1,
            "max-waiting": 1,
        }
        self.assertEqual(turnstile.refused, counts)
        with capturedLogs() as logs:
            turnstile.tell()
            turnstile.tell()
        (line,) = map(formatEvent, logs)
        self.assertIn("6 connections were turned away, by max-connections (3), ", line)
