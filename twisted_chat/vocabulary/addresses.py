"""Addresses: one way to write each, and what counts as one address.

What programs write for an address differs: with a port, in brackets, with a zone, with capitals, an
IPv4 address inside an IPv6 one. Whoever compares addresses, or shows one, asks here first.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
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


def network(host: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 that one IPv6 host has.

    What is no address (``local``) stays as it is.
    """
    address = _read(host)
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return host if address is None else str(address)
