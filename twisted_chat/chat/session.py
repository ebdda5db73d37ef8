r"""A session: who is in it, what is said in it, and the one place where texts are given out.

Everything that members are told goes through one queue, and leaves it at the end of a turn::

    say, joined, left, topic          the log                       the members
      |                                 ^  |
      v                                 |  v after the commit
    queue --(end of the turn)--> flying batch --> outbox --(end of a turn)--> live: one write each
                                                                 \--> behind: pages of the log

A *turn* is one pass of the reactor: what arrives in it is stored together and given out together.
A member is *live*, and then it is given each batch as the others are, or *behind*: then it has a
place, ``seq``, and is read to from the log, a page at a time, until it has reached the head. Who
reads too slowly, who comes back and who starts further back are all the same: behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from heapq import nsmallest
from itertools import islice
from typing import Protocol, final

from attrs import Factory, define, evolve, field, frozen
from msgspec import Struct
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.log.contract import Entry, Life, Log, Page
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    MAX_SNAPSHOT_USERS,
    MAX_WHO,
    Bye,
    Deleted,
    Error,
    Joined,
    Left,
    Members,
    Presence,
    Response,
    Snapshot,
    Text,
    TopicChanged,
)
from twisted_chat.vocabulary.names import Name

BATCH_TEXTS = 512
"""Texts that one batch holds, at most: what is over waits for the next."""

BATCH_BYTES = 131_072
"""Characters of ``data`` with which a batch is full: it bounds what a slow reader can cost."""

WRITES_IN_A_TURN = 1_000
"""Members that one session writes to in a turn, at most (about 5 ms): the others are next."""

READS_IN_A_TURN = 8
"""Pages that are begun in one turn, at most: catching up never holds up what is live."""

GATHERED_NAMES = 200
"""Names in each list of one ``presence``, at most."""

GATHER_SECONDS = 1.0
"""How long comings and goings of a large session are gathered."""


class Encode(Protocol):
    """What turns a message into a door's bytes. Members with the same one share the work."""

    def __call__(self, response: Response, /) -> bytes:
        """Encode one message."""


class Mind(Protocol):
    """A logged-in client, as the chat sees it: where it is, and how to tell it things.

    ``host`` and ``port`` are the client's; ``door`` is the name of the door it came through.
    """

    door: str
    host: str
    port: int
    encode: Encode
    deliver: Callable[[bytes], None]
    """Send these bytes, in order. Never blocks; calls ``User.filled`` when it has had enough."""

    def settled(self) -> None:
        """Some texts that the user said have been answered."""

    def close(self, farewell: Bye) -> None:
        """Send this, and close the connection."""


class Attendant(Protocol):
    """What a session needs of a User: one connection of somebody."""

    name: Name
    """Whose connection it is."""
    mind: Mind
    gone: bool
    """Whether it has logged out: it is told nothing any more."""
    full: bool
    reading: bool
    """Whether a page of some session is being read for it: one at a time."""
    members: dict[str, Member]
    behind: dict[Member, None]
    """Those of its members that are not live, in the order in which they are read to."""
    unsettled: int
    """Texts that it said and that have not been answered yet."""
    unsettled_size: int
    """Their characters."""


@define(eq=False, repr=False)
class Member:
    """One connection's place in one session.

    ``seq`` is its place in the log while it is not ``live``; ``told`` counts the events of the
    session, stored nowhere, that it knows of. What it had missed when it came, up to ``missed``,
    it reads without a break. ``wanted`` is where it wants to read on from (``after`` and
    ``epoch``), while that has to wait.
    """

    user: Attendant
    session: Session
    live: bool = False
    seq: int = 0
    told: int = 0
    missed: int = 0
    wanted: tuple[int | None, str | None] | None = None


