"""``ssh host say ops "text"``: the chat as a Unix tool, with exit statuses.

``say SESSION [TEXT]`` (else standard input, line by line, and the end waits for what was said),
``tail SESSION [-n N] [-f]``, ``history SESSION [-n N]``, ``search SESSION WORDS``, ``who SESSION``,
``list``; ``--json`` gives each as a line of JSON. A session that begins with ``@`` is a user.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from typing import Any, Final, NoReturn

from attrs import define, field
from twisted.internet.defer import Deferred

from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.events import Ended, Event, Offline
from twisted_chat.client.words import render
from twisted_chat.client.words.render import Line, Looks
from twisted_chat.client.words.shared import shared
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages.entries import AnyEntry

OK: Final = 0
REFUSED: Final = 1
USAGE: Final = 2

LOOKS: Final = Looks()
"""How a text is printed."""

MAX_LINE: Final = 65_536
"""Bytes of a line of standard input."""

MAX_UNANSWERED: Final = 500
"""Lines that are said and not acknowledged, at most: past it no more are read."""

MAX_TEXTS: Final = 100_000


class _Usage(Exception):
    """Words that are no command."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Usage(message)

    def exit(self, _status: int = 0, message: str | None = None) -> NoReturn:
        raise _Usage(message or "")


def parser() -> argparse.ArgumentParser:
    """Return what reads a command."""
    made = _Parser(prog="ssh HOST", add_help=False)
    commands = made.add_subparsers(dest="command", required=True, parser_class=_Parser)
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true")
    say = commands.add_parser("say", parents=[common], add_help=False)
    say.add_argument("session")
    say.add_argument("text", nargs="*")
    for name in ("tail", "history"):
        read = commands.add_parser(name, parents=[common], add_help=False)
        read.add_argument("session")
        read.add_argument("-n", type=int, default=10 if name == "tail" else 200, dest="count")
        read.add_argument("-f", action="store_true", dest="follow")
    search = commands.add_parser("search", parents=[common], add_help=False)
    search.add_argument("session")
    search.add_argument("words", nargs="+")
    search.add_argument("-n", type=int, default=50, dest="count")
    who = commands.add_parser("who", parents=[common], add_help=False)
    who.add_argument("session")
    commands.add_parser("list", parents=[common], add_help=False)
    commands.add_parser("help", parents=[common], add_help=False)
    return made


