"""What PostgreSQL searches: the words of a text, as query.py says what a word is.

The database finds candidates by an index of words; whether a candidate matches is decided by the
matcher that all logs share. So a search finds here exactly what it finds elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted_chat.log.query import Term, fold, words_of

MAX_WORD: Final = 500
"""Characters of a word that are indexed: PostgreSQL takes 2,046 bytes. Two words that begin alike
for so long are told apart by the matcher."""


def lexemes(text: str) -> str:
    """Return the words of ``text`` as the literal of a tsvector."""
    return " ".join(f"'{word}'" for word in sorted({_word(word) for word in words_of(text)}))


def candidates(terms: Sequence[Term]) -> str:
    """Return the literal of a tsquery that finds every text that ``terms`` may match."""
    wanted = []
    for term in terms:
        *firsts, last = (_word(word) for word in term.words)
        wanted += [f"'{word}'" for word in firsts]
        wanted.append(f"'{last}':*" if term.prefix else f"'{last}'")
    return " & ".join(dict.fromkeys(wanted))


def _word(word: str) -> str:
    # Letters, digits and marks alone: nothing in it has a meaning in a literal.
    return fold(word)[:MAX_WORD]
