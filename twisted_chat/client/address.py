"""Where a server is, as people write it: ``[USER@]HOST[:PORT]``."""

from __future__ import annotations

from typing import Final

from attrs import frozen
from twisted.internet.abstract import isIPv6Address

PORT: Final = 1234
"""The port of a server that does not say another."""


@frozen
class Address:
    """A server, and perhaps who one is there. ``host`` is without brackets."""

    host: str
    port: int = PORT
    user: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if isIPv6Address(self.host) else self.host
        return host if self.port == PORT else f"{host}:{self.port}"


def parse_address(raw: str) -> Address:
    """Read ``[USER@]HOST[:PORT]``; an IPv6 address with a port is in brackets: ``[::1]:1234``.

    Raises ValueError, with a sentence for people.
    """
    user, at, place = raw.rpartition("@")
    if at and not user:
        raise ValueError(f"{raw!r} has no user before the '@'.")
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{raw!r} is no address: write [::1]:{PORT}.")
        port = rest[1:] if rest else None
    elif place.count(":") > 1:  # IPv6, and no port can be told from it
        host, port = place, None
    else:
        host, colon, rest = place.partition(":")
        port = rest if colon else None
    if not host or any(letter.isspace() for letter in host):
        raise ValueError(f"{raw!r} names no host: write [USER@]HOST[:PORT].")
    return Address(host, PORT if port is None else parse_port(port), user or None)


def parse_port(raw: str) -> int:
    """Read a port. Raises ValueError, with a sentence for people."""
    if not (raw.isascii() and raw.isdigit() and len(raw) < 6 and 1 <= int(raw) <= 65_535):
        raise ValueError(f"{raw!r} is no port: a port is a number from 1 to 65535.")
    return int(raw)
