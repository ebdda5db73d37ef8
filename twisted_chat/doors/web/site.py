"""What the resources of the site share: short answers, and that nothing here can be changed."""

from __future__ import annotations

from twisted.web.resource import Resource
from twisted.web.server import Request


def say(request: Request, code: int, sentence: str, phrase: bytes | None = None) -> bytes:
    """Answer with a line of text."""
    request.setResponseCode(code, phrase)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Content-Type-Options", "nosniff")
    return f"{sentence}\n".encode()


def misdirected(request: Request) -> bytes:
    """Answer who asks under a name that is not the door's."""
    return say(
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
        return say(request, 405, "This can only be read.")

    def render_GET(self, request: Request) -> bytes | int:
        """Say that there is nothing."""
        return say(request, 404, "There is nothing here.")
