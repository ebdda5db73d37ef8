"""HTTP: the page, whether the server is well, and the way to a WebSocket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request, Site

from twisted_chat.doors.turnstile import Turnstile
from twisted_chat.doors.web.bodies import Taker
from twisted_chat.doors.web.channel import BoundSite
from twisted_chat.doors.web.clients import Clients, header
from twisted_chat.doors.web.hooks import HooksResource, Sayer
from twisted_chat.doors.web.hosts import Hosts
from twisted_chat.doors.web.site import SiteResource, misdirected, say
from twisted_chat.doors.web.sockets import WebFactory
from twisted_chat.page import File, Page

if TYPE_CHECKING:
    from twisted_chat.doors.web.files.uploads import Files

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
    files: Files | None = None,
    sayer: Sayer | None = None,
    posts: Counter[str] | None = None,
) -> Site:
    """Return the site: see web_door."""
    root = SiteResource()
    known = Hosts.of(hosts, origins)
    clients = Clients(known, origins, proxies, clock)
    root.putChild(b"", FileResource(page.index, PAGE_HEADERS, known))
    root.putChild(b"assets", assets := SiteResource())
    assets.putChild(page.folder.encode(), folder := SiteResource())
    for name, file in page.assets.items():
        folder.putChild(name.encode(), FileResource(file, ASSET_HEADERS))
    root.putChild(b"favicon.ico", FileResource(page.assets["favicon.ico"], ICON_HEADERS))
    root.putChild(b"health", HealthResource(accepts, clock))
    root.putChild(b"ws", SocketResource(sockets, clients))
    takers: dict[bytes, Taker] = {}
    if files is not None:
        from twisted_chat.doors.web.files.uploads import FilesResource  # Pillow is an extra

        root.putChild(b"files", kept := FilesResource(files, clients))
        takers[b"files"] = kept.take
    if sayer is not None:
        root.putChild(
            b"hooks", hooks := HooksResource(sayer, Counter() if posts is None else posts)
        )
        takers[b"hooks"] = hooks.take
    return BoundSite(root, clock, turnstile, takers)


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
        if self._known is not None and not self._known.has(header(request, b"Host")):
            return misdirected(request)
        for name, value in self._headers.items():
            request.setHeader(name, value)
        request.setHeader("Vary", "Accept-Encoding")
        gzips = _takes_gzip(header(request, b"Accept-Encoding"))
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
            return say(request, 200, "The server is well.")
        return say(request, 503, "The server can not store anything now.")


class SocketResource(SiteResource):
    """``/ws``: hands the connection over to the WebSockets."""

    def __init__(self, sockets: WebFactory, clients: Clients) -> None:
        super().__init__()
        self._sockets = sockets
        self._clients = clients

    def render_GET(self, request: Request) -> bytes | int:
        """Let in who may come, and asks for a WebSocket."""
        if not self._clients.knows(request):
            return misdirected(request)
        if not self._clients.is_ours(request):
            return say(request, 403, "This page may not use the chat: see --web-origin.")
        upgrade = header(request, b"Upgrade").lower()
        transport = request.channel.transport
        if upgrade != "websocket" or transport is None:  # it is None where it is not HTTP/1.1
            request.setHeader("Upgrade", "websocket")
            sentence = "Here is a WebSocket, and nothing else."
            return say(request, 426, sentence, b"Upgrade Required")
        found = self._clients.address_of(request)
        if found is None:
            return say(request, 400, "Your address could not be read from X-Forwarded-For.")
        host, port = found
        channel: Any = request.channel
        behind = channel.hand_over()
        self._sockets.take(transport, host, port, _head(request), behind)
        return NOT_DONE_YET


def _head(request: Request) -> bytes:
    """Return the request's head as it came, for autobahn to read."""
    lines = [b"%s %s HTTP/1.1" % (request.method, request.uri)]
    for name, values in request.requestHeaders.getAllRawHeaders():
        lines += [b"%s: %s" % (name, value) for value in values]
    return b"\r\n".join([*lines, b"", b""])
