"""``POST /files``: a file comes in, piece by piece, and is kept; and ``GET``: it goes out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import parse_qs, quote, unquote

from attrs import define, field, frozen
from msgspec import Struct
from msgspec.json import encode
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from twisted_chat.accounts.bearers import Bearer, Bearers
from twisted_chat.accounts.refusals import DONE
from twisted_chat.doors.web.clients import Clients, header
from twisted_chat.doors.web.files.pictures import CLEANED, FORMATS, Picture, clean, kind_of
from twisted_chat.doors.web.files.store import Kept, Store
from twisted_chat.doors.web.refusing import refusal, refused
from twisted_chat.doors.web.site import SiteResource, misdirected, say
from twisted_chat.log.attached import ID_LENGTH
from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError

HEAD: Final = 32
"""Bytes from which it is told what a file is."""

MAX_NAME: Final = 100
"""Characters of a file's name, at most: the end of a longer one stays."""

MAX_UNDER_WAY: Final = 64
"""Files that are being sent at once, at most."""

PIECE: Final = 32_768
"""Bytes of a file that are sent at once."""

HEADERS: Final = {
    "Cache-Control": "private, max-age=86400",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""With every file: whatever is in it, a browser runs nothing of it."""


class Stored(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="file", tag_field="type"):
    """The answer: ``link``, below the page's own address, is what is put into a text."""

    link: str
    name: str
    media: str
    size: int
    width: int = 0
    height: int = 0


@frozen(eq=False)
class Files:
    """What files need: where they are, who may send them, and threads for pictures."""

    store: Store
    bearers: Bearers
    run: Callable[[Callable[[], Picture]], Deferred[Picture]]
    now: Callable[[], float]
    """The time of day, in seconds since 1970."""
    outcomes: Counter[str] = field(init=False, factory=Counter)
    """What became of those that were sent, by code."""


@define(eq=False)
class Upload:
    """A file that is being sent: the body of its request.

    Nothing is read on before it is known who sends it. What is refused is read, and forgotten, so
    that the sender hears why.
    """

    files: Files
    size: int
    _path: Path = field(init=False)
    _file: IO[bytes] | None = field(init=False, default=None)
    _digest: Any = field(init=False, factory=sha256)
    _head: bytes = field(init=False, default=b"")
    came: int = field(init=False, default=0)
    refused: ChatError | None = field(init=False, default=None)
    bearer: Bearer | None = field(init=False, default=None)
    user: str = field(init=False, default="")
    """Whose it counts as: an account, or all guests of an address."""
    known: Deferred[None] = field(init=False, factory=Deferred)
    """Fires when it is known who sends it, or why it is refused."""
    closed: bool = field(init=False, default=False)
    _reserved: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._path = self.files.store.incoming()

    async def settle(self, authorization: str, host: str) -> None:
        """Find out who sends it, and whether there is room. Never fails."""
        try:
            self.bearer = await self.files.bearers.of(authorization, host)
            key = self.bearer.name.key
            self.user = f"guests:{network(host)}" if self.bearer.guest else f"user:{key}"
            if not self.closed:
                self.files.store.reserve(self.user, self.size)
                self._reserved = True
        except ChatError as problem:
            self.refused = problem
        self.known.callback(None)

    # --- what Twisted writes it to -----------------------------------------------------------

    def write(self, data: bytes, /) -> None:
        """Take a piece of it."""
        self.came += len(data)
        if self.refused is not None or self.closed:
            return
        try:
            if self._file is None:
                self._file = open(self._path, "xb")  # noqa: SIM115  # it is closed in ``close``
            self._file.write(data)
        except OSError:
            self.refused = ChatError("not-stored", "The file could not be stored.")
            return
        self._digest.update(data)
        self._head = (self._head + data[:HEAD])[:HEAD] if len(self._head) < HEAD else self._head

    def tell(self) -> int:
        """Return how much has come."""
        return self.came

    def seek(self, at: int, whence: int = 0, /) -> None:
        """Do nothing: it is not read from here."""

    def read(self, size: int = -1, /) -> bytes:
        """Return nothing: nobody reads it from here."""
        return b""

    def close(self) -> None:
        """Let go of what was not kept."""
        if self.closed:
            return
        self.closed = True
        if self._file is not None:
            self._file.close()
        if self._reserved:
            self.files.store.release(self.user, self.size)
        for suffix in ("", ".clean", ".small"):
            self._beside(suffix).unlink(missing_ok=True)

    # --- when all of it has come -------------------------------------------------------------

    async def keep(self, name: str) -> tuple[str, Kept]:
        """Keep it; return its ID. Raises ChatError."""
        await self.known
        if self.refused is not None:
            raise self.refused
        if self._file is None or self.came != self.size:
            raise ChatError("bad-request", "Not all of the file has come.")
        self._file.close()
        kind = kind_of(self._head)
        digest, data, small, picture = self._digest.digest(), self._path, None, None
        if kind in CLEANED:
            data = self._beside(".clean")
            picture = await self.files.run(
                lambda: clean(self._path, kind, data, self._beside(".small"))
            )
            digest = picture.digest
            small = self._beside(".small") if picture.has_small else None
        if self.closed:
            raise ChatError("bad-request", "It was stopped.")
        store = self.files.store
        kept = Kept(
            name=name,
            type=kind,
            size=data.stat().st_size,
            user=self.user,
            since=self.files.now(),
            width=0 if picture is None else picture.width,
            height=0 if picture is None else picture.height,
            small=0 if small is None else small.stat().st_size,
        )
        id = store.id_of(digest)
        return id, store.add(id, kept, data, small)

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)


