"""The native door: frames, their limits, silence, closing; and the way out of a connection."""

from __future__ import annotations

import errno
import gc
import json
import socket
import struct
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from pytest_twisted import ensureDeferred
from twisted.internet import reactor, tcp
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from tests.kit.support import ChatCase, Client, Object, Pipe, frame, types, wire
from tests.kit.waiting import until
from twisted_chat.accounts.admission import Admission
from twisted_chat.doors import tcp as links
from twisted_chat.doors.native import ChatProtocol, encode_frame
from twisted_chat.doors.outlet import PIECE, Outlet
from twisted_chat.doors.turnstile import Refused, in_words
from twisted_chat.doors.watch import CLOSE_SECONDS, LOGIN_SECONDS, STRANGER_SECONDS
from twisted_chat.vocabulary.addresses import Blocks
from twisted_chat.vocabulary.messages import MAX_FRAME, MAX_FRAME_BEFORE_LOGIN, Bye, Pong, encode


def slow_admission(case: ChatCase) -> Deferred[None]:
    """Let every login of a test wait until what is returned has fired."""
    gate: Deferred[None] = Deferred()
    right = Admission.admit

    async def admit(*args: Any) -> Any:
        await gate
        return await right(*args)

    case.patch(Admission, "admit", admit)
    return gate


class FrameTests(ChatCase):
    """Cutting frames out of bytes."""

    def test_encode(self) -> None:
        """A frame is four bytes of length, the most significant first, and the JSON."""
        self.assertEqual(encode_frame(Pong()), b'\0\0\0\x0f{"type":"pong"}')

    def test_any_cut(self) -> None:
        """However the bytes are cut, the same frames come of it."""
        frames = b"".join(wire("ping", id=str(number)) for number in range(5))
        for size in (1, 2, 3, 5, 7, 33, 1_000):
            alice = self.world().connect()
            for start in range(0, len(frames), size):
                alice.raw(frames[start : start + size])
            self.assertEqual([one["id"] for one in alice.got()], list("01234"))

    def test_limits_before_the_login(self) -> None:
        """4,096 bytes before a login; one more closes, without a byte of it being waited for."""
        alice = self.world().connect()
        request = json.dumps({"type": "ping", "id": "1"}).encode()
        alice.raw(frame(request.ljust(MAX_FRAME_BEFORE_LOGIN)))
        self.assertEqual(types(alice.got()), ["pong"])
        alice.raw(struct.pack("!I", MAX_FRAME_BEFORE_LOGIN + 1))
        (error,) = alice.got()
        self.assert_refused("too-large", error)
        self.assertTrue(alice.closed)

    def test_limits_after_the_login(self) -> None:
        """65,536 bytes after it, also in the same segment as the login."""
        world = self.world()
        alice = world.connect()
        request = json.dumps({"type": "ping", "id": "1"}).encode()
        alice.raw(wire("login", user="alice") + frame(request.ljust(MAX_FRAME)))
        self.assertEqual(types(alice.got()), ["welcome", "session", "pong"])
        alice.raw(struct.pack("!I", MAX_FRAME + 1))
        self.assert_refused("too-large", alice.got()[-1])
        self.assertTrue(alice.closed)
        self.assertEqual(world.chat.people.here, {})

    def test_a_large_frame_behind_a_refused_login(self) -> None:
        """A login that was refused does not raise the limit."""
        alice = self.world().connect()
        alice.raw(wire("login", user="a b") + frame(b"x" * 5_000))
        self.assertEqual([one["code"] for one in alice.got()], ["invalid-name", "too-large"])
        self.assertTrue(alice.closed)

    def test_a_login_that_takes_its_time(self) -> None:
        """Frames behind a login wait for it, whole or in pieces."""
        world = self.world(users=["alice"])
        alice = world.connect()
        request = json.dumps({"type": "ping", "id": "1"}).encode()
        login = slow_admission(self)
        alice.raw(wire("login", user="alice", password="secret"))
        alice.raw(frame(request.ljust(10_000))[:7_000])
        alice.raw(frame(request.ljust(10_000))[7_000:])
        self.assertEqual(alice.got(), [])
        login.callback(None)
        self.assertEqual(types(alice.got()), ["welcome", "session", "pong"])

    def test_no_object(self) -> None:
        """What is no JSON object closes, after an error; nothing behind it is answered."""
        for body in (
            *(b"", b"[]", b"1", b'"text"', b"null", b"{", b'{"type":"ping"}x', b"\xff", b"nan"),
            *(
                b"\0" * 9,
                b"GET / HTTP/1.1\r\n\r\n",
                b'{"a":NaN}',
                '{"type":"ping"}'.encode("utf-16"),
            ),
        ):
            world = self.world()
            alice = world.come("alice")
            alice.raw(frame(body) + wire("ping"))
            (error,) = alice.got()
            self.assert_refused("bad-request", error)
            self.assertTrue(alice.closed, body)
            self.assertEqual(world.factory.watch.connections, set())

    def test_another_protocol(self) -> None:
        """HTTP, TLS and SSH are frames that are too large: an error, and closed."""
        for greeting in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"SSH-2.0-x\r\n"):
            alice = self.world().connect()
            alice.raw(greeting)
            self.assertTrue(alice.closed)
            self.assert_refused("too-large", alice.got()[0])

    def test_deep(self) -> None:
        """JSON that is nested as deeply as a frame allows is refused, and no more."""
        alice = self.world().come("alice")
        for body in (b'{"type":' + b"[" * 30_000, b'{"a":' + b'{"a":' * 10_000 + b"1"):
            alice.raw(frame(body))
            self.assertEqual(types(alice.got())[:1], ["error"])
            if alice.closed:
                alice = self.world().come("alice")

    def test_a_burst_is_one_pass(self) -> None:
        """A burst of small frames costs no copy of the rest for each of them."""
        alice = self.world().connect()
        alice.raw(wire("ping", id="1") * 4_000)
        self.assertEqual(len(alice.got()), 4_000)


