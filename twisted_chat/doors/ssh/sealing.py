"""How packets are encrypted and authenticated, each as one thing: there is no other way here.

AES-GCM (RFC 5647), ChaCha20 with Poly1305 (OpenSSH's PROTOCOL.chacha20poly1305)
and AES-CTR with an HMAC over what is encrypted (``-etm``, RFC 4344 and OpenSSH's PROTOCOL). Conch
has none of them. A seal works in one direction, from one exchange of keys to the next.

::

    sealed = length (4) | padding's length (1), payload, padding | tag
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final, Protocol

from attrs import define, field, frozen
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

LENGTH: Final = 4
"""Bytes of a packet's length, which counts neither itself nor the tag."""

BLOCK: Final = 16
"""Bytes of AES's block."""

_COUNT: Final = 2**64


class Tampered(Exception):
    """A packet is not what was sent."""


class Seal(Protocol):
    """One direction. ``number`` is a packet's, of 32 bits."""

    block: int
    """What is padded to a multiple of this, ..."""
    counted: int
    """and how many bytes of the length are padded with it: all, or none."""
    tag: int
    """Bytes behind what is encrypted."""

    def seal(self, number: int, packet: bytes) -> bytes:
        """Return a packet, which begins with its length, as it goes out."""

    def length(self, number: int, begin: bytes) -> int:
        """Return the length of a packet from its first four bytes; nobody has vouched for it."""

    def open(self, number: int, sealed: bytes) -> bytes:
        """Return what is behind the length of a whole packet. Raises Tampered."""


@define(eq=False)
class Clear:
    """As it is before the first keys: nothing is encrypted."""

    block: int = 8
    counted: int = LENGTH
    tag: int = 0

    def seal(self, number: int, packet: bytes) -> bytes:
        """See Seal."""
        return packet

    def length(self, number: int, begin: bytes) -> int:
        """See Seal."""
        return int.from_bytes(begin, "big")

    def open(self, number: int, sealed: bytes) -> bytes:
        """See Seal."""
        return sealed[LENGTH:]


@define(eq=False)
class Gcm:
    """AES-GCM: a count of its own goes into each packet's nonce, and the length is in clear."""

    _aes: AESGCM
    _fixed: bytes
    _count: int
    block: int = BLOCK
    counted: int = 0
    tag: int = 16

    def _nonce(self) -> bytes:
        nonce = self._fixed + self._count.to_bytes(8, "big")
        self._count = (self._count + 1) % _COUNT
        return nonce

    def seal(self, number: int, packet: bytes) -> bytes:
        """See Seal."""
        length = packet[:LENGTH]
        return length + self._aes.encrypt(self._nonce(), packet[LENGTH:], length)

    def length(self, number: int, begin: bytes) -> int:
        """See Seal."""
        return int.from_bytes(begin, "big")

    def open(self, number: int, sealed: bytes) -> bytes:
        """See Seal."""
        try:
            return self._aes.decrypt(self._nonce(), sealed[LENGTH:], sealed[:LENGTH])
        except InvalidTag:
            raise Tampered from None


@define(eq=False)
class ChaCha:
    """ChaCha20 and Poly1305: the length is encrypted too, with a key of its own."""

    _lengths: CipherContext
    _packets: CipherContext
    block: int = 8
    counted: int = 0
    tag: int = 16

    def _begin(self, number: int) -> bytes:
        """Turn to a packet; return the key of its tag."""
        nonce = bytes(8) + number.to_bytes(8, "big")
        self._packets.reset_nonce(nonce)
        return self._packets.update(bytes(64))[:32]

    def seal(self, number: int, packet: bytes) -> bytes:
        """See Seal."""
        key = self._begin(number)
        self._lengths.reset_nonce(bytes(8) + number.to_bytes(8, "big"))
        sealed = self._lengths.update(packet[:LENGTH]) + self._packets.update(packet[LENGTH:])
        return sealed + Poly1305.generate_tag(key, sealed)

    def length(self, number: int, begin: bytes) -> int:
        """See Seal."""
        self._lengths.reset_nonce(bytes(8) + number.to_bytes(8, "big"))
        return int.from_bytes(self._lengths.update(begin), "big")

    def open(self, number: int, sealed: bytes) -> bytes:
        """See Seal."""
        key = self._begin(number)
        try:
            Poly1305.verify_tag(key, sealed[: -self.tag], sealed[-self.tag :])
        except InvalidSignature:
            raise Tampered from None
        return self._packets.update(sealed[LENGTH : -self.tag])