@define(eq=False, repr=False)
class Turn:
    """What is to be done at the end of this turn of the reactor."""

    _clock: IReactorTime
    _sessions: dict[Session, None] = Factory(dict)
    _behind: dict[Attendant, None] = Factory(dict)
    _scheduled: bool = False

    _logger = Logger()

    def wake(self, session: Session) -> None:
        """Let ``session`` store and give out what it has, when this turn ends."""
        self._sessions[session] = None
        if not self._scheduled:
            self._schedule()

    def catch_up(self, user: Attendant) -> None:
        """Let ``user`` be read to from the log, where it is behind, when it is its turn."""
        self._behind[user] = None
        if not self._scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled = True
        self._clock.callLater(0, self._end)

    def _end(self) -> None:
        self._scheduled = False
        sessions, self._sessions = self._sessions, {}
        for session in sessions:
            try:
                session.turn()
            except Exception:  # a session that is broken loses its own turn alone
                self._logger.failure("{session} is broken", session=session.life.name)
        for user in tuple(islice(self._behind, READS_IN_A_TURN)):
            del self._behind[user]
            if user.behind and not user.full and not user.reading:
                member = next(iter(user.behind))
                member.session.catch_up(member)
        if self._behind and not self._scheduled:
            self._schedule()


@final
class _Said(Entry, eq=False, gc=False, kw_only=True):
    """A text on its way; once the log has answered, ``outcome`` is its text or the refusal.

    There is one for each text: a Struct is made, and looked over by no collector, in no time.
    """

    user: Attendant
    outcome: Text | ChatError | None = None


@final
@frozen(eq=False)
class _Told:
    """An event on its way to everybody but the connection that caused it, which has a reply."""

    event: Response
    cause: Attendant | None


class _Share(Struct, eq=False, gc=False):
    """What the members of one wire format get, and those of them who have not had it yet."""

    frames: Sequence[bytes]
    data: bytes
    waiting: dict[Member, Callable[[bytes], None]]


class _Round(Struct, eq=False, gc=False):
    """A batch on its way to the members. ``head`` and ``first`` are as they were before it."""

    items: Sequence[_Said | _Told]
    head: int
    first: int
    """How many events, stored nowhere, had been told."""
    told: Mapping[int, _Told]
    """Its own events of that kind, by their place among the frames."""
    alone: Sequence[_Said]
    """What nobody but its sender is told."""
    special: Set[Attendant | None]
    """Who does not get all of it."""
    shares: list[_Share] = []
    """Those for which somebody waits."""

    def take(self, count: int) -> Sequence[tuple[Member, Callable[[bytes], None]]]:
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
class _Attendance:
    """A user in a session, by how many connections."""

    name: Name
    connections: int = 0


