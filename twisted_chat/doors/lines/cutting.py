"""Lines out of bytes: whatever ends them, and whatever was erased in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import define, field

MAX_LINE: Final = 65_536
"""Bytes of a line, at most: no text is longer."""

_PIECES: Final = re.compile(rb"[^\r\n\0\b\x7f\x15]+|.", re.DOTALL)

CR, LF, NUL, BACKSPACE, DELETE, KILL = 13, 10, 0, 8, 127, 21


class TooLong(Exception):
    """A line has more bytes than any text; all of it is passed over."""


@define(eq=False)
class Cutter:
    """Cuts lines that end with CRLF, LF, CR or CR NUL; they may mix.

    A backspace or DEL takes the last character back, Ctrl-U all of the line: a terminal that sends
    key by key leaves that to us.
    """

    _line: bytearray = field(init=False, factory=bytearray)
    _after_cr: bool = field(init=False, default=False)
    _passing: bool = field(init=False, default=False)
    """Whether the rest of a line is passed over."""

    def cut(self, data: bytes) -> Iterator[bytes | TooLong]:
        """Yield the lines that end in ``data``, without their ends."""
        for piece in _PIECES.findall(data):
            byte = piece[0]
            if self._after_cr:
                self._after_cr = False
                if byte in (LF, NUL):
                    continue
            if byte in (CR, LF):
                self._after_cr = byte == CR
                yield self.end()
            elif byte in (BACKSPACE, DELETE):
                self._erase()
            elif byte == KILL:
                self._line.clear()
            elif byte != NUL:
                self._line += piece
                if len(self._line) > MAX_LINE:
                    self._line.clear()
                    self._passing = True

    def end(self) -> bytes | TooLong:
        """Return the line as it is."""
        line, passing = bytes(self._line), self._passing
        self._line.clear()
        self._passing = False
        return TooLong() if passing else line

    @property
    def begun(self) -> bool:
        """Whether there is something of a line."""
        return bool(self._line)

    def _erase(self) -> None:
        """Take back one character of UTF-8."""
        while self._line and self._line.pop() & 0xC0 == 0x80:
            pass
