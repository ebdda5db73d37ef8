"""What doors share that make their own words of a message: a line of JSON, once for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define
from msgspec.json import Decoder

from twisted_chat.vocabulary.messages import Response, encode


@define(eq=False)
class _Last:
    """The message that was encoded last: what many are told one by one is encoded once."""

    response: Response | None = None
    data: bytes = b""


_last: Final = _Last()
_decoder: Final[Decoder[Response]] = Decoder(Response)


def encode_line(response: Response) -> bytes:
    """Encode one message; JSON has no line end of its own, and so is a line."""
    if response is not _last.response:
        _last.response, _last.data = response, encode(response) + b"\n"
    return _last.data


def decode_lines(data: bytes) -> Sequence[Response]:
    """Return the messages that were encoded, to be read only: one alone may be the chat's own."""
    if data is _last.data and _last.response is not None:
        return (_last.response,)
    return _decoder.decode_lines(data)
