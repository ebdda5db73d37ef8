"""What the doors do together: room, what waits to be read, and the way back after a stop."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.abstract import FileDescriptor
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.support import ChatCase
from twisted_chat.doors.outlet import Outlet
from twisted_chat.doors.turnstile import RETURN_MILLISECONDS, RETURNS, Turnstile
from twisted_chat.doors.watch import STALLED_SECONDS
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
            outlet._rest.extend(memoryview(data)[7:] for data in kept)
        self.assertEqual(weigh(links), ({}, 15_000))

    def test_no_room(self) -> None:
        """The operator is told how many found none, once for all of them."""
        turnstile = Turnstile(1)
        with capturedLogs() as logs:
            turnstile.tell()
            for _ in range(3):
                turnstile.refuse()
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
