"""A person at a terminal: keys in, the client's words, and lines out. It is the words' Screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_chat.client.words import Desk, render, take
from twisted_chat.client.words.completion import complete
from twisted_chat.client.words.render import Line
from twisted_chat.doors.soon import soon
from twisted_chat.doors.ssh.display import Display
from twisted_chat.doors.ssh.editor import Editor
from twisted_chat.doors.ssh.keys import Key, Keys

MAX_TYPED: Final = 64
"""Lines that wait to be done, at most: past it nothing more is read."""

BRACKETED: Final = "\x1b[?2004h"
"""Asks a terminal to say what is pasted."""

UNBRACKETED: Final = "\x1b[?2004l"


class Wire(Protocol):
    """What a Terminal is connected to."""

    def write(self, data: bytes) -> object:
        """Send bytes."""

    def close(self, status: int) -> None:
        """End it."""


@define(eq=False)
class Terminal:
    """One window. ``seat`` gives it a Desk; ``display`` is what it looks like."""

    wire: Wire
    clock: IReactorTime
    seat: Callable[[Terminal], Desk]
    drained: Callable[[], None] = field(default=lambda: None)
    """Called when so much was done that more may be read."""
    display: Display = field(init=False)
    desk: Desk = field(init=False)
    editor: Editor = field(init=False)
    _keys: Keys = field(factory=Keys)
    _lines: deque[str] = field(factory=deque)
    _busy: bool = False
    _asking: deque[tuple[str, Deferred[str | None]]] = field(factory=deque)
    _kept: tuple[str, int] = ("", 0)
    """What was being typed when a question came."""
    _shown: list[Line] = field(factory=list)
    _showing: bool = False
    _leaving: bool = False
    _ending: bool = False
    """Whether to leave behind the last line."""
    _closed: bool = False

    def __attrs_post_init__(self) -> None:
        self.display = Display(lambda text: self.wire.write(text.encode(errors="replace")))
        self.editor = Editor(lambda text: list(complete(self.desk, text)))

    def start(self) -> None:
        """Begin."""
        if not self.display.dumb:
            self.display.write(BRACKETED)
        self.desk = self.seat(self)
        server = self.desk.where.server
        if server is not None:  # what is typed before one is in its sessions waits
            self._busy = True
            server.settled.addBoth(lambda _: self._take())

    # --- keys ----------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """Whether so much was typed that nothing more is to be read for a while."""
        return len(self._lines) >= MAX_TYPED

    def received(self, data: bytes) -> None:
        """Take what was typed."""
        for key in self._keys.read(data):
            if self._closed:
                return
            self._key(key)
        self._draw()

    def _key(self, key: Key) -> None:
        if key.name == "place":
            self.display.placed(int(key.text) - 1)
            return
        if key.name == "interrupt":
            self._interrupt()
            return
        self._leaving = False
        if key.name == "end-of-file":
            self._end_of_file()
        elif key.name == "redraw":
            self.display.clear()
        elif self.display.dumb and key.name in ("", "backspace", "enter"):
            self._dumb(key)
        else:
            line = self.editor.key(key)
            if line is not None:
                self._entered(line)
            elif self.editor.candidates:
                self.show(render.info("  ".join(self.editor.candidates)))

    def _dumb(self, key: Key) -> None:
        if not self.editor.unseen:
            shown = {"": key.text, "backspace": "\b \b" if self.editor.text else ""}
            self.display.typed(shown.get(key.name, ""))
        line = self.editor.key(key)
        if key.name == "enter":
            self.display.typed("\r\n")
        if line is not None:
            self._entered(line)

    def _interrupt(self) -> None:
        """Clear the line; a second one, with nothing typed between, leaves."""
        if self._asking:
            self._answered(None)
        elif self._leaving and not self.editor.text:
            self._leave()
        else:
            self.editor.sought = None
            self.editor.set("")
            self._leaving = True
            self.show(render.info("Ctrl-C again, Ctrl-D or /quit leaves."))

    def _end_of_file(self) -> None:
        """Leave, with Ctrl-D in an empty line: behind those that are not done yet."""
        if self._asking:
            self._answered(None)
        elif self.editor.text:
            self.editor.key(Key("delete"))
        else:
            self._leave_behind()

    def input_ended(self) -> None:
        """There is nothing more to come: what is half typed is not said."""
        while self._asking:
            self._answered(None)
        self._leave_behind()

    def _leave_behind(self) -> None:
        self._ending = True
        if not self._busy:
            self._leave()

    def _leave(self) -> None:
        self.desk.view.run(self.desk.leave())

    def _entered(self, line: str) -> None:
        if self._closed:
            return
        if self._asking:
            self._answered(line)
            return
        self._lines.append(line)
        if not self._busy:
            self._take()

    def _take(self) -> None:
        if self._closed or not self._lines:
            self._busy = False
            if self._ending and not self._closed:
                self._leave()
            return
        self._busy = True
        if len(self._lines) == MAX_TYPED // 2:
            self.drained()
        take(self.desk, self._lines.popleft()).addBoth(lambda _: self._take())

    # --- the words' Screen ---------------------------------------------------------------------

    def show(self, *lines: Line) -> None:
        """Show lines above what is being typed: those of one turn at once."""
        self._shown.extend(lines)
        if not self._showing and not self._closed:
            self._showing = True
            soon(self.clock, self._show)

    def _show(self) -> None:
        self._showing = False
        lines, self._shown = self._shown, []
        self.display.coloured = self.desk.kept.wishes.colours
        if not self._closed:
            self.display.show(lines, self._prompt(), self.editor)

    def fail(self, sentence: str) -> None:
        """Tell what can not be had; one goes on."""
        self.show(render.problem(sentence))

    def refresh(self) -> None:
        """Draw the prompt anew."""
        self.show()

    def ring(self) -> None:
        """Ring the terminal's bell."""
        if not self._closed:
            self.display.write("\a")

    def ask(self, question: str) -> Deferred[str | None]:
        """Ask for a password; what was being typed is there again afterwards."""
        answer: Deferred[str | None] = Deferred()
        if not self._asking:
            self._kept = (self.editor.text, self.editor.cursor)
            self.editor.set("")
            self.editor.unseen = True
        self._asking.append((question, answer))
        if self.display.dumb:
            self.display.typed(render.harmless(question))
        self.refresh()
        return answer

    def _answered(self, line: str | None) -> None:
        _, answer = self._asking.popleft()
        if not self._asking:
            self.editor.unseen = False
            self.editor.text, self.editor.cursor = self._kept
        answer.callback(line)

    def close(self) -> None:
        """The person has left."""
        self.end(self._shown, 0 if self.desk.refusal is None else 1)

    def end(self, lines: Iterable[Line] = (), status: int = 0) -> None:
        """Show the last lines and close."""
        if self._closed:
            return
        last, self._shown = list(lines), []
        self.display.show(last, [], Editor())
        self.display.erase()
        if not self.display.dumb:
            self.display.write(UNBRACKETED)
        self._closed = True
        self._lines.clear()
        self.drained()
        self.wire.close(status)

    def gone(self) -> None:
        """The window is not there any more."""
        self._closed = True
        self._lines.clear()
        self._shown.clear()
        while self._asking:
            self._asking.popleft()[1].callback(None)

    # --- the prompt ----------------------------------------------------------------------------

    def resized(self, columns: int, rows: int) -> None:
        """The window has another size."""
        if not self.display.resized(columns, rows):
            self._draw()

    def _draw(self) -> None:
        if not self._closed:
            self.display.draw(self._prompt(), self.editor)

    def _prompt(self) -> Line:
        if self._asking:
            return [("prompt", render.harmless(self._asking[0][0]))]
        return self.desk.where.prompt()
