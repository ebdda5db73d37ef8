"""The web door: the same messages over a WebSocket at ``/ws``, and the page that speaks them.

::

    HTTP request --> Site --> /               index.html, asked for again each time
                              /assets/HASH/   what never changes below its name
                              /health         200 while the log accepts, 503 otherwise
                              /files          what people send and put into texts
                              /hooks          what programs say, which know a secret place
                              /ws             WebProtocol: a Conversation, as at every door

It needs autobahn, the extra ``twisted-chat[web]``: who imports this without it gets ImportError.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Site

from twisted_chat.accounts.admission import Admission
from twisted_chat.doors.turnstile import Turnstile
from twisted_chat.doors.web.hooks import Sayer
from twisted_chat.doors.web.http import make_site
from twisted_chat.doors.web.looking import WebWatch
from twisted_chat.doors.web.sockets import WebFactory, WebProtocol
from twisted_chat.page import load
from twisted_chat.vocabulary.messages import Bye

if TYPE_CHECKING:
    from twisted_chat.doors.web.files.uploads import Files


@define(eq=False)
class WebDoor:
    """The web door, ready to listen: ``site`` is its factory."""

    site: Site
    _sockets: WebFactory

    @property
    def rate(self) -> float:
        """See Conversation; for those who come from now on."""
        return self._sockets.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._sockets.rate = rate

    @property
    def watch(self) -> WebWatch[WebProtocol]:
        """What looks after the connections."""
        return self._sockets.watch

    def close(self, farewell: Bye) -> Deferred[None]:
        """Say farewell on every WebSocket; fires when all of them are gone, in a while."""
        return self._sockets.close(farewell)


def web_door(
    admission: Admission,
    clock: IReactorTime,
    entry: Callable[[], str | None],
    accepts: Callable[[], Awaitable[None]],
    *,
    origins: Sequence[str] = (),
    proxies: Sequence[str] = (),
    hosts: Sequence[str] = (),
    rate: float = 0.0,
    turnstile: Turnstile | None = None,
    files: Files | None = None,
    sayer: Sayer | None = None,
    posts: Counter[str] | None = None,
    registration: str = "closed",
) -> WebDoor:
    """Return a web door.

    ``accepts`` returns when the log has stored something, and raises where it does not. Pages of
    the door's own host, and of ``origins`` (such as ``https://chat.example.org``), may open a
    WebSocket; so may whatever is no page. ``X-Forwarded-For`` is believed from ``proxies`` alone.
    For ``hosts`` see Hosts. ``files`` keeps what people send, where it is to be kept, and
    ``sayer`` says what programs post; what
    became of that is counted in ``posts``, by its code. ``registration``: who may make an account.
    """
    turnstile = turnstile or Turnstile()
    sockets = WebFactory(admission, clock, entry, rate, turnstile)
    site = make_site(
        load(registration=registration),
        sockets,
        clock,
        accepts,
        origins,
        proxies,
        turnstile,
        hosts,
        files,
        sayer,
        posts,
    )
    return WebDoor(site, sockets)
