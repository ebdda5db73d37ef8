"""Under which names the web door is known (DNS rebinding).

A page of evil.example may let its name point to this server for a moment: a browser then takes the
two for one, and lets the page use the chat from inside somebody's network, with that network's
rights. The ``Host`` that the browser sends gives it away: it is the name of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from socket import gethostname
from typing import Self
from urllib.parse import urlsplit

from attrs import frozen


@frozen
class Hosts:
    """The names that are the door's own; ``*.example.org`` is every one with a label more.

    An address is no name that anybody could point elsewhere, and always right; so is no ``Host`` at
    all, which no browser leaves out.
    """

    names: frozenset[str]

    @classmethod
    def of(cls, hosts: Sequence[str], origins: Sequence[str]) -> Self:
        """Return those of the operator's, this machine's own, and ``localhost``."""
        machine = gethostname().lower()
        short = machine.partition(".")[0]
        own = {"localhost", "*.localhost", machine, short, f"{short}.local"}
        named = {urlsplit(origin).hostname or "" for origin in origins}
        return cls(frozenset(own | named | {host.lower() for host in hosts}) - {""})

    def has(self, host: str) -> bool:
        """Whether a ``Host`` header is one of ours."""
        try:
            name = (urlsplit(f"//{host.strip()}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if not name:
            return not host.strip()
        if name in self.names or f"*.{name.partition('.')[2]}" in self.names:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True
