"""What a mention is: a user's name in what others say.

It is a whole word, with or without an ``@`` before it, compared after NFC and case folding, and not
a part of an address, a path, a link, or another name. The page says the same in ``mention.js``, and
tests/vocabulary/mentions.json holds both to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from unicodedata import category, normalize

_LINK: Final = re.compile(r"(?<![^\W_])[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_JOINS: Final = frozenset("@.+/\\-")
_BEFORE: Final = frozenset("@#/\\")


def folded(text: str) -> str:
    """Return ``text`` as names are compared."""
    return (
        text.casefold() if text.isascii() else normalize("NFC", normalize("NFC", text).casefold())
    )


def _is_word(sign: str) -> bool:
    return sign == "_" or category(sign)[0] in "LNM"


class Mention:
    """Finds the name of one user."""

    def __init__(self, user: str) -> None:
        self.user = user
        self._name = folded(user)
        # A name of one letter is a word too often: it has to be called with an ``@``.
        self._is_short = len(self._name) < 2

    def is_in(self, text: str) -> bool:
        """Whether a text names the user."""
        return self.is_in_folded(folded(_LINK.sub(" ", text)) if text else "")

    def is_in_folded(self, text: str) -> bool:
        """The same, of a text that is ``prepared``."""
        name = self._name
        return bool(name) and name in text and any(self._found(text))

    def _found(self, text: str) -> Iterator[bool]:
        name = self._name
        at = text.find(name)
        while at >= 0:
            end = at + len(name)
            called = at > 0 and text[at - 1] == "@"
            begin = at - 1 if called else at
            if (called or not self._is_short) and not (
                _is_bound(text, begin - 1, -1) or _is_bound(text, end, 1)
            ):
                yield True
            at = text.find(name, at + 1)


def prepared(text: str) -> str:
    """Return a text in which names are looked for: once for all of them."""
    return folded(_LINK.sub(" ", text) if "://" in text else text)


def _is_bound(text: str, at: int, step: int) -> bool:
    """Whether what is beside a name makes it a part of something else."""
    if not 0 <= at < len(text):
        return False
    beside = text[at]
    if _is_word(beside):
        return True
    if step < 0 and beside in _BEFORE:
        return True
    after = at + step
    return beside in _JOINS and 0 <= after < len(text) and _is_word(text[after])
