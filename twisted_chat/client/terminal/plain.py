"""Standard input and output as lines: for pipes and for what is no full terminal.

``LinePipe`` is the transport's side, with limits in both directions. ``PlainScreen`` is a Screen
on it, so that commands can be given by a program or a file.
"""

from __future__ import annotations

import termios
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Callable
from shutil import get_terminal_size
from typing import Final, cast

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.render import Line, folded, harmless, plain, problem
from twisted_chat.client.words.taking import take

FLUSH_TIME: Final = 2.0
"""Seconds that whoever reads our output has to take the rest of it."""

MAX_LINE: Final = 65_536
"""Bytes in a line that is read, at most: no text is longer."""


class Failed(Exception):
    """It can not go on; one sentence."""


@implementer(IHalfCloseableProtocol)
class LinePipe(LineReceiver):
    """Lines in, lines out.

    ``ended`` is called when there is nothing more to read; ``refused``, with a sentence, for a
    line that can not be read. ``encoding`` is that of what is written; what is read is UTF-8, and
    a byte order mark before it is none of it.
    """

    encoding = "utf-8"
    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE

    def __init__(
        self,
        received: Callable[[str], object],
        ended: Callable[[], object],
        refused: Callable[[str], object],
    ) -> None:
        self._received = received
        self._ended: Callable[[], object] | None = ended
        self._refused = refused
        self._first = True
        self.closed: Deferred[None] = Deferred()
        """Fires when standard output has gone: the reader's side of it, or by ``close``."""

    def lineReceived(self, line: bytes) -> None:
        """Take one line, or refuse what is not UTF-8: nothing is said silently changed."""
        if self._first:
            self._first, line = False, line.removeprefix(BOM_UTF8)
        try:
            read = line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            self._refused("a line is not in UTF-8")
        else:
            self._received(read)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a line that no text could hold."""
        self._refused(f"a line has at most {MAX_LINE:,} bytes")

    def readConnectionLost(self) -> None:
        """Take what is left without an end of line, and say that it is all."""
        for rest in self.clearLineBuffer().splitlines():
            self.lineReceived(rest)
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()

    def writeConnectionLost(self) -> None:
        """Nobody reads what is written."""
        if not self.closed.called:
            self.closed.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Both sides are gone."""
        self.readConnectionLost()
        self.writeConnectionLost()

    def write(self, line: str) -> None:
        """Write a line."""
        if self.transport is not None:
            self.transport.write(f"{line}\n".encode(self.encoding, "backslashreplace"))

    def slows(self, producer: IPushProducer) -> None:
        """Pause ``producer`` while what was written is not read on the other side."""
        if self.transport is not None:
            cast(IConsumer, self.transport).registerProducer(producer, True)

    def close(self, clock: IReactorTime) -> Deferred[None]:
        """Write out what is written; fires when it is, or when nobody reads it for 2 s."""
        if self.transport is not None:
            cast(IConsumer, self.transport).unregisterProducer()
            self.transport.loseConnection()
        closed: Deferred[None] = self.closed.addTimeout(FLUSH_TIME, clock)
        return closed.addErrback(lambda failure: failure.trap(TimeoutError) and None)


@define(eq=False)
class Person:
    """Somebody who types on a terminal that can do little; ``keyboard`` is its file descriptor."""

    keyboard: int

    @property
    def columns(self) -> int:
        """How wide the terminal is."""
        return get_terminal_size().columns

    def echo(self, shown: bool) -> None:
        """Show what is typed, or do not: but for the end of each line."""
        mode = termios.tcgetattr(self.keyboard)
        mode[3] &= ~(termios.ECHO | termios.ECHONL)
        mode[3] |= termios.ECHO if shown else termios.ECHONL
        termios.tcsetattr(self.keyboard, termios.TCSANOW, mode)


