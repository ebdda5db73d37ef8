"""Frames (RFC 6455): out, the same for all WebSockets that take their form; in, the plain ones."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from struct import Struct
from typing import Any, Final

from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

from twisted_chat.chat.member import Encode
from twisted_chat.vocabulary.messages import Response, encode

WORTH_COMPRESSING: Final = 512
"""Bytes from which on a message is compressed: a line of chat alone gains nothing."""

_TEXT: Final = 0x81
_COMPRESSED_TEXT: Final = 0xC1
_short = Struct("!BB")
_medium = Struct("!BBH")
_long = Struct("!BBQ")
_number = int.from_bytes


def _frame(opcode: int, payload: bytes) -> bytes:
    """Return a whole frame of a server: never masked, and so the same for everybody."""
    size = len(payload)
    if size < 126:
        return _short.pack(opcode, size) + payload
    if size < 65_536:
        return _medium.pack(opcode, 126, size) + payload
    return _long.pack(opcode, 127, size) + payload


def encode_frame(response: Response) -> bytes:
    """Encode one message as a text frame."""
    return _frame(_TEXT, encode(response))


@cache
def compressing(window_bits: int) -> Encode:
    """Return the one encoder of all connections that can inflate with that window (9 to 15)."""
    fresh = zlib.compressobj(6, zlib.DEFLATED, -window_bits)

    def encode_compressed(response: Response) -> bytes:
        message = encode(response)
        if len(message) < WORTH_COMPRESSING:
            return _frame(_TEXT, message)
        deflate = fresh.copy()
        compressed = deflate.compress(message) + deflate.flush(zlib.Z_SYNC_FLUSH)
        return _frame(_COMPRESSED_TEXT, compressed[:-4])  # RFC 7692, section 7.2.1

    return encode_compressed


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """Take the mask off: as one large number, which is many times faster than byte by byte."""
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    return (_number(payload, "little") ^ _number(pattern, "little")).to_bytes(size, "little")


def whole_text(data: bytes, start: int) -> tuple[bytes, int] | None:
    """Cut the frame at ``start`` if it is what most are: a whole, uncompressed, masked text.

    Return the text and where the frame ends. None for anything else, also for one that is not
    there yet, or has over 65,535 bytes: for autobahn to judge.
    """
    body = start + 6
    if len(data) < body or data[start] != _TEXT:
        return None
    size = data[start + 1] - 0x80
    if size == 126:
        size = data[start + 2] << 8 | data[start + 3]
        body += 2
        if size < 126:
            return None
    elif not 0 <= size < 126:
        return None
    end = body + size
    if end > len(data):
        return None
    return unmasked(data[body:end], data[body - 4 : body]), end


def accept_compression(offers: Sequence[Any]) -> PerMessageDeflateOfferAccept | None:
    """Take the first offer to deflate; a client's messages each by itself, too.

    So no window is kept between messages, neither for what comes nor for what goes.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(
                offer, request_no_context_takeover=offer.accept_no_context_takeover
            )
    return None