class SilenceTests(ChatCase):
    """How long one may say nothing before a login."""

    def test_closed(self) -> None:
        """30 seconds without a frame, or with half a one, close."""
        world = self.world()
        alice, bob = world.connect(), world.connect()
        bob.raw(wire("ping")[:-1])
        world.pass_time(LOGIN_SECONDS - 1)
        self.assertEqual((alice.closed, bob.closed), (False, False))
        world.pass_time(2)
        for client in (alice, bob):
            (error,) = client.got()
            self.assert_refused("not-logged-in", error)
            self.assertTrue(client.closed)

    def test_drops_do_not_help(self) -> None:
        """A byte now and then is silence too."""
        alice = self.world().connect()
        for byte in frame(b" " * 200):
            if alice.closed:
                break
            alice.raw(bytes([byte]))
            alice.world.pass_time(1)
        self.assertTrue(alice.closed)

    def test_a_frame_begins_it_anew(self) -> None:
        """A whole frame is no silence; after a login one may be silent for ever."""
        world = self.world()
        alice = world.connect()
        for _ in range(3):
            world.pass_time(LOGIN_SECONDS - 5)
            alice.ask("ping")
        alice.login("alice")
        world.pass_time(3 * LOGIN_SECONDS)
        self.assertEqual(alice.ask("ping")["type"], "pong")

    def test_a_password_in_the_queue_is_no_silence(self) -> None:
        """Who waits for its password to be checked is not closed meanwhile."""
        world = self.world()
        login = slow_admission(self)
        alice = world.connect()
        alice.send("login", user="alice")
        world.pass_time(2 * LOGIN_SECONDS + 5)
        self.assertFalse(alice.closed)
        login.callback(None)
        self.assertEqual(types(alice.got()), ["welcome", "session"])


