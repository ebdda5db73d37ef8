"""Texts as lines, made once for all in this process who see them alike.

Behind a door there are many people, and each has its own words; a text that is given to all of
them is one object.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from attrs import define, field

from twisted_chat.client.words import render
from twisted_chat.client.words.render import Line, Looks, SharedLine
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.mentions import prepared

MAX_TEXTS: Final = 512
"""Texts whose lines are kept, at most: those of a batch."""

MAX_SIZE: Final = 262_144
"""Characters of these texts, at most."""

MAX_LOOKS: Final = 64
"""Ways to see one text whose lines are kept, at most."""

MAX_SENTENCES: Final = 16
"""Sentences whose lines are kept, at most."""


@define(eq=False)
class Entry:
    """A text, and what was made of it."""

    text: m.Text
    lines: dict[tuple[bool, Looks], list[Line]] = field(factory=dict)
    prepared: str | None = None


@define(eq=False)
class SharedTexts:
    """The lines of the last texts."""

    _kept: OrderedDict[int, Entry] = field(factory=OrderedDict)
    _size: int = 0
    _sentences: OrderedDict[str, SharedLine] = field(factory=OrderedDict)

    def _entry(self, text: m.Text) -> Entry:
        entry = self._kept.get(id(text))
        if entry is None:
            entry = self._kept[id(text)] = Entry(text)  # it is kept, so its id is its own
            self._size += len(text.data)
            while len(self._kept) > MAX_TEXTS or self._size > MAX_SIZE:
                self._size -= len(self._kept.popitem(last=False)[1].text.data)
        return entry

    def prepared(self, text: m.Text) -> str:
        """Return what a text says, for names to be looked for in it."""
        entry = self._entry(text)
        if entry.prepared is None:
            entry.prepared = prepared(text.data)
        return entry.prepared

    def lines(self, text: m.Text, looks: Looks, user: str) -> list[Line]:
        """Return the lines of a text for ``user``, as ``render.said`` does."""
        lines, view = self._entry(text).lines, (text.source == user, looks)
        found = lines.get(view)
        if found is None:
            if len(lines) >= MAX_LOOKS:
                lines.clear()
            found = [SharedLine(line) for line in render.said(text, user, looks)]
            lines[view] = found
        return found

    def sentence(self, sentence: str) -> Line:
        """Return a line that the program says, as ``render.info`` does."""
        found = self._sentences.get(sentence)
        if found is None:
            found = self._sentences[sentence] = SharedLine(render.info(sentence))
            if len(self._sentences) > MAX_SENTENCES:
                self._sentences.popitem(last=False)
        return found


shared: Final = SharedTexts()
"""That of this process."""
