"""A shell without a terminal (``ssh -T HOST < FILE``): lines in, lines out, each done in turn."""

from __future__ import annotations

from typing import Final

from attrs import define

from twisted_chat.doors.ssh.terminal import Terminal

MAX_LINE: Final = 65_536
"""Bytes of a line: no text is longer."""


@define(eq=False)
class Bare(Terminal):
    """Somebody, or a program, with nothing that could be drawn on. It ends behind the last line."""

    _input: bytes = b""
    _passing_over: bool = False
    """Whether the rest of a line is passed over that is too long."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.display.dumb = True
        self.display.columns = 0  # nothing is broken into rows
        write = self.display.write
        self.display.write = lambda text: write(text.replace("\r\n", "\n"))

    def received(self, data: bytes) -> None:
        """Take what was piped in."""
        *lines, self._input = (self._input + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._input) > MAX_LINE:
            self._input, self._passing_over = b"", True

    def input_ended(self) -> None:
        """There is no more: what is left without an end is a line too."""
        rest, self._input = self._input, b""
        if rest or self._passing_over:
            self._line(rest)
        super().input_ended()

    def _line(self, line: bytes) -> None:
        if self._passing_over or len(line) > MAX_LINE:
            self._passing_over = False
            self.fail(f"Not said: a line has at most {MAX_LINE:,} bytes.")
            return
        try:
            text = line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            self.fail("Not said: a line is not in UTF-8.")
        else:
            self._entered(text)
