"""HTTP: the page, whether the server is well, and the way to a WebSocket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from twisted_chat.accounts.sparing import SparingLog
from twisted_chat.doors.tcp import peer_of
from twisted_chat.doors.turnstile import Turnstile
from twisted_chat.doors.web.channel import BoundSite
from twisted_chat.doors.web.hosts import Hosts
from twisted_chat.doors.web.sockets import WebFactory
from twisted_chat.page import File, Page
from twisted_chat.vocabulary.addresses import Blocks, spelled

HEALTH_SECONDS: Final = 5.0
"""How long the log may take before it counts as ailing."""

FRESH_SECONDS: Final = 1.0
"""How long an answer about the log's health is good: asking often costs it nothing."""

PAGE_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""With the page: nothing but its own files may run, show or be asked, and nothing may frame it."""

ASSET_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}
"""With what its name says all about: a browser never has to ask again."""


ICON_HEADERS: Final = {"Cache-Control": "max-age=86400", "X-Content-Type-Options": "nosniff"}
"""With what browsers ask for by a name of their own."""


def make_site(
    page: Page,
    sockets: WebFactory,
    clock: IReactorTime,
    accepts: Callable[[], Awaitable[None]],
    origins: Sequence[str],
    proxies: Sequence[str],
    turnstile: Turnstile,
    hosts: Sequence[str],
) -> Site:
    """Return the site: see web_door."""
    root = SiteResource()
    known = Hosts.of(hosts, origins)
    root.putChild(b"", FileResource(page.index, PAGE_HEADERS, known))
    root.putChild(b"assets", assets := SiteResource())
    assets.putChild(page.folder.encode(), folder := SiteResource())
    for name, file in page.assets.items():
        folder.putChild(name.encode(), FileResource(file, ASSET_HEADERS))
    root.putChild(b"favicon.ico", FileResource(page.assets["favicon.ico"], ICON_HEADERS))
    root.putChild(b"health", HealthResource(accepts, clock))
    root.putChild(b"ws", SocketResource(sockets, origins, proxies, known))
    return BoundSite(root, clock, turnstile)


def _header(request: Request, name: bytes) -> str:
    """Return what a header says, whichever bytes those are, and in however many lines."""
    values = request.requestHeaders.getRawHeaders(name, [])
    return b",".join(values).decode("latin-1")


def _say(request: Request, code: int, sentence: str, phrase: bytes | None = None) -> bytes:
    """Answer with a line of text."""
    request.setResponseCode(code, phrase)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Content-Type-Options", "nosniff")
    return f"{sentence}\n".encode()


def _misdirected(request: Request) -> bytes:
    return _say(
        request,
        421,
        "This server is not known under that name: the operator can add it with --web-host.",
        b"Misdirected Request",
    )


class SiteResource(Resource):
    """A place of the site, which can be read alone: empty, but for what is put there."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Return nothing: what is there is found before this is asked."""
        return SiteResource()

    def render(self, request: Request) -> bytes | int:
        """Answer GET and HEAD: nothing here can be changed."""
        if request.method in (b"GET", b"HEAD"):
            return self.render_GET(request)
        request.setHeader("Allow", "GET, HEAD")
        return _say(request, 405, "This can only be read.")

    def render_GET(self, request: Request) -> bytes | int:
        """Say that there is nothing."""
        return _say(request, 404, "There is nothing here.")


class FileResource(SiteResource):
    """One file of the page, from memory."""

    def __init__(self, file: File, headers: Mapping[str, str], known: Hosts | None = None) -> None:
        super().__init__()
        self._file = file
        self._headers = headers
        self._known = known

    def render_GET(self, request: Request) -> bytes | int:
        """Send the file, compressed where that is understood; or say that it has not changed."""
        file = self._file
        if self._known is not None and not self._known.has(_header(request, b"Host")):
            return _misdirected(request)
        for name, value in self._headers.items():
            request.setHeader(name, value)
        request.setHeader("Vary", "Accept-Encoding")
        gzips = _takes_gzip(_header(request, b"Accept-Encoding"))
        tag = f'"{file.tag}{"-gz" if gzips else ""}"'
        if request.setETag(tag.encode()):
            return b""
        request.setHeader("Content-Type", file.type)
        if not gzips:
            return file.body
        request.setHeader("Content-Encoding", "gzip")
        return file.gzipped


