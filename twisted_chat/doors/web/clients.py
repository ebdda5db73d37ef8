"""Who asks: from which address, and from whose page."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.server import Request

from twisted_chat.chat.sparing import SparingLog
from twisted_chat.doors.tcp import peer_of
from twisted_chat.doors.web.hosts import Hosts
from twisted_chat.vocabulary.addresses import Blocks, spelled


def header(request: Request, name: bytes) -> str:
    """Return what a header says, whichever bytes those are, and in however many lines."""
    values = request.requestHeaders.getRawHeaders(name, [])
    return b",".join(values).decode("latin-1")


class Clients:
    """Who may ask: by the name it is asked under, the page that asks, the proxy before it."""

    _logger = Logger()

    def __init__(
        self, known: Hosts, origins: Sequence[str], proxies: Sequence[str], clock: IReactorTime
    ) -> None:
        self._known = known
        self._origins = {origin_of(origin) for origin in origins}
        self._proxies = Blocks(proxies)
        self._unreadable = SparingLog(clock, self._logger)

    def knows(self, request: Request) -> bool:
        """Whether it is asked under a name of the door's."""
        return self._known.has(header(request, b"Host"))

    def is_ours(self, request: Request) -> bool:
        """Whether it is no page that asks, or the door's own, or one that the operator named."""
        if not request.requestHeaders.hasHeader(b"Origin"):
            return True
        judged = origin_of(header(request, b"Origin"))
        host = header(request, b"Host")
        own = {origin_of(f"{scheme}://{host}") for scheme in ("http", "https")}
        return judged is not None and (judged in own or judged in self._origins)

    def address_of(self, request: Request) -> tuple[str, int] | None:
        """Return who it is: the last address that no trusted proxy has.

        None where a trusted proxy said something that is no address: whoever that is would
        otherwise be taken for the proxy, and share one address with all others like it.
        """
        host, port = peer_of(request.channel.transport)
        forwarded = header(request, b"X-Forwarded-For")
        for one in reversed(forwarded.split(",")) if forwarded.strip(" \t") else ():
            if host not in self._proxies:
                break
            before = spelled(one)
            if before is None:
                self._unreadable.warn(
                    "{proxy} says that somebody comes from {address}, which is no address: refused",
                    proxy=host,
                    address=one.strip()[:64],
                )
                return None
            host, port = before, 0
        return host, port


def origin_of(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None where it is none (as ``null``)."""
    try:
        parts = urlsplit(origin.strip())
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
