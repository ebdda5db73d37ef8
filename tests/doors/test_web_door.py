"""The web door: WebSockets with their limits, silence and closing; the page's files; health."""

from __future__ import annotations

import gzip
import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from tests.kit.support import ChatCase, types
from tests.kit.web import (
    BINARY,
    CLOSE,
    COMPRESSED,
    PING,
    PONG,
    TEXT,
    Web,
    answer_in,
    frame_of,
    frames_of,
    inflated,
    masked,
    opcodes,
)
from twisted_chat import page
from twisted_chat.doors.outlet import Outlet
from twisted_chat.doors.turnstile import Refused, Turnstile
from twisted_chat.doors.watch import CLOSE_SECONDS, LOGIN_SECONDS
from twisted_chat.doors.web import frames as encoders
from twisted_chat.doors.web.channel import HTTP_SECONDS
from twisted_chat.doors.web.frames import WORTH_COMPRESSING, compressing, encode_frame
from twisted_chat.doors.web.http import HEALTH_SECONDS
from twisted_chat.doors.web.looking import LOOK_SECONDS
from twisted_chat.doors.web.sockets import (
    FRAMES_IN_A_ROW,
    MAX_FRAGMENTS,
    PING_SECONDS,
    WebProtocol,
)
from twisted_chat.log.contract import NotStored
from twisted_chat.operation import settings
from twisted_chat.vocabulary import messages
from twisted_chat.vocabulary.messages import MAX_FRAME, MAX_FRAME_BEFORE_LOGIN, Bye, Notice, Pong

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"


def timed(protocol: WebProtocol, times: list[float], clock: Clock) -> Callable[[], bool]:
    """Return its ``processData``, which notes when it is called."""
    process = protocol.processData

    def processed() -> bool:
        times.append(clock.seconds())
        return process()

    return processed


class WebCase(ChatCase):
    def web(self, **settings: Any) -> Web:
        """Return a web door with a chat behind it."""
        return Web(self.world(), **settings)


