"""What every log promises: one suite, for those that there are and those to come.

A new log gets a class in a file of its own::

    class NewLogTests(LogTests, SynchronousTestCase):
        def make_log(self) -> Log: ...

Its Deferreds must have fired when they are returned: give it clocks, threads and connections that
do their work in place.
"""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.kit.held_log import later
from tests.kit.logs import DEV, HOSTILE, OPS
from tests.log.changing import ChangingSuite
from tests.log.keeping import KeepingSuite
from tests.log.model import LogMachine
from tests.log.pruning import PruningSuite
from tests.log.searching import SearchingSuite
from twisted_chat.log.contract import PAGE_BYTES, PAGE_TEXTS, Entry, Page, Record, Unreadable
from twisted_chat.vocabulary.messages import Text


class LogTests(ChangingSuite, KeepingSuite, SearchingSuite, PruningSuite):
    """The promises of a log. ``make_log`` gives a new, empty one that looks at ``self.clock``."""

    # --- append ----------------------------------------------------------------------------

    def test_check(self) -> None:
        """A check says that the log can store, and changes nothing."""
        self.got(self.log.check())
        before = list(self.log.lives())
        self.got(self.log.check())
        self.assertEqual(list(self.log.lives()), before)

    def test_a_text_is_what_was_said(self) -> None:
        """A text bears the session's shown name, the log's time, and what was said, as it was."""
        self.begin()
        self.clock.advance(0.25)
        said = self.got(self.append(OPS.epoch, [Entry("Alice", "Hello", "m1")]))
        self.assertEqual(
            said,
            [Text(session="Ops", seq=1, time=1_000_250, source="Alice", data="Hello", id="m1")],
        )
        self.assertEqual(self.all_of(OPS), said)

    def test_seq_runs_from_one_without_holes(self) -> None:
        """Each session counts for itself, from 1, in the order in which it was asked."""
        self.begin(OPS, DEV)
        calls = [
            self.append((OPS, DEV)[n % 2].epoch, [Entry("a", f"{n}.{i}") for i in range(n)])
            for n in range(9)
        ]
        for life, start in ((OPS, 0), (DEV, 1)):
            said = [text for call in calls[start::2] for text in self.got(call)]
            self.assertEqual([text.seq for text in said], list(range(1, len(said) + 1)))
            self.assertEqual(self.all_of(life), said)

    def test_the_same_id_is_stored_once(self) -> None:
        """The same id from the same source is the stored text, in a later call and in the same."""
        self.begin()
        first = Entry("alice", "first", "m1")
        ((one,), two, three) = (
            self.got(self.append(OPS.epoch, entries))
            for entries in (
                [first],
                [Entry("alice", "again", "m1"), Entry("alice", "other", "m2")],
                [Entry("bob", "x", "m3"), Entry("bob", "y", "m3"), Entry("bob", "z", "m4")],
            )
        )
        self.assertEqual(two[0], one)
        self.assertEqual([text.seq for text in two], [1, 2])
        self.assertEqual([(text.seq, text.data) for text in three], [(3, "x"), (3, "x"), (4, "z")])
        self.assertEqual([text.data for text in self.all_of(OPS)], ["first", "other", "x", "z"])

    def test_an_id_belongs_to_a_source_and_a_life(self) -> None:
        """The same id from somebody else, or in another session, is another text."""
        self.begin(OPS, DEV)
        for life, source in ((OPS, "alice"), (OPS, "bob"), (DEV, "alice")):
            self.got(self.append(life.epoch, [Entry(source, "hello", "m1")]))
        self.assertEqual([text.source for text in self.all_of(OPS)], ["alice", "bob"])
        self.assertEqual(len(self.all_of(DEV)), 1)

    def test_without_an_id_all_are_stored(self) -> None:
        """Texts without an id are never taken for one another."""
        self.begin()
        self.say("same", "same")
        self.say("same")
        self.assertEqual([text.seq for text in self.all_of(OPS)], [1, 2, 3])

    def test_any_text_is_stored_as_sent(self) -> None:
        """Whatever Unicode can write comes back the same: data, source and id."""
        self.begin()
        entries = [Entry(f"s{data[:9]}", data, f"{n}{data[:9]}") for n, data in enumerate(HOSTILE)]
        said = self.got(self.append(OPS.epoch, entries))
        self.assertEqual([Entry(t.source, t.data, t.id) for t in said], entries)
        self.assertEqual(self.all_of(OPS), said)
        self.assertEqual(self.got(self.append(OPS.epoch, entries)), said)

    def test_many_entries_in_one_call(self) -> None:
        """A call may bring more than any page, commit or statement holds."""
        self.begin()
        entries = [Entry("a", f"text {n}", f"m{n % 6_000}") for n in range(7_000)]
        said = self.got(self.append(OPS.epoch, entries))
        self.assertEqual([text.seq for text in said[:6_000]], list(range(1, 6_001)))
        self.assertEqual(said[6_000:], said[:1_000])
        self.assertEqual(len(self.all_of(OPS)), 6_000)

    def test_nothing_to_append(self) -> None:
        """No entries are no texts, and no mistake."""
        self.begin()
        self.assertEqual(self.got(self.append(OPS.epoch, [])), [])

    def test_a_life_that_is_not_there(self) -> None:
        """What needs a life fails where there is none, and leaves the others alone."""
        self.begin(DEV)
        self.assertIn("no such session", self.refused(self.append("x", [Entry("a", "b")])))
        self.refused(self.log.amend("x", topic="topic"))
        self.refused(self.log.keep([Record("role", "x", "bob", b"{}")]))
        self.refused(self.log.read("x", 0, 9), Unreadable)
        self.refused(self.log.read_last("x", 0, 9), Unreadable)
        self.refused(self.log.search("x", "word", 9, 9), Unreadable)
        self.got(self.log.delete("x"))
        self.assertFalse(self.got(self.log.prune("x", texts=0)))
        self.assertEqual(list(self.log.lives()), [DEV])

    # --- read ------------------------------------------------------------------------------

    def test_read_between(self) -> None:
        """Both ways of reading take what lies between, from their end of it, and say of more."""
        self.begin()
        said = self.say(*"abcdefghij")

        def page(way: Any, after: int, before: int, limit: int = PAGE_TEXTS) -> tuple[str, bool]:
            got: Page[Any] = self.got(way(OPS.epoch, after, before, limit))
            self.assertEqual(got.first, 1)
            self.assertTrue(all(text in said for text in got.texts))
            return "".join(text.data for text in got.texts), got.more

        read, last = self.log.read, self.log.read_last
        self.assertEqual(page(read, 0, 11), ("abcdefghij", False))
        self.assertEqual(page(read, 2, 6), ("cde", False))
        self.assertEqual(page(read, 2, 6, 2), ("cd", True))
        self.assertEqual(page(read, 0, sys.maxsize, 3), ("abc", True))
        self.assertEqual(page(read, 7, sys.maxsize, 3), ("hij", False))
        self.assertEqual(page(last, 0, 11), ("abcdefghij", False))
        self.assertEqual(page(last, 2, 6), ("cde", False))
        self.assertEqual(page(last, 2, 6, 2), ("de", True))
        self.assertEqual(page(last, 0, sys.maxsize, 3), ("hij", True))
        self.assertEqual(page(last, 0, 4, 3), ("abc", False))
        for way in (read, last):
            for after, before in ((10, sys.maxsize), (0, 1), (5, 6), (6, 5), (99, 2**53), (0, 0)):
                self.assertEqual(page(way, after, before), ("", False))

    def test_a_page_has_at_most_so_many_texts(self) -> None:
        """However many are asked for, a page has at most PAGE_TEXTS."""
        self.begin()
        said = self.say(*(f"word {n}" for n in range(450)))
        for got, expected in (
            (self.log.read(OPS.epoch, 0, 999, 450), said[:PAGE_TEXTS]),
            (self.log.read_last(OPS.epoch, 0, 999, 450), said[-PAGE_TEXTS:]),
            (self.log.search(OPS.epoch, "word", 999, 450), said[-PAGE_TEXTS:]),
        ):
            self.assertEqual(self.got(got), Page(expected, more=True, first=1))

    def test_a_page_has_at_most_so_many_bytes(self) -> None:
        """A page ends with the text that fills it: counted in bytes, and at least one."""
        self.begin()
        big = "word " + "é" * (PAGE_BYTES // 4)  # a bit more than half a page
        said = self.say("word a", big, "word b", big, big, "word c", big * 4)
        for asked, expected in (
            (self.log.read(OPS.epoch, 0, 99), said[:4]),
            (self.log.read(OPS.epoch, 4, 99), said[4:]),
            (self.log.read(OPS.epoch, 6, 99), said[6:]),
            (self.log.read_last(OPS.epoch, 0, 99), said[6:]),
            (self.log.read_last(OPS.epoch, 0, 7), said[3:6]),
            (self.log.search(OPS.epoch, "word", 99, 9), said[6:]),
            (self.log.search(OPS.epoch, "word", 7, 9), said[3:6]),
        ):
            self.assertEqual(self.got(asked).texts, expected)
        self.assertTrue(self.got(self.log.read(OPS.epoch, 0, 99)).more)
        self.assertFalse(self.got(self.log.read(OPS.epoch, 4, 99)).more)
        self.assertTrue(self.got(self.log.read_last(OPS.epoch, 0, 7)).more)
        self.assertTrue(self.got(self.log.search(OPS.epoch, "word", 7, 9)).more)

    def test_a_page_of_nothing_but_zeros_is_bounded_too(self) -> None:
        """U+0000 counts like any other character."""
        self.begin()
        self.say(*["\0" * 16_384] * 9)
        self.assertEqual(len(self.got(self.log.read(OPS.epoch, 0, 99)).texts), 4)

    # --- everything, in any order ----------------------------------------------------------

    def test_a_restart_changes_nothing(self) -> None:
        """A log that outlives a restart has every life, text, place and id as they were."""
        self.begin(OPS, DEV)
        said = self.say(*(f"word {n}" for n in range(90)))
        self.got(self.append(DEV.epoch, [Entry("a", "x", "m1")]))
        self.got(self.log.prune(OPS.epoch, texts=80))
        lives = list(self.log.lives())
        log = self.reopened(self.log)
        if log is None:
            return
        self.log = log
        self.assertEqual(list(log.lives()), lives)
        self.assertEqual(self.all_of(OPS), said[10:])
        self.assertEqual(self.found("word"), [text.data for text in said[10:]])
        again = self.got(
            later(log.append(DEV.epoch, [Entry("a", "x", "m1"), Entry("a", "y", "m2")]))
        )
        self.assertEqual([text.seq for text in again], [1, 2])
        self.assertEqual(self.say("next")[0].seq, 91)

    def test_anything_in_any_order(self) -> None:
        """Whatever is done, and however often it is restarted, it is what a list would be."""
        suite = self

        class Machine(LogMachine):
            def __init__(self) -> None:
                super().__init__(suite)

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=40,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
