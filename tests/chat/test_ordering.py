"""Ordering: what this node and the others have stored becomes one order, without a hole."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.held_log import HeldLog
from twisted_chat.chat.batching import Heard, Item, Said
from twisted_chat.chat.ordering import Ordering
from twisted_chat.log.contract import Entry, Life
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.messages import AnyEntry


class OrderingTests(SynchronousTestCase):
    """One life of which another node stores texts, too."""

    def setUp(self) -> None:
        self.log = HeldLog(MemoryLog(Clock()))
        self.log.create(Life(epoch="e", key="s", name="s"))
        self.given: list[Item] = []
        self.jumped: list[int] = []
        self.is_flying = False
        self.ordering = Ordering(
            "e", self.log, self.given.extend, self.jumped.append, lambda: self.is_flying, 0
        )

    def store(self, *datas: str) -> list[AnyEntry]:
        """Store texts in the log."""
        entries = [Entry("bob", data) for data in datas]
        return cast(list[AnyEntry], self.log.log.append("e", entries))

    def own(self, entry: AnyEntry) -> Said:
        """Return what this node said and the log has answered."""
        return Said("bob", "", None, user=cast(Any, None), outcome=entry)

    def seqs(self) -> list[int]:
        """Return what was given out since this was asked last."""
        given, self.given[:] = list(self.given), []
        return [item.entry.seq if type(item) is Heard else _seq(item) for item in given]

    def test_hints_in_any_order(self) -> None:
        """What others stored is given out in order, once, however hints come."""
        one, two, three = self.store("1", "2", "3")
        self.log.hold = True
        self.ordering.hear([one])
        self.ordering.hear([three, three])
        self.assertEqual(self.seqs(), [1])
        self.ordering.hear([two, one])
        self.assertEqual(self.seqs(), [2, 3])
        self.log.let_go()
        self.assertEqual(self.seqs(), [])

    def test_a_gap_is_read(self) -> None:
        """What no hint told is read from the log, before what is after it."""
        one, two, three = self.store("1", "2", "3")
        self.log.hold = True
        self.ordering.take([self.own(three)])
        self.assertEqual(self.seqs(), [])
        self.log.let_go()
        self.assertEqual(self.seqs(), [1, 2, 3])
        self.assertEqual(self.ordering.filled, 2)
        self.assertEqual((one.seq, two.seq), (1, 2))

    def test_own_texts_that_were_read_first(self) -> None:
        """A text of this node that it reads before it is answered is given out once."""
        (one,) = self.store("1")
        self.is_flying = True
        self.ordering.reach(1)
        self.assertEqual(self.seqs(), [1])
        said = self.own(one)
        self.ordering.take([said])
        self.assertTrue(said.given)
        (two,) = self.store("2")
        self.ordering.take([self.own(two)])
        again = self.own(one)  # asked for once more: that is answered
        self.ordering.take([again])
        self.assertFalse(again.given)

    def test_a_log_that_can_not_be_read(self) -> None:
        """What is missing is tried again at the next look, and nobody waits for it for ever."""
        self.store("1")
        self.log.broken = True
        self.ordering.reach(1)
        waited = self.ordering.reached(1)
        self.successResultOf(waited)
        self.assertTrue(self.ordering.is_lacking)
        self.log.broken = False
        self.ordering.reach(0)
        self.assertEqual(self.seqs(), [1])

    def test_pruned_before_it_was_read(self) -> None:
        """What is there no more is passed over, and that is said."""
        self.store(*map(str, range(10)))
        self.log.prune("e", texts=3)
        self.ordering.reach(10)
        self.assertEqual((self.jumped, self.seqs()), ([7], [8, 9, 10]))

    def test_nobody_is_here(self) -> None:
        """What nobody is to be told is passed over."""
        self.store("1", "2")
        self.ordering.jump(2)
        self.assertEqual((self.jumped, self.seqs()), ([2], []))
        self.assertFalse(self.ordering.is_lacking)

    def test_a_head_that_is_not_there(self) -> None:
        """A head that was told and is not so does not make it read for ever."""
        self.ordering.reach(5)
        self.assertFalse(self.ordering.is_lacking)


def _seq(item: Item) -> int:
    assert type(item) is Said
    return cast(AnyEntry, item.outcome).seq