@define(eq=False)
class PlainScreen:
    """A Screen of plain lines.

    A ``person`` is told what goes wrong, and may be asked. Without one it is a program's: lines
    are done one after the other, each in ``timeout`` seconds, and the first one that fails ends
    it. ``left`` fires when everything was left; it fails with Failed.
    """

    clock: IReactorTime
    timeout: float = 30.0
    person: Person | None = None
    pipe: LinePipe = field(init=False)
    desk: Desk = field(init=False)
    left: Deferred[None] = field(factory=Deferred)
    _lines: deque[str] = field(factory=deque)
    _questions: deque[tuple[str, Deferred[str | None]]] = field(factory=deque)
    _busy: bool = False
    _ended: bool = False
    _failure: str | None = None

    def __attrs_post_init__(self) -> None:
        self.pipe = LinePipe(self._received, self._end, self._refuse)

    def begin(self, ready: Deferred[None]) -> None:
        """Do what is read, once ``ready`` has fired."""
        self._wait_for(ready)

    def show(self, *lines: Line) -> None:
        """Show lines."""
        for line in lines:
            for row in [line] if self.person is None else folded(line, self.person.columns):
                self.pipe.write(plain(row))

    def fail(self, sentence: str) -> None:
        """Tell a person; end for a program, before anything more is said."""
        if self.person is not None:
            self.show(problem(sentence))
        elif self._failure is None and not self.desk.leaving:
            self._failure = harmless(sentence)
            self._lines.clear()
            self.desk.view.run(self.desk.leave())

    def refresh(self) -> None:
        """Nothing: there is no prompt."""

    def ring(self) -> None:
        """Ring, where there is somebody to hear it."""
        if self.person is not None and self.pipe.transport is not None:
            self.pipe.transport.write(b"\a")

    def ask(self, question: str) -> Deferred[str | None]:
        """Ask a person: the next line is the answer."""
        if self.person is None:
            return succeed(None)
        answer: Deferred[str | None] = Deferred()
        self._questions.append((question, answer))
        if len(self._questions) == 1:
            self._put_question(self.person)
        return answer

    def _put_question(self, person: Person) -> None:
        person.echo(not self._questions)
        if self._questions:
            self.show([("", harmless(self._questions[0][0]))])

    def _answered(self, person: Person, password: str | None) -> None:
        _, answer = self._questions.popleft()
        self._put_question(person)  # the next one, if there is one
        answer.callback(password)

    def close(self) -> None:
        """End."""
        if self.person is not None and self._questions:
            self.person.echo(True)
        if self.left.called:
            return
        if self._failure is not None:
            self.left.errback(Failed(self._failure))
        else:
            self.left.callback(None)

    def _received(self, line: str) -> None:
        if self._failure is not None or self._ended:
            return
        if self.person is not None and self._questions:
            self._answered(self.person, line)
            return
        self._lines.append(line)
        if not self._busy:
            self._next()
        else:
            self.pipe.pauseProducing()

    def _refuse(self, sentence: str) -> None:
        self.fail(f"not said: {sentence}")
        self._end()

    def _end(self) -> None:
        self._ended = True
        while self.person is not None and self._questions:
            self._answered(self.person, None)
        if not self._busy:
            self._next()

    def _next(self) -> None:
        """Do the next line, or leave after the last one."""
        if self._failure is not None:
            return
        if self._lines:
            self._wait_for(take(self.desk, self._lines.popleft()))
        elif self._ended:
            self._busy = True
            self.desk.view.run(self.desk.leave())
        else:
            self.pipe.resumeProducing()

    def _wait_for(self, done: Deferred[None]) -> None:
        """Go on when something is done; a person's next line need not wait for it."""
        if self.person is not None:
            self._next()
            return
        self._busy = True
        overdue = self.clock.callLater(self.timeout, self._overdue)

        def go_on(_: object) -> None:
            self._busy = False
            if overdue.active():
                overdue.cancel()
            self._next()

        done.addBoth(go_on)

    def _overdue(self) -> None:
        server = self.desk.where.server
        where, why = (server.name, server.obstacle) if server is not None else ("", None)
        self.fail(f"{where and f'{where}: '}{why or 'no answer'}, for {self.timeout:g} s")
