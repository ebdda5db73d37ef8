"""What every log promises of edits, redactions and reactions: a part of LogTests."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from tests.kit.logs import DEV, OPS, LogCase
from twisted_chat.log.contract import Entry, Kind
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    MAX_REACTIONS,
    MAX_REACTORS,
    AnyEntry,
    Edited,
    Reacted,
    Reaction,
    Redacted,
    Text,
)


def present(entries: Sequence[AnyEntry], first: int = 1) -> list[AnyEntry]:
    """Return entries, told one after the other, as they are read afterwards: from ``first`` on."""
    texts: dict[int, Text] = {}
    marks: dict[int, dict[str, list[str]]] = {}
    for entry in entries:
        match entry:
            case Text():
                texts[entry.seq] = entry
            case Edited():
                texts[entry.of] = replace(texts[entry.of], data=entry.data, edited=entry.seq)
            case Redacted():
                texts[entry.of] = replace(texts[entry.of], data="", redacted=entry.seq)
                marks.pop(entry.of, None)
            case Reacted():
                by = marks.setdefault(entry.of, {}).setdefault(entry.data, [])
                by.remove(entry.source) if entry.undo else by.append(entry.source)
                if not by:
                    del marks[entry.of][entry.data]
    for of, found in marks.items():
        reactions = tuple(
            Reaction(data=mark, count=len(by), users=tuple(by[:MAX_REACTORS]))
            for mark, by in found.items()
        )
        texts[of] = replace(texts[of], reactions=reactions)
    read: list[AnyEntry] = []
    for entry in entries[first - 1 :]:
        if isinstance(entry, Text):
            read.append(texts[entry.seq])
        elif isinstance(entry, Edited):
            read.append(replace(entry, data=texts[entry.of].data if entry.of >= first else ""))
        else:
            read.append(entry)
    return read


class ChangingSuite(LogCase):
    """Promises about what changes a text. See LogTests."""

    def change(
        self,
        kind: Kind,
        of: int,
        data: str = "",
        source: str = "alice",
        *,
        id: str | None = None,
        anyones: bool = False,
    ) -> Any:
        """Append one entry, and return what became of it."""
        entry = Entry(source, data, id, kind, of, anyones=anyones)
        answers: Deferred[list[Any]] = self.append(OPS.epoch, [entry])
        (answer,) = self.got(answers)
        return answer

    def refused_with(self, code: str, answer: Any) -> None:
        self.assertIsInstance(answer, ChatError)
        self.assertEqual(answer.code, code, str(answer))

    def test_an_edit_is_an_entry(self) -> None:
        """An edit has the next seq, and the text is read as it is now; so is every earlier edit."""
        self.begin()
        self.say("teh", "more")
        edited = self.change("edit", 1, "the", id="e1")
        self.assertEqual(
            edited,
            Edited(
                session="Ops", seq=3, time=edited.time, source="alice", of=1, data="the", id="e1"
            ),
        )
        self.change("edit", 1, "The")
        self.say("after")
        first, second, third, fourth, fifth = self.all_of(OPS)
        self.assertEqual((first.data, first.edited, second.edited), ("The", 4, None))
        self.assertEqual((third.data, third.of, fourth.data, fifth.seq), ("The", 1, "The", 5))

    def test_a_redaction(self) -> None:
        """What was redacted says nothing any more, nor do its edits; that it was there is said."""
        self.begin()
        self.say("secret")
        self.change("edit", 1, "top secret")
        self.change("react", 1, "👍", "bob")
        redacted = self.change("redact", 1, "a slip")
        self.assertEqual((redacted.of, redacted.seq, redacted.reason), (1, 4, "a slip"))
        text, edit, reaction, last = self.all_of(OPS)
        self.assertEqual((text.data, text.redacted, text.reactions), ("", 4, ()))
        self.assertEqual((edit.data, reaction.data, last), ("", "👍", redacted))
        self.assertEqual(self.found("secret"), [])

    def test_who_may_change_a_text(self) -> None:
        """Its author, and for a redaction who may do it to anyone's; nothing else has a seq."""
        self.begin()
        self.say("mine")
        self.refused_with("not-allowed", self.change("edit", 1, "x", "bob"))
        self.refused_with("not-allowed", self.change("redact", 1, "", "bob"))
        for of in (0, 2, 3, 2**60):
            self.refused_with("no-such-text", self.change("edit", of, "x"))
            self.refused_with("no-such-text", self.change("text", of, "an answer"))
        self.assertEqual(self.change("redact", 1, "", "bob", anyones=True).seq, 2)
        for kind in ("edit", "redact", "react", "undo"):
            self.refused_with("no-such-text", self.change(kind, 1, "x"))
            self.refused_with("no-such-text", self.change(kind, 2, "x"))
        self.assertEqual([entry.seq for entry in self.all_of(OPS)], [1, 2])

    def test_an_answer(self) -> None:
        """A text may answer another, and a redacted one, and says which."""
        self.begin()
        self.say("what?")
        answer = self.change("text", 1, "that", "bob", id="r")
        self.assertEqual((answer.seq, answer.reply, answer.data), (2, 1, "that"))
        self.change("redact", 1)
        self.change("text", 1, "oh", "bob")
        self.assertEqual(
            [getattr(one, "reply", None) for one in self.all_of(OPS)], [None, 1, None, 1]
        )
        self.assertEqual(self.found("that"), ["that"])

    def test_reactions(self) -> None:
        """A mark is put there once by each, counted, and taken away by who put it there."""
        self.begin()
        self.say("shipped")
        for source in ("ann", "bob"):
            self.change("react", 1, "🎉", source)
        self.change("react", 1, "👀", "bob")
        self.refused_with("bad-request", self.change("react", 1, "🎉", "bob"))
        self.refused_with("bad-request", self.change("undo", 1, "👀", "ann"))
        text, *_ = self.all_of(OPS)
        self.assertEqual(
            text.reactions,
            (
                Reaction(data="🎉", count=2, users=("ann", "bob")),
                Reaction(data="👀", count=1, users=("bob",)),
            ),
        )
        undone = self.change("undo", 1, "🎉", "ann")
        self.assertEqual((undone.of, undone.data, undone.undo), (1, "🎉", True))
        text, *_ = self.all_of(OPS)
        self.assertEqual(text.reactions[0], Reaction(data="🎉", count=1, users=("bob",)))
        self.change("undo", 1, "🎉", "bob")
        self.change("undo", 1, "👀", "bob")
        text, *_ = self.all_of(OPS)
        self.assertEqual(text.reactions, ())

    def test_reactions_are_bounded(self) -> None:
        """A text has so many different marks, and names so many users beside each, at most."""
        self.begin()
        self.say("popular")
        for number in range(MAX_REACTIONS):
            self.change("react", 1, f"m{number}", "bob")
        self.refused_with("bad-request", self.change("react", 1, "one more", "bob"))
        for number in range(MAX_REACTORS + 5):
            self.change("react", 1, "m0", f"user{number}")
        text, *_ = self.all_of(OPS)
        self.assertEqual(text.reactions[0].count, MAX_REACTORS + 6)
        self.assertEqual(len(text.reactions[0].users), MAX_REACTORS)

    def test_the_same_change_is_stored_once(self) -> None:
        """The same id from the same source is the entry that is stored, whatever it was."""
        self.begin()
        self.say("teh")
        first = self.change("edit", 1, "the", id="e1")
        self.assertEqual(self.change("edit", 1, "the", id="e1"), first)
        self.assertEqual(self.change("react", 1, "👍", id="e1"), first)
        again = self.got(self.append(OPS.epoch, [Entry("alice", "plain", "e1")]))
        self.assertEqual(again, [first])
        reaction = self.change("react", 1, "👍", id="r1")
        self.assertEqual(self.change("react", 1, "👍", id="r1"), reaction)
        self.change("edit", 1, "The")
        self.assertEqual(self.change("edit", 1, "the", id="e1"), replace(first, data="The"))

    def test_search_knows_the_present(self) -> None:
        """What was edited away is not found, what it became is; whenever the index came to it."""
        self.begin()
        self.say("alpha", "beta")
        self.assertEqual(self.found("alpha"), ["alpha"])
        self.change("edit", 1, "gamma")
        self.assertEqual((self.found("alpha"), self.found("gamma")), ([], ["gamma"]))
        self.change("edit", 2, "delta")
        self.change("edit", 2, "epsilon")
        found = (self.found("beta"), self.found("delta"), self.found("epsilon"))
        self.assertEqual(found, ([], [], ["epsilon"]))

    def test_pruned_texts_are_not_changed(self) -> None:
        """A text that was pruned is not there, and its edits say nothing; others are as before."""
        self.begin()
        self.say("old", "new")
        self.change("edit", 1, "older")
        self.change("react", 1, "👍")
        self.change("react", 2, "👍")
        self.got(self.log.prune(OPS.epoch, texts=4))
        self.refused_with("no-such-text", self.change("edit", 1, "x"))
        self.refused_with("no-such-text", self.change("undo", 1, "👍"))
        text, edit, *_ = self.all_of(OPS)
        self.assertEqual((text.data, text.reactions[0].count, edit.data), ("new", 1, ""))
        self.assertEqual(self.change("undo", 2, "👍").seq, 6)

    def test_guests_are_known(self) -> None:
        """A text says whether no account said it."""
        self.begin()
        entries = [Entry("ann", "a", "1", guest=True), Entry("bob", "b", "2")]
        self.got(self.append(OPS.epoch, entries))
        answer = Entry("ann", "an answer", "3", of=1, guest=True)
        answers = self.got(self.append(OPS.epoch, [answer, *entries]))
        self.assertEqual([text.guest for text in answers], [True, True, False])
        self.assertEqual([text.guest for text in self.all_of(OPS)], [True, False, True])

    def test_a_page_of_edits_is_bounded(self) -> None:
        """Each edit says what its text says: so a page counts that."""
        self.begin()
        self.say("x")
        for _ in range(10):
            self.change("edit", 1, "y" * 16_000)
        page = self.got(self.log.read(OPS.epoch, 0, sys.maxsize))
        self.assertEqual((len(page.texts), page.more), (5, True))

    def test_another_session_is_another(self) -> None:
        """A seq is one of its session."""
        self.begin(OPS, DEV)
        self.say("here", life=DEV)
        self.refused_with("no-such-text", self.change("edit", 1, "x"))
        self.assertNotEqual(self.all_of(DEV), [])