class FilesResource(SiteResource):
    """``/files``: takes a file, and has all that are kept below it."""

    isLeaf = True
    _logger = Logger()

    def __init__(self, files: Files, clients: Clients) -> None:
        super().__init__()
        self._files = files
        self._clients = clients
        self._under_way: set[Upload] = set()

    def take(self, request: Request, size: int) -> Upload | None:
        """Take the body of a request, as it comes; None where it is refused at once."""
        if size > self._files.store.bounds.file:
            return None
        self._under_way = {one for one in self._under_way if not one.closed}
        upload = Upload(self._files, size)
        if (problem := self._problem(request)) is not None:
            upload.refused = problem
            upload.known.callback(None)
            return upload
        self._under_way.add(upload)
        host, _ = self._clients.address_of(request) or ("", 0)
        transport: Any = request.channel.transport
        ensureDeferred(upload.settle(header(request, b"Authorization"), host))
        if not upload.known.called:
            transport.pauseProducing()
            upload.known.addCallback(lambda _: upload.closed or transport.resumeProducing())
            upload.known.addCallback(lambda _: None)
        return upload

    def _problem(self, request: Request) -> ChatError | None:
        """Return why nothing is taken, whoever sends it."""
        clients = self._clients
        if clients.address_of(request) is None or not clients.knows(request):
            return ChatError("not-allowed", "This server is not known under that name.")
        if not clients.is_ours(request):
            return ChatError("not-allowed", "This page may not use the chat: see --web-origin.")
        if len(self._under_way) >= MAX_UNDER_WAY:
            return ChatError("server-full", "Too many files are being sent; try again.")
        return None

    def render(self, request: Request) -> bytes | int:
        """Answer POST, GET and HEAD."""
        if request.method == b"POST" and request.path == b"/files":
            return self._post(request)
        return super().render(request)

    # --- in ----------------------------------------------------------------------------------

    def _post(self, request: Request) -> bytes | int:
        if not self._clients.knows(request):
            return misdirected(request)
        upload = request.content
        if not isinstance(upload, Upload):
            return refusal(request, ChatError("empty", "A file can not be empty."))
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        name = named(_query(request, "name"))
        kept = Deferred.fromCoroutine(upload.keep(name))
        kept.addCallback(lambda found: self._stored(request, name, *found))
        kept.addErrback(lambda failure: self._refused(request, failure))
        kept.addCallback(lambda body: gone or (request.write(body), request.finish()))
        kept.addErrback(lambda failure: self._logger.failure("A file had no answer", failure))
        return NOT_DONE_YET

    def _stored(self, request: Request, name: str, id: str, kept: Kept) -> bytes:
        self._files.outcomes[DONE] += 1
        link = f"files/{id}/{quote(name, safe='')}"
        if kept.width:
            link += f"#{kept.width}x{kept.height}"
        request.setResponseCode(201)
        request.setHeader("Content-Type", "application/json")
        request.setHeader("Cache-Control", "no-store")
        return encode(
            Stored(
                link=link,
                name=name,
                media=kept.type,
                size=kept.size,
                width=kept.width,
                height=kept.height,
            )
        )

    def _refused(self, request: Request, failure: Failure) -> bytes:
        return refused(request, failure, self._files.outcomes, "A file could not be kept")

    # --- out ---------------------------------------------------------------------------------

    def render_GET(self, request: Request) -> bytes | int:
        """Send a file: a picture to be shown, and all else to be put away."""
        parts = (request.path or b"").decode("latin-1").split("/")
        kept = self._files.store.get(parts[2]) if len(parts) == 4 else None
        if kept is None or len(parts[2]) != ID_LENGTH:
            return say(request, 404, "There is no such file, or not any more.")
        is_small = b"small" in request.args and kept.small > 0
        path = self._files.store.path(parts[2], "small" if is_small else "data")
        try:
            file = open(path, "rb")  # noqa: SIM115  # the producer closes it
        except OSError:
            return say(request, 404, "There is no such file, or not any more.")
        for header_name, value in HEADERS.items():
            request.setHeader(header_name, value)
        request.setHeader("Content-Type", "image/webp" if is_small else kept.type)
        request.setHeader("Content-Length", str(kept.small if is_small else kept.size))
        shows = kept.type in FORMATS and "download" not in _query_keys(request)
        name = quote(named(unquote(parts[3])), safe="")
        request.setHeader(
            "Content-Disposition",
            f"{'inline' if shows else 'attachment'}; filename*=UTF-8''{name}",
        )
        if request.setETag(f'"{parts[2]}{"-small" if is_small else ""}"'.encode()):
            file.close()
            return b""
        if request.method == b"HEAD":
            file.close()
            return b""
        Sending(request, file).start()
        return NOT_DONE_YET


