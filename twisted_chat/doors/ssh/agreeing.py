"""What client and server agree on before they make keys (RFC 4253, section 7.1).

Of each kind the first that the client names and the server has is taken.
"""

from __future__ import annotations

import os
import struct
from typing import Final, Self

from attrs import frozen
from twisted.conch.ssh.common import NS, getNS

from twisted_chat.doors.ssh.sealing import CHACHA, TAGGED, Suite

STRICT_CLIENT: Final = b"kex-strict-c-v00@openssh.com"
STRICT_SERVER: Final = b"kex-strict-s-v00@openssh.com"
"""Among the exchanges of keys: that no packet can be slipped in, or away, before there are keys."""

EXTENSIONS_CLIENT: Final = b"ext-info-c"
EXTENSIONS_SERVER: Final = b"ext-info-s"
"""The same way: that extensions are understood (RFC 8308)."""

MAX_NAMES: Final = 200
"""Names of one kind that are looked at."""

COOKIE: Final = 16
LISTS: Final = 10

Names = tuple[bytes, ...]


@frozen
class Offer:
    """A KEXINIT: what one side can do, the best first; ``_in`` is from the client."""

    exchanges: Names
    keys: Names
    ciphers_in: Names
    ciphers_out: Names
    macs_in: Names
    macs_out: Names
    compressions_in: Names = (b"none",)
    compressions_out: Names = (b"none",)
    guesses: bool = False
    """Whether the first packet of the exchange follows, with what is likely to be agreed on."""

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read it, without the message's number. Raises ValueError."""
        try:
            *lists, rest = getNS(payload[COOKIE:], LISTS)
            (guesses,) = struct.unpack_from("?", rest)
        except struct.error:
            raise ValueError("It is cut off.") from None
        a, b, c, d, e, f, g, h, *_ = [tuple(one.split(b",", MAX_NAMES)) for one in lists]
        return cls(a, b, c, d, e, f, g, h, guesses)

    def payload(self) -> bytes:
        """Return it as it goes out, without the message's number."""
        lists = (
            *(self.exchanges, self.keys, self.ciphers_in, self.ciphers_out),
            *(self.macs_in, self.macs_out, self.compressions_in, self.compressions_out),
            *((), ()),  # languages
        )
        names = b"".join([NS(b",".join(one)) for one in lists])
        return os.urandom(COOKIE) + names + struct.pack(">?L", self.guesses, 0)


@frozen
class Agreement:
    """What is to be done."""

    exchange: bytes
    key: bytes
    incoming: Suite
    outgoing: Suite
    guessed_wrong: bool
    """Whether a packet that the client has sent already is to be passed over."""


def agree(client: Offer, server: Offer, is_strict: bool) -> Agreement | None:
    """Return what both can do; None where there is nothing.

    A cipher with a tag of its own wants no MAC, so that there need be none in common. Without the
    strict exchange ChaCha20 is not taken: what is slipped away from the first packets would not be
    noticed (CVE-2023-48795).
    """
    exchange = _first(client.exchanges, server.exchanges)
    key = _first(client.keys, server.keys)
    incoming = _suite(
        client.ciphers_in, server.ciphers_in, client.macs_in, server.macs_in, is_strict
    )
    outgoing = _suite(
        client.ciphers_out, server.ciphers_out, client.macs_out, server.macs_out, is_strict
    )
    compressions = (
        _first(client.compressions_in, server.compressions_in),
        _first(client.compressions_out, server.compressions_out),
    )
    if None in compressions or not exchange or not key or not incoming or not outgoing:
        return None
    guessed = (client.exchanges[0], client.keys[0]) == (server.exchanges[0], server.keys[0])
    return Agreement(exchange, key, incoming, outgoing, client.guesses and not guessed)


def _first(client: Names, server: Names) -> bytes | None:
    markers = (STRICT_SERVER, EXTENSIONS_SERVER)
    return next((name for name in client if name in server and name not in markers), None)


def _suite(
    ciphers: Names, our_ciphers: Names, macs: Names, our_macs: Names, is_strict: bool
) -> Suite | None:
    cipher = _first(ciphers, tuple(name for name in our_ciphers if is_strict or name != CHACHA))
    if cipher is None or cipher in TAGGED:
        return Suite(cipher) if cipher is not None else None
    mac = _first(macs, our_macs)
    return Suite(cipher, mac) if mac is not None else None
