"""The parts of a session, each alone: roster, batching, rounds, settling, a member's standing."""

from __future__ import annotations

from itertools import product
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.minds import FakeMind, FakeUser, encode_line
from twisted_chat.chat.batching import BATCH_TEXTS, Batching, Item, Said, Told
from twisted_chat.chat.catching_up import CatchingUp
from twisted_chat.chat.giving import STAGES, Giving, Round, Stage
from twisted_chat.chat.member import STANDINGS, Attendant, MemberOf, Standing
from twisted_chat.chat.roster import GATHER_SECONDS, Roster
from twisted_chat.chat.settling import Settling
from twisted_chat.chat.turn import Turn, delayed
from twisted_chat.log.contract import Answered, Entry, Life, NotStored, Stored
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.messages import (
    Joined,
    Left,
    Notice,
    Presence,
    Response,
    Snapshot,
    Text,
)


def user(name: str) -> FakeUser:
    return FakeUser(name, FakeMind(encode_line))


def text(seq: int, source: str = "alice") -> Text:
    return Text(session="s", seq=seq, time=0, source=source, data=f"{seq}")


class StandingTests(SynchronousTestCase):
    def test_table(self) -> None:
        """A member becomes what the table says and nothing else; who is gone stays gone."""
        for before, after in product(Standing, Standing):
            member: MemberOf[None] = MemberOf(user("alice"), None)
            member.standing = before
            if after in STANDINGS[before]:
                member.become(after)
                self.assertIs(member.standing, after)
            else:
                self.assertRaises(ValueError, member.become, after)
        self.assertEqual(STANDINGS[Standing.GONE], set())
        self.assertNotIn(Standing.LIVE, STANDINGS[Standing.WAITING])

    def test_stages(self) -> None:
        """A round goes on and never back."""
        for before, after in product(Stage, Stage):
            around = Round([], 0, 0, {}, {}, {}, frozenset(), stage=before)
            if after in STAGES[before]:
                around.reach(after)
            else:
                self.assertRaises(ValueError, around.reach, after)


class RosterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[Response] = []
        self.waiting = 0

    def roster(self, limit: int = 2, silent: bool = False) -> Roster:
        return Roster(
            *("s", self.clock, limit, silent),
            lambda event, _: self.told.append(event),
            lambda: self.waiting,
        )

    def test_first_and_last_connection(self) -> None:
        """A user comes with the first of its connections and goes with the last."""
        roster, alice = self.roster(), user("alice")
        roster.came(alice.name, alice)
        roster.came(alice.name, alice)
        roster.went(alice.name, alice)
        self.assertEqual((roster.count, "alice" in roster), (1, True))
        roster.went(alice.name, alice)
        self.assertEqual(
            self.told,
            [
                Joined(session="s", user="alice", count=1),
                Left(session="s", user="alice", count=0),
            ],
        )

    def test_gathered(self) -> None:
        """Over the limit they are told once a second; who came and went is not named."""
        roster = self.roster(limit=1)
        for name in ("alice", "bob", "carol"):
            roster.came(user(name).name, user(name))
        roster.went(user("carol").name, user("carol"))
        self.assertEqual([type(event) for event in self.told], [Joined])
        self.clock.advance(GATHER_SECONDS)
        self.assertEqual(self.told[1:], [Presence(session="s", count=2, joined=["bob"])])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_direct_session_tells_none(self) -> None:
        """Who looks into a direct session is nobody's business."""
        roster = self.roster(silent=True)
        roster.came(user("alice").name, user("alice"))
        self.assertEqual(self.told, [])

    def test_what_waits_is_bounded(self) -> None:
        """While a log hangs, comings and goings are gathered too."""
        roster, self.waiting = self.roster(limit=99), 200
        roster.came(user("alice").name, user("alice"))
        self.assertEqual(self.told, [])
        self.clock.advance(GATHER_SECONDS)
        self.assertEqual(len(self.told), 1)