class ClosingTests(ChatCase):
    """Ends."""

    def test_who_does_not_read_is_cut_off(self) -> None:
        """Who does not take what was written is closed in a while in any case."""
        world = self.world()
        alice = world.come("alice")
        alice.stop_reading()
        alice.send("logout")
        world.settle()
        self.assertFalse(alice.pipe.gone)
        world.pass_time(CLOSE_SECONDS + 2)
        self.assertTrue(alice.pipe.gone)
        self.assertEqual(world.factory.watch.connections, set())

    def test_nothing_is_read_after_the_end(self) -> None:
        """What comes behind a logout, in the same segment or later, is not looked at."""
        alice = self.world().come("alice")
        alice.stop_reading()
        alice.raw(wire("logout") + wire("text", data="x") + frame(b"nonsense"))
        alice.send("ping")
        alice.read()
        self.assertEqual(types(alice.got()), ["bye"])

    def test_factory_close(self) -> None:
        """A farewell for everybody, logged in or not; done when the last one has gone."""
        world = self.world()
        alice, bob, carol = world.come("alice"), world.connect(), world.come("carol")
        carol.stop_reading()
        world.quiet()
        done = world.factory.close(Bye(data="Down.", retry=1_000))
        for client in (alice, bob):
            self.assertEqual(client.got()[-1], {"type": "bye", "data": "Down.", "retry": 1_000})
            self.assertTrue(client.closed)
        self.assertNoResult(done)
        world.pass_time(CLOSE_SECONDS + 2)
        self.successResultOf(done)
        self.assertEqual(world.clock.getDelayedCalls(), [])

    def test_factory_close_without_anybody(self) -> None:
        """With nobody there it is done at once."""
        self.successResultOf(self.world().factory.close(Bye(data="Down.")))

    def test_max_connections(self) -> None:
        """Past its limit a listener takes nobody."""
        world = self.world()
        world.factory.turnstile.limit = 2
        alice = world.connect()
        world.connect()
        there = alice.pipe.getPeer()
        self.assertIsInstance(world.factory.buildProtocol(there), Refused)
        alice.vanish()
        self.assertIsInstance(world.factory.buildProtocol(there), ChatProtocol)

    def test_room_is_shared(self) -> None:
        """Where all room is taken, the address that has most gives some to one that has less.

        Who is not logged in goes first, then guests; who has an account is let in before guests.
        """
        world = self.world(users=["alice"])
        turnstile = world.factory.turnstile
        turnstile.limit = 10
        flood = [world.connect(host="198.51.100.7") for _ in range(10)]
        flood[0].login("eve")
        bob = world.connect(host="192.0.2.9")
        bob.login("bob")
        self.assertEqual((turnstile.inside, turnstile.displaced), (10, 1))
        self.assertFalse(flood[0].closed)
        self.assertTrue(flood[-1].closed)
        world.chat.rules.max_connections = 3
        flood[1].login("eve2")
        cid = world.connect(host="192.0.2.10")
        self.assertEqual(cid.login("cid")["type"], "welcome")  # eve2 made room
        self.assertEqual(flood[1].got()[-1]["type"], "bye")
        dan = world.connect(host="192.0.2.11")
        self.assert_refused("server-full", dan.ask("login", user="dan"))
        self.assertEqual(dan.login("alice", password="secret")["type"], "welcome")
        self.assertEqual(world.chat.connections, 3)

    def test_each_address_has_a_share(self) -> None:
        """One address (IPv6: a /64) has so many connections at most, unless it is trusted."""
        world = self.world()
        turnstile = world.factory.turnstile
        turnstile.per_address, turnstile.trusted = 2, Blocks(["192.0.2.0/24"])

        def comes(host: str) -> bool:
            return turnstile.turns_away(host, in_words) is None

        for host, admitted in (("2001:db8::1", 2), ("2001:db8::2", 0), ("2001:db8:0:1::1", 2),
                               ("::ffff:192.0.2.7", 5), ("198.51.100.7", 2)):  # fmt: skip
            for count in range(admitted):
                self.assertTrue(comes(host), (host, count))
                turnstile.enter(world.connect().protocol, host)
            self.assertEqual(comes(host), host.endswith("192.0.2.7"), host)

    def test_each_user_has_a_share(self) -> None:
        """One user has so many connections at most."""
        world = self.world(users=["alice"])
        world.chat.rules.max_connections_per_user = 2
        come = [world.connect() for _ in range(3)]
        for client in come[:2]:
            self.assertEqual(client.login("alice", password="secret")["type"], "welcome")
        self.assert_refused("server-full", come[2].ask("login", user="alice", password="secret"))
        come[0].vanish()
        world.settle()
        self.assertEqual(come[2].login("alice", password="secret")["type"], "welcome")

    def test_talk_before_a_login_keeps_no_place(self) -> None:
        """Who says pings, and never who it is, is ended all the same."""
        world = self.world()
        client = world.connect()
        for _ in range(int(STRANGER_SECONDS / 10)):
            self.assertFalse(client.closed)
            client.ask("ping")
            world.pass_time(10)
        world.pass_time(2)
        self.assertEqual(client.got()[-1]["code"], "not-logged-in")
        self.assertTrue(client.closed)

    def test_a_local_address(self) -> None:
        """A peer without an address, on a UNIX socket, has a name all the same."""
        world = self.world()
        pipe = Pipe(world.clock, 0)
        pipe.getPeer = lambda: UNIXAddress(b"/x")  # type: ignore[method-assign, assignment, return-value]
        protocol = world.factory.buildProtocol(None)
        assert isinstance(protocol, ChatProtocol)
        pipe.protocol = protocol
        protocol.makeConnection(cast(Any, pipe))
        self.assertEqual((protocol.host, protocol.port), ("local", 0))


