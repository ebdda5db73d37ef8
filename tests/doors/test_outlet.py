"""The way out of a connection: to the socket at once, or to its transport."""

from __future__ import annotations

import errno
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from pytest_twisted import ensureDeferred
from twisted.internet import reactor, tcp
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock

from tests.kit.frames import Object, wire
from tests.kit.pipe import Pipe
from tests.kit.waiting import until
from tests.kit.world import ChatCase, World
from twisted_chat.doors.outlet import PIECE, Outlet
from twisted_chat.vocabulary.messages import Bye


class FakeSocket:
    """A socket that takes as much as the test says, in each send."""

    def __init__(self) -> None:
        self.takes: list[int | OSError] = []
        self.taken = bytearray()
        self.sends = 0

    def send(self, data: bytes) -> int:
        self.sends += 1
        takes = self.takes.pop(0) if self.takes else len(data)
        if isinstance(takes, OSError):
            raise takes
        self.taken += data[:takes]
        return min(takes, len(data))

    def fileno(self) -> int:
        return 99

    def setblocking(self, flag: bool) -> None: ...

    def getpeername(self) -> tuple[str, int]:
        return ("192.0.2.1", 1)

    def shutdown(self, how: int) -> None: ...

    def close(self) -> None: ...


class OutletTests(ChatCase):
    """Bytes go to the socket at once, or to the transport; in order, in any case."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.fake = FakeSocket()
        self.lost: list[object] = []
        lost = self.lost

        class Lost(Protocol):
            def connectionLost(self, reason: Any = None) -> None:
                lost.append(reason)

        self.transport = tcp.Connection(cast(Any, self.fake), Lost(), cast(Any, self.reactor))
        self.transport.connected = True
        self.outlet = Outlet(self.transport)

    def written(self) -> bytes:
        """Let the reactor write until there is nothing left, and return all that was sent."""
        while self.reactor.writers:
            self.transport.doWrite()
        return bytes(self.fake.taken)

    def test_at_once(self) -> None:
        """An empty transport is passed by: one send, and the reactor is not asked."""
        self.outlet.deliver(b"hello")
        self.assertEqual((bytes(self.fake.taken), self.fake.sends), (b"hello", 1))
        self.assertEqual(len(self.reactor.writers), 0)

    def test_partial(self) -> None:
        """What the kernel does not take goes by the transport, and what follows goes behind it."""
        self.fake.takes = [3]
        self.outlet.deliver(b"hello ")
        self.outlet.deliver(b"world ")
        self.assertEqual((bytes(self.fake.taken), self.fake.sends), (b"hel", 1))
        self.assertEqual(self.written(), b"hello world ")
        sends = self.fake.sends
        self.outlet.deliver(b"again")
        self.assertEqual(
            (bytes(self.fake.taken), self.fake.sends), (b"hello world again", sends + 1)
        )

    def test_every_partial_write(self) -> None:
        """Whatever the kernel takes, the bytes come out in order, once."""
        for takes in range(40):
            self.setUp()
            self.fake.takes = [takes, 1, 2, takes, 0, 3]
            for number in range(10):
                self.outlet.deliver(b"%d-xyz;" % number)
                if number == takes % 10 and self.reactor.writers:
                    self.transport.doWrite()
            self.assertEqual(self.written(), b"".join(b"%d-xyz;" % n for n in range(10)))

    def test_full(self) -> None:
        """A full socket is no error: the transport waits for it."""
        for number in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS):
            self.setUp()
            self.fake.takes = [OSError(number, "full")]
            self.outlet.deliver(b"hello")
            self.assertEqual(self.written(), b"hello")
            self.assertEqual(self.lost, [])

    def test_broken(self) -> None:
        """A broken socket raises nothing; the reactor ends the connection."""
        self.fake.takes = [BrokenPipeError(errno.EPIPE, "gone")] * 2
        self.outlet.deliver(b"hello")
        self.outlet.deliver(b"world")
        reason = self.transport.doWrite()
        self.assertIsNotNone(reason)

    def test_closed(self) -> None:
        """After the end nothing is sent: the socket's number may be another's."""
        self.transport.connected = False
        self.outlet.closed()
        self.outlet.deliver(b"hello")
        self.assertEqual(self.fake.sends, 0)

    def test_the_transports_buffer_is_known(self) -> None:
        """What was written to the transport before there was an Outlet keeps its place."""
        self.transport.write(b"first ")
        self.outlet.deliver(b"second")
        self.assertEqual(self.written(), b"first second")

    def test_it_fills(self) -> None:
        """What a reader is too slow for is kept as it is, told at once, and sent as it drains."""
        calls: list[str] = []
        outlet = self.outlet

        class Producer:
            def pauseProducing(self) -> None:
                calls.append("pause")

            def resumeProducing(self) -> None:
                calls.append("drained" if outlet.drained() else "resume")

            def stopProducing(self) -> None: ...

        producer = Producer()
        outlet.full = producer.pauseProducing
        self.transport.registerProducer(cast(Any, producer), True)
        self.fake.takes = [0, PIECE, 9, PIECE, 0]
        batch = bytes(range(250)) * 280
        outlet.deliver(batch)
        self.assertEqual(calls, ["pause"])
        self.assertIs(outlet._rest[0].obj, batch)  # the bytes that all others have too
        self.assertLessEqual(len(self.transport._tempDataBuffer[0]), PIECE)
        outlet.deliver(b"y")
        self.assertEqual(self.written(), batch + b"y")
        self.assertEqual(calls, ["pause", "resume", "resume", "drained"])
        outlet.deliver(b"z")
        self.assertEqual(bytes(self.fake.taken[-1:]), b"z")

    def test_it_ends_with_what_was_kept_back(self) -> None:
        """A connection that closes has said all of it."""
        self.fake.takes = [5]
        self.outlet.deliver(b"x" * 70_000)
        self.outlet.deliver(b"bye")
        self.outlet.flush()
        self.assertEqual(self.written(), b"x" * 70_000 + b"bye")

    def test_another_transport(self) -> None:
        """TLS, and whatever is no plain TCP, goes by the transport."""
        world = self.world()
        pipe = Pipe(world.clock, 1)
        Outlet(pipe).deliver(b"hello")
        self.assertEqual(bytes(pipe.unread), b"hello")
        written: list[bytes] = []
        self.transport.TLS = True
        self.transport.write = written.append  # type: ignore[method-assign]
        Outlet(self.transport).deliver(b"hello")
        self.assertEqual((written, self.fake.sends), ([b"hello"], 0))


class Reader(Protocol):
    """A client over a real socket, which reads or does not."""

    def connectionMade(self) -> None:
        self.held = bytearray()
        self.gone: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.held += data

    def connectionLost(self, reason: Any = None) -> None:
        self.gone.callback(None)

    def messages(self) -> list[Object]:
        """Return all whole messages, and keep the rest."""
        found = []
        while len(self.held) >= 4:
            (length,) = struct.unpack_from("!I", self.held)
            if len(self.held) < 4 + length:
                break
            found.append(json.loads(self.held[4 : 4 + length]))
            del self.held[: 4 + length]
        return found


@contextmanager
def listening() -> Iterator[tuple[Any, int]]:
    """The door of a chat of its own, on a real port of the loopback interface."""
    world = World(clock=cast(Any, reactor), settle=False)
    port = cast(Any, reactor).listenTCP(0, world.factory, interface="127.0.0.1")
    try:
        yield world, port.getHost().port
    finally:
        port.stopListening()
        world.factory.close(Bye(data="The test is over."))


def connect(port: int) -> Deferred[Any]:
    """Connect over a real socket."""
    connected: Deferred[Any] = Deferred()

    class Connecting(ClientFactory):
        protocol = Reader
        noisy = False

        def buildProtocol(self, addr: Any) -> Any:
            protocol = Factory.buildProtocol(self, addr)
            cast(Any, reactor).callLater(0, connected.callback, protocol)
            return protocol

    cast(Any, reactor).connectTCP("127.0.0.1", port, Connecting())
    return connected


@ensureDeferred
async def test_a_slow_reader_over_a_real_socket() -> None:
    """Full sockets, partial writes, reading on: every text in order, and a bounded buffer."""
    with listening() as (world, port):
        alice, bob = await connect(port), await connect(port)
        alice.transport.write(wire("login", user="alice"))
        bob.transport.write(wire("login", user="bob"))
        await until(lambda: len(world.chat.people.here) == 2)
        bob.transport.pauseProducing()
        (server,) = [
            one
            for one in world.factory.watch.connections
            if one.port == bob.transport.getHost().port
        ]
        most = 0
        for _ in range(40):
            for _ in range(50):
                alice.transport.write(wire("text", data="x" * 5_000))
            await deferLater(cast(Any, reactor), 0.01)
            held = len(server.transport.dataBuffer) + server.transport._tempDataLen
            most = max(most, held)
        await until(lambda: world.chat.sessions.lobby.head == 2_000)
        assert most < 400_000
        bob.transport.resumeProducing()
        seqs: list[int] = []

        def all_read() -> bool:
            seqs.extend(one["seq"] for one in bob.messages() if one["type"] == "text")
            return len(seqs) >= 2_000

        await until(all_read)
        assert seqs == list(range(1, 2_001))
        for client in (alice, bob):
            client.transport.abortConnection()
            await client.gone
        await until(lambda: not world.factory.watch.connections)


@ensureDeferred
async def test_reset_in_the_middle() -> None:
    """A connection that is reset while it is written to costs nobody anything."""
    with listening() as (world, port):
        alice, *others = [await connect(port) for _ in range(6)]
        for number, client in enumerate((alice, *others)):
            client.transport.write(wire("login", user=f"u{number}"))
        await until(lambda: len(world.chat.people.here) == 6)
        for client in others[:3]:
            client.transport.setTcpNoDelay(True)
            client.transport.abortConnection()
        for _ in range(20):
            alice.transport.write(wire("text", data="x" * 10_000) * 3)
            await deferLater(cast(Any, reactor), 0)
        await until(lambda: world.chat.sessions.lobby.head == 60)
        await until(lambda: len(world.chat.people.here) == 3)
        for client in others[3:]:
            seqs: list[int] = []

            def all_read(client: Any = client, seqs: list[int] = seqs) -> bool:
                seqs.extend(one["seq"] for one in client.messages() if one["type"] == "text")
                return len(seqs) == 60

            await until(all_read)
            assert seqs == list(range(1, 61))
        for client in (alice, *others[3:]):
            client.transport.abortConnection()
        await until(lambda: not world.factory.watch.connections)