class FrameTests(WebCase):
    """Frames out."""

    def test_lengths(self) -> None:
        """A frame's length has 7, 16 or 64 bits, the fewest that do; nothing is masked."""
        self.assertEqual(encode_frame(Pong()), b'\x81\x0f{"type":"pong"}')
        for size, head in (
            (125, b"\x81\x7d"),
            (126, b"\x81\x7e\x00\x7e"),
            (65_535, b"\x81\x7e\xff\xff"),
            (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
        ):
            empty = len(encode_frame(Notice(data=""))) - 2
            frame = encode_frame(Notice(data="x" * (size - empty)))
            self.assertEqual(frame[: len(head)], head)
            self.assertEqual(len(frame), len(head) + size)

    def test_once_for_all(self) -> None:
        """A text is encoded once for all plain WebSockets, and they get the same bytes."""
        web = self.web()
        members = [web.come(f"user{number}") for number in range(5)]
        for member in members:
            member.read()
        calls = []
        right = messages.encode

        def counting(response: Any) -> bytes:
            calls.append(response)
            return right(response)

        self.patch(encoders, "encode", counting)
        members[0].send("text", data="one", id="1").send("text", data="two", id="2")
        came = [b"".join(one.raw for one in member.read()) for member in members]
        self.assertEqual(len(set(came)), 1)
        self.assertEqual([call.data for call in calls], ["one", "two"])


class ConversationTests(WebCase):
    """The same conversation as at every door."""

    def test_talk(self) -> None:
        """People at both doors see the same objects in the same order."""
        web = self.web()
        alice, bob = web.come("alice"), web.world.come("bob")
        alice.got()
        alice.send("text", data="hello", id="a")
        bob.send("text", data="hi", id="b")
        mine, theirs = alice.got(), bob.got()
        self.assertEqual(mine, theirs)
        self.assertEqual([(one["seq"], one["source"]) for one in mine], [(1, "alice"), (2, "bob")])

    def test_any_cut(self) -> None:
        """However the bytes are cut, and whatever the mask, the same messages come of it."""
        requests = b"".join(
            frame_of({"type": "ping", "id": str(number), "pad": "ü" * 97 * number})
            for number in range(5)
        )
        for size in (1, 2, 3, 5, 7, 33, 1_000):
            socket = self.web().connect()
            for start in range(0, len(requests), size):
                socket.raw(requests[start : start + size])
            self.assertEqual([one["id"] for one in socket.got()], list("01234"))

    def test_fragments(self) -> None:
        """A message may come in several frames, with control frames between them."""
        socket = self.web().connect()
        message = b'{"type":"ping","id":"1"}'
        socket.raw(masked(TEXT, message[:5], final=False) + masked(PING, b"here?"))
        socket.raw(masked(0, message[5:9], final=False) + masked(0, b"", final=False))
        socket.raw(masked(0, message[9:]))
        came = socket.read()
        self.assertEqual(opcodes(came), [PONG, TEXT])
        self.assertEqual(came[0].payload, b"here?")
        self.assertEqual(json.loads(came[1].payload), {"type": "pong", "id": "1"})

    def test_order(self) -> None:
        """Requests behind one that takes its time wait for it, in the same read too."""
        world = self.world()
        web = Web(world)
        alice = web.come("alice")
        world.log.hold = True
        requests = [
            {"type": "text", "data": "one", "id": "1"},
            {"type": "history", "id": "2"},
            {"type": "ping", "id": "3"},
        ]
        alice.raw(b"".join(map(frame_of, requests)))
        self.assertEqual(alice.got(), [])
        world.log.let_go()
        self.assertEqual([one["id"] for one in alice.got()], ["1", "2", "3"])

    def test_slow_reader(self) -> None:
        """A reader that stops reading costs a bounded buffer, and later gets every text, once."""
        web = self.web()
        slow, alice = web.come("slow"), web.come("alice")
        slow.got()
        slow.pipe.reading = False
        for number in range(400):
            alice.ask("text", data=f"{number} " + "x" * 1_000)
        self.assertLess(slow.pipe.most_unread, 200_000)
        slow.pipe.reading = True
        seqs = [one["seq"] for one in slow.got() if one["type"] == "text"]
        self.assertEqual(seqs, list(range(1, 401)))

    def test_vanishing(self) -> None:
        """Who vanishes without a word has left."""
        web = self.web()
        alice, bob = web.come("alice"), web.come("bob")
        alice.got()
        bob.pipe.lose()
        self.assertEqual(types(alice.got()), ["left"])
        self.assertEqual(web.ask("/health").status, 200)

    def test_many_requests_in_a_read(self) -> None:
        """A burst of texts is answered in order, however often it is held meanwhile."""
        web = self.web()
        alice = web.come("alice")
        burst = [{"type": "text", "data": "x", "id": str(number)} for number in range(500)]
        alice.raw(b"".join(map(frame_of, burst)))
        echoes = [one["id"] for one in alice.got()]
        self.assertEqual(echoes, [str(number) for number in range(500)])


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


class CompressionTests(WebCase):
    """permessage-deflate, with one compressed form for all."""

    def test_agreement(self) -> None:
        """A client that offers it has it; its own messages are to be compressed one by one."""
        handshake = self.web().connect(DEFLATE).handshake
        agreed = handshake.headers["Sec-WebSocket-Extensions"]
        self.assertEqual(agreed, "permessage-deflate; client_no_context_takeover")
        self.assertNotIn("Sec-WebSocket-Extensions", self.web().connect().handshake.headers)

    def test_one_form(self) -> None:
        """All that have the same window get the same bytes, and each message can stand alone."""
        web = self.web()
        members = [web.come(f"user{number}", DEFLATE) for number in range(3)]
        plain = web.come("plain")
        for member in members:
            member.read()
        data = "all work and no play " * 40
        plain.send("text", data=data, id="1").send("text", data="short", id="2")
        came = [member.read() for member in members]
        self.assertEqual(len({b"".join(one.raw for one in frames) for frames in came}), 1)
        long, short = came[0]
        self.assertTrue(long.compressed)
        self.assertLess(len(long.raw), len(data) / 3)
        self.assertFalse(short.compressed)
        self.assertEqual(json.loads(inflated(long))["data"], data)
        self.assertEqual(plain.got()[0]["data"], data)

    def test_windows(self) -> None:
        """Who has a smaller window is served, too."""
        web = self.web()
        small = web.come("small", DEFLATE + "; server_max_window_bits=9")
        data = "".join(chr(97 + number * number % 26) for number in range(WORTH_COMPRESSING)) * 8
        web.come("alice").send("text", data=data)
        (frame,) = [one for one in small.read() if one.compressed]
        self.assertEqual(json.loads(inflated(frame, 9))["data"], data)
        self.assertIs(compressing(15), compressing(15))
        self.assertIsNot(compressing(15), compressing(9))

    def test_inbound(self) -> None:
        """What comes compressed is understood, message by message."""
        socket = self.web().connect(DEFLATE)
        for number in range(3):
            message = json.dumps({"type": "ping", "id": str(number)}).encode()
            deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
            body = deflate.compress(message) + deflate.flush(zlib.Z_SYNC_FLUSH)
            socket.raw(masked(TEXT, body[:-4], rsv=COMPRESSED))
        self.assertEqual([one["id"] for one in socket.got()], ["0", "1", "2"])

    def test_damaged(self) -> None:
        """What can not be inflated closes the connection, and nothing else."""
        web = self.web()
        alice, socket = web.come("alice"), web.connect(DEFLATE)
        socket.raw(masked(TEXT, b"\xff\xff\xff\xff", rsv=COMPRESSED))
        self.assertEqual(socket.close_code(), 1007)
        self.assertEqual(alice.ask("ping")["type"], "pong")


class OriginTests(WebCase):
    """Who may open a WebSocket."""

    def opened(self, origin: str | None, host: str = "chat.test:8080", **settings: Any) -> bool:
        """Whether a page of that origin is let in."""
        headers = () if origin is None else (f"Origin: {origin}",)
        status = self.web(**settings).connect(*headers, host=host).handshake.status
        self.assertIn(status, (101, 403))
        return status == 101

    def test_own(self) -> None:
        """The door's own page may, and what is no page at all."""
        self.assertTrue(self.opened(None))
        self.assertTrue(self.opened("http://chat.test:8080"))
        self.assertTrue(self.opened("https://chat.test:8080"))
        self.assertTrue(self.opened("http://CHAT.test:8080"))
        self.assertTrue(self.opened("https://chat.test", host="chat.test"))
        self.assertTrue(self.opened("http://[2001:db8::1]:8080", host="[2001:db8::1]:8080"))

    def test_foreign(self) -> None:
        """Other pages may not."""
        for origin in (
            *("http://chat.test", "http://chat.test:8081", "http://evil.test:8080", "null", ""),
            *("http://chat.test:8080.evil.test", "http://chat.test:8080@evil.test", "file://"),
            *("chrome-extension://chat.test:8080", "http://chat.test:x", "http://sub.chat.test"),
        ):
            self.assertFalse(self.opened(origin), origin)
        self.assertFalse(self.opened("http://chat.test", host="chat.test:443"))

    def test_named(self) -> None:
        """Those may that the operator named."""
        origins = ["https://talk.example.org"]
        self.assertTrue(self.opened("https://talk.example.org", origins=origins))
        self.assertTrue(self.opened("https://talk.example.org:443", origins=origins))
        self.assertTrue(self.opened("http://chat.test:8080", origins=origins))
        self.assertFalse(self.opened("http://talk.example.org", origins=origins))


class ProxyTests(WebCase):
    """Where somebody comes from."""

    def origin_of(self, *forwarded: str, proxies: tuple[str, ...]) -> tuple[str, int]:
        """Return the address of a client that comes with these headers, from 192.0.2.1."""
        headers = [f"X-Forwarded-For: {one}" for one in forwarded]
        conversation = self.web(proxies=proxies).connect(*headers).protocol.conversation
        return conversation.host, conversation.port

    def test_nobody_is_trusted(self) -> None:
        """Anybody can write that header."""
        self.assertEqual(self.origin_of("203.0.113.9", proxies=()), ("192.0.2.1", 50_001))
        self.assertEqual(self.origin_of("203.0.113.9", proxies=("192.0.2.7",))[0], "192.0.2.1")

    def test_a_proxy(self) -> None:
        """What a trusted proxy added is true, and nothing before it."""
        proxies = ("192.0.2.1", "198.51.100.5")
        for forwarded, host in (
            (["203.0.113.9"], "203.0.113.9"),
            (["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            (["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            (["203.0.113.9, 198.51.100.5"], "203.0.113.9"),
            (["::ffff:203.0.113.9"], "203.0.113.9"),
            (["2001:DB8:0::1"], "2001:db8::1"),
            (["203.0.113.5:4444"], "203.0.113.5"),
            (["[2001:db8::1]:443"], "2001:db8::1"),
            (['"[2001:DB8::1]:443"'], "2001:db8::1"),
            (["fe80::1%eth0"], "fe80::1"),
            (["[::FFFF:203.0.113.9]:1"], "203.0.113.9"),
            (["6.6.6.6, nonsense, 203.0.113.9"], "203.0.113.9"),
            ([""], "192.0.2.1"),
            ([], "192.0.2.1"),
        ):
            self.assertEqual(self.origin_of(*forwarded, proxies=proxies)[0], host, forwarded)

    def test_a_proxy_that_says_what_is_no_address(self) -> None:
        """Whoever that is comes in as nobody: it would share the proxy's address with all like it.

        The operator is told.
        """
        web = self.web(proxies=("192.0.2.1",))
        for forwarded in ("unknown", "\x1b[2J", "\u00ff", "_hidden", "203.0.113.256", "1.2.3.4:x"):
            with capturedLogs() as logs:
                answer = web.connect(f"X-Forwarded-For: 203.0.113.9, {forwarded}").handshake
            self.assertEqual(answer.status, 400, forwarded)
            said = formatEvent(logs[-1])
            self.assertIn("no address", said)
            self.assertNotIn("\x1b", said)


class HostTests(WebCase):
    """Under which names the door is known."""

    def test_rebinding(self) -> None:
        """A page of another name that points here for a moment lets nobody in."""
        web = self.web(origins=["https://talk.example.org"], hosts=["chat.test", "*.corp.test"])
        for host, known in (
            *(("chat.test", True), ("CHAT.test:8080", True), ("talk.example.org", True)),
            *(("127.0.0.1:8080", True), ("[::1]:8080", True), ("localhost", True)),
            *(("a.corp.test", True), ("a.b.corp.test", False), ("corp.test", False)),
            *(("evil.test", False), ("evil.test:8080", False), ("chat.test.evil.test", False)),
            *(("127.0.0.1.evil.test", False), ("[", False)),
        ):
            handshake = web.connect(f"Origin: http://{host}", host=host).handshake
            self.assertEqual(handshake.status, 101 if known else 421, host)


class SettingsTests(ChatCase):
    """What the operator may say."""

    def test_right(self) -> None:
        """Origins and addresses, several of each."""
        found = settings.read(
            {
                "web_origin": ["https://chat.example.org", "http://localhost:8080"],
                "trust_proxy": ["127.0.0.1", "2001:DB8::1", "local"],
            },
            None,
        )
        self.assertEqual(found.web_origin, ("https://chat.example.org", "http://localhost:8080"))
        self.assertEqual(found.trust_proxy, ("127.0.0.1", "2001:db8::1", "local"))

    def test_wrong(self) -> None:
        """What can not be meant is one clear sentence."""
        for name, value in (
            *(("web_origin", "chat.example.org"), ("web_origin", "https://chat.example.org/")),
            *(("web_origin", "*"), ("trust_proxy", "proxy.example.org"), ("trust_proxy", "")),
        ):
            problem = self.assertRaises(
                settings.SettingsError, settings.read, {name: [value]}, None
            )
            self.assertIn(f"--{name.replace('_', '-')} must be", str(problem))


class FileTests(WebCase):
    """The page's files."""

    def test_index(self) -> None:
        """The page is asked for each time, and comes only if it is another."""
        web = self.web()
        answer = web.ask("/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(answer.headers["Cache-Control"], "no-cache")
        tag = answer.headers["ETag"]
        self.assertEqual(web.ask("/", f"If-None-Match: {tag}").status, 304)
        self.assertEqual(web.ask("/", 'If-None-Match: "other"').status, 200)

    def test_security(self) -> None:
        """The page may run and ask nothing but what is the door's own, and nothing inline."""
        headers = self.web().ask("/").headers
        policy = headers["Content-Security-Policy"]
        self.assertTrue(policy.startswith("default-src 'none';"))
        for unsafe in ("unsafe", "*", "http:", "https:", "data:", "blob:"):
            self.assertNotIn(unsafe, policy)
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Referrer-Policy"], "no-referrer")

    def test_assets(self) -> None:
        """Everything that the page refers to is there, and may be kept for ever."""
        web = self.web()
        index = web.ask("/").body.decode()
        references = re.findall(r'(?:src|href)="(assets/[^"]+)"', index)
        self.assertGreater(len(references), 30)
        for reference in references:
            answer = web.ask(f"/{reference}")
            self.assertEqual(answer.status, 200, reference)
            self.assertIn("immutable", answer.headers["Cache-Control"])
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertTrue(re.fullmatch(r"assets/[0-9a-f]{16}/[a-z0-9-]+\.\w+", reference))

    def test_icon(self) -> None:
        """What browsers ask for by a name of its own is there."""
        answer = self.web().ask("/favicon.ico")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "image/x-icon"))

    def test_gzip(self) -> None:
        """Files come compressed where that is understood, and are the same."""
        web = self.web()
        for path in ("/", re.findall(r'"(assets/[^"]+\.js)"', web.ask("/").body.decode())[0]):
            path = f"/{path.lstrip('/')}"
            plain = web.ask(path)
            packed = web.ask(path, "Accept-Encoding: br, gzip;q=0.8")
            self.assertEqual(packed.headers["Content-Encoding"], "gzip")
            self.assertEqual(gzip.decompress(packed.body), plain.body)
            self.assertNotEqual(packed.headers["ETag"], plain.headers["ETag"])
            self.assertEqual(packed.headers["Vary"], "Accept-Encoding")
            self.assertNotIn("Content-Encoding", web.ask(path, "Accept-Encoding: gzip;q=0").headers)

    def test_head(self) -> None:
        """HEAD says what GET would."""
        answer = self.web().ask("/", method="HEAD")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertGreater(int(answer.headers["Content-Length"]), 1_000)

    def test_nothing_else(self) -> None:
        """There is nothing else to be had, above all no other file."""
        web = self.web()
        for path in (
            *("/index.html", "/assets", "/assets/", "/assets/x/main.js", "/../pyproject.toml"),
            *("/assets/../../__init__.py", "/%2e%2e/%2e%2e/etc/passwd", "/ws/more", "/health/x"),
        ):
            self.assertIn(web.ask(path).status, (404, 426), path)
        self.assertEqual(web.ask("/", method="DELETE").status, 405)

    def test_bodies(self) -> None:
        """Nobody can send a file."""
        web = self.web()
        self.assertEqual(
            web.ask("/", "Content-Length: 5", method="POST", body=b"hello").status, 413
        )
        answer = web.ask("/", "Transfer-Encoding: chunked", method="POST", body=b"5\r\nhello\r\n")
        self.assertEqual(answer.status, 413)

    def test_upgrade(self) -> None:
        """The WebSocket's place says what it is."""
        answer = self.web().ask("/ws")
        self.assertEqual((answer.status, answer.headers["Upgrade"]), (426, "websocket"))


class HttpTests(WebCase):
    """HTTP connections end, whatever their clients do."""

    def test_a_trickle(self) -> None:
        """A head that comes byte by byte, or line by line, has no more time than others."""
        for part in (b"x", b"X: y\r\n"):
            web = self.web()
            pipe = web.pipe()
            pipe.send(b"GET / HTTP/1.1\r\n")
            for _ in range(int(HTTP_SECONDS) + 1):
                pipe.send(part)
                web.world.pass_time(1)
            self.assertTrue(pipe.gone)

    def test_keep_alive(self) -> None:
        """A connection may ask again and again, each time after a while, and idles out."""
        web = self.web()
        pipe = web.pipe()
        for _ in range(3):
            web.world.pass_time(HTTP_SECONDS - 1)
            pipe.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            web.world.settle()
            self.assertEqual(answer_in(pipe.take()).status, 404)
        web.world.pass_time(HTTP_SECONDS + 1)
        self.assertTrue(pipe.gone)

    def test_answers_that_are_not_read(self) -> None:
        """Who does not read the last answer is cut off, also where it has closed already."""
        for more in (b"", b"Connection: close\r\n", b"Content-Length: 1\r\n", b"nonsense\r\n"):
            web = self.web()
            pipe = web.pipe()
            pipe.reading = False
            pipe.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n")
            web.world.pass_time(HTTP_SECONDS + 16)
            self.assertTrue(pipe.gone, more)
            self.assertEqual(web.world.clock.getDelayedCalls(), [])

    def test_any_bytes_in_headers(self) -> None:
        """A header may hold any bytes: they ask for nothing that there is, and break nothing."""
        web = self.web(proxies=("192.0.2.1",))
        for path, name, status in (
            ("/", "Accept-Encoding", 200),
            ("/ws", "Upgrade", 426),
            ("/ws", "Origin", 403),
            ("/ws", "Host", 426),
        ):
            self.assertEqual(web.ask(path, f"{name}: \u00ff").status, status)
        ours = "Origin: http://chat.test:8080"
        self.assertEqual(web.connect(ours).handshake.status, 101)
        self.assertEqual(web.connect(ours, "Origin: http://evil.test").handshake.status, 403)

    def test_many_requests_in_a_read(self) -> None:
        """Requests that come together are answered one in a turn: nobody waits for thousands."""
        web = self.web()
        pipe = web.pipe()
        pipe.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        answers = [0]

        def look() -> None:
            answers.append(pipe.unread.count(b"HTTP/1.1 404"))
            if answers[-1] < 100:
                web.world.clock.callLater(0, look)

        look()
        web.world.settle()
        self.assertEqual(answers[-100:], [*range(1, 101)])

    def test_gone_before_the_answer(self) -> None:
        """Who asks and hangs up at once gets no answer."""
        web = self.web()
        pipe = web.pipe()
        pipe.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        pipe.lose()
        web.world.settle()
        self.assertEqual(pipe.unread, b"")

    def test_hasty(self) -> None:
        """What comes right behind the request for a WebSocket is not lost."""
        web = self.web()
        hasty = frame_of({"type": "ping"})
        self.assertEqual(types(web.connect(behind=hasty).got()), ["pong"])

    def test_nobody_logs(self) -> None:
        """What clients do with HTTP fills no log."""
        web = self.web()
        with capturedLogs() as logged:
            for data in (b"", b"\0\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 600):
                web.pipe().send(data)
            web.world.pass_time(HTTP_SECONDS + 16)
        self.assertEqual(list(logged), [])


class HealthTests(WebCase):
    """``GET /health``."""

    def test_well(self) -> None:
        """200 while the log accepts; and it is not asked more than once a second."""
        asked = []

        async def accepts() -> None:
            asked.append(1)

        web = self.web(accepts=accepts)
        for _ in range(5):
            answer = web.ask("/health")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(len(asked), 1)
        web.world.pass_time(1.25)
        web.ask("/health")
        self.assertEqual(len(asked), 2)

    def test_ailing(self) -> None:
        """503 while it does not, and 200 when it does again."""
        broken = [True]

        async def accepts() -> None:
            if broken:
                raise NotStored("the disk is full")

        web = self.web(accepts=accepts)
        self.assertEqual(web.ask("/health").status, 503)
        broken.clear()
        web.world.pass_time(1.25)
        self.assertEqual(web.ask("/health").status, 200)

    def test_stalled(self) -> None:
        """503 where the log does not answer; nobody waits longer."""
        stalled: Deferred[None] = Deferred()

        async def accepts() -> None:
            await stalled

        web = self.web(accepts=accepts)
        pipes = [web.pipe(), web.pipe(), web.pipe()]
        for pipe in pipes:
            pipe.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        pipes[0].lose()
        web.world.pass_time(HEALTH_SECONDS - 0.5)
        self.assertEqual(bytes(pipes[1].unread), b"")
        web.world.pass_time(1)
        for pipe in pipes[1:]:
            self.assertIn(b"503", pipe.take())


class PageTests(ChatCase):
    """The page's files on the disk."""

    folder = Path(page.__file__).parent

    def test_everything_is_preloaded(self) -> None:
        """The browser learns of all modules at once: none has to be found by reading another."""
        index = (self.folder / "index.html").read_text("utf-8")
        named = set(re.findall(r'rel="modulepreload" href="assets/([^"]+)"', index))
        modules = {path.name for path in (self.folder / "assets").glob("*.js")}
        self.assertEqual(named, modules - {"main.js"})

    def test_nothing_is_inline(self) -> None:
        """There is no script or style in the page itself, nor anything of somebody else's."""
        index = (self.folder / "index.html").read_text("utf-8")
        self.assertEqual(re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", index), [])
        for path in self.folder.rglob("*"):
            if path.suffix in (".html", ".css", ".js", ".svg"):
                source = path.read_text("utf-8").replace("http://www.w3.org/", "")
                self.assertEqual(re.findall(r"https?://\w|@import url|url\(", source), [], path)

    def test_text_stays_text(self) -> None:
        """No module has a way to make markup or code of a text."""
        for path in (self.folder / "assets").glob("*.js"):
            found = re.findall(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b"
                r"|new Function|createContextualFragment|srcdoc|setHTML",
                path.read_text("utf-8"),
            )
            self.assertEqual(found, [], path)

    def test_small_files(self) -> None:
        """Each file is under 300 lines."""
        for path in self.folder.rglob("*"):
            if path.suffix in (".html", ".css", ".js"):
                self.assertLess(path.read_text("utf-8").count("\n"), 300, path)

    def test_comments(self) -> None:
        """Comments stay here; lines keep their numbers, and code is not touched."""
        source = "/** one\n * two */\na(/* in */ b); // c\n  /* three */\nconst d = `/* e */`;\n"
        self.assertEqual(
            page.without_comments(source), "\n\na(/* in */ b); // c\n\nconst d = `/* e */`;\n"
        )
        for path in (self.folder / "assets").glob("*.js"):
            stripped = page.without_comments(path.read_text("utf-8"))
            self.assertEqual(stripped.count("\n"), path.read_text("utf-8").count("\n"))
            self.assertNotIn("/**\n", stripped)

    def test_another_page_another_folder(self) -> None:
        """A change in any asset changes where all of them are: none is ever out of date."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        copy = Path(folder.name)
        (copy / "assets").mkdir()
        (copy / "index.html").write_text('<script src="assets/a.js"></script>')
        (copy / "assets" / "a.js").write_text("1")
        first = page.load(copy)
        self.assertIn(f'src="assets/{first.folder}/a.js"'.encode(), first.index.body)
        (copy / "assets" / "a.js").write_text("2")
        self.assertNotEqual(page.load(copy).folder, first.folder)
