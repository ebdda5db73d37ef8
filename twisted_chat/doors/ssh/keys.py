"""What is typed, as keys: bytes of a terminal in, names of keys and characters out.

It is a state machine that knows no screen: UTF-8 that comes in pieces, escape sequences, and text
that is pasted between brackets, whose line ends are no Enter.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from attrs import define, field, frozen

MAX_SEQUENCE: Final = 32
"""Characters of an escape sequence: what is longer is none."""

CONTROLS: Final = {
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x01": "home",
    "\x02": "left",
    "\x03": "interrupt",
    "\x04": "end-of-file",
    "\x05": "end",
    "\x06": "right",
    "\x07": "cancel",
    "\x0b": "kill-line",
    "\x0c": "redraw",
    "\x0e": "down",
    "\x10": "up",
    "\x12": "search",
    "\x14": "swap",
    "\x15": "kill-to-start",
    "\x17": "kill-word",
    "\x19": "yank",
}
SEQUENCES: Final = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "[H": "home",
    "[F": "end",
    "OA": "up",
    "OB": "down",
    "OC": "right",
    "OD": "left",
    "OH": "home",
    "OF": "end",
    "[1~": "home",
    "[3~": "delete",
    "[4~": "end",
    "[7~": "home",
    "[8~": "end",
    "[1;5C": "word-right",
    "[1;5D": "word-left",
    "[1;3C": "word-right",
    "[1;3D": "word-left",
    "[5C": "word-right",
    "[5D": "word-left",
    "[200~": "paste",
    "[201~": "pasted",
    "b": "word-left",
    "f": "word-right",
    "d": "kill-word-right",
    "\x7f": "kill-word",
}


_PLACE: Final = re.compile(r"\[[0-9]{1,4};([0-9]{1,4})R")
"""Where a terminal's cursor is: row and column, from 1 on."""


@frozen
class Key:
    """A key by its ``name``, or characters (``text``) where that is empty.

    ``place`` is none: it is an answer, and its text the column of the cursor.
    """

    name: str
    text: str = ""


@define(eq=False)
class Keys:
    """Reads what a terminal sends."""

    _decoder: codecs.IncrementalDecoder = field(
        factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )
    _sequence: str | None = None
    """What has come of an escape sequence, without the ESC."""
    _pasting: bool = False
    _after_return: bool = False

    def read(self, data: bytes) -> Iterator[Key]:
        """Yield what was typed; characters that come together are one Key."""
        plain: list[str] = []
        for letter in self._decoder.decode(data):
            key = self._take(letter)
            if key is None:
                continue
            if key.name == "":
                plain.append(key.text)
                continue
            if plain:
                yield Key("", "".join(plain))
                plain.clear()
            yield key
        if plain:
            yield Key("", "".join(plain))

    def _take(self, letter: str) -> Key | None:
        if self._sequence is not None:
            return self._continue(letter)
        after_return, self._after_return = self._after_return, letter == "\r"
        if letter == "\x1b":
            self._sequence = ""
            return None
        if letter == "\n" and after_return:
            return None  # CR LF is one Enter
        if self._pasting:
            if letter in "\r\n":
                return Key("", "\n")
            return Key("", " " * 4) if letter == "\t" else self._character(letter)
        if letter in CONTROLS:
            return Key(CONTROLS[letter])
        return self._character(letter)

    @staticmethod
    def _character(letter: str) -> Key | None:
        return None if letter < " " or "\x7f" <= letter < "\xa0" else Key("", letter)

    def _continue(self, letter: str) -> Key | None:
        sequence = (self._sequence or "") + letter
        is_open = sequence in ("[", "O") or (
            sequence.startswith("[") and not "@" <= letter <= "~" and len(sequence) < MAX_SEQUENCE
        )
        if letter == "\x1b":
            self._sequence = ""
            return None
        if is_open:
            self._sequence = sequence
            return None
        self._sequence = None
        if letter == "R" and (place := _PLACE.fullmatch(sequence)) is not None:
            return Key("place", place[1])
        name = SEQUENCES.get(sequence, "")
        if name in ("paste", "pasted"):
            self._pasting = name == "paste"
            return None
        return Key(name) if name and not self._pasting else None