@implementer(IPushProducer)
@define(eq=False)
class Sending:
    """A file on its way out, a piece whenever the client has taken the last one."""

    request: Request
    file: IO[bytes]
    _goes: bool = False

    def start(self) -> None:
        """Begin."""
        self.request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """Send pieces until the transport has had enough; after the last one it is over."""
        self._goes = True
        while self._goes:
            if piece := self.file.read(PIECE):
                self.request.write(piece)
            else:
                self.stopProducing()
                self.request.unregisterProducer()
                self.request.finish()

    def pauseProducing(self) -> None:
        """The transport has had enough."""
        self._goes = False

    def stopProducing(self) -> None:
        """Let go: the client is gone, or has all of it."""
        self._goes = False
        self.file.close()


def named(raw: str) -> str:
    """Return a file's name as it is kept: no path, nothing that is not to be seen."""
    last = raw.replace("\\", "/").rpartition("/")[2]
    name = "".join(sign for sign in last if sign.isprintable()).strip(" .")
    return name[-MAX_NAME:] or "file"


def _query(request: Request, name: str) -> str:
    uri = (request.uri or b"").decode("latin-1")
    found = parse_qs(uri.partition("?")[2], errors="replace").get(name)
    return found[0] if found else ""


def _query_keys(request: Request) -> set[str]:
    return {key.decode("latin-1") for key in request.args or {}}