class SlowLog:
    """A log that answers when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[Entry], Deferred[list[Answered]]]] = []
        self.failing = False

    def append(self, epoch: str, entries: list[Entry]) -> Stored:
        if self.failing:
            return fail(NotStored("no"))
        self.calls.append((entries, Deferred()))
        return self.calls[-1][1]


class BatchingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.log = SlowLog()
        self.done: list[Item] = []
        self.landed = 0
        self.alice = user("alice")
        log: Any = self.log
        self.batching = Batching("s", "e", log, self.done.extend, self._land)

    def _land(self) -> None:
        self.landed += 1

    def put(self, *datas: str) -> list[Said]:
        items = [Said("alice", data, None, user=self.alice) for data in datas]
        self.batching.queue.extend(items)
        return items

    def test_one_batch_at_a_time(self) -> None:
        """What comes while a batch is with the log waits, and is the next, in order."""
        first = self.put("1", "2")
        self.batching.store()
        notice = Told(Notice(data="x"), None)
        second = self.put("3")
        self.batching.queue.append(notice)
        self.batching.store()
        self.assertEqual(len(self.log.calls), 1)
        self.log.calls[0][1].callback([text(1), text(2)])
        self.assertEqual((self.done, self.landed), (list(first), 1))
        self.batching.store()
        self.log.calls[1][1].callback([text(3)])
        self.assertEqual(self.done, [*first, *second, notice])
        self.assertEqual([item.outcome for item in first], [text(1), text(2)])

    def test_refused(self) -> None:
        """What the log refuses comes out as well, with the refusal."""
        self.log.failing = True
        (item,) = self.put("1")
        self.batching.store()
        self.assertEqual(self.done, [item])
        self.assertIsInstance(item.outcome, NotStored)

    def test_a_batch_is_bounded(self) -> None:
        """A batch has at most so many texts; the others wait for the next."""
        self.put(*(str(n) for n in range(BATCH_TEXTS + 1)))
        self.batching.store()
        self.assertEqual([len(entries) for entries, _ in self.log.calls], [BATCH_TEXTS])
        self.assertEqual(len(self.batching.queue), 1)
        self.assertEqual(len(self.batching.take_all()), 1)


class GivingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.members: dict[Any, MemberOf[Any]] = {}
        self.lost: list[Any] = []
        self.answered: list[Said] = []
        self.giving = Giving(0, self.members, self.lost.append, self.answered.append)

    def live(self, name: str) -> FakeUser:
        one = user(name)
        member = self.members[one] = MemberOf(one, None)
        member.become(Standing.LIVE)
        self.giving.add(member)
        return one

    def said(self, seq: int, by: FakeUser) -> Said:
        return Said(by.name.text, f"{seq}", None, user=by, outcome=text(seq, by.name.text))

    def test_a_round(self) -> None:
        """All that is in the outbox goes to each live member in one write, and the head moves."""
        alice, bob = self.live("alice"), self.live("bob")
        self.giving.take([self.said(1, alice), self.said(2, bob)])
        done = self.giving.give()
        assert done is not None
        self.assertIs(done.stage, Stage.OVER)
        self.assertEqual(alice.delivered, [b"1:alice:1;2:bob:2;"])
        self.assertEqual(bob.delivered, alice.delivered)
        self.assertEqual((self.giving.head, self.giving.give()), (2, None))

    def test_what_was_stored_before_is_its_senders_alone(self) -> None:
        """A text that is no news is answered alone."""
        alice, bob = self.live("alice"), self.live("bob")
        self.giving.take([self.said(1, alice)])
        self.giving.give()
        again = self.said(1, alice)
        self.giving.take([again])
        self.giving.give()
        self.assertEqual((self.answered, len(bob.delivered)), ([again], 1))

    def test_answers_of_one_round(self) -> None:
        """Of several that are no news each is answered once: here, or where its sender reads."""
        alice, carol = self.live("alice"), user("carol")
        self.giving.take([self.said(1, alice)])
        self.giving.give()
        again, others = self.said(1, alice), self.said(1, carol)
        self.giving.take([again, others, self.said(2, self.live("bob"))])
        self.giving.give()
        self.assertEqual(self.answered, [again, others])

    def test_what_a_snapshot_had_is_not_told_again(self) -> None:
        """Who came while events waited hears those after its snapshot, and none that it had."""
        alice, bob = self.live("alice"), self.live("bob")
        first, second = (Told(Notice(data=data), None) for data in ("first", "second"))
        self.giving.take([first])
        self.giving.caused = 1
        self.members[bob].told = 1
        self.giving.knows_all(bob)
        self.giving.take([second])
        self.giving.caused = 2
        self.giving.give()
        both = [encode_line(first.event) + encode_line(second.event)]
        self.assertEqual(alice.delivered, both)
        self.assertEqual(bob.delivered, [encode_line(second.event)])

    def test_a_broken_member_loses_itself(self) -> None:
        """The others get all of it."""
        alice, bob = self.live("alice"), self.live("bob")
        alice.fake.on_deliver = lambda: 1 / 0  # type: ignore[assignment]
        self.giving.take([self.said(1, bob)])
        self.giving.give()
        self.assertEqual(self.lost, [alice])
        self.assertEqual(bob.delivered, [b"1:bob:1;"])


class SettlingTests(SynchronousTestCase):
    def test_a_sender_that_is_behind_is_owed(self) -> None:
        """Its text is unanswered until it has read it, in its place."""
        alice = user("alice")
        member: MemberOf[Any] = MemberOf(alice, None)
        alice.behind[member] = None
        alice.unsettled, alice.unsettled_size = 1, 1
        settling = Settling("s", {alice: member})
        item = Said("alice", "5", None, user=alice, outcome=text(5))
        settling.senders([item])
        self.assertEqual(alice.unsettled, 1)
        member.seq = 4
        settling.has_read(member)
        self.assertEqual(alice.unsettled, 1)
        member.seq = 5
        settling.has_read(member)
        self.assertEqual((alice.unsettled, alice.unsettled_size), (0, 0))
        settling.has_read(member)
        self.assertEqual(alice.unsettled, 0)


class Followed:
    """A session, as those who follow it see it."""

    def __init__(self) -> None:
        self.life = Life(epoch="e", key="s", name="s")

    def snapshot(self, user: Attendant | None = None, *, reset: bool = False) -> Snapshot:
        """See catching_up.Followed."""
        return Snapshot(
            session="s",
            epoch="e",
            head=0,
            users=[],
            count=0,
            topic="",
            owner=None,
            keep=False,
            locked=False,
            reset=reset,
        )


class CatchingUpTests(SynchronousTestCase):
    def test_the_next_session_has_its_turn(self) -> None:
        """Who has read all that it had missed in one session reads on in the others first."""
        clock = Clock()
        log = MemoryLog(clock)
        log.create(Life(epoch="e", key="s", name="s"))
        log.append("e", [Entry("bob", f"{n}") for n in range(4)])
        alice = user("alice")
        members: dict[Any, MemberOf[Any]] = {}
        giving = Giving(2, members, lambda _: None, lambda _: None)
        catching = CatchingUp(Followed(), log, Turn(delayed(clock)), giving, Settling("s", members))
        here: MemberOf[Any] = MemberOf(alice, None)
        elsewhere: MemberOf[Any] = MemberOf(alice, None)
        members[alice] = here
        catching.begin(here)
        alice.behind[elsewhere] = None
        catching.put(here, 0, None)
        catching.go_on(here)
        self.assertEqual((here.seq, here.missed), (2, 2))
        self.assertEqual(list(alice.behind), [elsewhere, here])