@define(eq=False, repr=False)
class Session:
    """A named chat room: its life in the log, its members, and what they are told.

    ``max_members`` counts connections (0: no limit). Over ``presence_limit`` users, comings and
    goings are told gathered, once a second.
    """

    life: Life
    _log: Log
    _turn: Turn
    _clock: IReactorTime
    _max_members: int = field(default=0, kw_only=True)
    _presence_limit: int = field(default=200, kw_only=True)
    port: int | None = field(default=None, kw_only=True)

    members: dict[Attendant, Member] = field(init=False, factory=dict)
    head: int = field(init=False, default=Factory(lambda self: self.life.head, takes_self=True))
    """The seq of the last text that was given out."""

    _users: dict[str, _Attendance] = field(init=False, factory=dict)
    _live: dict[Encode, dict[Member, Callable[[bytes], None]]] = field(init=False, factory=dict)
    """The live members of each wire format, and how each is written to."""
    _queue: list[_Said | _Told] = field(init=False, factory=list)
    """What waits for the log, in order."""
    _outbox: list[_Said | _Told] = field(init=False, factory=list)
    """What the log has answered, and waits to be given out."""
    _round: _Round | None = field(init=False, default=None)
    """What is being given out, where that takes several turns."""
    _awake: bool = field(init=False, default=False)
    """Whether something was said in this turn."""
    _flying: bool = field(init=False, default=False)
    """Whether a batch is with the log."""
    _caused: int = field(init=False, default=0)
    """How many events, stored nowhere, there have been."""
    _told: int = field(init=False, default=0)
    """How many of them have been given out."""
    _gathered: dict[str, tuple[str, bool]] = field(init=False, factory=dict)
    """Who came (True) or went since it was told last, by key; no name where it did both."""
    _fresh: dict[Attendant, int] = field(init=False, factory=dict)
    """Who came while events that its snapshot has already were on their way, and up to which."""
    _owed: dict[Member, list[_Said]] = field(init=False, factory=dict)
    """Texts of members that are behind and have not been read to so far: not answered yet."""

    _logger = Logger()

    # --- who is here -------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many users are here."""
        return len(self._users)

    def who(self, after: str) -> Members:
        """Return the first names whose compared form is over ``after``."""
        keys = nsmallest(MAX_WHO + 1, (key for key in self._users if key > after))
        return Members(
            session=self.life.name,
            users=[self._users[key].name.text for key in keys[:MAX_WHO]],
            count=self.count,
            more=len(keys) > MAX_WHO,
        )

    def snapshot(self, *, reset: bool = False) -> Snapshot:
        """Return the session as it is now."""
        users = islice(self._users.values(), MAX_SNAPSHOT_USERS)
        return Snapshot(
            session=self.life.name,
            epoch=self.life.epoch,
            head=self.head,
            users=[attendance.name.text for attendance in users],
            count=self.count,
            topic=self.life.topic,
            owner=self.life.owner,
            keep=self.life.keep,
            locked=self.life.password is not None,
            port=self.port,
            reset=reset,
        )

    def join(self, user: Attendant, after: int | None = None, epoch: str | None = None) -> Snapshot:
        """Make ``user`` a member, or move its place back to ``after``.

        The texts after that place follow when the turn ends: the snapshot can be sent first.
        Where the place can not be honoured the snapshot says ``reset``, and the member is live.

        Raises ChatError ``session-full``.
        """
        member = self.members.get(user)
        if member is not None and after is None:
            return self.snapshot()
        if member is None:
            member = self._arrive(user)
        self._set_behind(member, self.head, self._told)
        snapshot = self._put(member, after, epoch)
        if member.seq == self.head and not user.full:
            self._set_live(member)
        else:
            self._turn.catch_up(user)
        return snapshot

    def resume(self, user: Attendant, after: int | None = None, epoch: str | None = None) -> None:
        """Make ``user`` a member, as ``join`` does, but send the snapshot, too, in its turn.

        That is when the user has read what it missed in the sessions that it resumed before. Raises
        ChatError ``session-full``.
        """
        member = self.members.get(user)
        if member is not None and after is None:
            user.mind.deliver(user.mind.encode(self.snapshot()))
            return
        if member is None:
            member = self._arrive(user)
        self._set_behind(member, self.head, self._told)
        member.wanted = (after, epoch)
        if next(iter(user.behind)) is member and not user.full and not user.reading:
            self._greet(member)
            if member.seq == self.head and not user.full:  # its snapshot may have filled it
                self._set_live(member)
        self._turn.catch_up(user)

    def _greet(self, member: Member) -> None:
        """Send the snapshot that a member waits for; what it missed is next."""
        after, epoch = member.wanted or (None, None)
        mind = member.user.mind
        before = member.seq
        mind.deliver(mind.encode(self._put(member, after, epoch)))
        self._answer_passed(member, before)  # what it said meanwhile
        self._settle(member)

    def _put(self, member: Member, after: int | None, epoch: str | None) -> Snapshot:
        """Put a member that is not live where it wants to be; return what it has to know first."""
        seq = self.head if after is None else after
        reset = epoch not in (None, self.life.epoch) or not self.life.first - 1 <= seq <= self.head
        member.seq = self.head if reset else seq
        member.told = self._caused
        member.missed = self.head
        member.wanted = None
        if self._told < self._caused:
            self._fresh[member.user] = self._caused
        return self.snapshot(reset=reset and after is not None)

    def leave(self, user: Attendant) -> Left:
        """Take ``user`` out: it is told nothing more."""
        member = self.members.pop(user)
        del user.members[self.life.key]
        self._forget(member)
        self._settle(member)
        attendance = self._users[user.name.key]
        attendance.connections -= 1
        if not attendance.connections:
            del self._users[user.name.key]
            self._came_or_went(user, came=False)
        return Left(session=self.life.name, user=user.name.text, count=self.count)

    def _arrive(self, user: Attendant) -> Member:
        if self._max_members and len(self.members) >= self._max_members:
            raise ChatError("session-full", f"{self.life.name} is full.")
        member = self.members[user] = Member(user, self)
        user.members[self.life.key] = member
        attendance = self._users.get(user.name.key)
        if attendance is None:
            attendance = self._users[user.name.key] = _Attendance(user.name)
            self._came_or_went(user, came=True)
        attendance.connections += 1
        return member

    def _came_or_went(self, user: Attendant, *, came: bool) -> None:
        """Tell it; in a large session, gathered, so that a storm does not cost members squared."""
        if self.life.direct is not None:
            return
        waiting = self._caused - self._told  # what a log that hangs keeps from being told
        if self._gathered or self.count > self._presence_limit or waiting >= GATHERED_NAMES:
            self._gather(user.name, came=came)
            return
        event = Joined if came else Left
        self._tell(event(session=self.life.name, user=user.name.text, count=self.count), user)

    def _gather(self, name: Name, *, came: bool) -> None:
        if not self._gathered:
            self._clock.callLater(GATHER_SECONDS, self._tell_gathered)
        # Who came and went within the second is not named; the mark stays, and the timer with it.
        undone = name.key in self._gathered and self._gathered[name.key][0] != ""
        self._gathered[name.key] = ("" if undone else name.text, came)

    def _tell_gathered(self) -> None:
        gathered, self._gathered = self._gathered, {}
        came = (name for name, came in gathered.values() if came and name)
        went = (name for name, came in gathered.values() if not came and name)
        self._tell(
            Presence(
                session=self.life.name,
                count=self.count,
                joined=list(islice(came, GATHERED_NAMES)),
                left=list(islice(went, GATHERED_NAMES)),
            )
        )

    # --- what happens in it ------------------------------------------------------------------

    def say(self, user: Attendant, data: str, id: str | None) -> None:
        """Take a text: its echo, or an ``error``, reaches the user when the log has answered."""
        user.unsettled += 1
        user.unsettled_size += len(data)
        self._queue.append(_Said(user.name.text, data, id, user=user))
        if not self._awake:
            self._awake = True
            self._turn.wake(self)

    def topic_changed(self, user: Attendant, topic: str) -> TopicChanged:
        """Tell a topic that is stored already; the user itself gets the reply returned."""
        self.life = evolve(self.life, topic=topic)
        event = TopicChanged(session=self.life.name, user=user.name.text, topic=topic)
        self._tell(event, user)
        return event

    def pruned(self, first: int) -> None:
        """Know that the oldest text that is still stored is ``first``."""
        self.life = evolve(self.life, first=first)

    def close(self, deleted: Deleted | None = None, cause: Attendant | None = None) -> None:
        """End the session, which is deleted from the log; ``cause`` asked, and has a reply."""
        # What was said but not handed to the log is refused: publish finds it without outcome.
        self._outbox += self._queue
        self._queue = []
        if deleted is not None:
            self._outbox.append(_Told(deleted, cause))
        while self._round is not None or self._outbox:
            self.publish()
        for user, member in tuple(self.members.items()):
            if deleted is not None and not member.live and user is not cause:
                user.mind.deliver(user.mind.encode(deleted))  # there is nothing left to read first
            del user.members[self.life.key]
            self._forget(member)
        self.members.clear()
        self._users.clear()
        self._live.clear()
        for member, items in tuple(self._owed.items()):
            for item in items:
                item.outcome = None  # it was stored, and is not any more
                self._answer(item)
            self._settle(member)

    def _tell(self, event: Response, cause: Attendant | None = None) -> None:
        self._caused += 1
        self._queue.append(_Told(event, cause))
        self._turn.wake(self)

    # --- its journey -------------------------------------------------------------------------

    def turn(self) -> None:
        """End a turn: give out what the log has stored, or else hand it what was said."""
        self._awake = False
        if self._round is None and (not self._outbox or len(self._queue) >= BATCH_TEXTS):
            self.store()  # a log in memory has stored it when this returns
        self.publish()
        if self._round is None and (self._outbox or (self._queue and not self._flying)):
            # What did not fill a batch is stored one turn later, with what is said in answer: else
            # the texts of those who wait for their echoes go round in two halves, and each half
            # costs every member a write.
            self._turn.wake(self)

    def store(self) -> None:
        """Hand to the log what is queued, unless a batch is with it already: then it waits."""
        while self._queue and not self._flying:
            batch = self._next_batch()
            said = [item for item in batch if type(item) is _Said]
            if not said:
                self._outbox += batch
                continue
            try:
                stored = self._log.append(self.life.epoch, said)
            except Exception:
                self._not_stored(Failure(), batch, said)
                continue
            if isinstance(stored, list):
                self._stored(stored, batch, said)
                continue
            self._flying = True
            stored.addCallbacks(self._stored, self._not_stored, (batch, said), {}, (batch, said))
            stored.addCallback(self._landed).addErrback(self._broken)

    def _next_batch(self) -> list[_Said | _Told]:
        size = 0
        for count, item in enumerate(self._queue):
            if type(item) is _Said:
                size += len(item.data)
            if count and (count == BATCH_TEXTS or size > BATCH_BYTES):
                batch, self._queue = self._queue[:count], self._queue[count:]
                return batch
        batch, self._queue = self._queue, []
        return batch

    def _stored(
        self, texts: Sequence[Text], batch: Sequence[_Said | _Told], said: Sequence[_Said]
    ) -> None:
        for item, text in zip(said, texts, strict=True):
            item.outcome = text
        self._outbox += batch

    def _not_stored(
        self, failure: Failure, batch: Sequence[_Said | _Told], said: Sequence[_Said]
    ) -> None:
        refusal = failure.value
        if not isinstance(refusal, ChatError):
            self._logger.failure("The log failed for {session}", failure, session=self.life.name)
            refusal = ChatError("not-stored", "The server can not store this now.")
        for item in said:
            item.outcome = refusal
        self._outbox += batch

    def _broken(self, failure: Failure) -> None:
        self._logger.failure("{session} is broken", failure, session=self.life.name)

    def _landed(self, _: object) -> None:
        self._flying = False
        self._turn.wake(self)

    def publish(self) -> None:
        """Give out what is stored: one encoding for each format, one write for each live member.

        In a session of many members a round takes several turns, so that everybody else is served
        in between; what is stored meanwhile makes the next round.
        """
        around = self._round
        if around is None:
            if not self._outbox:
                return
            around = self._round = self._next_round()
        room = WRITES_IN_A_TURN
        while around.shares and room:
            if around.special or len(around.shares[0].waiting) > room:
                room -= self._write_to_some(around, room)
            else:
                room -= self._write_to_all(around)
        if self._round is not around:
            return  # the last member was lost, and the session has ended
        if around.shares:
            self._turn.wake(self)
            return
        self._round = None
        if self._fresh:
            self._fresh = {user: last for user, last in self._fresh.items() if last > self._told}
        for item in around.alone:
            try:
                self._answer(item)
            except Exception:
                self._lose(item.user)
        self._settle_senders(around.items)

    def _write_to_all(self, around: _Round) -> int:
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
                self._lose(next((u for u in self.members if u.mind.deliver is deliver), None))
        return len(delivers)

    def _write_to_some(self, around: _Round, count: int) -> int:
        """Write to so many members, to each what is new for it; return how many they are."""
        share = around.shares[0]
        # Those who are taken have had this batch, should they fall behind while it is written.
        taken = around.take(count)
        for member, deliver in taken:
            try:
                if member.user in around.special:
                    if news := _news(member, share.frames, around):
                        deliver(news)
                else:
                    deliver(share.data)
            except Exception:
                self._lose(member.user)
        return len(taken)

    def _next_round(self) -> _Round:
        """Begin to give out all that is in the outbox: the head says so from now on."""
        outbox, self._outbox = self._outbox, []
        head, first = self.head, self._told
        last = head
        events: list[Response] = []
        told: dict[int, _Told] = {}
        alone: list[_Said] = []
        for item in outbox:
            if type(item) is _Told:
                told[len(events)] = item
                events.append(item.event)
                continue
            text = item.outcome
            if type(text) is Text and text.seq > last:
                last = text.seq
                events.append(text)
            else:
                alone.append(item)
        self.head = last
        self._told += len(told)
        special: Set[Attendant | None] = frozenset()
        if told or self._fresh:
            special = self._fresh.keys() | {item.cause for item in told.values()}
        around = _Round(outbox, head, first, told, alone, special)
        if events:
            # Copied where it takes several turns: whoever joins meanwhile has it in its snapshot.
            is_long = len(self.members) > WRITES_IN_A_TURN
            for encode, live in self._live.items():
                if live:
                    frames = list(map(encode, events))
                    waiting = dict(live) if is_long else live
                    around.shares.append(_Share(frames, b"".join(frames), waiting))
        return around

    def _settle_senders(self, items: Sequence[_Said | _Told]) -> None:
        """Tell the senders how many of their texts have been answered now."""
        user: Attendant | None = None
        texts = size = 0
        for item in items:
            if type(item) is _Told:
                continue
            if item.user is not user:  # what somebody said in one breath is settled in one
                _settle(user, texts, size)
                user = item.user
                texts = size = 0
            if user.behind and (reader := self._reader(item)) is not None:
                self._owed.setdefault(reader, []).append(item)
            else:
                texts += 1
                size += len(item.data)
        _settle(user, texts, size)

    def _answer(self, item: _Said) -> None:
        """Answer a sender alone: it was refused, or it is shown what was stored before."""
        mind = item.user.mind
        if item.user.gone:
            return
        if isinstance(item.outcome, Text):
            if self._reader(item) is None:
                mind.deliver(mind.encode(item.outcome))
            return
        refusal = item.outcome or ChatError("no-such-session", f"{self.life.name} was deleted.")
        mind.deliver(
            mind.encode(
                Error(
                    code=refusal.code,
                    data=str(refusal),
                    session=self.life.name,
                    id=item.id,
                )
            )
        )

    def _answer_passed(self, member: Member, before: int) -> None:
        """Answer what a member said and will not read any more: it was at ``before``, and is moved.

        In a large session others may still be given it: then nobody has been told of it as owed.
        """
        said = list(self._owed.get(member, ()))
        if self._round is not None:
            alone = self._round.alone  # these are answered in any case, when the round is over
            said += [
                item
                for item in self._round.items
                if type(item) is _Said and item.user is member.user and item not in alone
            ]
        for item in said:
            if isinstance(item.outcome, Text) and item.outcome.seq > before:
                self._answer(item)

    def _reader(self, item: _Said) -> Member | None:
        """Return the sender where it is about to read its text from the log, in its place."""
        member = self.members.get(item.user)
        if member is None or member.live or not isinstance(item.outcome, Text):
            return None
        return member if item.outcome.seq > member.seq else None

    def _settle(self, member: Member) -> None:
        """A member that is behind has had its own texts up to its place: they are answered."""
        owed = self._owed.pop(member, [])
        if waiting := [item for item in owed if self._reader(item) is not None]:
            self._owed[member] = waiting
        for item in owed:
            if item not in waiting:
                _settle(item.user, 1, len(item.data))

    def _lose(self, user: Attendant | None) -> None:
        """A member that can not be written to loses itself, and nobody else; None: it has left."""
        self._logger.failure("Could not write to {user}", user=user and user.name.text)
        if user is None:
            return
        if (member := self.members.get(user)) is not None:
            self.fall_behind(member)
        try:
            user.mind.close(Bye(data="Something went wrong here; come back.", retry=1_000))
        except Exception:
            self._logger.failure("Could not close {user}", user=user.name.text)

    # --- live and behind ---------------------------------------------------------------------

    def fall_behind(self, member: Member) -> None:
        """Stop writing to a member: its buffer is full. Its place is what it has had."""
        around = self._round
        if not member.live:
            return
        if around is not None and around.is_waited_for(member):
            self._set_behind(member, around.head, around.first)
        else:
            self._set_behind(member, self.head, self._told)

    def catch_up(self, member: Member) -> None:
        """Read one page for a member that is behind; at the head, let it be live."""
        if member.wanted is not None:
            self._greet(member)
            self._turn.catch_up(member.user)
            return
        if member.seq >= self.head:
            self._set_live(member)
            self._turn.catch_up(member.user)  # it may be behind elsewhere
            return
        member.user.reading = True
        page = self._log.read(self.life.epoch, member.seq, self.head + 1)
        page.addCallback(self._read, member, member.seq)
        page.addErrback(self._unread, member)

    def _read(self, page: Page, member: Member, after: int) -> None:
        user = member.user
        user.reading = False
        if member in user.behind and member.seq == after:  # it has not gone or moved meanwhile
            mind = user.mind
            if page.texts and page.texts[0].seq == after + 1:
                member.seq = page.texts[-1].seq
                mind.deliver(b"".join(map(mind.encode, page.texts)))
            else:  # pruned meanwhile: said, never passed over in silence
                self._set_behind(member, self.head, self._caused)
                mind.deliver(mind.encode(self.snapshot(reset=True)))
                self._answer_passed(member, after)
            if member in user.behind:
                if member.seq >= member.missed:
                    # The next page is for the next of the sessions in which it is behind.
                    del user.behind[member]
                    user.behind[member] = None
                self._settle(member)
        self._turn.catch_up(user)

    def _unread(self, failure: Failure, member: Member) -> None:
        """The log can not be read: let go of the client, which comes back to where it was."""
        member.user.reading = False
        if failure.check(ChatError) is None:
            self._logger.failure("Could not read {session}", failure, session=self.life.name)
        if member in member.user.behind:
            member.user.mind.close(Bye(data="The log can not be read now.", retry=5_000))
        else:
            self._turn.catch_up(member.user)

    def _set_behind(self, member: Member, seq: int, told: int) -> None:
        self._forget(member)
        member.user.behind[member] = None
        member.seq = seq
        member.told = told

    def _set_live(self, member: Member) -> None:
        mind = member.user.mind
        self._live.setdefault(mind.encode, {})[member] = mind.deliver
        del member.user.behind[member]
        member.live = True
        if member.told < self._told:  # it missed events that are stored nowhere
            mind.deliver(mind.encode(self.snapshot()))

    def _forget(self, member: Member) -> None:
        if member.live:
            del self._live[member.user.mind.encode][member]
            member.live = False
            if self._round is not None:
                self._round.forget(member)
        else:
            member.user.behind.pop(member, None)


def _settle(user: Attendant | None, texts: int, size: int) -> None:
    """So many texts that ``user`` said, of so many characters, have been answered."""
    if user is not None and texts:
        user.unsettled -= texts
        user.unsettled_size -= size
        user.mind.settled()


def _news(member: Member, frames: Sequence[bytes], around: _Round) -> bytes:
    """Return what is new for a member: not what it caused, nor what its snapshot had already."""
    count = around.first
    news = []
    for place, frame in enumerate(frames):
        event = around.told.get(place)
        if event is not None:
            count += 1
            if count <= member.told or event.cause is member.user:
                continue
        news.append(frame)
    return b"".join(news)
