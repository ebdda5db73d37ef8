"""Bodies of requests: what takes them, as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.web.server import Request


class Body(Protocol):
    """What a request's body is written to: as much of a file as Twisted uses of one."""

    def write(self, data: bytes, /) -> object:
        """Take a piece of it."""

    def tell(self) -> int:
        """Return how much has come."""

    def seek(self, at: int, whence: int = 0, /) -> object:
        """Go back to the beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """Return what is there."""

    def close(self) -> None:
        """The request is over, in whichever way."""


Taker = Callable[[Request, int], "Body | None"]
"""Returns what takes a body of so many bytes; None where it is not taken."""

Takers = Mapping[bytes, Taker]
"""By the first part of a path: ``files`` for ``/files`` and all below it."""


def taker_of(takers: Takers, method: bytes, uri: bytes) -> Taker | None:
    """Return who takes the body of such a request."""
    if method != b"POST":
        return None
    return takers.get(uri.lstrip(b"/").partition(b"?")[0].partition(b"/")[0])