@define(eq=False)
class Tool:
    """One command. ``out`` and ``err`` write lines; ``done`` ends it with a status."""

    client: ChatClient
    command: str
    out: Callable[[str], None]
    err: Callable[[str], None]
    done: Callable[[int], None]
    drained: Callable[[], None] = field(default=lambda: None)
    """Called when so much was acknowledged that more may be read."""
    _asked: Any = None
    _input: bytes = b""
    _ended: bool = False
    _unanswered: int = 0
    _session: str = ""
    _reading: bool = False
    _last: int = 0
    """The last seq that was shown, ..."""
    _told_of: int = 0
    """the last that was told while pages are read, ..."""
    _following: bool = False
    """and whether what is told is shown."""
    _over: bool = False
    _finished: Deferred[int] = field(factory=Deferred)

    def start(self) -> None:
        """Begin; ``done`` is called once, sooner or later."""
        running = Deferred.fromCoroutine(self._run())
        running.addErrback(lambda failure: self._broken(failure.getErrorMessage()))
        running.addCallback(self._finish)

    def _broken(self, words: str) -> int:
        self.err(words)
        return REFUSED

    def _finish(self, status: int) -> None:
        if not self._over:
            self._over = True
            self.client.logout().addCallback(lambda _: self.done(status))

    def stop(self) -> None:
        """Nobody waits for it any more."""
        self._over = True
        self.client.logout()

    async def _run(self) -> int:
        try:
            self._asked = parser().parse_args(shlex.split(self.command))
        except (_Usage, ValueError) as wrong:
            self.err(f"{wrong}" if str(wrong) else "Try: help")
            return USAGE
        if self._asked.command == "help":
            for line in (__doc__ or "").strip().splitlines():
                self.out(line.replace("``", ""))
            return OK
        self.client.listen(self._told)
        try:
            await self.client.start()
            if self._asked.command == "list":
                return await self._list()
            return await self._in_session()
        except ChatError as refused:
            self.err(str(refused))
            return REFUSED

    async def _in_session(self) -> int:
        asked = self._asked
        if asked.session.startswith("@"):
            if asked.command == "say":
                return await self._say()
            self._session = await self._direct(asked.session[1:])
        elif asked.command == "who":
            return await self._who()
        else:
            known = {name.casefold(): name for name in self.client.sessions}
            self._session = known.get(asked.session.casefold(), "")
            if not self._session:
                self._session = (await self.client.join(asked.session)).session
        match asked.command:
            case "say":
                return await self._say()
            case "search":
                return await self._search()
            case "who":
                return await self._who()
            case _:
                return await self._read()

    async def _direct(self, user: str) -> str:
        welcome = self.client.welcome
        for direct in welcome.direct if welcome is not None else ():
            two = [name.casefold() for name in direct.session[1:].split(",")]
            if user.casefold() in two:
                return direct.session
        raise ChatError("no-such-session", f"Nothing was said between you and {user}.")

    # --- saying --------------------------------------------------------------------------------

    async def _say(self) -> int:
        if self._asked.text:
            self._said(await self._put(" ".join(self._asked.text)))
            return OK
        self._reading = True
        self._cut()
        self.drained()
        return await self._finished

    def _put(self, line: str) -> Deferred[m.Text]:
        if self._session:
            return self.client.say(self._session, line)
        return self.client.message(self._asked.session[1:], line)

    def _said(self, text: m.Text) -> None:
        if self._asked.json:
            self._json(text)

    @property
    def is_full(self) -> bool:
        """Whether so much is not acknowledged that nothing more is to be read for a while."""
        return self._unanswered >= MAX_UNANSWERED or len(self._input) > MAX_LINE

    def received(self, data: bytes) -> None:
        """Take standard input."""
        self._input += data
        if self._reading:
            self._cut()

    def ended(self) -> None:
        """Standard input has ended."""
        self._ended = True
        if self._reading:
            self._cut()

    def _cut(self) -> None:
        *lines, self._input = self._input.split(b"\n")
        if self._ended and self._input:
            lines.append(self._input)
            self._input = b""
        for line in lines:
            self._say_line(line)
        if len(self._input) > MAX_LINE:
            self._fail("not said: a line is too long")
        self._check_done()

    def _say_line(self, line: bytes) -> None:
        try:
            text = line.rstrip(b"\r").decode()
        except UnicodeDecodeError:
            self._fail("not said: the line is not in UTF-8")
            return
        if text.strip() and not self._finished.called:
            self._unanswered += 1
            self._put(text).addCallbacks(self._answered, lambda f: self._fail(f.getErrorMessage()))

    def _answered(self, text: m.Text) -> None:
        self._unanswered -= 1
        self._said(text)
        if self._unanswered == MAX_UNANSWERED // 2:
            self.drained()
        self._check_done()

    def _check_done(self) -> None:
        if self._ended and not self._unanswered and not self._finished.called:
            self._finished.callback(OK)

    def _fail(self, words: str) -> None:
        if not self._finished.called:
            self.err(words)
            self._finished.callback(REFUSED)

    # --- reading -------------------------------------------------------------------------------

    async def _read(self) -> int:
        if self._asked.follow:
            self.client.listen(self._hear)
        newest = await self.client.history(self._session, limit=1)
        head = newest.texts[-1].seq if newest.texts else 0
        self._last = head - max(0, min(self._asked.count, MAX_TEXTS, head))
        while True:  # a page at a time, and the next when this one has been taken
            page = await self.client.history(self._session, after=self._last, limit=m.MAX_HISTORY)
            for entry in page.texts:
                self._last = entry.seq
                self._text(entry)
            if not page.texts or (not page.more and self._last >= self._told_of):
                break
        if not self._asked.follow:
            return OK
        self._following = True
        return await self._finished

    def _hear(self, event: Event) -> None:
        match event:
            case m.Text() if event.session == self._session:
                if not self._following:  # it is on a page that is read next
                    self._told_of = event.seq
                elif event.seq > self._last:
                    self._last = event.seq
                    self._text(event)
            case m.Deleted() if event.session == self._session:
                self._fail(f"{self._session} was deleted by {event.user}")

    async def _search(self) -> int:
        words = " ".join(self._asked.words)
        found = await self.client.search(self._session, words, limit=min(self._asked.count, 200))
        for text in found.texts:
            self._text(text)
        return OK if found.texts else REFUSED

    async def _who(self) -> int:
        after = None
        while True:
            page = await self.client.who(self._session or self._asked.session, after=after)
            if self._asked.json:
                self._json(page)
            else:
                for user in page.users:
                    self.out(render.harmless(user))
            if not page.more or not page.users:
                return OK
            after = page.users[-1]

    async def _list(self) -> int:
        listing = await self.client.list()
        if self._asked.json:
            self._json(listing)
        else:
            for line in render.listing(listing):
                self._line(line)
        return OK

    # --- showing -------------------------------------------------------------------------------

    def _text(self, entry: AnyEntry) -> None:
        if self._asked.json:
            self._json(entry)
        elif isinstance(entry, m.Text):
            for line in shared.lines(entry, LOOKS, self.client.user):
                self._line(line)

    def _line(self, line: Line) -> None:
        self.out(render.plain(line))

    def _json(self, response: Any) -> None:
        self.out(render.escaped_json(m.encode(response).decode()))

    def _told(self, event: Event) -> None:
        match event:
            case Offline(reason):
                self._fail(reason)
                self._finish(REFUSED)
            case Ended(error) if error is not None:
                self._fail(str(error))
            case m.Kicked() if event.user == self.client.user:
                self._fail(f"You were taken out of {event.session} by {event.by}.")
            case _:
                pass
