"""SSH's keys and what may be said before and after them, through bytes."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.transport import (
    MSG_EXT_INFO,
    MSG_IGNORE,
    MSG_KEXDH_INIT,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    MSG_SERVICE_REQUEST,
)

from tests.kit.ssh_client import SUITES, TransportCase
from twisted_chat.doors.ssh.sealing import CHACHA, CIPHERS, MACS, Suite
from twisted_chat.doors.ssh.transport import EXCHANGES, MAX_PACKET


class KeysTests(TransportCase):
    """How keys are made."""

    def test_all(self) -> None:
        """Every cipher, with each MAC and each exchange, strict or not."""
        client = self.begin()
        for suite in SUITES:
            for exchange in EXCHANGES:
                for strict in (True, False):
                    if suite.cipher == CHACHA and not strict:
                        continue
                    client = self.another(suite=suite, exchange=exchange, strict=strict)
                    client.begin()
                    self.assertTrue(self.is_served(client), (suite, exchange, strict))

    def test_quantum(self) -> None:
        """The first of the exchanges bears a quantum computer, where the library beneath has it."""
        self.assertEqual(EXCHANGES[0], b"mlkem768x25519-sha256")

    def test_what_there_is(self) -> None:
        """Nothing old is offered; OpenSSH's clients are not offered what they would take first."""
        client = self.begin(version=b"SSH-2.0-OpenSSH_9.2p1 Debian-2")
        client.greet()
        offer = client.their_offer
        assert offer is not None
        self.assertEqual(offer.ciphers_in, tuple(c for c in CIPHERS if c != CHACHA))
        self.assertEqual(offer.macs_out, tuple(MACS))
        other = self.another()
        other.greet()
        assert other.their_offer is not None
        self.assertEqual(other.their_offer.ciphers_in, CIPHERS)

    def test_extensions(self) -> None:
        """How keys may sign is said first of all behind the keys."""
        client = self.begin()
        client.greet()
        client.offer()
        client.half()
        client.take()
        client.new_keys()
        ((message, payload),) = client.take()
        self.assertEqual(message, MSG_EXT_INFO)
        self.assertIn(b"rsa-sha2-512", payload)
        self.assertNotIn(b"ssh-rsa,", payload)

    def test_wrong_guess(self) -> None:
        """What a client has sent for an exchange that it is not is passed over."""
        client = self.begin()
        client.greet()
        client.offer(guess=b"something-else")
        client.send(MSG_KEXDH_INIT, NS(b"for something else"))
        client.half()
        client.new_keys()
        self.assertTrue(self.is_served(client))

    def test_nothing_in_common(self) -> None:
        """It ends, with a reason."""
        client = self.begin(suite=Suite(b"aes256-cbc", b"hmac-sha1"))
        client.greet()
        client.offer()
        self.assertEqual(client.farewell, b"there is nothing in common")
        self.assertTrue(client.pipe.gone)


class StrictTests(TransportCase):
    """Nothing can be slipped in, or away, before there are keys (Terrapin, CVE-2023-48795)."""

    def test_before(self) -> None:
        """Nothing comes before KEXINIT."""
        client = self.begin()
        client.greet()
        client.send(MSG_IGNORE, NS(b""))
        client.offer()
        self.assertEqual(client.farewell, b"something came before KEXINIT")

    def test_between(self) -> None:
        """Nothing comes between, not even what says nothing."""
        for step in range(2):
            client = self.begin()
            client.greet()
            client.offer()
            if step:
                client.half()
            client.send(MSG_IGNORE, NS(b""))
            self.assertEqual(client.farewell, b"this message is not to come now")

    def test_numbers(self) -> None:
        """Numbers begin anew with each keys, so that a packet too few is found."""
        client = self.begin(suite=Suite(b"aes128-ctr", b"hmac-sha2-256-etm@openssh.com"))
        client.begin()
        self.assertEqual(client.sent, 0)
        client.take()
        client.sealed(MSG_IGNORE, NS(b""))  # that an attacker has taken away
        client.send(MSG_SERVICE_REQUEST, NS(b"ssh-userauth"))
        self.assertEqual(client.farewell, b"a packet is not what was sent")

    def test_not_strict(self) -> None:
        """A client that knows nothing of it may say nothing whenever it wants."""
        client = self.begin(strict=False)
        client.greet()
        client.send(MSG_IGNORE, NS(b""))
        client.offer()
        client.send(MSG_IGNORE, NS(b""))
        client.half()
        client.new_keys()
        self.assertTrue(self.is_served(client))


class HostileTests(TransportCase):
    """What no client should do ends its connection, with a word and without a traceback."""

    def test_out_of_turn(self) -> None:
        """Messages that are not to come now."""
        for message in (MSG_KEXDH_INIT, MSG_NEWKEYS, 34, 49):
            client = self.begin()
            client.begin()
            client.take()
            client.send(message, NS(bytes(32)))
            self.assertEqual(client.farewell, b"this message is not to come now", message)
        for message in (MSG_SERVICE_REQUEST, MSG_NEWKEYS, 34, MSG_KEXINIT):
            client = self.begin(strict=False)
            client.greet()
            client.offer()
            client.send(message, NS(b"ssh-userauth"))
            self.assertEqual(client.farewell, b"this message is not to come now", message)

    def test_half(self) -> None:
        """Halves of a secret that are none."""
        for exchange in EXCHANGES:
            for half in (b"", bytes(32), bytes(1216), b"\xff" * 1216, bytes(31)):
                client = self.begin(exchange=exchange)
                client.greet()
                client.offer()
                client.send(MSG_KEXDH_INIT, NS(half))
                self.assertNotEqual(client.farewell, b"", (exchange, half))

    def test_lengths(self) -> None:
        """Packets without a length that one can have."""
        client = self.begin()
        for length in (0, 1, 4, 5, 13, MAX_PACKET + 4, 2**32 - 1):
            client = self.another()
            client.greet()
            client.take()
            client.pipe.send(struct.pack(">L", length) + bytes(64))
            self.assertNotEqual(client.farewell, b"", length)

    def test_padding(self) -> None:
        """Packets that are padding alone, or have too little."""
        for padding in (0, 3, 11, 12, 255):
            client = self.begin()
            client.greet()
            client.take()
            client.pipe.send(struct.pack(">LB", 12, padding) + bytes(11))
            self.assertEqual(client.farewell, b"a packet without a message", padding)

    def test_second_login(self) -> None:
        """A login begins once: its tries and its time are not had anew."""
        client = self.begin()
        client.begin()
        self.assertTrue(self.is_served(client))
        client.send(MSG_SERVICE_REQUEST, NS(b"ssh-userauth"))
        self.assertEqual(client.farewell, b"a login has begun already")

    @settings(max_examples=300)
    @given(st.integers(1, 255), st.binary(max_size=60), st.integers(0, 3))
    def test_anything(self, message: int, payload: bytes, stage: int) -> None:
        """Any message at any time: it is answered, or it ends, and nothing else."""
        client = self.begin()
        client.greet()
        if stage:
            client.exchange_keys()
        if stage > 1:
            client.send(MSG_SERVICE_REQUEST, NS(b"ssh-userauth"))
            client.request("gus")
        if stage > 2:
            client.open()
        client.send(message, payload)
        client.settle()
        self.assertEqual(self.flushLoggedErrors(), [])
