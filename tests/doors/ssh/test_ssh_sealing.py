"""SSH's packets: sealed and opened, by what both sides can do."""

from __future__ import annotations

import contextlib
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.ssh_client import GCM, SUITES
from twisted_chat.doors.ssh.agreeing import Offer, agree
from twisted_chat.doors.ssh.sealing import (
    CHACHA,
    CIPHERS,
    LENGTH,
    MACS,
    Material,
    Suite,
    Tampered,
    made,
)


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
