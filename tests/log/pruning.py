"""What every log promises of pruning: a part of LogTests."""

from __future__ import annotations

from attrs import evolve

from tests.kit.logs import DEV, OPS, LogCase
from twisted_chat.log.contract import Entry, Page


class PruningSuite(LogCase):
    """Promises about what is pruned. See LogTests."""

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
