"""A log, and what it should be: a dict of lists, to which anything is done in any order."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from attrs import evolve
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.kit.held_log import later
from tests.kit.logs import LogCase
from tests.log.changing import present
from twisted_chat.log.changing import placed
from twisted_chat.log.contract import Entry, Life, Page, Unreadable
from twisted_chat.vocabulary.messages import Text

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


class LogMachine(RuleBasedStateMachine):
    """Does anything to a log, and to a model of it: a dict of lists."""

    def __init__(self, suite: LogCase) -> None:
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
