"""``POST /hooks/SECRET``: what a program says in a session, which knows that place alone."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request

from twisted_chat.accounts.refusals import DONE
from twisted_chat.doors.web.clients import header
from twisted_chat.doors.web.refusing import refused
from twisted_chat.doors.web.senders import text_of
from twisted_chat.doors.web.site import SiteResource, say
from twisted_chat.vocabulary.errors import ChatError

MAX_POST: Final = 262_144
"""Bytes of a post, at most: much of what forges send is of no interest here."""

EVENTS: Final = (b"X-GitHub-Event", b"X-Gitea-Event", b"X-Forgejo-Event", b"X-Gogs-Event")
"""Where a forge says what a post is about."""


class Sayer(Protocol):
    """What says texts for those who know a secret: see chat/webhooks.py."""

    async def say(self, secret: str, data: str) -> None:
        """Say a text, which is not empty."""


class Post(BytesIO):
    """The body of a post, and what it was said to be."""

    kind = ""


class HooksResource(SiteResource):
    """``/hooks``: takes what is posted to a secret place below it."""

    isLeaf = True
    _logger = Logger()

    def __init__(self, sayer: Sayer, outcomes: Counter[str]) -> None:
        super().__init__()
        self._sayer = sayer
        self._outcomes = outcomes

    def take(self, request: Request, size: int) -> Post | None:
        """Take the body of a post; None where it is too large."""
        if size > MAX_POST:
            return None
        post = Post()
        post.kind = header(request, b"Content-Type")
        return post

    def render(self, request: Request) -> bytes | int:
        """Answer POST alone: there is nothing to be read."""
        parts = (request.path or b"").decode("latin-1").split("/")
        if len(parts) != 3 or not parts[2]:
            return say(request, 404, "There is nothing here.")
        if request.method != b"POST":
            request.setHeader("Allow", "POST")
            return say(request, 405, "Programs post here.")
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        said = Deferred.fromCoroutine(self._say(parts[2], request))
        said.addCallback(lambda _: self._done(request))
        said.addErrback(lambda failure: self._refused(request, failure))
        said.addCallback(lambda body: gone or (request.write(body), request.finish()))
        said.addErrback(lambda failure: self._logger.failure("A post had no answer", failure))
        return NOT_DONE_YET

    async def _say(self, secret: str, request: Request) -> None:
        post: Any = request.content
        event = next(filter(None, (header(request, name) for name in EVENTS)), "")
        text = text_of(getattr(post, "kind", ""), event, post.read())
        if not text:
            raise ChatError("empty", 'No text was found in it: post {"text": "…"}.')
        await self._sayer.say(secret, text)

    def _done(self, request: Request) -> bytes:
        self._outcomes[DONE] += 1
        return say(request, 200, "ok")

    def _refused(self, request: Request, failure: Failure) -> bytes:
        return refused(request, failure, self._outcomes, "A post could not be said")
