"""Queries: what a search looks for, and what a word is, the same for every log.

A word is a run of letters, digits and marks. Words are compared without case and without accents
on Latin letters, as FTS5's ``unicode61`` does it, and as Unicode composes them (NFC): what looks
the same is the same, whichever way it was typed. A query is terms that must all occur::

    deploy* "out of memory" café

A term is a word, a prefix (``word*``) or a phrase in quotation marks, whose words follow one
another. A term with punctuation in it (``can't``) is the phrase of its words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final
from unicodedata import category, is_normalized, normalize

from attrs import frozen

from twisted_chat.vocabulary.errors import ChatError

MAX_TERMS: Final = 16
"""Terms in a query, at most."""

MAX_WORDS: Final = 32
"""Words in a query, at most: a long phrase of a common word costs as much as all its words."""

_TERM: Final = re.compile(r'"(?P<phrase>[^"]*)"(?P<star>\*?)|(?P<word>[^\s"]+)|(?P<open>")')
_ASCII_WORD: Final = re.compile("[0-9A-Za-z]+")
_ACCENT: Final = re.compile("[\u0300-\u036f]")


@frozen
class Term:
    """Words that follow one another, as they were written; with ``prefix``, the last may go on."""

    words: tuple[str, ...]
    prefix: bool = False


def parse(query: str) -> list[Term]:
    """Return the terms of ``query``, at least one.

    Raises ChatError ``bad-request`` where a quotation mark is not closed, where there is nothing
    to look for, or where there are more than MAX_TERMS terms.
    """
    terms: list[Term] = []
    for found in _TERM.finditer(composed(query) or query):
        if found["open"]:
            raise ChatError("bad-request", "A quotation mark in the query is not closed.")
        words = tuple(words_of(found["phrase"] or found["word"] or ""))
        if words:
            terms.append(Term(words, bool(found["star"]) or (found["word"] or "").endswith("*")))
    if not terms:
        raise ChatError("bad-request", "There is no word in the query to look for.")
    if len(terms) > MAX_TERMS:
        raise ChatError("bad-request", f"A query has at most {MAX_TERMS} words and phrases.")
    if sum(len(term.words) for term in terms) > MAX_WORDS:
        raise ChatError("bad-request", f"A query has at most {MAX_WORDS} words.")
    return terms


def words_of(text: str) -> list[str]:
    """Return the words of ``text``, in their order, as they are written."""
    return _ASCII_WORD.findall(text) if text.isascii() else list(_runs(text))


def _runs(text: str) -> Iterator[str]:
    # Where a word begins or ends; FTS5 is told the same categories.
    inside = [category(c)[0] in "LN" or category(c) in ("Co", "Mn", "Mc") for c in text]
    edges = [i for i, (a, b) in enumerate(pairwise([False, *inside, False])) if a != b]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        yield text[start:end]


def composed(text: str) -> str | None:
    """Return ``text`` as its words are compared (NFC); None where it is so already."""
    if text.isascii() or is_normalized("NFC", text):
        return None
    return normalize("NFC", text)


def fold(text: str) -> str:
    """Return ``text`` without case, and without accents on Latin letters: what is compared."""
    if text.isascii():
        return text.lower()
    return _ACCENT.sub("", "".join(map(_plain, normalize("NFC", text.lower()))))


def _plain(character: str) -> str:
    base = normalize("NFD", character)[0]
    return base if base.isascii() else character


def matcher(terms: Sequence[Term]) -> Callable[[str], bool]:
    """Return what says whether all ``terms`` occur in a text."""
    wanted = [(tuple(map(fold, term.words)), term.prefix) for term in terms]

    def matches(text: str) -> bool:
        folded = fold(text)
        if not all(word in folded for words, _ in wanted for word in words):
            return False  # the usual case, and cheap: about a third of a microsecond
        said = [fold(word) for word in words_of(text)]
        return all(_occurs(words, prefix, said) for words, prefix in wanted)

    return matches


def _occurs(words: Sequence[str], prefix: bool, said: Sequence[str]) -> bool:
    *firsts, last = words
    for end in range(len(firsts), len(said)):
        if said[end - len(firsts) : end] == firsts and (
            said[end].startswith(last) if prefix else said[end] == last
        ):
            return True
    return False
