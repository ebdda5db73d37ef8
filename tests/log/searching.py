"""What every log promises of searches: a part of LogTests."""

from __future__ import annotations

import sys
from unicodedata import normalize

import hypothesis.strategies as st
from attrs import evolve
from hypothesis import given, settings

from tests.kit.logs import DEV, OPS, LogCase
from twisted_chat.log.contract import PAGE_TEXTS, Entry
from twisted_chat.log.query import matcher, parse
from twisted_chat.vocabulary.errors import ChatError

MALFORMED = ["", " ", '"', 'one "two', '""', "*", "-", "!? ...", '"?" *', "\0", "x " * 40]

# What FTS5 would take for its own language, and what each must find instead.
NOT_A_LANGUAGE = {
    "NOT fox": ["not a fox", "fox not dog"],
    "fox NOT dog": ["fox not dog"],
    "AND": ["this and that"],
    "fox OR dog": ["fox or dog"],
    "NEAR(fox dog)": ["near fox dog"],
    "data:fox": ["data: fox", "data fox"],
    "{data}: fox": ["data: fox", "data fox"],
    "-fox": ["not a fox", "fox not dog", "fox or dog", "near fox dog", "data: fox", "data fox"],
    "^near": ["near fox dog"],
    "fox+dog": ["near fox dog"],
    "(near": ["near fox dog"],
    "near)": ["near fox dog"],
    "a'b": [],
}


