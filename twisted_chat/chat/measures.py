"""Bans and mutes: of whom or of which addresses, until when; and whom they fit."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, Literal

from attrs import define, field
from msgspec import Struct

from twisted_chat.vocabulary.addresses import block, network, spelled
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import key_of, user_name

MAX_MEASURES: Final = 1_000
"""Bans of one session (or of the server), and mutes, at most."""

Kind = Literal["ban", "mute"]


class Measure(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A ban or a mute. Times are in milliseconds since 1970; without ``until`` it is for ever."""

    kind: Kind
    by: str
    since: int
    user: str | None = None
    address: str | None = None
    until: int | None = None
    reason: str | None = None

    @property
    def key(self) -> str:
        """By what it is found: another of that key takes its place."""
        return _key(self.user, self.address)

    def is_over(self, now: int) -> bool:
        """Whether its time is up."""
        return self.until is not None and now >= self.until


def _key(user: str | None, address: str | None) -> str:
    return f"address:{address}" if user is None else f"user:{key_of(user)}"


def whom(user: str | None, address: str | None) -> tuple[str | None, str | None]:
    """Return of whom, or of which network, a measure is to be, in the one way to write it.

    One IPv6 address stands for its /64, which is what one host has. Raises ChatError
    ``bad-request``, ``invalid-name``.
    """
    if (user is None) == (address is None):
        raise ChatError("bad-request", "Name a user or an address, and one of the two.")
    if user is not None:
        return user_name(user).text, None
    found = block(address or "")
    if found is None:
        raise ChatError("bad-request", f"{address!r} is neither an address nor a network.")
    return None, found if "/" in found else network(found)


@define(eq=False)
class Measures:
    """The bans of a session or of the server, or its mutes. Whom they fit is found at once."""

    _of: dict[str, Measure] = field(factory=dict, init=False)
    _networks: dict[tuple[int, int], set[int]] = field(factory=dict, init=False)
    """By version and length of the prefix: so many lookups are enough."""

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> Iterator[Measure]:
        return iter(self._of.values())

    def get(self, key: str) -> Measure | None:
        """Return the one of that key."""
        return self._of.get(key)

    def of(self, user: str | None = None, address: str | None = None) -> Measure | None:
        """Return the one of just that user or network. Raises ChatError as ``whom``."""
        return self._of.get(_key(*whom(user, address)))

    def add(self, measure: Measure) -> None:
        """Let it hold. Raises ChatError ``not-allowed`` where there are too many."""
        if measure.key not in self._of and len(self._of) >= MAX_MEASURES:
            raise ChatError("not-allowed", f"There are {MAX_MEASURES} already: lift some first.")
        self._of[measure.key] = measure
        if measure.address is not None:
            there = ip_network(measure.address)
            at = (there.version, there.prefixlen)
            self._networks.setdefault(at, set()).add(int(there.network_address))

    def remove(self, key: str) -> Measure | None:
        """Let it hold no longer; return it, if there was one."""
        measure = self._of.pop(key, None)
        if measure is not None and measure.address is not None:
            there = ip_network(measure.address)
            at = (there.version, there.prefixlen)
            self._networks[at].discard(int(there.network_address))
            if not self._networks[at]:
                del self._networks[at]
        return measure

    def fitting(self, key: str, host: str, now: int) -> Measure | None:
        """Return what holds for the user of that key, who comes from ``host``."""
        if not self._of:
            return None
        found = self._of.get(f"user:{key}")
        if found is not None and not found.is_over(now):
            return found
        return self._of_host(host, now) if self._networks else None

    def _of_host(self, host: str, now: int) -> Measure | None:
        plain = spelled(host)
        if plain is None:
            return None
        address = ip_address(plain)
        for version, length in self._networks:
            if version != address.version:
                continue
            rest = address.max_prefixlen - length
            start = int(address) >> rest << rest
            if start in self._networks[version, length]:
                found = self._of.get(f"address:{_name(version, start, length)}")
                if found is not None and not found.is_over(now):
                    return found
        return None

    def over(self, now: int) -> list[Measure]:
        """Return those whose time is up."""
        return [measure for measure in self._of.values() if measure.is_over(now)]


def _name(version: int, start: int, length: int) -> str:
    """Return a network as ``whom`` writes it."""
    if version == 4:
        return str(IPv4Address(start)) if length == 32 else str(IPv4Network((start, length)))
    return str(IPv6Network((start, length)))