class FakeTransport:
    """As much of a TCP transport as is asked for signs of life."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link

    def getHandle(self) -> socket.socket:
        return self.link

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)


class KeepAliveTests(SynchronousTestCase):
    def test_below_tls(self) -> None:
        """TCP asks whether the client is still there, also where TLS lies over it.

        What is under way to it waits no longer for an answer than a connection that is idle.
        """
        with socket.socket() as link:
            wrapper: Any = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
            wrapper.transport = FakeTransport(link)
            directlyProvides(wrapper, ITCPTransport)
            links.keep_alive(wrapper)
            idle, every, times, under_way = (
                link.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    socket.TCP_KEEPIDLE,
                    socket.TCP_KEEPINTVL,
                    socket.TCP_KEEPCNT,
                    socket.TCP_USER_TIMEOUT,
                )
            )
            self.assertEqual(idle, links.KEEPALIVE_SECONDS)
            self.assertEqual(under_way, (idle + every * times) * 1_000)
            self.assertLess(under_way, 200_000)


class GarbageTests(ChatCase):
    """The daemon tells the garbage collector to look away from what has stood for a while."""

    def test_no_cycles(self) -> None:
        """Whatever a connection did, nothing of it is left for the collector when it has gone.

        (Refusals leave a traceback, which is young, and so is found.)
        """
        world = self.world(users=["alice"], rate=1_000.0)
        world.come("bob")
        stays = world.come("bert")
        self.addCleanup(gc.unfreeze)

        def nothing(client: Client) -> None: ...

        def refusals(client: Client) -> None:
            client.ask("login", user="alice", password="wrong")
            client.ask("login", user="a b")
            client.ask("nonsense")

        def much(client: Client) -> None:
            client.login("alice", password="secret")
            client.ask("create", session="ops", password="p")
            client.say("x", session="ops")
            client.say("", session="ops")
            client.ask("join", session="none")
            client.ask("join", session="lobby", after=0)
            client.ask("history", session="ops")
            client.ask("list")
            client.say("x", to="bert")
            client.ask("delete", session="ops")

        def slow(client: Client) -> None:
            client.login("alice", password="secret")
            client.stop_reading()
            for _ in range(20):
                stays.say("x" * 10_000)

        def waits(client: Client) -> None:
            client.login("alice", password="secret")
            world.log.hold = True
            client.send("text", data="x")
            client.send("history")
            world.settle()

        def logs_out(client: Client) -> None:
            client.login("alice", password="secret")
            client.ask("logout")

        def is_too_large(client: Client) -> None:
            client.raw(b"x" * 10)
            client.got()

        for story in (nothing, refusals, much, slow, waits, logs_out, is_too_large):
            client = world.connect()
            gc.collect()
            gc.freeze()
            story(client)
            gc.collect(1)
            gc.freeze()
            seen: list[weakref.ref[Any]] = [weakref.ref(client.protocol)]
            if not client.closed:
                conversation = client.protocol.conversation
                seen.append(weakref.ref(conversation))
                if conversation.user is not None:
                    seen.append(weakref.ref(conversation.user))
                del conversation
            if not client.closed:
                client.vanish()
            world.log.let_go()
            world.pass_time(1)
            world.clients.remove(client)
            client.pipe.protocol = None
            client.pipe.producer = None
            del client
            gc.collect(1)
            self.assertEqual([one() for one in seen], [None] * len(seen), story.__name__)


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
    from tests.kit.support import World

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


def test_a_message_is_json() -> None:
    """What is encoded for the wire is what messages.py says."""
    assert json.loads(encode(Bye(data="x"))) == {"type": "bye", "data": "x"}
