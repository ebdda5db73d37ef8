"""The log in memory; what a query is; and which logs a URL names."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.logs import OPS, NoThreads
from tests.log.suite import LogTests
from twisted_chat.log.contract import (
    Log,
    LogError,
)
from twisted_chat.log.memory import SEARCH_BITE, MemoryLog
from twisted_chat.log.query import MAX_TERMS, fold, parse, words_of
from twisted_chat.log.urls import open_log
from twisted_chat.vocabulary.errors import ChatError


class MemoryLogTests(LogTests, SynchronousTestCase):
    def make_log(self) -> Log:
        return MemoryLog(self.clock)

    def got(self, deferred: Deferred[Any]) -> Any:
        """Return the answer; a long search takes as many turns as it wants."""
        self.clock.advance(0)
        return super().got(deferred)

    def test_a_long_search_takes_turns(self) -> None:
        """It never holds up the reactor, and sees what is pruned meanwhile as gone."""
        self.got(self.log.create(OPS))
        rare = self.say("rare one", *["x" * (SEARCH_BITE // 8)] * 32, "rare two")[-1]
        for gone, expected in ((0, [1, rare.seq]), (20, [rare.seq])):
            searched = self.log.search(OPS.epoch, "rare", 99, 9)
            self.assertNoResult(searched)
            self.got(self.log.prune(OPS.epoch, texts=rare.seq - gone))
            page = self.got(searched)
            self.assertEqual([text.seq for text in page.texts], expected)
            self.assertEqual((page.more, page.first), (False, 1 + gone))


class QueryTests(SynchronousTestCase):
    def test_words(self) -> None:
        """A word is a run of letters, digits and marks."""
        self.assertEqual(words_of("Ça va? O'Neil_2"), ["Ça", "va", "O", "Neil", "2"])
        self.assertEqual(words_of(""), [])

    def test_fold(self) -> None:
        """Compared is what has no case, and no accents on Latin letters; others keep theirs."""
        self.assertEqual(fold("Ça NAÏVE e\u0301 Ấ"), "ca naive e a")
        self.assertEqual(fold("ЙОД Ό"), "йод ό")

    def test_too_many_terms(self) -> None:
        """A query has a bounded number of terms."""
        parse("x " * MAX_TERMS)
        self.assertRaises(ChatError, parse, "x " * (MAX_TERMS + 1))


class UrlTests(SynchronousTestCase):
    def test_memory(self) -> None:
        """``memory:`` is a log in memory."""
        self.assertIsInstance(open_log("memory:", Clock(), NoThreads()), MemoryLog)

    def test_wrong_urls(self) -> None:
        """What is no log's URL is refused by one sentence that says what is."""
        for url in (
            "",
            "memory",
            "memory:x",
            "chat.db",
            "postgres:x",
            "sqlite:",
            "sqlite:?synchronous=full",
            "sqlite:x.db?synchronous=off",
            "sqlite:x.db?cache=1",
            "sqlite:/no/such/folder/x.db",
        ):
            refusal = self.assertRaises(LogError, open_log, url, Clock(), NoThreads())
            self.assertRegex(str(refusal), r"^[A-Z][^\n]*\.$")
