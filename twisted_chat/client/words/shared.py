"""Texts as lines, made once for all in this process who see them alike.

Behind a door there are many people, and each has its own words; a text that is given to all of
them is one object.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import tzinfo
from typing import Final

from attrs import define, field

from twisted_chat.client.words import render
from twisted_chat.client.words.render import Line, SharedLine
from twisted_chat.vocabulary import messages as m

MAX_TEXTS: Final = 512
"""Texts whose lines are kept, at most: those of a batch."""

MAX_SIZE: Final = 262_144
"""Characters of these texts, at most."""

MAX_SENTENCES: Final = 16
"""Sentences whose lines are kept, at most."""


@define(eq=False)
class SharedTexts:
    """The lines of the last texts."""

    _kept: OrderedDict[int, tuple[m.Text, dict[object, list[Line]]]] = field(factory=OrderedDict)
    _size: int = 0
    _sentences: OrderedDict[str, SharedLine] = field(factory=OrderedDict)

    def lines(self, text: m.Text, user: str, tag: str, zone: tzinfo | None) -> list[Line]:
        """Return the lines of a text for ``user``, as ``render.said`` does."""
        kept = self._kept.get(id(text))
        if kept is None:
            kept = self._kept[id(text)] = (text, {})  # it is kept, so its id is its own
            self._size += len(text.data)
            while len(self._kept) > MAX_TEXTS or self._size > MAX_SIZE:
                self._size -= len(self._kept.popitem(last=False)[1][0].data)
        view = (text.source == user, tag, zone)
        found = kept[1].get(view)
        if found is None:
            found = [SharedLine(line) for line in render.said(text, user, tag=tag, zone=zone)]
            kept[1][view] = found
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
