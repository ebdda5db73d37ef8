"""Sending a file to the page of a server: ``POST /files``, as docs/operations.md says."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import quote, urlsplit

from attrs import define
from msgspec import DecodeError, Struct
from msgspec.json import Decoder
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, DNSLookupError, TimeoutError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, FileBodyProducer, ResponseFailed
from twisted.web.http_headers import Headers

from twisted_chat.vocabulary.errors import ChatError, Code

CONNECT_SECONDS: Final = 20.0

MAX_ANSWER: Final = 65_536

TOO_LARGE: Final = 413

_UNREACHABLE: Final = (ConnectError, DNSLookupError, TimeoutError, ResponseFailed, OSError)


class _Answer(Struct):
    type: str
    link: str = ""
    code: str = "internal"
    data: str = "The server did not say why."


_answer: Final = Decoder(_Answer).decode


class _Body(Protocol):
    """Takes an answer, MAX_ANSWER bytes at most."""

    def __init__(self, done: Deferred[bytes]) -> None:
        self._done = done
        self._held = b""

    def dataReceived(self, data: bytes) -> None:
        self._held = (self._held + data)[:MAX_ANSWER]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._done.callback(self._held)


@define(eq=False)
class Uploader:
    """Sends files. ``reactor`` is IReactorTCP and IReactorTime."""

    reactor: Any

    async def send(
        self, page: str, user: str, proof: str, path: str, told: Callable[[str, int], object]
    ) -> str:
        """Send a file; return its link. ``told`` is told its name and size before.

        ``proof`` is the user's password or a token. Raises ChatError: ``bad-request`` where there
        is no such file, ``not-stored`` where the page can not be reached, and as the server does.
        """
        path = os.path.expanduser(path)
        try:
            file = open(path, "rb")  # noqa: SIM115  # the producer closes it
        except OSError as problem:
            raise ChatError("bad-request", f"{path}: {problem.strerror}.") from None
        body = FileBodyProducer(file)
        name = os.path.basename(path)
        told(name, int(body.length))
        login = b64encode(f"{user}:{proof}".encode()).decode()
        agent = Agent(self.reactor, connectTimeout=CONNECT_SECONDS)
        try:
            response = await agent.request(
                b"POST",
                f"{page}/files?name={quote(name, safe='')}".encode(),
                Headers({"Authorization": [f"Basic {login}"]}),
                body,
            )
            answered: Deferred[bytes] = Deferred()
            response.deliverBody(_Body(answered))
            said = await answered
        except _UNREACHABLE as problem:
            where = urlsplit(page).netloc
            raise ChatError("not-stored", f"{where} can not be reached ({problem}).") from None
        finally:
            file.close()
        if response.code == TOO_LARGE:
            raise ChatError("too-large", "That is more than this server takes of one file.")
        try:
            answer = _answer(said)
        except DecodeError:
            raise ChatError("not-stored", f"{page} takes no files ({response.code}).") from None
        if answer.type != "file":
            raise ChatError(cast(Code, answer.code), answer.data)
        return answer.link
