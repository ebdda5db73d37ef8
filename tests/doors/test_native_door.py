"""The native door: frames, their limits, silence, closing."""

from __future__ import annotations

import json
import struct
from typing import Any, cast

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred

from tests.kit.frames import frame, types, wire
from tests.kit.pipe import Pipe
from tests.kit.world import ChatCase
from twisted_chat.accounts.admission import Admission
from twisted_chat.doors.native import ChatProtocol, encode_frame
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


def test_a_message_is_json() -> None:
    """What is encoded for the wire is what messages.py says."""
    assert json.loads(encode(Bye(data="x"))) == {"type": "bye", "data": "x"}
