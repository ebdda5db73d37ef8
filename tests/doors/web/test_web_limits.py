"""WebSockets at their limits: what is too much or no message, silence, and close codes."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable

from twisted.internet.task import Clock

from tests.kit.frames import types
from tests.kit.web import (
    BINARY,
    CLOSE,
    COMPRESSED,
    PING,
    PONG,
    TEXT,
    WebCase,
    answer_in,
    frame_of,
    frames_of,
    masked,
    opcodes,
)
from twisted_chat.doors.outlet import Outlet
from twisted_chat.doors.turnstile import Refused, Turnstile
from twisted_chat.doors.watch import CLOSE_SECONDS, LOGIN_SECONDS
from twisted_chat.doors.web.looking import LOOK_SECONDS
from twisted_chat.doors.web.sockets import FRAMES_IN_A_ROW, MAX_FRAGMENTS, PING_SECONDS, WebProtocol
from twisted_chat.vocabulary.messages import MAX_FRAME, MAX_FRAME_BEFORE_LOGIN, Bye

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"


def timed(protocol: WebProtocol, times: list[float], clock: Clock) -> Callable[[], bool]:
    """Return its ``processData``, which notes when it is called."""
    process = protocol.processData

    def processed() -> bool:
        times.append(clock.seconds())
        return process()

    return processed


class LimitTests(WebCase):
    """What is too much, or no message at all."""

    def test_before_the_login(self) -> None:
        """4,096 bytes; of a longer message not one byte is waited for."""
        socket = self.web().connect()
        request = json.dumps({"type": "ping"}).encode()
        socket.raw(masked(TEXT, request.ljust(MAX_FRAME_BEFORE_LOGIN)))
        self.assertEqual(types(socket.got()), ["pong"])
        socket.raw(masked(TEXT, b"x" * (MAX_FRAME_BEFORE_LOGIN + 1))[:20])
        self.assert_refused("too-large", socket.got()[0])
        self.assertEqual(socket.close_code(), 1009)

    def test_after_the_login(self) -> None:
        """65,536 bytes, also right behind the login; one more is too large."""
        socket = self.web().connect()
        request = json.dumps({"type": "ping"}).encode()
        login = frame_of({"type": "login", "user": "alice"})
        socket.raw(login + masked(TEXT, request.ljust(MAX_FRAME)))
        self.assertEqual(types(socket.got()), ["welcome", "session", "pong"])
        socket.raw(masked(TEXT, b"x" * (MAX_FRAME + 1)))
        self.assert_refused("too-large", socket.got()[0])
        self.assertEqual(socket.close_code(), 1009)

    def test_fragments(self) -> None:
        """The limit is that of the message, in however many frames; and these are limited too."""
        for fragments in (
            masked(TEXT, b"x" * 4_000, final=False) + masked(0, b"x" * 97, final=False),
            masked(TEXT, b"x", final=False) + masked(0, b"", final=False) * MAX_FRAGMENTS,
        ):
            web = self.web()
            socket = web.connect()
            socket.raw(fragments)
            web.world.pass_time(10)
            self.assert_refused("too-large", socket.got()[0])
            self.assertEqual(socket.close_code(), 1009)

    def test_bombs(self) -> None:
        """A compressed message is measured by what it says."""
        socket = self.web().connect(DEFLATE)
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = deflate.compress(b" " * 10_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH)
        self.assertLess(len(bomb), 10_000)
        socket.raw(masked(TEXT, bomb[:4_000], rsv=COMPRESSED))
        self.assert_refused("too-large", socket.got()[0])
        self.assertEqual(socket.close_code(), 1009)

    def test_floods(self) -> None:
        """Frames that are no messages are read some at a time: nobody waits for thousands."""
        ping = frame_of({"type": "ping"})
        for first, flood, last in (
            (b"", masked(PING, b"") * 300, ping),
            (b"", masked(PONG, b"") * 300, ping),
            (masked(TEXT, b"{", final=False), masked(0, b" ", final=False) * 300, masked(0, b"}")),
            (masked(TEXT, b"[]"), masked(TEXT, b"[]") * 300, masked(CLOSE, b"\x03\xef")),
        ):
            web = self.web()
            socket = web.connect()
            times: list[float] = []
            self.patch(
                socket.protocol, "processData", timed(socket.protocol, times, web.world.clock)
            )
            socket.raw(first + flood + last)
            web.world.pass_time(4)
            self.assertGreater(len(times), 300)
            self.assertLess(max(map(times.count, times)), 3 * FRAMES_IN_A_ROW)
            self.assertIn(opcodes(socket.read())[-1], (TEXT, CLOSE))

    def test_no_message(self) -> None:
        """What is no JSON object closes, after an error; nothing behind it is answered."""
        for body in (b"", b"[]", b"1", b"{", b"\xff", b'{"type":"ping"}x'):
            socket = self.web().connect()
            socket.raw(masked(TEXT, body) + frame_of({"type": "ping"}))
            (error,) = socket.got()
            self.assert_refused("bad-request", error)
            self.assertEqual(socket.close_code(), 1007)

    def test_bad_requests(self) -> None:
        """What is a JSON object and no request is refused, and the connection stays."""
        socket = self.web().connect()
        got = socket.send("nonsense", id="1").send("ping").got()
        self.assert_refused("bad-request", got[0])
        self.assertEqual(types(got), ["error", "pong"])

    def test_binary(self) -> None:
        """A message is text."""
        socket = self.web().connect()
        socket.raw(masked(BINARY, b'{"type":"ping"}'))
        self.assert_refused("bad-request", socket.got()[0])
        self.assertEqual(socket.close_code(), 1003)

    def test_violations(self) -> None:
        """What breaks RFC 6455 is closed with its code for that."""
        for data in (
            b"\x81\x02{}",  # not masked
            masked(3, b"{}"),  # an opcode that means nothing
            masked(TEXT, b"{}", rsv=COMPRESSED),  # compressed, which was not agreed
            masked(0, b"{}"),  # goes on where nothing began
        ):
            socket = self.web().connect()
            socket.raw(data)
            self.assertEqual(socket.close_code(), 1002)

    def test_any_bytes(self) -> None:
        """Whatever comes, nothing is logged as an error, and others are served."""
        web = self.web()
        alice = web.come("alice")
        for seed in range(200):
            noise = zlib.compress(str(seed).encode() * seed)
            socket = web.connect(DEFLATE) if seed % 2 else web.connect()
            socket.raw(noise).raw(masked(TEXT, noise)).raw(masked(TEXT, noise, rsv=COMPRESSED))
            socket.pipe.lose()
        self.assertEqual(alice.ask("ping")["type"], "pong")


class ClosingTests(WebCase):
    """Close codes say why; and nobody is waited for too long."""

    def test_logout(self) -> None:
        """A logout is answered by ``bye``, and the connection is closed in the ordinary way."""
        socket = self.web().come("alice")
        self.assertEqual(types(socket.send("logout").got()), ["bye"])
        self.assertEqual(socket.close_code(), 1000)
        self.assertFalse(socket.closed)
        self.assertTrue(socket.answer_close().closed)

    def test_stopping(self) -> None:
        """When the server stops, everybody hears it, and is gone in a few seconds at most."""
        web = self.web()
        polite, rude, nobody = web.come("polite"), web.come("rude"), web.connect()
        polite.got()
        ended = web.door.close(Bye(data="The server is stopping.", retry=1_000))
        for socket in (polite, rude, nobody):
            self.assertEqual(types(socket.got())[-1:], ["bye"])
            self.assertEqual(socket.close_code(), 1001)
        polite.answer_close()
        nobody.answer_close()
        self.assertNoResult(ended)
        web.world.pass_time(CLOSE_SECONDS + 1)
        self.assertTrue(rude.closed)
        self.successResultOf(ended)

    def test_dismissal(self) -> None:
        """Who is sent away by the chat is told by a ``bye``, and a code of ours."""
        socket = self.web().come("alice")
        socket.protocol.conversation.close(Bye(data="Somebody else has the name now."))
        self.assertEqual(types(socket.got()), ["bye"])
        self.assertEqual(socket.close_code(), 4000)

    def test_no_login(self) -> None:
        """Who does not log in is let go; each message gives it as much time again."""
        web = self.web()
        socket = web.connect()
        web.world.pass_time(LOGIN_SECONDS - 2)
        socket.send("ping").got()
        web.world.pass_time(LOGIN_SECONDS - 2)
        self.assertFalse([one for one in socket.read() if one.opcode == CLOSE])
        socket.raw(masked(PONG, b""))  # a sign of life, and no message
        web.world.pass_time(4)
        self.assert_refused("not-logged-in", socket.got()[0])
        self.assertEqual(socket.close_code(), 1008)

    def test_client_closes(self) -> None:
        """A client's closing is answered, and then the connection ends."""
        web = self.web()
        alice, bob = web.come("alice"), web.come("bob")
        alice.got()
        bob.raw(masked(CLOSE, struct.pack("!H", 1001)))
        self.assertEqual(opcodes(bob.read()), [CLOSE])
        self.assertTrue(bob.closed)
        self.assertEqual(types(alice.got()), ["left"])

    def test_nothing_after_the_last_frame(self) -> None:
        """Who is being closed, by either side, is told nothing more, and is a member no more."""
        for last in (masked(CLOSE, b""), masked(3, b""), masked(BINARY, b"")):
            web = self.web()
            alice, bob = web.come("alice"), web.come("bob")
            bob.pipe.reading = False
            bob.raw(last)
            alice.got()
            self.assertEqual(alice.ask("who", session="lobby")["users"], ["alice"])
            alice.ask("text", data="Is anybody there?")
            bob.pipe.reading = True
            self.assertEqual(bob.read()[-1].opcode, CLOSE)
            bob.pipe.reading = False
            web.world.pass_time(CLOSE_SECONDS + 1)
            self.assertTrue(bob.closed)

    def test_pings(self) -> None:
        """Who is silent is asked whether it is there; who does not answer is gone."""
        web = self.web()
        there, dead = web.come("there"), web.come("dead")
        there.got()
        for _ in range(3):
            web.world.pass_time(PING_SECONDS + LOOK_SECONDS + 1)
            (ping,) = [one for one in there.read() if one.opcode == PING]
            there.raw(masked(PONG, ping.payload))
            if not dead.closed:
                dead.read()
        self.assertTrue(dead.closed)
        self.assertFalse(there.closed)

    def test_pings_go_the_same_way_as_texts(self) -> None:
        """What autobahn makes goes through the Outlet too: it can not come between two halves."""
        here = self.web().come("alice")
        here.got()
        sent: list[bytes] = []
        self.patch(Outlet, "deliver", lambda _, data: sent.append(data))
        here.raw(masked(PING, b"well?"))
        self.assertEqual([frame.opcode for frame in frames_of(b"".join(sent))[0]], [PONG])

    def test_slow_readers_are_not_dead(self) -> None:
        """A pong that lies behind much else is waited for."""
        web = self.web()
        slow, alice = web.come("slow"), web.come("alice")
        slow.pipe.reading = False
        for _ in range(200):
            alice.ask("text", data="x" * 1_000)
        for _ in range(8):
            web.world.pass_time(PING_SECONDS)
            alice.send("ping").got()
        self.assertFalse(slow.closed)
        slow.pipe.reading = True
        self.assertEqual(len([one for one in slow.got() if one["type"] == "text"]), 200)

    def test_room(self) -> None:
        """Each connection is counted from its accept to its end, and with those of other doors."""
        turnstile = Turnstile(4)
        web = self.web(turnstile=turnstile)
        web.world.factory.watch.turnstile = web.world.factory.turnstile = turnstile
        idle, alice, *_ = web.pipe(), web.connect(), web.connect(), web.world.connect()
        self.assertEqual(turnstile.inside, 4)
        there = alice.pipe.getPeer()
        self.assertIsInstance(web.door.site.buildProtocol(there), Refused)
        self.assertIsInstance(web.world.factory.buildProtocol(there), Refused)
        alice.pipe.lose()
        self.assertEqual(web.connect().handshake.status, 101)
        self.assertIsInstance(web.door.site.buildProtocol(there), Refused)
        idle.lose()
        self.assertEqual(web.ask("/").status, 200)

    def test_a_bad_handshake(self) -> None:
        """Who is refused as a WebSocket counts until it is gone, which is soon."""
        turnstile = Turnstile(1)
        web = self.web(turnstile=turnstile)
        pipe = web.pipe()
        pipe.reading = False
        head = "GET /ws HTTP/1.1", "Host: chat.test:8080", "Upgrade: websocket", "", ""
        pipe.send("\r\n".join(head).encode())
        web.world.settle()
        self.assertEqual(answer_in(bytes(pipe.unread)).status, 400)
        self.assertEqual(turnstile.inside, 1)
        web.world.pass_time(LOGIN_SECONDS + 2)
        self.assertTrue(pipe.gone)
        self.assertEqual(turnstile.inside, 0)
