"""Giving out: what the log has answered goes to the members, in rounds.

::

    outbox --(end of a turn)--> a round: encoded once for each format --> one write for each member

A round is all that is in the outbox when it begins. In a session of many members it takes several
turns, so that everybody else is served in between; what is stored meanwhile makes the next round.

Invariants: one round at a time; ``head`` and ``told`` say what the round that was begun last gives
out, to its end; a live member is in ``live`` and gets every round whole, or falls behind at the
place where the round began that it has not had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from enum import Enum, auto
from itertools import islice
from typing import Any, Final, TypeGuard

from attrs import define, field
from msgspec import Struct

from twisted_chat.chat.batching import Item, Said, Told
from twisted_chat.chat.member import Attendant, Encode, MemberOf
from twisted_chat.log.contract import Answered
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import AnyEntry, Response

WRITES_IN_A_TURN = 1_000
"""Members that one session writes to in a turn, at most (about 5 ms): the others are next."""


def is_entry(outcome: Answered | None) -> TypeGuard[AnyEntry]:
    """Whether something was stored."""
    return outcome is not None and not isinstance(outcome, ChatError)


Deliver = Callable[[bytes], None]
Member = MemberOf[Any]


class Stage(Enum):
    """How far a round has come."""

    GIVING = auto()
    """Some members have not had it yet."""
    ANSWERING = auto()
    """All have had it; senders who are to be told alone are."""
    OVER = auto()
    """It is done with; the next may begin."""


STAGES: Final[Mapping[Stage, Set[Stage]]] = {
    Stage.GIVING: {Stage.ANSWERING, Stage.OVER},
    Stage.ANSWERING: {Stage.OVER},
    Stage.OVER: set(),
}
"""What may follow on each."""


class Share(Struct, eq=False, gc=False):
    """What the members of one wire format get, and those of them who have not had it yet."""

    frames: Sequence[bytes]
    data: bytes
    waiting: dict[Member, Deliver]


class Round(Struct, eq=False, gc=False):
    """A batch on its way to the members. ``head`` and ``first`` are as they were before it."""

    items: Sequence[Item]
    head: int
    first: int
    """How many events, stored nowhere, had been told."""
    told: Mapping[int, Told]
    """Its own events of that kind, by their place among the frames."""
    alone: Mapping[Said, int]
    """What nobody but its sender is told, and before which of the frames."""
    senders: Mapping[Attendant, Sequence[Said]]
    """The same, by its sender."""
    special: Set[Attendant | None]
    """Who does not get all of it."""
    answered: set[Said] = set()  # msgspec copies it
    """Those of ``alone`` whose senders have been told, in their place."""
    shares: list[Share] = []
    """Those for which somebody waits."""
    stage: Stage = Stage.GIVING

    def reach(self, stage: Stage) -> None:
        """Go on. Raises ValueError for what can not follow."""
        if stage not in STAGES[self.stage]:
            raise ValueError(f"a round that is {self.stage.name} is not {stage.name} next")
        self.stage = stage

    def take(self, count: int) -> Sequence[tuple[Member, Deliver]]:
        """Take so many out of those who wait for the first share, which goes with the last."""
        waiting = self.shares[0].waiting
        if len(waiting) <= count:
            del self.shares[0]
            return tuple(waiting.items())
        taken = tuple(islice(waiting.items(), count))
        for member, _ in taken:
            del waiting[member]
        return taken

    def is_waited_for(self, member: Member) -> bool:
        """Whether ``member`` has not had it yet."""
        return any(member in share.waiting for share in self.shares)

    def forget(self, member: Member) -> None:
        """``member`` is not to have it."""
        for share in self.shares:
            share.waiting.pop(member, None)


@define(eq=False)
class Giving:
    """Gives out what is in the ``outbox``.

    ``lose`` is told which user can not be written to (None: one that has left), and ``answer``
    what is to be said to its sender alone; neither raises.
    """

    head: int
    """The seq of the last text that was given out."""
    _members: Mapping[Attendant, Member]
    _lose: Callable[[Attendant | None], None]
    _answer: Callable[[Said], None]
    taken: int = field(init=False, default=0)
    """The seq of the last entry that was taken, given out or not."""
    outbox: list[Item] = field(init=False, factory=list)
    """What the log has answered, and waits to be given out."""
    round: Round | None = field(init=False, default=None)
    """What is being given out, where that takes several turns."""
    caused: int = field(init=False, default=0)
    """How many events, stored nowhere, there have been."""
    told: int = field(init=False, default=0)
    """How many of them have been given out."""
    _live: dict[Encode, dict[Member, Deliver]] = field(init=False, factory=dict)
    """The live members of each wire format, and how each is written to."""
    _fresh: dict[Attendant, int] = field(init=False, factory=dict)
    """Who came while events that its snapshot has already were on their way, and up to which."""

    # --- who is live -------------------------------------------------------------------------

    def add(self, member: Member) -> None:
        """Give every round to ``member``, from the next on."""
        mind = member.user.mind
        self._live.setdefault(mind.encode, {})[member] = mind.deliver

    def drop(self, member: Member) -> None:
        """Give nothing more to a member, not even what is under way."""
        del self._live[member.user.mind.encode][member]
        if self.round is not None:
            self.round.forget(member)

    def place_of(self, member: Member) -> tuple[int, int]:
        """Return what a live member has had: up to which seq, and how many other events."""
        around = self.round
        if around is not None and around.is_waited_for(member):
            return around.head, around.first
        return self.head, self.told

    def knows_all(self, user: Attendant) -> None:
        """``user`` has a snapshot: what it says already is not told again."""
        if self.told < self.caused:
            self._fresh[user] = self.caused

    def clear(self) -> None:
        """Nobody is live any more."""
        self._live.clear()

    def take(self, items: list[Item]) -> None:
        """Give these to the members, when it is their turn."""
        self.outbox += items

    # --- a round -----------------------------------------------------------------------------

    def give(self) -> Round | None:
        """Give out what there is, or go on; return the round that is done with this, if one is.

        One encoding for each format, one write for each live member.
        """
        around = self.round
        if around is None:
            if not self.outbox:
                return None
            around = self.round = self._next_round()
        room = WRITES_IN_A_TURN
        while around.shares and room:
            if around.special or len(around.shares[0].waiting) > room:
                room -= self._write_to_some(around, room)
            else:
                room -= self._write_to_all(around)
        if self.round is not around or around.shares:
            return None  # the last member was lost, and the session has ended; or it goes on
        self.round = None
        if self._fresh:
            self._fresh = {user: last for user, last in self._fresh.items() if last > self.told}
        if around.alone:
            self._answer_alone(around)
        around.stage = Stage.OVER  # (from either of the others: nothing is to be checked here)
        return around

    def _answer_alone(self, around: Round) -> None:
        around.reach(Stage.ANSWERING)
        for item in around.alone:
            if item in around.answered:
                continue
            try:
                self._answer(item)
            except Exception:
                self._lose(item.user)

    def _write_to_all(self, around: Round) -> int:
        """Write the same to everybody of a format, as almost always; return how many they are.

        Nothing of a member is looked at but its ``deliver``: the rest of it is cold memory.
        """
        share = around.shares.pop(0)
        data = share.data
        delivers = tuple(share.waiting.values())
        for deliver in delivers:
            try:
                deliver(data)
            except Exception:
                self._lose(next((u for u in self._members if u.mind.deliver is deliver), None))
        return len(delivers)

    def _write_to_some(self, around: Round, count: int) -> int:
        """Write to so many members, to each what is new for it; return how many they are."""
        share = around.shares[0]
        # Those who are taken have had this batch, should they fall behind while it is written.
        taken = around.take(count)
        for member, deliver in taken:
            try:
                if member.user in around.special:
                    self._write_special(member, deliver, share.frames, around)
                else:
                    deliver(share.data)
            except Exception:
                self._lose(member.user)
        return len(taken)

    def _write_special(
        self, member: Member, deliver: Deliver, frames: Sequence[bytes], around: Round
    ) -> None:
        """Write what is new for a member, and the answers for it alone in between."""
        news = _news(member, frames, around)
        written = 0
        for item in around.senders.get(member.user, ()):
            place = around.alone[item]
            before = [frame for at, frame in news[written:] if at < place]
            if before:
                deliver(b"".join(before))
            written += len(before)
            around.answered.add(item)
            self._answer(item)
        if rest := b"".join([frame for _, frame in news[written:]]):
            deliver(rest)

    def _next_round(self) -> Round:
        """Begin to give out all that is in the outbox: the head says so from now on."""
        outbox, self.outbox = self.outbox, []
        head, first = self.head, self.told
        last = head
        events: list[Response] = []
        told: dict[int, Told] = {}
        alone: dict[Said, int] = {}
        for item in outbox:
            if type(item) is Said:
                entry = item.outcome
                if entry is not None and not isinstance(entry, ChatError) and entry.seq > last:
                    last = entry.seq
                    events.append(entry)
                elif not item.given:
                    alone[item] = len(events)
            elif type(item) is Told:
                told[len(events)] = item
                events.append(item.event)
            elif item.entry.seq > last:  # Heard
                last = item.entry.seq
                events.append(item.entry)
        self.head = last
        self.told += len(told)
        senders: dict[Attendant, list[Said]] = {}
        for item in alone:
            senders.setdefault(item.user, []).append(item)
        special: Set[Attendant | None] = frozenset()
        if told or self._fresh or alone:
            special = self._fresh.keys() | {item.cause for item in told.values()}
            special |= senders.keys()
        around = Round(outbox, head, first, told, alone, senders, special)
        if events:
            # Copied where it takes several turns: whoever joins meanwhile has it in its snapshot.
            is_long = len(self._members) > WRITES_IN_A_TURN
            for encode, live in self._live.items():
                if live:
                    frames = list(map(encode, events))
                    waiting = dict(live) if is_long else live
                    around.shares.append(Share(frames, b"".join(frames), waiting))
        return around


def _news(member: Member, frames: Sequence[bytes], around: Round) -> Sequence[tuple[int, bytes]]:
    """Return what is new for a member: not what it caused, nor what its snapshot had already."""
    count = around.first
    news: list[tuple[int, bytes]] = []
    for place, frame in enumerate(frames):
        event = around.told.get(place)
        if event is not None:
            count += 1
            if count <= member.told or event.cause is member.user:
                continue
        news.append((place, frame))
    return news
