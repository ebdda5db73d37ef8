"""The line that is being typed: characters, a cursor, history, and what was cut out.

It knows no terminal: keys in, a text and a cursor out. A line may have several rows, where they
were pasted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from unicodedata import category

from attrs import define, field

from twisted_chat.doors.ssh.keys import Key

MAX_LINE: Final = 16_384
"""Characters of a line: what a text has at most."""

MAX_HISTORY: Final = 500

MAX_SHOWN: Final = 40
"""Candidates that are shown where there are several, at most."""


def is_mark(letter: str) -> bool:
    """Whether a character belongs to the one before it."""
    return category(letter) in ("Mn", "Me") or letter in "\u200d\ufe0f"


@define(eq=False)
class Editor:
    """A line that is being typed. ``complete`` gives what the last word of a text may become."""

    complete: Callable[[str], Sequence[str]] = field(default=lambda _: ())
    text: str = ""
    cursor: int = 0
    candidates: Sequence[str] = ()
    """What a Tab found, where it was more than one: to be shown."""
    sought: str | None = None
    """What is looked for in the history; None while nothing is."""
    unseen: bool = False
    """Whether what is typed is a password."""
    _history: list[str] = field(factory=list)
    _at: int = 0
    """Where in the history one is; its length for the line that is being typed."""
    _draft: str = ""
    _killed: str = ""

    def key(self, key: Key) -> str | None:
        """Do what a key does; return the line, where that is done with it."""
        self.candidates = ()
        if self.sought is not None and key.name not in ("", "search", "backspace"):
            self.sought = None
            if key.name == "cancel":
                self._go(len(self._history))
                return None
        if key.name == "":
            self._typed(key.text)
        elif key.name == "enter":
            return self._done()
        else:
            action = getattr(self, "_" + key.name.replace("-", "_"), None)
            if action is not None:
                action()
        return None

    def set(self, text: str) -> None:
        """Let this be the line, the cursor at its end."""
        self.text, self.cursor = text[:MAX_LINE], min(len(text), MAX_LINE)

    # --- typing --------------------------------------------------------------------------------

    def _typed(self, text: str) -> None:
        if self.sought is not None:
            self.sought += text
            self._find(len(self._history) - 1)
            return
        text = text[: MAX_LINE - len(self.text)]
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)

    def _done(self) -> str:
        line = self.text
        if not self.unseen and line.strip() and (not self._history or self._history[-1] != line):
            self._history.append(line)
            del self._history[:-MAX_HISTORY]
        self._at = len(self._history)
        self._draft = ""
        self.set("")
        return line

    # --- moving --------------------------------------------------------------------------------

    def _before(self, at: int) -> int:
        """Return the place before a character, its marks and all."""
        at = max(0, at - 1)
        while at > 0 and (is_mark(self.text[at]) or self.text[at - 1] == "\u200d"):
            at -= 1
        return at

    def _behind(self, at: int) -> int:
        at = min(len(self.text), at + 1)
        while at < len(self.text) and (is_mark(self.text[at]) or self.text[at - 1] == "\u200d"):
            at += 1
        return at

    def _word_before(self, at: int) -> int:
        while at > 0 and self.text[at - 1].isspace():
            at -= 1
        while at > 0 and not self.text[at - 1].isspace():
            at -= 1
        return at

    def _word_behind(self, at: int) -> int:
        while at < len(self.text) and self.text[at].isspace():
            at += 1
        while at < len(self.text) and not self.text[at].isspace():
            at += 1
        return at

    def _left(self) -> None:
        self.cursor = self._before(self.cursor)

    def _right(self) -> None:
        self.cursor = self._behind(self.cursor)

    def _word_left(self) -> None:
        self.cursor = self._word_before(self.cursor)

    def _word_right(self) -> None:
        self.cursor = self._word_behind(self.cursor)

    def _home(self) -> None:
        self.cursor = 0

    def _end(self) -> None:
        self.cursor = len(self.text)

    # --- cutting -------------------------------------------------------------------------------

    def _cut(self, start: int, end: int, *, keep: bool = True) -> None:
        if keep and start != end:
            self._killed = self.text[start:end]
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start

    def _backspace(self) -> None:
        if self.sought is not None:
            self.sought = self.sought[:-1]
            self._find(len(self._history) - 1)
        else:
            self._cut(self._before(self.cursor), self.cursor, keep=False)

    def _delete(self) -> None:
        self._cut(self.cursor, self._behind(self.cursor), keep=False)

    def _kill_line(self) -> None:
        self._cut(self.cursor, len(self.text))

    def _kill_to_start(self) -> None:
        self._cut(0, self.cursor)

    def _kill_word(self) -> None:
        self._cut(self._word_before(self.cursor), self.cursor)

    def _kill_word_right(self) -> None:
        self._cut(self.cursor, self._word_behind(self.cursor))

    def _yank(self) -> None:
        self._typed(self._killed)

    def _swap(self) -> None:
        if self.cursor > 0 and len(self.text) > 1:
            at = min(self.cursor, len(self.text) - 1)
            one, other = self.text[at - 1], self.text[at]
            self.text = self.text[: at - 1] + other + one + self.text[at + 1 :]
            self.cursor = at + 1

    # --- history -------------------------------------------------------------------------------

    def _up(self) -> None:
        self._go(self._at - 1)

    def _down(self) -> None:
        self._go(self._at + 1)

    def _go(self, at: int) -> None:
        if self.unseen or not 0 <= at <= len(self._history):
            return
        if self._at == len(self._history) and at != self._at:
            self._draft = self.text
        self._at = at
        self.set(self._draft if at == len(self._history) else self._history[at])

    def _search(self) -> None:
        if self.unseen:
            return
        if self.sought is None:
            if self._at == len(self._history):
                self._draft = self.text
            self.sought = ""
            self._at = len(self._history)
        else:
            self._find(self._at - 1)

    def _find(self, start: int) -> None:
        for at in range(min(start, len(self._history) - 1), -1, -1):
            if self.sought and self.sought in self._history[at]:
                self._at = at
                self.set(self._history[at])
                return

    # --- completion ----------------------------------------------------------------------------

    def _tab(self) -> None:
        if self.unseen:
            return
        before, behind = self.text[: self.cursor], self.text[self.cursor :]
        found = list(dict.fromkeys(self.complete(before)))
        if not found:
            return
        start = len(before) - len(before.split(" ")[-1])
        common = found[0] + " " if len(found) == 1 else _common(found)
        if len(common) > len(before) - start or len(found) == 1:
            self.text = before[:start] + common + behind
            self.cursor = start + len(common)
        else:
            self.candidates = found[:MAX_SHOWN]


def _common(words: Sequence[str]) -> str:
    """Return what words begin with, whatever their case."""
    first = words[0]
    for length in range(len(first), 0, -1):
        if all(word[:length].casefold() == first[:length].casefold() for word in words):
            return first[:length]
    return ""
