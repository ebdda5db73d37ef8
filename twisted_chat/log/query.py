"""Queries: what a search looks for, and what a word is, the same for every log.

A word is a run of letters, digits and marks. Words are compared without case and without accents
on Latin letters, as FTS5's ``unicode61`` does it. A query is terms that must all occur::

    deploy* "out of memory" café

A term is a word, a prefix (``word*``) or a phrase in quotation marks, whose words follow one
another. A term with punctuation in it (``can't``) is the phrase of its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final
from unicodedata import category, normalize

from attrs import frozen

from twisted_chat.errors import ChatError

MAX_TERMS: Final = 32
"""Terms in a query, at most."""

_TERM: Final = re.compile(r'"(?P<phrase>[^"]*)"(?P<star>\*?)|(?P<word>[^\s"]+)|(?P<open>")')
_ASCII_WORD: Final = re.compile("[0-9a-z]+")
_ACCENT: Final = re.compile("[\u0300-\u036f]")


@frozen
class Term:
    """Words that follow one another; with ``prefix``, the last may go on."""

    words: tuple[str, ...]
    prefix: bool = False


def parse(query: str) -> list[Term]:
    """Return the terms of ``query``, at least one.

    Raises ChatError ``bad-request`` where a quotation mark is not closed, where there is nothing
    to look for, or where there are more than MAX_TERMS terms.
    """
    terms: list[Term] = []
    for found in _TERM.finditer(query):
        if found["open"]:
            raise ChatError("bad-request", "A quotation mark in the query is not closed.")
        words = tuple(words_of(found["phrase"] or found["word"] or ""))
        if words:
            terms.append(Term(words, bool(found["star"]) or (found["word"] or "").endswith("*")))
    if not terms:
        raise ChatError("bad-request", "There is no word in the query to look for.")
    if len(terms) > MAX_TERMS:
        raise ChatError("bad-request", f"A query has at most {MAX_TERMS} words and phrases.")
    return terms


def fold(text: str) -> str:
    """Return ``text`` without case and without accents: what words are compared by."""
    if text.isascii():
        return text.lower()
    return _ACCENT.sub("", normalize("NFD", text.lower()))


def words_of(text: str) -> list[str]:
    """Return the words of ``text``, folded, in their order."""
    folded = fold(text)
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    return list(_runs(folded))


def _runs(folded: str) -> Iterator[str]:
    # Where a word begins or ends; FTS5 is told the same categories.
    inside = [category(c)[0] in "LN" or category(c) in ("Co", "Mn", "Mc") for c in folded]
    edges = [i for i, (a, b) in enumerate(pairwise([False, *inside, False])) if a != b]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        yield folded[start:end]


def matches(terms: Sequence[Term], text: str) -> bool:
    """Whether every term occurs in ``text``."""
    folded = fold(text)
    if not all(word in folded for term in terms for word in term.words):
        return False  # the usual case, and cheap: about a third of a microsecond
    words = words_of(text)
    return all(_occurs(term, words) for term in terms)


def _occurs(term: Term, words: Sequence[str]) -> bool:
    *firsts, last = term.words
    length = len(term.words)
    for start in range(len(words) - length + 1):
        end = start + length - 1
        if words[start:end] == firsts and (
            words[end].startswith(last) if term.prefix else words[end] == last
        ):
            return True
    return False
