"""What every log promises: one suite, for those that there are and those to come.

A new log gets a class in a file of its own::

    class NewLogTests(LogTests, SynchronousTestCase):
        def make_log(self) -> Log: ...

Its Deferreds must have fired when they are returned: give it clocks, threads and connections that
do their work in place.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar
from unicodedata import normalize

import hypothesis.strategies as st
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.logs import DEV, HOSTILE, OPS
from tests.kit.support import later
from tests.log.changing import ChangingSuite, present
from twisted_chat.log.changing import placed
from twisted_chat.log.contract import (
    KEPT,
    PAGE_BYTES,
    PAGE_TEXTS,
    Entry,
    Life,
    Log,
    NotStored,
    Page,
    Record,
    Settings,
    Unreadable,
)
from twisted_chat.log.query import matcher, parse
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Text

T = TypeVar("T")


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


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


if TYPE_CHECKING:
    Base = SynchronousTestCase
else:
    Base = object  # so that the suite itself is not run


class LogTests(ChangingSuite, Base):
    """The promises of a log. ``make_log`` gives a new, empty one that looks at ``self.clock``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000)
        self.log = self.make_log()
        self.addCleanup(lambda: self.got(self.log.close()))

    def make_log(self) -> Log:
        raise NotImplementedError

    def reopened(self, log: Log) -> Log | None:
        """End the log and open it again, as a restart does; None: it does not outlive one."""
        return None

    # --- helpers ---------------------------------------------------------------------------

    def got(self, deferred: Deferred[Any]) -> Any:
        return self.successResultOf(deferred)

    def refused(self, deferred: Deferred[Any], *kinds: type[Exception]) -> str:
        """Return the sentence with which it failed: as one of ``kinds``."""
        failure = self.failureResultOf(deferred, *(kinds or (NotStored,)))
        return str(failure.value)

    def append(self, epoch: str, entries: list[Entry]) -> Deferred[list[Any]]:
        """Append, and have a Deferred also where the log answers at once."""
        return later(self.log.append(epoch, entries))

    def say(self, *data: str, life: Life = OPS, source: str = "alice") -> list[Any]:
        said: list[Any] = self.got(self.append(life.epoch, [Entry(source, each) for each in data]))
        return said

    def all_of(self, life: Life, log: Log | None = None) -> list[Any]:
        """Read a life from its beginning, page by page."""
        texts: list[Any] = []
        while True:
            after = texts[-1].seq if texts else 0
            page = self.got((log or self.log).read(life.epoch, after, sys.maxsize))
            texts += page.texts
            if not page.more:
                return texts

    def found(self, query: str, life: Life = OPS, before: int = sys.maxsize) -> list[str]:
        page = self.got(self.log.search(life.epoch, query, before, PAGE_TEXTS))
        return [text.data for text in page.texts]

    def begin(self, *lives: Life) -> None:
        for life in lives or (OPS,):
            self.got(self.log.create(life))

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

    # --- lives -----------------------------------------------------------------------------

    def test_a_life_is_kept_as_it_is(self) -> None:
        """All that a life says is there again, and its head and first are the log's."""
        self.assertEqual(list(self.log.lives()), [])
        direct = Life(
            epoch="é1", key="@ä,b", name="@Ä,B", direct=("ä", "b"), password="$argon2id$x"
        )
        self.begin(OPS, evolve(DEV, head=7, first=3), direct)
        self.say("one", "two")
        self.got(self.log.amend(DEV.epoch, topic="new \0 topic"))
        self.assertCountEqual(
            self.log.lives(), [evolve(OPS, head=2), evolve(DEV, topic="new \0 topic"), direct]
        )

    def test_settings(self) -> None:
        """Each setting can be changed, alone and with others, and the rest stays as it is."""
        changes: Settings = {
            "owner": "bob",
            "topic": "t",
            "keep": True,
            "password": "$argon2id$x",
            "invite": True,
            "moderated": True,
            "hidden": True,
            "open_topic": True,
            "limit": 7,
        }
        ops, dev = OPS, evolve(DEV, **changes)
        self.begin(ops, dev)
        for name, value in changes.items():
            change: Any = {name: value}
            self.got(self.log.amend(OPS.epoch, **change))
            ops = evolve(ops, **change)
            self.assertCountEqual(self.log.lives(), [ops, dev])
        self.got(self.log.amend(DEV.epoch, owner=None, password=None, limit=0, keep=False))
        self.got(self.log.amend(OPS.epoch))
        dev = evolve(dev, owner=None, password=None, limit=0, keep=False)
        self.log = self.reopened(self.log) or self.log
        self.assertCountEqual(self.log.lives(), [ops, dev])

    def test_a_life_begins_once(self) -> None:
        """Neither an epoch nor a key is there twice; what is there is left as it is."""
        self.begin()
        self.say("hello")
        self.refused(self.log.create(evolve(DEV, epoch=OPS.epoch)))
        self.refused(self.log.create(evolve(DEV, key=OPS.key)))
        self.assertEqual(list(self.log.lives()), [evolve(OPS, head=1)])

    def test_lives_of_a_key_follow_one_another(self) -> None:
        """A deleted session's texts are gone; the next of its name begins at 1, with nothing."""
        self.begin()
        self.say("old secret", "another")
        self.got(self.log.delete(OPS.epoch))
        self.assertEqual(list(self.log.lives()), [])
        self.refused(self.log.read(OPS.epoch, 0, 9), Unreadable)
        self.refused(self.append(OPS.epoch, [Entry("a", "too late")]))
        again = evolve(OPS, epoch="ops-2")
        self.begin(again)
        self.assertEqual(self.found("secret", again), [])
        (text,) = self.say("new", life=again)
        self.assertEqual(text.seq, 1)
        self.assertEqual(self.all_of(again), [text])

    # --- records ---------------------------------------------------------------------------

    def kept(self, kind: str, *args: Any, **kwargs: Any) -> list[tuple[str, str, bytes | None]]:
        found = self.got(self.log.kept(kind, *args, **kwargs))
        self.assertLessEqual({(record.kind, record.when) for record in found}, {(kind, "always")})
        return [(record.scope, record.key, record.value) for record in found]

    def keep(self, *records: Record) -> list[bool]:
        took: list[bool] = self.got(self.log.keep(records))
        return took

    def test_a_record_takes_effect_or_not(self) -> None:
        """Always, where there is none, or where it is more; and all of a call in its order."""
        self.begin()
        for when, value, takes, left in (
            ("rising", b"05", True, b"05"),
            ("rising", b"05", False, b"05"),
            ("rising", b"049", False, b"05"),
            ("rising", b"051", True, b"051"),
            ("absent", b"9", False, b"051"),
            ("always", b"\0\xff", True, b"\0\xff"),
            ("always", b"\0\xff", True, b"\0\xff"),
            ("rising", b"\xff", True, b"\xff"),
            ("always", b"", True, b""),
            ("absent", b"x", False, b""),
            ("rising", b"\0", True, b"\0"),
        ):
            record = Record("marker", OPS.epoch, "älice", value, when)  # type: ignore[arg-type]
            self.assertEqual(self.keep(record), [takes])
            self.assertEqual(self.kept("marker"), [(OPS.epoch, "älice", left)])
        self.assertEqual(self.keep(), [])
        at = ("token", "user:bob", "t1")
        self.assertEqual(
            self.keep(
                Record(*at, None),
                Record(*at, b"1", "absent"),
                Record(*at, b"2", "absent"),
                Record(*at, None, "rising"),
                Record(*at, None),
                Record(*at, b"3", "absent"),
            ),
            [False, True, False, True, False, True],
        )
        self.assertEqual(self.kept("token"), [("user:bob", "t1", b"3")])

    def test_records_are_found(self) -> None:
        """By kind, scope and key, in order, in pages; and they outlive a restart."""
        self.begin(OPS, DEV)
        self.got(self.log.keep([Record("other", "", "x", b"")]))
        everything = sorted(
            (scope, key)
            for scope in ("", OPS.epoch, DEV.epoch, "user:bob", "user:é")
            for key in ("a", "b", "é", "\U0001f600", "\uffff")
        )
        self.assertEqual(
            self.keep(*(Record("k", *at, b"v") for at in reversed(everything))), [True] * 25
        )
        self.log = self.reopened(self.log) or self.log

        def found(*args: Any, **kwargs: Any) -> list[tuple[str, str]]:
            return [(scope, key) for scope, key, _ in self.kept("k", *args, **kwargs)]

        self.assertEqual(found(), everything)
        for scope, key in [("", "a"), (OPS.epoch, "é"), ("user:é", "\uffff"), ("user:x", "a")]:
            of_scope = [at for at in everything if at[0] == scope]
            self.assertEqual(found(scope), of_scope)
            self.assertEqual(found(key=key), [at for at in everything if at[1] == key])
            self.assertEqual(found(scope, key=key), [at for at in of_scope if at[1] == key])
            self.assertEqual(found(scope, after=key), [at for at in of_scope if at[1] > key])
            beyond = [at for at in everything if at > (scope, key)]
            self.assertEqual(found(after=(scope, key)), beyond)
            self.assertEqual(
                found(after=(scope, key), limit=3),
                beyond[:3],
            )
        self.assertEqual(found(limit=7), everything[:7])
        self.assertEqual(found(limit=0), [])
        self.assertEqual(self.kept("none"), [])
        many = [Record("many", "", f"{n:05}", b"") for n in range(KEPT + 5)]
        self.keep(*many)
        self.assertEqual(len(self.kept("many")), KEPT)
        self.assertEqual(len(self.kept("many", limit=KEPT + 1)), KEPT)
        self.assertEqual(len(self.kept("many", "", after=f"{KEPT - 1:05}")), 5)

    def test_records_end_with_their_life(self) -> None:
        """A life's records go with it at once, and those of others and of the server stay."""
        self.begin(OPS, DEV)
        for scope in ("", OPS.epoch, DEV.epoch, "user:bob"):
            self.keep(*(Record("k", scope, f"{n:04}", b"v") for n in range(600)))
        self.got(self.log.delete(OPS.epoch))
        self.assertEqual(self.kept("k", OPS.epoch), [])
        self.assertEqual(
            [scope for scope, _, _ in self.kept("k", key="0001")], ["", DEV.epoch, "user:bob"]
        )
        self.refused(self.log.keep([Record("k", "", "z", b""), Record("k", OPS.epoch, "z", b"")]))
        self.assertEqual(self.kept("k", "", key="z"), [])
        self.begin(evolve(OPS, epoch="ops-2"))
        self.assertEqual(self.kept("k", "ops-2"), [])

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

    # --- search ----------------------------------------------------------------------------

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

    # --- prune -----------------------------------------------------------------------------

    def test_prune_keeps_the_newest(self) -> None:
        """So many texts stay; seq goes on, and where history begins is told."""
        self.begin()
        said = self.say(*(f"word {n}" for n in range(10)))
        self.assertFalse(self.got(self.log.prune(OPS.epoch, texts=4)))
        self.assertEqual(self.all_of(OPS), said[6:])
        self.assertEqual(self.got(self.log.read(OPS.epoch, 0, 8)), Page([said[6]], False, 7))
        self.assertEqual(self.got(self.log.read_last(OPS.epoch, 0, 9)), Page(said[6:8], False, 7))
        self.assertEqual(self.got(self.log.read(OPS.epoch, 0, 5)), Page([], False, 7))
        self.assertEqual(self.found("word"), [text.data for text in said[6:]])
        self.assertEqual(list(self.log.lives()), [evolve(OPS, head=10, first=7)])
        self.assertFalse(self.got(self.log.prune(OPS.epoch, texts=4)))
        (text,) = self.say("next")
        self.assertEqual(text.seq, 11)

    def test_prune_everything(self) -> None:
        """Where no text is left, seq still goes on."""
        self.begin()
        self.say("a", "b", "c")
        self.got(self.log.prune(OPS.epoch, texts=0))
        self.assertEqual(self.all_of(OPS), [])
        self.assertEqual(list(self.log.lives()), [evolve(OPS, head=3, first=4)])
        self.assertEqual([text.seq for text in self.say("d")], [4])

    def test_prune_by_age(self) -> None:
        """Texts from before a moment go: from the oldest on, up to the first that stays."""
        self.begin()
        self.say("a")
        self.clock.advance(10)
        self.say("b")
        moment = int(self.clock.seconds() * 1_000)
        self.got(self.log.prune(OPS.epoch, older_than=moment))
        self.assertEqual([text.data for text in self.all_of(OPS)], ["b"])
        self.got(self.log.prune(OPS.epoch, older_than=moment + 1))
        self.assertEqual(self.all_of(OPS), [])

    def test_prune_for_either_reason(self) -> None:
        """Too many and too old together: whichever takes more."""
        self.begin()
        self.say(*"abcd")
        self.clock.advance(10)
        self.say(*"efgh")
        moment = int(self.clock.seconds() * 1_000)
        self.got(self.log.prune(OPS.epoch, texts=6, older_than=moment))
        self.assertEqual("".join(text.data for text in self.all_of(OPS)), "efgh")
        self.got(self.log.prune(OPS.epoch, texts=3, older_than=moment))
        self.assertEqual("".join(text.data for text in self.all_of(OPS)), "fgh")
        self.got(self.log.prune(OPS.epoch))
        self.assertEqual("".join(text.data for text in self.all_of(OPS)), "fgh")

    def test_prune_in_bites(self) -> None:
        """One call takes at most a bite, and says when to call again."""
        self.begin()
        self.say(*(f"{n}" for n in range(25)))
        bites = 0
        while self.got(self.log.prune(OPS.epoch, texts=3, bite=5)):
            bites += 1
            self.assertEqual(self.all_of(OPS)[0].seq, bites * 5 + 1)
        self.assertEqual(bites, 4)
        self.assertEqual([text.seq for text in self.all_of(OPS)], [23, 24, 25])

    def test_pruned_ids_are_forgotten(self) -> None:
        """Once-only holds for as long as the text is stored; ids that stay, stay once-only."""
        self.begin()
        entries = [Entry("a", data, data) for data in "xyz"]
        self.got(self.append(OPS.epoch, entries))
        self.got(self.log.prune(OPS.epoch, texts=1))
        again = self.got(self.append(OPS.epoch, entries))
        self.assertEqual([text.seq for text in again], [4, 5, 3])

    def test_pruning_one_leaves_the_others(self) -> None:
        """Other sessions keep their texts."""
        self.begin(DEV, OPS, evolve(OPS, epoch="x", key="x"))
        for epoch in (DEV.epoch, OPS.epoch, "x"):
            self.got(self.append(epoch, [Entry("a", "word", "m")]))
        self.got(self.log.prune(OPS.epoch, texts=0))
        self.assertEqual(self.found("word", DEV), ["word"])
        self.assertEqual(len(self.all_of(evolve(OPS, epoch="x"))), 1)

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