def _takes_gzip(accepted: str) -> bool:
    for coding in accepted.lower().split(","):
        name, _, quality = coding.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "").rstrip("0.") != "q="
    return False


class HealthResource(SiteResource):
    """``GET /health``: 200 while the log accepts, 503 otherwise."""

    _logger = Logger()

    def __init__(self, accepts: Callable[[], Awaitable[None]], clock: IReactorTime) -> None:
        super().__init__()
        self._accepts = accepts
        self._clock = clock
        self._asking: list[Request] = []
        self._well = False
        self._until = float("-inf")

    def render_GET(self, request: Request) -> bytes | int:
        """Answer from what was found a moment ago, or together with all who ask now."""
        if self._clock.seconds() < self._until:
            return self._answer(request)
        self._asking.append(request)
        request.notifyFinish().addErrback(lambda _: self._asking.remove(request))
        if len(self._asking) == 1:
            asked = Deferred.fromCoroutine(self._ask())
            asked.addTimeout(HEALTH_SECONDS, self._clock)
            asked.addCallbacks(lambda _: self._found(True), self._ailing)
        return NOT_DONE_YET

    async def _ask(self) -> None:
        await self._accepts()

    def _ailing(self, failure: Failure) -> None:
        self._logger.warn("The log does not accept: {why}", why=failure.getErrorMessage())
        self._found(False)

    def _found(self, well: bool) -> None:
        self._well = well
        self._until = self._clock.seconds() + FRESH_SECONDS
        asking, self._asking = self._asking, []
        for request in asking:
            request.write(self._answer(request))
            request.finish()

    def _answer(self, request: Request) -> bytes:
        if self._well:
            return _say(request, 200, "The server is well.")
        return _say(request, 503, "The server can not store anything now.")


class SocketResource(SiteResource):
    """``/ws``: hands the connection over to the WebSockets."""

    _logger = Logger()

    def __init__(
        self, sockets: WebFactory, origins: Sequence[str], proxies: Sequence[str], known: Hosts
    ) -> None:
        super().__init__()
        self._sockets = sockets
        self._known = known
        self._unreadable = SparingLog(sockets.clock, self._logger)
        self._origins = {_origin(origin) for origin in origins}
        self._proxies = Blocks(proxies)

    def render_GET(self, request: Request) -> bytes | int:
        """Let in who may come, and asks for a WebSocket."""
        if not self._known.has(_header(request, b"Host")):
            return _misdirected(request)
        if request.requestHeaders.hasHeader(b"Origin") and not self._is_ours(
            _header(request, b"Origin"), _header(request, b"Host")
        ):
            return _say(request, 403, "This page may not use the chat: see --web-origin.")
        upgrade = _header(request, b"Upgrade").lower()
        transport = request.channel.transport
        if upgrade != "websocket" or transport is None:  # it is None where it is not HTTP/1.1
            request.setHeader("Upgrade", "websocket")
            sentence = "Here is a WebSocket, and nothing else."
            return _say(request, 426, sentence, b"Upgrade Required")
        found = self._client(request)
        if found is None:
            return _say(request, 400, "Your address could not be read from X-Forwarded-For.")
        host, port = found
        channel: Any = request.channel
        behind = channel.hand_over()
        self._sockets.take(transport, host, port, _head(request), behind)
        return NOT_DONE_YET

    def _is_ours(self, origin: str, host: str) -> bool:
        """Whether a page of that origin is the door's own, or one that the operator named."""
        judged = _origin(origin)
        own = {_origin(f"{scheme}://{host}") for scheme in ("http", "https")}
        return judged is not None and (judged in own or judged in self._origins)

    def _client(self, request: Request) -> tuple[str, int] | None:
        """Return who it is: the last address that no trusted proxy has.

        None where a trusted proxy said something that is no address: whoever that is would
        otherwise be taken for the proxy, and share one address with all others like it.
        """
        host, port = peer_of(request.channel.transport)
        forwarded = _header(request, b"X-Forwarded-For")
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


def _origin(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None where it is none (as ``null``)."""
    try:
        parts = urlsplit(origin.strip())
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def _head(request: Request) -> bytes:
    """Return the request's head as it came, for autobahn to read."""
    lines = [b"%s %s HTTP/1.1" % (request.method, request.uri)]
    for name, values in request.requestHeaders.getAllRawHeaders():
        lines += [b"%s: %s" % (name, value) for value in values]
    return b"\r\n".join([*lines, b"", b""])