class SearchingSuite(LogCase):
    """Promises about what is found. See LogTests."""

    def test_search_finds_words(self) -> None:
        """All words must occur, as words, without case and accents."""
        self.begin()
        self.say("The CAFÉ is open", "cafe closed", "cafeteria open", "Ünïcode naïve", "42 is 4 2")
        self.assertEqual(self.found("cafe"), ["The CAFÉ is open", "cafe closed"])
        self.assertEqual(self.found("OPEN Café"), ["The CAFÉ is open"])
        self.assertEqual(self.found("caf*"), ["The CAFÉ is open", "cafe closed", "cafeteria open"])
        self.assertEqual(self.found("caf* open"), ["The CAFÉ is open", "cafeteria open"])
        self.assertEqual(self.found("unicode NAI*"), ["Ünïcode naïve"])
        self.assertEqual(self.found("42"), ["42 is 4 2"])
        self.assertEqual(self.found("caf"), [])

    def test_search_finds_phrases(self) -> None:
        """Words in quotation marks follow one another; so do those that punctuation parts."""
        self.begin()
        self.say("out of memory", "memory, out of it", "out-of-memory!", "I can't", "t can")
        self.assertEqual(self.found('"out of memory"'), ["out of memory", "out-of-memory!"])
        self.assertEqual(self.found('"of mem"'), [])
        self.assertEqual(self.found('"of mem"*'), ["out of memory", "out-of-memory!"])
        self.assertEqual(self.found('it "out of"'), ["memory, out of it"])
        self.assertEqual(self.found("can't"), ["I can't"])
        self.assertEqual(self.found("t can"), ["I can't", "t can"])
        self.assertEqual(self.found('"out""of"memory'), self.found("out of memory"))

    def test_search_in_other_scripts(self) -> None:
        """A word is a word in any script, with the marks that belong to it."""
        self.begin()
        said = ["Привет, мир", "नमस्ते दुनिया", "こんにちは 世界", "γειά σου Κόσμε", "שלום עולם"]
        self.say(*said)
        for query, at in (("мир", 0), ("ПРИВЕТ", 0), ("नमस्ते", 1), ("दुनि*", 1), ("世*", 2),
                          ("ΚΌΣΜΕ", 3), ("שלום", 4)):  # fmt: skip
            self.assertEqual(self.found(query), [said[at]], query)
        self.assertEqual(self.found("नमस"), [])

    def test_search_compares_what_looks_the_same(self) -> None:
        """Composed or not, a text is found by either; and it is kept as it was said."""
        self.begin()
        for word in ("новый", "ёлка", "Καλημέρα", "café", "Ångström", "한국어", "ศิลปะ", "मक़्बूल"):
            forms = {normalize(form, word) for form in ("NFC", "NFD")}
            said = self.say(*(f"{word} here" for word in sorted(forms)))
            for form in forms:
                found = self.found(form)
                self.assertEqual(found, [text.data for text in said], (form, forms))
            start = normalize("NFC", word)[:3]
            for prefix in (start, normalize("NFD", start)):
                self.assertEqual(self.found(f"{prefix}*"), found)
            edited = Entry("alice", f"gone {word[0]}", None, "edit", said[0].seq)
            self.got(self.append(OPS.epoch, [edited]))
            self.assertEqual(self.found(word), [text.data for text in said[1:]])

    def test_search_is_no_language(self) -> None:
        """What the engine below would take for an operator is a word like any other."""
        self.begin()
        self.say(*dict.fromkeys(text for texts in NOT_A_LANGUAGE.values() for text in texts))
        for query, expected in NOT_A_LANGUAGE.items():
            self.assertEqual(self.found(query), expected, query)

    def test_a_malformed_query_is_refused(self) -> None:
        """A query that can find nothing is told so, by a sentence."""
        self.begin()
        self.say("something")
        for query in MALFORMED:
            failure = self.failureResultOf(self.log.search(OPS.epoch, query, 9, 9), ChatError)
            assert isinstance(failure.value, ChatError)
            self.assertEqual(failure.value.code, "bad-request", query)
            self.assertRegex(str(failure.value), r"^[A-Z].*\.$")

    def test_search_finds_the_newest(self) -> None:
        """The last texts before a place are found, oldest first, and whether there are others."""
        self.begin()
        self.say(*(f"word {n}" if n % 2 else "other" for n in range(1, 101)))

        def seqs(before: int, limit: int) -> tuple[list[int], bool]:
            page = self.got(self.log.search(OPS.epoch, "word", before, limit))
            return [text.seq for text in page.texts], page.more

        self.assertEqual(seqs(sys.maxsize, 3), ([95, 97, 99], True))
        self.assertEqual(seqs(95, 3), ([89, 91, 93], True))
        self.assertEqual(seqs(6, 3), ([1, 3, 5], False))
        self.assertEqual(seqs(7, 2), ([3, 5], True))
        self.assertEqual(seqs(1, 3), ([], False))

    def test_search_never_shows_another_session(self) -> None:
        """Only this life's texts are found, whatever is common elsewhere."""
        self.begin(DEV, OPS, evolve(OPS, epoch="x", key="x"))
        for n in range(5):
            for life in (DEV, OPS, evolve(OPS, epoch="x")):
                self.say(f"common {n}", f"{life.epoch} {n}", life=life)
        for life in (OPS, DEV):
            page = self.got(self.log.search(life.epoch, "common", sys.maxsize, 99))
            self.assertEqual([text.seq for text in page.texts], [1, 3, 5, 7, 9])
            self.assertEqual({text.session for text in page.texts}, {life.name})
        self.assertEqual(self.found("dev"), [])

    def test_what_was_just_said_is_found(self) -> None:
        """No text waits for its place in an index: what is acknowledged is found."""
        self.begin()
        for n in range(300):
            self.say(f"word{n} needle")
            if n % 29 == 0:
                self.assertEqual(self.found(f"word{n}"), [f"word{n} needle"])
                self.assertEqual(len(self.found("needle")), min(n + 1, PAGE_TEXTS))

    def test_search_agrees_with_what_a_word_is(self) -> None:
        """Any texts and any query: found is what query.py says matches, and nothing else."""
        alphabet = st.sampled_from([*"abAB é Éßİ1_-'\"*\t", "e\u0301", "中", "क्", "\0", "ñ"])
        some = st.lists(alphabet, max_size=12).map("".join)
        epochs = iter(range(sys.maxsize))

        @settings(max_examples=60, deadline=None)
        @given(st.lists(some, max_size=8), st.lists(some, min_size=1, max_size=8))
        def agrees(texts: list[str], queries: list[str]) -> None:
            n = next(epochs)
            life = evolve(OPS, epoch=f"e{n}", key=f"k{n}")
            self.begin(life)
            said = self.say(*texts, life=life)
            for query in queries:
                try:
                    matches = matcher(parse(query))
                except ChatError:
                    continue
                expected = [text.data for text in said if matches(text.data)]
                self.assertEqual(self.found(query, life), expected, query)

        agrees()
