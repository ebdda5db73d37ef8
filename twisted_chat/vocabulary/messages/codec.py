"""Bytes to requests, and messages to bytes."""

from __future__ import annotations

import json
from typing import Final, TypeVar

from msgspec import DecodeError, ValidationError
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages.limits import Message
from twisted_chat.vocabulary.messages.requests import Request

__all__ = [
    "BadRequest",
    "NotAnObject",
    "Reply",
    "decode",
    "encode",
    "with_id",
]


_decoder: Final[Decoder[Request]] = Decoder(Request)

encode: Final = Encoder().encode
"""Encode one message as JSON in UTF-8."""


Reply = TypeVar("Reply", bound=Message)


def with_id(reply: Reply, id: str | None) -> Reply:
    """Return ``reply`` bearing the ``id`` of its request."""
    return reply if id is None else replace(reply, id=id)


class BadRequest(ChatError):
    """A JSON object that is no request; ``id`` is the one it bears, where it bears one."""

    def __init__(self, sentence: str, id: str | None) -> None:
        super().__init__("bad-request", sentence)
        self.id = id


class NotAnObject(ChatError):
    """Not even a JSON object: what comes after it can not be trusted, so the door closes."""

    def __init__(self) -> None:
        super().__init__("bad-request", "A message is one JSON object in UTF-8.")


def decode(message: bytes) -> Request:
    """Turn one message into a request.

    Raises BadRequest (the connection stays) or NotAnObject (the connection is closed).
    """
    try:
        return _decoder.decode(message)
    except (DecodeError, UnicodeDecodeError, RecursionError) as problem:
        refusal = _judged(message, problem)
    raise refusal


def _judged(message: bytes, problem: Exception) -> BadRequest | NotAnObject:
    """Say what is wrong with ``message``: off the fast path, so it may read it again."""
    if isinstance(problem, RecursionError):
        return BadRequest("The message is nested too deeply.", None)
    try:
        # Strict where json is lax (NaN), lax where it is strict (digits without end).
        found = json.loads(message.decode(), parse_constant=_refuse, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return NotAnObject()
    if not isinstance(found, dict):
        return NotAnObject()
    id = found.get("id")
    if not isinstance(id, str) or not 1 <= len(id) <= 64 or not _is_text(id):
        id = None
    if isinstance(problem, ValidationError):
        # Both may quote what came, which may fill a frame: the answer must fit into one too.
        kind, sentence = found.get("type"), str(problem)[:200]
        known = isinstance(kind, str) and len(kind) <= 16 and _is_text(kind)
        if sentence.endswith("`$.type`"):
            return BadRequest(
                f"There is no request {kind!r}." if known else "A type is missing.", id
            )
        return BadRequest(f"{sentence} in a {kind!r}." if known else f"{sentence}.", id)
    return BadRequest("Text is any Unicode but lone surrogates.", id)


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _is_text(value: str) -> bool:
    """Whether ``value`` can be written in UTF-8: it holds no lone surrogate."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
