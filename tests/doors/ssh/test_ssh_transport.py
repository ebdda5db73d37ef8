"""SSH's packets and keys, through bytes."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.connection import MSG_CHANNEL_DATA, MSG_GLOBAL_REQUEST, MSG_REQUEST_FAILURE
from twisted.conch.ssh.transport import (
    MSG_EXT_INFO,
    MSG_IGNORE,
    MSG_KEXDH_INIT,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_UNIMPLEMENTED,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.ssh_client import GCM, SshClient, shown, ssh_factory
from tests.kit.support import ChatCase
from twisted_chat.doors.ssh.agreeing import Offer, agree
from twisted_chat.doors.ssh.sealing import (
    CHACHA,
    CIPHERS,
    LENGTH,
    MACS,
    TAGGED,
    Material,
    Suite,
    Tampered,
    made,
)
from twisted_chat.doors.ssh.transport import (
    EXCHANGES,
    EXCHANGES_AT_ONCE,
    KEY_BYTES,
    KEY_SECONDS,
    MAX_HELD_BACK,
    MAX_PACKET,
)

SUITES = [Suite(cipher) for cipher in TAGGED] + [
    Suite(cipher, mac) for cipher in CIPHERS if cipher not in TAGGED for mac in MACS
]

ASK = NS(b"anything") + b"\1"
"""A question that is answered with a refusal."""


class SealTests(SynchronousTestCase):
    """What is sealed comes out as it was, or not at all."""

    @given(
        st.sampled_from(SUITES),
        st.binary(min_size=64, max_size=64),
        st.lists(st.binary(min_size=16, max_size=400), min_size=1, max_size=4),
        st.integers(0, 2**32 - 1),
    )
    def test_there_and_back(
        self, suite: Suite, secret: bytes, packets: list[bytes], first: int
    ) -> None:
        """Each packet, in order, with its number."""
        material = Material(secret, secret, secret)
        one, other = made(suite, material), made(suite, material)
        for number, body in enumerate(packets, first):
            number %= 2**32
            sealed = one.seal(number, struct.pack(">L", len(body)) + body)
            self.assertEqual(len(sealed), LENGTH + len(body) + one.tag)
            self.assertNotIn(body, sealed)
            self.assertEqual(other.length(number, sealed[:LENGTH]), len(body))
            self.assertEqual(other.open(number, sealed), body)

    @given(st.sampled_from(SUITES), st.integers(0, 51), st.integers(0, 7))
    def test_tampered(self, suite: Suite, place: int, bit: int) -> None:
        """One bit that is another, wherever it is, is found."""
        material = Material(bytes(64), bytes(64), bytes(64))
        one, other = made(suite, material), made(suite, material)
        sealed = bytearray(one.seal(7, struct.pack(">L", 32) + bytes(32)))
        sealed[place % len(sealed)] ^= 1 << bit
        self.assertRaises(Tampered, other.open, 7, bytes(sealed))

    def test_number(self) -> None:
        """A packet at another's place is found."""
        for suite in SUITES:
            material = Material(bytes(64), bytes(64), bytes(64))
            one, other = made(suite, material), made(suite, material)
            packet = struct.pack(">L", 32) + bytes(32)
            one.seal(7, packet)
            self.assertRaises(Tampered, other.open, 7, one.seal(8, packet))


class AgreeingTests(SynchronousTestCase):
    """What is taken of what both can do."""

    def offer(self, ciphers: tuple[bytes, ...], macs: tuple[bytes, ...] = tuple(MACS)) -> Offer:
        return Offer((b"curve25519-sha256",), (b"ssh-ed25519",), ciphers, ciphers, macs, macs)

    def test_there_and_back(self) -> None:
        """An offer is read as it was written."""
        offer = self.offer(CIPHERS)
        self.assertEqual(Offer.parse(offer.payload()), offer)

    @given(st.binary(max_size=200))
    def test_anything(self, payload: bytes) -> None:
        """What is no offer is refused as that."""
        with contextlib.suppress(ValueError):
            Offer.parse(payload)

    def test_no_mac(self) -> None:
        """A cipher with a tag of its own needs no MAC in common; another one does."""
        ours = self.offer(CIPHERS)
        agreed = agree(self.offer((GCM.cipher,), (b"hmac-md5",)), ours, is_strict=True)
        assert agreed is not None
        self.assertEqual(agreed.incoming, GCM)
        self.assertIsNone(agree(self.offer((b"aes256-ctr",), (b"hmac-sha1",)), ours, True))

    def test_terrapin(self) -> None:
        """Without the strict exchange ChaCha20 is not taken."""
        ours, theirs = self.offer(CIPHERS), self.offer((CHACHA, b"aes128-ctr"))
        for is_strict, cipher in ((True, CHACHA), (False, b"aes128-ctr")):
            agreed = agree(theirs, ours, is_strict)
            assert agreed is not None
            self.assertEqual(agreed.outgoing.cipher, cipher)


class TransportCase(ChatCase):
    def begin(self, **named: Any) -> SshClient:
        self.chat = self.world()
        self.factory = ssh_factory(self.chat)
        return self.another(**named)

    def another(self, **named: Any) -> SshClient:
        return SshClient(self.chat, self.factory, **named)

    def is_served(self, client: SshClient) -> bool:
        client.send(MSG_SERVICE_REQUEST, NS(b"ssh-userauth"))
        return MSG_SERVICE_ACCEPT in client.numbers()


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
