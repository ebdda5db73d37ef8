"""WebSockets at the web door: frames, the conversation in them, and their compression."""

from __future__ import annotations

import json
import zlib
from typing import Any

from tests.kit.frames import types
from tests.kit.web import (
    COMPRESSED,
    PING,
    PONG,
    TEXT,
    Web,
    WebCase,
    frame_of,
    inflated,
    masked,
    opcodes,
)
from twisted_chat.doors.web import frames as encoders
from twisted_chat.doors.web.frames import WORTH_COMPRESSING, compressing, encode_frame
from twisted_chat.vocabulary import messages
from twisted_chat.vocabulary.messages import Notice, Pong

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"


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
