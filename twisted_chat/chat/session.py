r"""A session: who is in it, what is said in it, and the one place where texts are given out.

Everything that members are told goes through one queue, and leaves it at the end of a turn::

    say, joined, left, topic          the log                       the members
      |                                 ^  |
      v                                 |  v after the commit
    queue --(end of the turn)--> flying batch --> outbox --(end of a turn)--> live: one write each
    (batching)                       ^           (giving)    \--> behind: pages of the log
                   other nodes: (ordering)                        (catching_up)

A *turn* is one pass of the reactor: what arrives in it is stored together and given out together.
A member is *live*, and then it is given each batch as the others are, or *behind*: then it has a
place, ``seq``, and is read to from the log, a page at a time, until it has reached the head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

from attrs import Factory, define, evolve, field
from msgspec.structs import asdict, replace
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_chat.chat.batching import BATCH_TEXTS, Batching, Item, Said, Told
from twisted_chat.chat.catching_up import CatchingUp
from twisted_chat.chat.giving import Giving, is_entry
from twisted_chat.chat.member import Attendant, MemberOf
from twisted_chat.chat.notes import Announced, Entered, Exited, Expelled, Happened, Writes
from twisted_chat.chat.ordering import Ordering
from twisted_chat.chat.peers import ALONE, Peers
from twisted_chat.chat.roster import Roster
from twisted_chat.chat.ruling import Ruling
from twisted_chat.chat.settling import Settling
from twisted_chat.chat.snapshots import snapshot_of
from twisted_chat.chat.turn import Turn
from twisted_chat.chat.typing import TypingNotes
from twisted_chat.log.contract import Entry, Life, Log
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    AnyEntry,
    Bye,
    Deleted,
    IsTyping,
    Kicked,
    Left,
    Members,
    Response,
    Snapshot,
)

A = TypeVar("A", bound=Announced)


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
    peers: Peers = field(default=ALONE, kw_only=True)
    ruling: Ruling = field(init=False)
    members: dict[Attendant, Member] = field(init=False, factory=dict)
    roster: Roster = field(init=False)
    _batching: Batching = field(init=False)
    _giving: Giving = field(init=False)
    _settling: Settling = field(init=False)
    _catching_up: CatchingUp = field(init=False)
    ordering: Ordering = field(init=False)
    typing: TypingNotes = field(init=False)
    heard: Callable[[Session, Sequence[AnyEntry]], object] | None = field(init=False, default=None)
    """Is told what was stored here, before it is given out."""
    read_of: Callable[[str, Session], int | None] | None = field(init=False, default=None)
    """Knows how far an account has read, by its key."""
    role_of: Callable[[str, Session], str] = field(init=False, default=lambda _key, _of: "none")
    """Knows the role of a user in a session, by its key."""
    _queue_awake: bool = field(init=False, default=False)
    """Whether something was said in this turn."""

    _logger: Logger = field(init=False, default=Factory(Logger))

    def __attrs_post_init__(self) -> None:
        name, epoch = self.life.name, self.life.epoch
        self.ruling = Ruling(epoch)
        self.roster = Roster(
            name,
            self._clock,
            self._presence_limit,
            self.life.direct is not None,
            self.tell,
            lambda: self._giving.caused - self._giving.told,
        )
        self._settling = Settling(name, self.members)
        self._giving = Giving(self.life.head, self.members, self._lose, self._settling.answer)
        self._giving.taken = self.life.head
        wake = partial(self._turn.wake, self)
        self._batching = Batching(name, epoch, self._log, self._take_stored, wake)
        self._catching_up = CatchingUp(self, self._log, self._turn, self._giving, self._settling)
        self.typing = TypingNotes(self.members, self._clock)
        give, jump = self._in_order, self._jump
        flies = partial(getattr, self._batching, "is_flying")
        self.ordering = Ordering(epoch, self._log, give, jump, flies, self.life.head)

    def _take_stored(self, items: list[Item]) -> None:
        if self.heard is not None:
            last = self._giving.taken
            entries = [
                entry
                for item in items
                if type(item) is Said and is_entry(entry := item.outcome) and entry.seq > last
            ]
            if entries:
                self._giving.taken = entries[-1].seq
                self.heard(self, entries)
                self.peers.stored(self, entries)
        if self.peers.is_alone:
            self._giving.take(items)
        else:
            self.ordering.take(items)

    def _in_order(self, items: list[Item]) -> None:
        self._giving.take(items)
        self._turn.wake(self)

    def _jump(self, seq: int) -> None:
        """Have given out what was said up to ``seq``: nobody is here, or it is there no more."""
        for user, member in self.members.items():
            self.fall_behind(member)
            self._turn.catch_up(user)
        self._giving.head = max(self._giving.head, seq)

    def reach(self, head: int, first: int) -> None:
        """Know what the log holds: what others have stored is given out, or passed over."""
        if first > self.life.first:
            self.pruned(first)
        if self.members or self._batching.queue or self._batching.is_flying:
            self.ordering.reach(head)
        else:
            self.ordering.jump(head)

    # --- what it is --------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Its name, for people."""
        return self.life.name

    @property
    def is_empty(self) -> bool:
        """Whether nobody is in it, at any node."""
        return not self.members and not self.roster.visiting

    @property
    def head(self) -> int:
        """The seq of the last text that was given out."""
        return self._giving.head

    @property
    def is_ruled(self) -> bool:
        """Whether not everybody may speak here."""
        return self.life.moderated or bool(self.ruling.mutes)

    @property
    def count(self) -> int:
        """How many users are here."""
        return self.roster.count

    def who(self, after: str) -> Members:
        """Return the first names whose compared form is over ``after``."""
        return self.roster.who(after)

    def snapshot(self, user: Attendant | None = None, *, reset: bool = False) -> Snapshot:
        """Return the session as it is now, for that user."""
        read = None
        if user is not None and not user.is_guest and self.read_of is not None:
            read = self.read_of(user.name.key, self)
        role = "none" if user is None else self.role_of(user.name.key, self)
        place = self.head, read, role, self.port
        return snapshot_of(self.life, self.roster, *place, reset=reset)

    # --- who is in it ------------------------------------------------------------------------

    def join(self, user: Attendant, after: int | None = None, epoch: str | None = None) -> Snapshot:
        """Make ``user`` a member, or move its place back to ``after``.

        The texts after that place follow when the turn ends: the snapshot can be sent first.
        Where the place can not be honoured the snapshot says ``reset``, and the member is live.

        Raises ChatError ``session-full``.
        """
        member = self.members.get(user)
        if member is not None and after is None:
            return self.snapshot(user)
        if member is None:
            member = self._arrive(user)
        self._catching_up.begin(member)
        snapshot = self._catching_up.put(member, after, epoch)
        self._catching_up.start(member)
        return snapshot

    def resume(self, user: Attendant, after: int | None = None, epoch: str | None = None) -> None:
        """Make ``user`` a member, as ``join`` does, but send the snapshot, too, in its turn.

        That is when the user has read what it missed in the sessions that it resumed before. Raises
        ChatError ``session-full``.
        """
        member = self.members.get(user)
        if member is not None and after is None:
            user.mind.deliver(user.mind.encode(self.snapshot(user)))
            return
        if member is None:
            member = self._arrive(user)
        self._catching_up.begin(member)
        self._catching_up.wait(member, after, epoch)

    def leave(self, user: Attendant) -> Left:
        """Take ``user`` out: it is told nothing more."""
        self._remove(user)
        name = user.name
        if self.roster.went(name, user):
            self.peers.tell(Exited(self.life.epoch, name.key))
        return Left(session=self.name, user=name.text, count=self.count)

    def _remove(self, user: Attendant) -> None:
        member = self.members.pop(user)
        del user.members[self.life.key]
        self._catching_up.end(member)
        self._settling.has_read(member)
        if not self.members:
            self.peers.unfollow(self)

    def _arrive(self, user: Attendant) -> Member:
        most = self.life.limit or self._max_members
        if most and len(self.members) + sum(self.roster.visiting.values()) >= most:
            raise ChatError("session-full", f"{self.life.name} is full.")
        if not self.members:
            self.peers.follow(self)
        member = self.members[user] = MemberOf(user, self)
        user.members[self.life.key] = member
        if self.roster.came(user.name, user):
            self.peers.tell(Entered(self.life.epoch, user.name.key))
        return member

    def fall_behind(self, member: Member) -> None:
        """See CatchingUp."""
        self._catching_up.fall_behind(member)

    def catch_up(self, member: Member) -> None:
        """See CatchingUp.go_on."""
        self._catching_up.go_on(member)

    # --- what happens in it ------------------------------------------------------------------

    def say(self, user: Attendant, data: str, id: str | None, reply: int | None = None) -> None:
        """Take a text: its echo, or an ``error``, reaches the user when the log has answered."""
        said = Said(user.name.text, data, id, "text", reply, user.is_guest, user=user)
        self._take(user, said)

    def change(self, user: Attendant, entry: Entry) -> None:
        """Take what changes a text: its echo, or an ``error``, comes as that of a text does."""
        self._take(user, Said(**asdict(entry), user=user))

    def _take(self, user: Attendant, said: Said) -> None:
        user.unsettled += 1
        user.unsettled_size += len(said.data)
        self._batching.queue.append(said)
        if not self._queue_awake:
            self._queue_awake = True
            self._turn.wake(self)

    def changed(self, user: Attendant, life: Life, event: A) -> A:
        """Tell settings that are stored already; the user itself has what is returned as reply."""
        self.life = life
        self.announce(event, user)
        return event

    def amended(self, life: Life) -> None:
        """Know what the log holds of it now: see Log.amend."""
        self.life = evolve(life, head=self.life.head, first=self.life.first)

    def announce(self, event: Announced, cause: Attendant) -> None:
        """Tell what is stored already, at every node; ``cause`` has a reply."""
        self.tell(event, cause)
        self.peers.tell(Happened(self.life.epoch, event))

    def expel(
        self, key: str, name: str, by: str, reason: str | None, cause: Attendant | None = None
    ) -> Kicked:
        """Take out all connections of a user, at every node; ``cause`` has a reply."""
        kicked = Kicked(session=self.life.name, user=name, by=by, count=0, reason=reason)
        kicked = self.expelled(key, kicked, cause)
        self.peers.tell(Expelled(self.life.epoch, kicked))
        return kicked

    def expelled(self, key: str, kicked: Kicked, cause: Attendant | None = None) -> Kicked:
        """Take out a user: its connections are told at once, the others in its place."""
        users = [user for user in self.members if user.name.key == key]
        for user in users:
            self._remove(user)
        if users:
            self.peers.tell(Exited(self.life.epoch, key))
        self.roster.expelled(key)
        kicked = replace(kicked, count=self.count)
        for user in users:
            if user is not cause:
                user.mind.deliver(user.mind.encode(kicked))
        self.tell(kicked, cause)
        return kicked

    def is_typing(self, key: str, event: IsTyping) -> None:
        """Tell, at every node, that somebody here writes."""
        if self.typing.tell(key, event):
            self.peers.hint(self, Writes(self.life.epoch, key, event))

    def pruned(self, first: int) -> None:
        """Know that the oldest text that is still stored is ``first``."""
        self.life = evolve(self.life, first=first)

    def close(self, deleted: Deleted | None = None, cause: Attendant | None = None) -> None:
        """End the session, which is deleted from the log; ``cause`` asked, and has a reply."""
        # What was said but not handed to the log is refused: it is given out without an outcome.
        outbox = self._giving.outbox
        outbox += self.ordering.take_all()
        outbox += self._batching.take_all()
        if deleted is not None:
            outbox.append(Told(deleted, cause))
        while self._giving.round is not None or self._giving.outbox:
            if (done := self._giving.give()) is not None:
                self._settling.senders(done.items)
        for user, member in tuple(self.members.items()):
            if deleted is not None and not member.is_live and user is not cause:
                user.mind.deliver(user.mind.encode(deleted))  # there is nothing left to read first
            del user.members[self.life.key]
            self._catching_up.end(member)
        if self.members:
            self.peers.unfollow(self)
        self.members.clear()
        self.roster.clear()
        self._giving.clear()
        self._settling.refuse_all()

    def tell(self, event: Response, cause: Attendant | None = None) -> None:
        """Tell the members, in its place, what is stored nowhere; ``cause`` has a reply."""
        self._giving.caused += 1
        self._batching.queue.append(Told(event, cause))
        self._turn.wake(self)

    # --- its journey -------------------------------------------------------------------------

    def turn(self) -> None:
        """End a turn: give out what the log has stored, or else hand it what was said."""
        self._queue_awake = False
        giving, batching = self._giving, self._batching
        if giving.round is None and (not giving.outbox or len(batching.queue) >= BATCH_TEXTS):
            batching.store()  # a log in memory has stored it when this returns
        if (done := giving.give()) is not None:
            self._settling.senders(done.items)
        if giving.round is not None or giving.outbox or (batching.queue and not batching.is_flying):
            # What did not fill a batch is stored one turn later, with what is said in answer: else
            # the texts of those who wait for their echoes go round in two halves, and each half
            # costs every member a write. A round in a large session goes on then, too.
            self._turn.wake(self)

    def _lose(self, user: Attendant | None) -> None:
        """A member that can not be written to loses itself, and nobody else; None: it has left."""
        self._logger.failure("Could not write to {user}", user=user and user.name.text)
        if user is None:
            return
        if (member := self.members.get(user)) is not None:
            self.fall_behind(member)
        with suppress(Exception):  # the first failure is told
            user.mind.close(Bye(data="Something went wrong here; come back.", retry=1_000))


Member = MemberOf[Session]
"""One connection's place in a session."""
