"""What a terminal shows: lines above, and below them a prompt with the line that is being typed.

Nothing is known of the terminal but its width and where the prompt begins: it is drawn anew from
there, and all that was said goes up into the terminal's own scrollback. A dumb terminal gets lines
and no drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Final

from attrs import define

from twisted_chat.client.words import render
from twisted_chat.client.words.render import Line
from twisted_chat.doors.ssh.editor import Editor

COLOURS: Final = {
    "time": "90",
    "name": "1;36",
    "own": "1;32",
    "mark": "33",
    "info": "90",
    "error": "31",
    "waiting": "3;90",
    "prompt": "1",
    "named": "1",
    "nick0": "1;36",
    "nick1": "1;35",
    "nick2": "1;34",
    "nick3": "1;96",
    "nick4": "1;95",
    "nick5": "1;94",
}

WHERE: Final = "\x1b[6n"
"""Asks a terminal where its cursor is (DSR); it answers with a ``place``."""

MAX_SIZE: Final = 1_000
"""Columns or rows of a window: what is more is taken for this."""


@define(eq=False)
class Display:
    """A terminal, ``columns`` wide; ``write`` sends it something. ``dumb``: it draws nothing."""

    write: Callable[[str], object]
    columns: int = 80
    rows: int = 24
    dumb: bool = False
    colour: bool = True
    """Whether the terminal has colours, and ..."""
    coloured: bool = True
    """whether the person wants them."""
    _above: int = 0
    """Rows of the prompt above the one that the cursor is in."""
    _column: int = 0
    """Where the cursor is in its row."""
    _cut: int | None = None
    """Rows above the cursor, if the terminal has cut off what was too wide for it."""
    _state: object = None
    """What was drawn last, and how."""
    _last: tuple[str, int, int] = ("", 0, 0)

    def resized(self, columns: int, rows: int) -> bool:
        """The window has another size; return whether it is asked where its cursor is.

        Where it is narrower some terminals break the rows of the prompt anew, so that it begins
        further up, and others cut them off. Until ``placed`` says which, it is taken for the first.
        """
        before, self._state = self.columns, None
        self.columns = min(columns or 80, MAX_SIZE)
        self.rows = min(rows or 24, MAX_SIZE)
        broken = self._above * -(-before // self.columns) + self._column // self.columns
        if self.dumb or broken <= self._above:
            return False
        self._cut, self._above = self._above, broken
        self.write(WHERE)
        return True

    def placed(self, column: int) -> None:
        """The cursor is in that column, from 0 on."""
        cut, self._cut = self._cut, None
        cut_off = min(self._column, self.columns - 1)
        if cut is not None and column == cut_off != self._column % self.columns:
            self._above = cut

    def show(self, lines: Iterable[Line], prompt: Line, editor: Editor) -> None:
        """Show lines above the prompt, which is drawn anew below them."""
        style = styled if self._is_coloured else render.plain
        rows = "".join([render.drawn(line, self.columns, style) for line in lines])
        if self.dumb:
            self.write(rows)
            return
        self.write(self._erased() + rows + self._drawn(prompt, editor))

    def draw(self, prompt: Line, editor: Editor) -> None:
        """Draw the prompt anew."""
        if not self.dumb:
            self.write(self._erased() + self._drawn(prompt, editor))

    def typed(self, text: str) -> None:
        """Show what is typed on a terminal that can not be drawn on."""
        if self.dumb:
            self.write(text)

    def erase(self) -> None:
        """Take the prompt away: its line is done, or one leaves."""
        if not self.dumb:
            self.write(self._erased())
            self._above = 0

    def clear(self) -> None:
        """Clear the window."""
        if not self.dumb:
            self._above = 0
            self.write("\x1b[H\x1b[2J")

    def _erased(self) -> str:
        up = f"\x1b[{self._above}A" if self._above else ""
        self._above, self._cut = 0, None
        return f"\r{up}\x1b[J"

    def _drawn(self, prompt: Line, editor: Editor) -> str:
        """Return the prompt and what is typed; as before, where nothing of it has changed."""
        typed = (editor.text, editor.cursor, editor.unseen, editor.sought)
        state = (self._is_coloured, prompt, typed)
        if state != self._state:
            self._state = state
            self._last = self._draw_anew(prompt, editor)
        drawn, self._above, self._column = self._last
        return drawn

    def _draw_anew(self, prompt: Line, editor: Editor) -> tuple[str, int, int]:
        begin = render.plain(prompt)
        if editor.sought is not None:
            begin = f"(search) {render.harmless(editor.sought)}: "
            prompt = [("info", begin)]
        if render.width(begin) > self.columns // 2:
            begin, prompt = "> ", [("prompt", "> ")]
        text = "" if editor.unseen else editor.text
        cursor = 0 if editor.unseen else editor.cursor
        text, cursor = self._window(text, cursor, render.width(begin))
        before, whole = _Place(self.columns), _Place(self.columns)
        before.put(begin + _harmless(text[:cursor]))
        before.finish()
        whole.put(begin + _harmless(text))
        whole.finish()
        drawn = self._styled(prompt) + whole.written[len(begin) :]
        down = whole.row - before.row
        drawn += f"\x1b[{down}A" if down else ""
        drawn += "\r" + (f"\x1b[{before.column}C" if before.column else "")
        return drawn, before.row, before.column

    def _window(self, text: str, cursor: int, begin: int) -> tuple[str, int]:
        """Return as much of a long line as the window holds, around its cursor."""
        room = max(self.columns, self.columns * (self.rows - 1) - begin - 2) // 2
        if len(text) <= room:
            return text, cursor
        start = max(0, min(cursor - room // 2, len(text) - room))
        return text[start : start + room], cursor - start

    def _styled(self, line: Line) -> str:
        return styled(line) if self._is_coloured else render.plain(line)

    @property
    def _is_coloured(self) -> bool:
        return self.colour and self.coloured and not self.dumb


def styled(line: Line) -> str:
    """Return a line in colours."""
    drawn = ""
    for style, fragments in groupby(line, lambda fragment: fragment[0]):
        text = "".join([text for _, text in fragments])
        drawn += f"\x1b[{COLOURS[style]}m{text}\x1b[m" if style in COLOURS else text
    return drawn


def _harmless(text: str) -> str:
    return render.harmless(text.replace("\n", "\u23ce"))


@define
class _Place:
    """Where a terminal's cursor is, behind what was written; and that, broken where it breaks."""

    columns: int
    row: int = 0
    column: int = 0
    written: str = ""

    def put(self, text: str) -> None:
        """Write; a row that is full is left by the next character that takes room."""
        for letter in text:
            wide = render.width(letter)
            if wide and self.column + wide > self.columns:
                self.written += "\r\n"
                self.row += 1
                self.column = 0
            self.written += letter
            self.column += wide

    def finish(self) -> None:
        """Stand where the next character comes."""
        if self.column == self.columns:
            self.written += "\r\n"
            self.row += 1
            self.column = 0