class LogMachine(RuleBasedStateMachine):
    """Does anything to a log, and to a model of it: a dict of lists."""

    def __init__(self, suite: LogTests) -> None:
        super().__init__()
        self.suite = suite
        self.got = suite.got
        self.lives: dict[str, tuple[Life, list[Any]]] = {}
        """Each with all that was told of it, in its order, also what is pruned."""
        self.firsts: dict[str, int] = {}
        self.count = 0

    @initialize()
    def begin(self) -> None:
        self.log = self.suite.make_log()

    def teardown(self) -> None:
        self.got(self.log.close())

    def pick(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.lives)))

    @rule(key=st.sampled_from("abc"), keep=st.booleans(), topic=ANY_TEXT)
    def create(self, key: str, keep: bool, topic: str) -> None:
        self.count += 1
        life = Life(epoch=f"{key}{self.count}", key=key, name=key.upper(), keep=keep, topic=topic)
        done = self.log.create(life)
        if any(key == other.key for other, _ in self.lives.values()):
            self.suite.refused(done)
        else:
            self.got(done)
            self.lives[life.epoch] = (life, [])
            self.firsts[life.epoch] = 1

    @precondition(lambda self: self.lives)
    @rule(
        data=st.data(),
        entries=st.lists(
            st.builds(
                Entry,
                st.sampled_from(["ann", "bob"]),
                ANY_TEXT,
                st.none() | st.sampled_from("12345"),
            ),
            max_size=6,
        ),
    )
    def append(self, data: st.DataObject, entries: list[Entry]) -> None:
        self.do(self.pick(data), entries)

    @precondition(lambda self: self.lives)
    @rule(
        data=st.data(),
        entries=st.lists(
            st.builds(
                Entry,
                st.sampled_from(["ann", "bob"]),
                st.sampled_from(["", "x", "word"]) | ANY_TEXT,
                st.none() | st.sampled_from("12345"),
                st.sampled_from(["text", "edit", "redact", "react", "undo"]),
                st.integers(1, 12),
                st.just(value=False),
                st.booleans(),
            ),
            min_size=1,
            max_size=4,
        ),
    )
    def change(self, data: st.DataObject, entries: list[Entry]) -> None:
        self.do(self.pick(data), entries)

    def do(self, epoch: str, entries: list[Entry]) -> None:
        life, told = self.lives[epoch]
        answers = self.got(later(self.log.append(epoch, entries)))
        self.suite.assertEqual(len(answers), len(entries))
        for entry, answer in zip(entries, answers, strict=True):
            first = self.firsts[epoch]
            stored = present(told, first)
            for known in stored:
                if known.id is not None and (known.source, known.id) == (entry.source, entry.id):
                    # (What was stored earlier in this call may be changed later in it.)
                    self.suite.assertEqual((answer.seq, answer.id), (known.seq, known.id))
                    break
            else:
                if (code := self.refusal(entry, stored)) is not None:
                    self.suite.assertEqual(answer.code, code)
                    continue
                now = int(self.suite.clock.seconds() * 1_000)
                expected = placed(life.name, len(told) + 1, now, entry)
                self.suite.assertEqual(answer, expected)
                told.append(expected)

    def refusal(self, entry: Entry, stored: list[Any]) -> str | None:
        if entry.of is None:
            return None
        text = next((one for one in stored if one.seq == entry.of), None)
        if not isinstance(text, Text) or (entry.kind != "text" and text.redacted is not None):
            return "no-such-text"
        own = {one.data for one in text.reactions if entry.source in one.users}
        match entry.kind:
            case "edit" | "redact" if not entry.anyones and text.source != entry.source:
                return "not-allowed"
            case "react" if entry.data in own:
                return "bad-request"
            case "undo" if entry.data not in own:
                return "bad-request"
        return None

    def stored(self, epoch: str) -> list[Any]:
        """Return what is to be read of a life."""
        return present(self.lives[epoch][1], self.firsts[epoch])

    @precondition(lambda self: self.lives)
    @rule(
        data=st.data(),
        after=st.integers(-1, 40),
        before=st.integers(-1, 40),
        limit=st.integers(1, 9),
        is_last=st.booleans(),
    )
    def read(self, data: st.DataObject, after: int, before: int, limit: int, is_last: bool) -> None:
        epoch = self.pick(data)
        between = [one for one in self.stored(epoch) if after < one.seq < before]
        way = self.log.read_last if is_last else self.log.read
        expected = between[-limit:] if is_last else between[:limit]
        self.suite.assertEqual(
            self.got(way(epoch, after, before, limit)),
            Page(expected, len(between) > limit, self.firsts[epoch]),
        )

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), topic=ANY_TEXT)
    def amend(self, data: st.DataObject, topic: str) -> None:
        epoch = self.pick(data)
        self.got(self.log.amend(epoch, topic=topic))
        life, texts = self.lives[epoch]
        self.lives[epoch] = (evolve(life, topic=topic), texts)

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        epoch = self.pick(data)
        self.got(self.log.delete(epoch))
        del self.lives[epoch]
        self.suite.refused(self.log.read(epoch, 0, 1), Unreadable)

    @precondition(lambda self: self.lives)
    @rule(
        data=st.data(),
        keep=st.none() | st.integers(0, 9),
        age=st.none() | st.integers(0, 30),
        bite=st.integers(1, 9),
    )
    def prune(self, data: st.DataObject, keep: int | None, age: int | None, bite: int) -> None:
        epoch = self.pick(data)
        texts = self.stored(epoch)
        moment = None if age is None else int(self.suite.clock.seconds() - age) * 1_000
        gone = 0
        while gone < min(bite, len(texts)) and (
            (keep is not None and len(texts) - gone > keep)
            or (moment is not None and texts[gone].time < moment)
        ):
            gone += 1
        is_more = self.got(self.log.prune(epoch, texts=keep, older_than=moment, bite=bite))
        self.firsts[epoch] += gone
        if not is_more:
            self.suite.assertFalse(
                self.got(self.log.prune(epoch, texts=keep, older_than=moment, bite=bite))
            )

    @rule(seconds=st.integers(1, 20))
    def wait(self, seconds: int) -> None:
        self.suite.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.log = self.suite.reopened(self.log) or self.log

    @invariant()
    def is_what_the_model_is(self) -> None:
        if not hasattr(self, "log"):
            return
        self.suite.assertCountEqual(
            self.log.lives(),
            [
                evolve(life, first=self.firsts[epoch], head=len(texts))
                for epoch, (life, texts) in self.lives.items()
            ],
        )
        for epoch, (life, _) in self.lives.items():
            self.suite.assertEqual(self.suite.all_of(life, self.log), self.stored(epoch))
