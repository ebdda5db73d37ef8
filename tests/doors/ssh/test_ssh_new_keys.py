"""New keys of SSH while somebody is there: when, how often, and what waits meanwhile."""

from __future__ import annotations

import struct
from typing import Any

from twisted.conch.ssh.common import NS
from twisted.conch.ssh.connection import MSG_CHANNEL_DATA, MSG_GLOBAL_REQUEST, MSG_REQUEST_FAILURE
from twisted.conch.ssh.transport import MSG_IGNORE, MSG_KEXINIT, MSG_NEWKEYS, MSG_UNIMPLEMENTED

from tests.kit.ssh_client import SUITES, SshClient, TransportCase, shown
from twisted_chat.doors.ssh.transport import (
    EXCHANGES_AT_ONCE,
    KEY_BYTES,
    KEY_SECONDS,
    MAX_HELD_BACK,
)

ASK = NS(b"anything") + b"\1"
"""A question that is answered with a refusal."""


class NewKeysTests(TransportCase):
    """New keys while somebody is there."""

    def come(self, **named: Any) -> SshClient:
        client = self.begin(**named)
        client.come("gus")
        client.take()
        return client

    def test_time(self) -> None:
        """The server asks for them after an hour, with whatever it sends next."""
        client = self.come()
        client.open()
        client.run("tail lobby -n 0 -f")
        for _ in range(int(KEY_SECONDS // 60)):
            self.chat.clock.advance(60)  # it is asked whether it is there
            self.assertNotIn(MSG_KEXINIT, client.numbers())
            client.send(MSG_REQUEST_FAILURE)
        self.chat.clock.advance(60)
        self.assertIn(MSG_KEXINIT, client.numbers())
        client.exchange_keys()
        self.assertIn(MSG_NEWKEYS, client.numbers())
        self.assertEqual(client.sent, 0)
        client.send(MSG_GLOBAL_REQUEST, ASK)
        self.assertEqual(client.numbers(), [MSG_REQUEST_FAILURE])

    def test_bytes(self) -> None:
        """And after so many bytes, which are a gigabyte; nothing that is said meanwhile is lost."""
        self.assertEqual(KEY_BYTES, 2**30)
        for suite in SUITES:
            client = self.come(suite=suite)
            client.protocol.key_bytes = 5_000
            client.open()
            client.run("tail lobby -n 0 -f")
            client.take()
            alice = self.chat.come("alice")
            got, said = [], [f"{number:03d} {'x' * 100}" for number in range(200)]
            for number, text in enumerate(said):
                alice.say(text)
                got += client.take()
                if client.is_asked_for_keys and number % 3 == 0:  # not always at once
                    client.exchange_keys()
            client.exchange_keys()
            got += client.take()
            lines = [line.split(": ", 1)[1] for line in shown(got).splitlines()]
            self.assertEqual(lines, said)
            self.assertGreater(client.exchanges, 5)

    def test_window_meanwhile(self) -> None:
        """A window that opens while there are no keys lets nothing live out before there are."""
        client = self.come()
        client.open(window=100)
        client.run("tail lobby -n 0 -f")
        client.take()
        alice = self.chat.come("alice")
        alice.say("x" * 1_000)  # it is shut
        client.take()
        client.protocol.sendKexInit()
        client.widen(2**30)
        for _ in range(50):
            alice.say("x" * 10_000)
            client.settle()
        self.assertLess(client.protocol._size_held_back, 20_000)
        client.exchange_keys()
        self.assertEqual(shown(client.take()).count("x" * 10_000), 50)

    def test_too_often(self) -> None:
        """Who asks for new keys again and again is read more slowly, and gets them."""
        client = self.come()
        for _ in range(int(EXCHANGES_AT_ONCE)):
            client.exchange_keys()
            self.assertIn(MSG_NEWKEYS, client.numbers())
        client.offer()
        client.half()
        self.assertNotIn(MSG_NEWKEYS, client.numbers())
        client.send(MSG_NEWKEYS, b"x" * 70_000)  # not even looked at
        self.chat.clock.advance(0.5)
        self.assertIn(MSG_NEWKEYS, client.numbers())
        client = self.another()
        client.come("bob")
        for number in range(100):
            client.offer()
            client.half()
            self.chat.pass_time(0.25)
            self.assertIn(MSG_NEWKEYS, client.numbers(), number)
            client.new_keys()
        client.offer()
        client.pipe.lose()

    def test_asked_by_both(self) -> None:
        """Both may ask at once."""
        client = self.come()
        client.protocol.sendKexInit()
        client.offer()
        client.half()
        client.new_keys()
        client.send(MSG_GLOBAL_REQUEST, ASK)
        self.assertEqual(client.numbers()[-1], MSG_REQUEST_FAILURE)

    def test_in_flight(self) -> None:
        """What a client had sent before it heard of it is done, and answered behind the keys."""
        client = self.come()
        client.protocol.sendKexInit()
        client.send(MSG_GLOBAL_REQUEST, ASK)
        self.assertEqual(client.numbers(), [MSG_KEXINIT])
        client.exchange_keys()
        self.assertEqual(client.numbers()[-1], MSG_REQUEST_FAILURE)

    def test_behind_its_own(self) -> None:
        """Nothing else comes behind its own KEXINIT until there are keys."""
        client = self.come()
        client.offer()
        client.send(MSG_GLOBAL_REQUEST, ASK)
        self.assertEqual(client.farewell, b"this message is not to come now")

    def test_behind_much(self) -> None:
        """A client is read for its half of the keys, however much it has given before it."""
        client = self.come()
        client.open()
        client.run("say lobby")
        client.take()
        client.pipe.read_from = False
        client.type(b"".join(b"%d\n" % number for number in range(1_000)))
        client.offer()
        client.pipe.resumeProducing()
        client.settle()
        client.half()
        client.new_keys()
        client.take()
        self.assertEqual(self.chat.chat.sessions["lobby"].head, 1_000)

    def test_bound_of_input(self) -> None:
        """Who is asked for new keys, and goes on without them, is cut off."""
        client = self.come()
        client.open()
        client.run("say lobby")
        client.take()
        client.protocol.sendKexInit()
        for _ in range(2 * MAX_HELD_BACK // 30_000):
            client.send(MSG_IGNORE, bytes(30_000))
        client.settle()
        self.assertTrue(client.pipe.gone)

    def test_bound(self) -> None:
        """Who gives no new keys is written nothing live, and is cut off where answers pile up."""
        client = self.come()
        client.open(window=2**30)
        client.run("tail lobby -n 0 -f")
        client.take()
        client.protocol.sendKexInit()
        alice = self.chat.come("alice")
        for _ in range(300):
            alice.say("x" * 10_000)
            client.settle()
        self.assertEqual(client.protocol._size_held_back, 0)
        self.assertFalse(client.pipe.gone)
        client.exchange_keys()
        self.assertEqual(shown(client.take()).count("alice: "), 300)
        client.protocol.sendKexInit()
        for _ in range(2 * MAX_HELD_BACK // 1_000):
            client.send(MSG_CHANNEL_DATA, struct.pack(">L", 0) + NS(b""))
            client.protocol.sendPacket(MSG_UNIMPLEMENTED + 80, bytes(1_000))
        client.settle()
        self.assertTrue(client.pipe.gone)