@define(eq=False)
class Counter:
    """AES-CTR, and an HMAC over what is encrypted and the packet's number."""

    _aes: CipherContext
    _key: bytes
    _digest: str
    tag: int
    block: int = BLOCK
    counted: int = 0

    def seal(self, number: int, packet: bytes) -> bytes:
        """See Seal."""
        sealed = packet[:LENGTH] + self._aes.update(packet[LENGTH:])
        return sealed + self._mac(number, sealed)

    def length(self, number: int, begin: bytes) -> int:
        """See Seal."""
        return int.from_bytes(begin, "big")

    def open(self, number: int, sealed: bytes) -> bytes:
        """See Seal."""
        if not hmac.compare_digest(self._mac(number, sealed[: -self.tag]), sealed[-self.tag :]):
            raise Tampered
        return self._aes.update(sealed[LENGTH : -self.tag])

    def _mac(self, number: int, sealed: bytes) -> bytes:
        return hmac.digest(self._key, number.to_bytes(4, "big") + sealed, self._digest)


@frozen
class Suite:
    """What was agreed for one direction; ``mac`` is empty where the cipher has a tag of its own."""

    cipher: bytes
    mac: bytes = b""


@frozen
class Material:
    """What is made of the secret of an exchange for one direction: as much as is wanted."""

    nonce: bytes = field(repr=False)
    key: bytes = field(repr=False)
    mac: bytes = field(repr=False)


def _gcm(size: int) -> Callable[[Material], Seal]:
    def make(material: Material) -> Seal:
        nonce = material.nonce
        return Gcm(AESGCM(material.key[:size]), nonce[:4], int.from_bytes(nonce[4:12], "big"))

    return make


def _chacha(material: Material) -> Seal:
    packets, lengths = (
        Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor()
        for key in (material.key[:32], material.key[32:64])
    )
    return ChaCha(lengths, packets)


CHACHA: Final = b"chacha20-poly1305@openssh.com"

TAGGED: Final[dict[bytes, Callable[[Material], Seal]]] = {
    b"aes256-gcm@openssh.com": _gcm(32),
    b"aes128-gcm@openssh.com": _gcm(16),
    CHACHA: _chacha,
}
"""Ciphers with a tag of their own."""

COUNTERS: Final = {b"aes256-ctr": 32, b"aes192-ctr": 24, b"aes128-ctr": 16}
"""Ciphers that want a MAC, and the bytes of their keys."""

CIPHERS: Final = (*TAGGED, *COUNTERS)

MACS: Final = {
    b"hmac-sha2-512-etm@openssh.com": ("sha512", 64),
    b"hmac-sha2-256-etm@openssh.com": ("sha256", 32),
}
"""Digests, and the bytes of their keys and of what they give."""

MATERIAL: Final = 64
"""Bytes of each part of a Material, at least."""


def made(suite: Suite, material: Material) -> Seal:
    """Return a new seal."""
    if suite.cipher in TAGGED:
        return TAGGED[suite.cipher](material)
    key = material.key[: COUNTERS[suite.cipher]]
    aes = Cipher(algorithms.AES(key), modes.CTR(material.nonce[:BLOCK])).encryptor()
    digest, size = MACS[suite.mac]
    return Counter(aes, material.mac[:size], digest, size)
