"""The client as a tool for pipes: each line that is read is said, and acknowledged, or it fails.

``echo "deployed 1.4" | twisted-chat bot@chat.example.com --session ops --password-file F``
"""

from __future__ import annotations

from typing import Final

import msgspec
from attrs import define, field, frozen
from msgspec import Struct
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from twisted_chat.client.chatclient import ChatClient, Unanswered
from twisted_chat.client.events import Ended, Event, Offline, Online
from twisted_chat.client.terminal.plain import Failed, LinePipe
from twisted_chat.client.waiters import Waiters
from twisted_chat.client.words import render
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError

MAX_UNANSWERED: Final = 500
"""Lines that are said and not acknowledged, at most: past it, no more are read."""


@frozen
class PipeOptions:
    """What a pipe is asked to do.

    ``session`` None is the lobby; ``password`` is the session's. ``timeout`` is in seconds: for
    being logged in and in the session, and for each line's acknowledgement.
    """

    where: str
    session: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    json: bool = False
    follow: bool = False


class _State(Struct, tag_field="type", omit_defaults=True):
    """What ``--json`` tells of the connection itself."""


class _Online(_State, tag="online"):
    user: str
    server: str
    again: bool


class _Offline(_State, tag="offline"):
    data: str
    retry: int


class _Ended(_State, tag="ended"):
    data: str | None = None
    code: str | None = None


def as_json(event: Event, encoding: str = "utf-8") -> str:
    """Return an event as a line of JSON: the server's as it travels, and what is ours likewise.

    ``online`` {``user``, ``server``, ``again``}, ``offline`` {``data``, ``retry`` in ms} and
    ``ended`` {``data``?, ``code``?} are ours. Nothing in it harms a terminal or is
    beyond ``encoding``.
    """
    document: Struct
    match event:
        case Online(welcome, again):
            document = _Online(user=welcome.user, server=welcome.server, again=again)
        case Offline(reason, delay):
            document = _Offline(data=reason, retry=round(delay * 1_000))
        case Ended(None):
            document = _Ended()
        case Ended(error):
            document = _Ended(data=str(error), code=getattr(error, "code", None))
        case _:
            document = event
    return render.escaped_json(msgspec.json.encode(document).decode(), encoding)


@define(eq=False, repr=False)
class Pipe:
    """Says what is read, prints what is heard, and knows when it is over.

    ``connect`` is what ties ``lines`` to a transport: standard input and output.
    """

    clock: IReactorTime
    client: ChatClient
    options: PipeOptions
    lines: LinePipe = field(init=False)
    interrupted: bool = False
    _session: str = ""
    _unanswered: int = 0
    _ended: bool = False
    _obstacle: str = "no answer"
    _over: Deferred[None] = field(factory=Deferred)
    _done: Waiters[None] = field(factory=Waiters)

    def __attrs_post_init__(self) -> None:
        self.lines = LinePipe(self._said, self._end, self._unread)
        self.client.listen(self._told)

    async def run(self) -> None:
        """Do it all. Raises Failed."""
        try:
            try:
                await self._arrive()
            except Failed as failed:
                self._fail(failed)
            if self.options.follow:
                self.lines.closed.addCallback(lambda _: self._finish())
            self.lines.resumeProducing()
            await self._over
        finally:
            await self.client.logout()
            await self.lines.close(self.clock)
            self._done.fire(None)

    def interrupt(self) -> Deferred[None]:
        """End, because the program is told to; fires when that is done.

        It fails, unless there is nothing to wait for but what others say.
        """
        if self._unanswered or not self.options.follow:
            self._fail(Failed("interrupted"))
        else:
            self._finish()
        self.interrupted = True
        self.client.logout()  # it may not even be there yet
        return self._done.wait()

    async def _arrive(self) -> None:
        """Log in, and join."""
        options = self.options
        try:
            welcome = await self.client.start().addTimeout(options.timeout, self.clock)
        except Unanswered:  # it was given up, and why is known
            return
        except TimeoutError:
            why = f"{self._obstacle}, for {options.timeout:g} s"
            raise Failed(f"{options.where}: {why}") from None
        except ChatError as refused:
            why = str(refused)
            if refused.code == "bad-credentials" and self.client.password is None:
                why = "no password was given: use --password-file FILE"
            raise Failed(f"{options.where}: {why}") from None
        self._session = options.session or welcome.lobby or ""
        if not self._session:
            raise Failed(f"{options.where} has no lobby: name a session with --session.")
        if options.session is not None and options.session not in self.client.sessions:
            joined = self.client.join(options.session, options.password)
            try:
                snapshot = await joined.addTimeout(options.timeout, self.clock)
                self._session = snapshot.session
            except TimeoutError:
                raise Failed(f"{options.session}: no answer in {options.timeout:g} s") from None
            except ChatError as refused:
                why = str(refused)
                if refused.code == "bad-password":
                    missing = "needs a password: use --session-password-file FILE"
                    why = missing if options.password is None else "the password does not match"
                raise Failed(f"{options.session}: {why}") from None

    # --- lines -----------------------------------------------------------------------------

    def _said(self, line: str) -> None:
        if not line.strip() or self._over.called:
            return
        self._unanswered += 1
        if self._unanswered >= MAX_UNANSWERED:
            self.lines.pauseProducing()
        said = self.client.say(self._session, line)
        said.addTimeout(self.options.timeout, self.clock)
        said.addCallbacks(self._acknowledged, self._refused)

    def _acknowledged(self, _: m.Text) -> None:
        self._unanswered -= 1
        if self._ended:
            self._finish_when_done()
        elif self._unanswered == MAX_UNANSWERED // 2:
            self.lines.resumeProducing()

    def _refused(self, failure: Failure) -> None:
        if failure.check(TimeoutError):
            self._fail(Failed(f"not acknowledged in {self.options.timeout:g} s"))
        else:
            self._fail(Failed(f"not said: {failure.getErrorMessage()}"))

    def _unread(self, sentence: str) -> None:
        self._fail(Failed(f"not said: {sentence}"))

    def _end(self) -> None:
        self._ended = True
        self._finish_when_done()

    def _finish_when_done(self) -> None:
        if not self._unanswered and not self.options.follow:
            self._finish()

    def _finish(self) -> None:
        if not self._over.called:
            self._over.callback(None)

    def _fail(self, failed: Failed) -> None:
        if not self._over.called:
            self._over.errback(failed)

    # --- events ----------------------------------------------------------------------------

    def _told(self, event: Event) -> None:
        match event:
            case Offline(reason, _, hopeless):
                self._obstacle = reason
                if hopeless and self.client.welcome is None:
                    self._fail(Failed(f"{self.options.where}: {reason}"))
                    self.client.logout()  # nobody needs the next attempt
            case Ended(error) if error is not None:
                self._fail(Failed(f"{self.options.where}: {error}"))
            case m.Error() if event.session == self._session:
                self._fail(Failed(f"{self._session}: {event.data}"))
            case m.Deleted() if event.session == self._session:
                self._fail(Failed(f"{self._session}: deleted by {event.user}"))
            case m.Left() if (event.session, event.user) == (self._session, self.client.user):
                self._fail(Failed(f"{self._session}: not a member any more"))
            case _:
                pass
        if self.options.json:
            self.lines.write(as_json(event, self.lines.encoding))
        elif self.options.follow and isinstance(event, m.Text) and event.session == self._session:
            for line in render.said(event, self.client.user):
                self.lines.write(render.plain(line))
