"""Addresses: one way to write each, and what counts as one address.

What programs write for an address differs: with a port, in brackets, with a zone, with capitals, an
IPv4 address inside an IPv6 one. Whoever compares addresses, or shows one, asks here first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

LOCAL: Final = "local"
"""The address of whoever comes through a UNIX socket."""

_FORMS: Final = re.compile(
    r"""\[(?P<bracketed>[^\[\]]+)\](?::[0-9]{1,5})?   # [2001:db8::1]:443
      | (?P<v4>[0-9.]+)(?::[0-9]{1,5})?               # 203.0.113.5:4444
      | (?P<v6>[0-9A-Fa-f:.]+(?:%[^\s\[\]%]+)?)       # 2001:DB8::1, fe80::1%eth0
    """,
    re.VERBOSE,
)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip(" \t")
    if len(text) > 1 and text[0] == text[-1] == '"':  # RFC 7239, section 4
        text = text[1:-1]
    found = _FORMS.fullmatch(text)
    if found is None:
        return None
    try:
        address = ip_address(found["bracketed"] or found["v4"] or found["v6"])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))  # a zone says nothing elsewhere
    return address


def spelled(text: str) -> str | None:
    """Return an address in the one way to write it; None for what is none.

    A port, brackets, quotation marks and a zone are taken off; an IPv4 address in an IPv6 one is
    that IPv4 address; the rest is as RFC 5952 has it.
    """
    address = _read(text)
    return None if address is None else str(address)


def block(text: str) -> str | None:
    """Return an address, or a network such as ``10.0.0.0/8``, in the one way to write it.

    None for what is neither. Bits behind a network's own are left away, a network of one address is
    that address, and one of IPv4 addresses inside IPv6 is one of IPv4.
    """
    host, slash, length = text.strip(" \t").partition("/")
    if not slash:
        return spelled(text)
    if re.fullmatch(r"[0-9]{1,3}", length, re.ASCII) is None:
        return None
    try:
        found = ip_network(f"{host.strip('[]')}/{length}", strict=False)
    except ValueError:
        return None
    mapped = found.network_address
    if isinstance(mapped, IPv6Address) and mapped.ipv4_mapped and found.prefixlen >= 96:
        found = ip_network(f"{mapped.ipv4_mapped}/{found.prefixlen - 96}")
    if found.num_addresses == 1:
        return str(found.network_address)
    return str(found)


class Blocks:
    """Addresses and networks, in any spelling, that a host may be in."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for text in texts:
            found = block(text)
            if found is not None and "/" in found:
                self._networks.append(ip_network(found))
            else:
                self._names.add(found or text)

    def __contains__(self, host: object) -> bool:
        """Whether that host, in whichever spelling, is one of them; so may ``local`` be."""
        if not isinstance(host, str):
            return False
        address = _read(host)
        if address is None:
            return host in self._names
        return str(address) in self._names or any(address in one for one in self._networks)


def network(host: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 that one IPv6 host has.

    What is no address (``local``) stays as it is.
    """
    address = _read(host)
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return host if address is None else str(address)
