"""Catching up: a member that is not live is read to from the log, a page at a time.

Who reads too slowly, who comes back after a lost connection and who starts further back are all the
same: behind. There is one way to read the past, and one place where promise 4 (no silent gap) is
kept: a member becomes live at the head, and nowhere else.

Invariants: a member that is not live, and not gone, is in its user's ``behind``; one page is read
at a time for each user, in whichever of its sessions it is first behind; a page is taken only where
it goes on after the member's place.
"""

from __future__ import annotations

from typing import Any, Protocol

from attrs import define
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.chat.fitting import trimmed
from twisted_chat.chat.giving import Giving
from twisted_chat.chat.member import Attendant, MemberOf, Standing
from twisted_chat.chat.settling import Settling
from twisted_chat.chat.turn import Turn
from twisted_chat.log.contract import AnyPage, Life, Log
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye, Snapshot

Member = MemberOf[Any]


class Followed(Protocol):
    """A session, as those who follow it see it."""

    life: Life

    def snapshot(self, user: Attendant | None = None, *, reset: bool = False) -> Snapshot:
        """Return the session as it is now."""


@define(eq=False)
class CatchingUp:
    """Reads to the members of one session that are behind, and moves them."""

    _session: Followed
    _log: Log
    _turn: Turn
    _giving: Giving
    _settling: Settling

    _logger = Logger()

    # --- where a member is ---------------------------------------------------------------------

    def begin(self, member: Member) -> None:
        """A member has come, or wants to be elsewhere: it is behind, at the head, for now."""
        self._set_behind(member, self._giving.head, self._giving.told)

    def put(self, member: Member, after: int | None, epoch: str | None) -> Snapshot:
        """Put a member that is not live where it wants to be; return what it has to know first.

        Where the place can not be honoured the snapshot says ``reset``.
        """
        life, head = self._session.life, self._giving.head
        seq = head if after is None else after
        reset = epoch not in (None, life.epoch) or not life.first - 1 <= seq <= head
        member.become(Standing.BEHIND)
        member.seq = head if reset else seq
        member.told = self._giving.caused
        member.missed = head
        self._giving.knows_all(member.user)
        return self._session.snapshot(member.user, reset=reset and after is not None)

    def start(self, member: Member) -> None:
        """Let a member be live if it has missed nothing, or read to it when it is its turn."""
        if member.seq == self._giving.head and not member.user.full:
            self._set_live(member)
        else:
            self._turn.catch_up(member.user)

    def wait(self, member: Member, after: int | None, epoch: str | None) -> None:
        """Let a member have its snapshot, and what it missed, after what it is behind in already.

        That is at once where there is nothing before it.
        """
        user = member.user
        member.become(Standing.WAITING)
        member.wanted = (after, epoch)
        if next(iter(user.behind)) is member and not user.full and not user.reading:
            self._greet(member)
            if member.seq == self._giving.head and not user.full:  # its snapshot may have filled it
                self._set_live(member)
        self._turn.catch_up(user)

    def fall_behind(self, member: Member) -> None:
        """Stop writing to a member: its buffer is full. Its place is what it has had."""
        if member.is_live:
            self._set_behind(member, *self._giving.place_of(member))

    def end(self, member: Member) -> None:
        """A member is none any more: it is told nothing."""
        self._detach(member)
        member.become(Standing.GONE)

    # --- reading to it -------------------------------------------------------------------------

    def go_on(self, member: Member) -> None:
        """Read one page for a member that is behind; at the head, let it be live."""
        if member.standing is Standing.WAITING:
            self._greet(member)
            self._turn.catch_up(member.user)
            return
        if member.seq >= self._giving.head:
            self._set_live(member)
            self._turn.catch_up(member.user)  # it may be behind elsewhere
            return
        member.user.reading = True
        page = self._log.read(self._session.life.epoch, member.seq, self._giving.head + 1)
        page.addCallback(self._read, member, member.seq)
        page.addErrback(self._unread, member)

    def _greet(self, member: Member) -> None:
        """Send the snapshot that a member waits for; what it missed is next."""
        mind = member.user.mind
        before = member.seq
        mind.deliver(mind.encode(self.put(member, *member.wanted)))
        self._settling.passed(member, before, self._giving.round)  # what it said meanwhile
        self._settling.has_read(member)

    def _read(self, page: AnyPage, member: Member, after: int) -> None:
        user = member.user
        user.reading = False
        if member in user.behind and member.seq == after:  # it has not gone or moved meanwhile
            mind = user.mind
            if page.texts and page.texts[0].seq == after + 1:
                member.seq = page.texts[-1].seq
                mind.deliver(b"".join([mind.encode(trimmed(entry)) for entry in page.texts]))
            else:  # pruned meanwhile: said, never passed over in silence
                self._set_behind(member, self._giving.head, self._giving.caused)
                mind.deliver(mind.encode(self._session.snapshot(user, reset=True)))
                self._settling.passed(member, after, self._giving.round)
            if member in user.behind:
                if member.seq >= member.missed:
                    # The next page is for the next of the sessions in which it is behind.
                    del user.behind[member]
                    user.behind[member] = None
                self._settling.has_read(member)
        self._turn.catch_up(user)

    def _unread(self, failure: Failure, member: Member) -> None:
        """The log can not be read: let go of the client, which comes back to where it was."""
        user: Attendant = member.user
        user.reading = False
        if failure.check(ChatError) is None:
            self._logger.failure(
                "Could not read {session}", failure, session=self._session.life.name
            )
        if member in user.behind:
            user.mind.close(Bye(data="The log can not be read now.", retry=5_000))
        else:
            self._turn.catch_up(user)

    # --- live and behind -----------------------------------------------------------------------

    def _set_behind(self, member: Member, seq: int, told: int) -> None:
        self._detach(member)
        # One that waits for its snapshot goes on waiting, at its new place.
        if member.standing is not Standing.WAITING:
            member.become(Standing.BEHIND)
        member.user.behind[member] = None
        member.seq = seq
        member.told = told

    def _set_live(self, member: Member) -> None:
        mind = member.user.mind
        member.become(Standing.LIVE)
        self._giving.add(member)
        del member.user.behind[member]
        if member.told < self._giving.told:  # it missed events that are stored nowhere
            mind.deliver(mind.encode(self._session.snapshot(member.user)))

    def _detach(self, member: Member) -> None:
        if member.is_live:
            self._giving.drop(member)
        else:
            member.user.behind.pop(member, None)
