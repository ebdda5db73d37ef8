"""Messages of the native door as they travel: tests look at the wire, not at our classes."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]
"""A message."""


def frame(body: bytes) -> bytes:
    """Return ``body`` with its length before it."""
    return struct.pack("!I", len(body)) + body


def wire(type: str, **fields: Any) -> bytes:
    """Return a message as a frame."""
    return frame(json.dumps({"type": type, **fields}).encode())


def types(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the types of messages."""
    return [one["type"] for one in found]
