"""Settling: every text that was said is answered to its sender, once.

A live sender is answered by the text itself, in its place. What is refused, or was stored before,
is said to it alone. A sender that is behind reads its own text from the log, in its place too:
until it has, the text is *owed* to it, and counts as unanswered.

Invariants: what is owed belongs to members that are not live and whose place is before it; a
user's ``unsettled`` counts exactly what has been said and is in none of these answers yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from twisted_chat.chat.batching import Item, Said
from twisted_chat.chat.giving import Round
from twisted_chat.chat.member import Attendant, MemberOf
from twisted_chat.vocabulary.errors import ChatError

Member = MemberOf[Any]


@define(eq=False)
class Settling:
    """Answers the senders of one session."""

    _session: str
    _members: Mapping[Attendant, Member]
    _owed: dict[Member, list[Said]] = field(init=False, factory=dict)
    """Texts of members that are behind and have not been read to so far: not answered yet."""

    def senders(self, items: Sequence[Item]) -> None:
        """Tell the senders how many of their texts have been answered by a round."""
        user: Attendant | None = None
        texts = size = 0
        for item in items:
            if type(item) is not Said:
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

    def answer(self, item: Said) -> None:
        """Answer a sender alone: it was refused, or it is shown what was stored before."""
        mind = item.user.mind
        if item.user.gone:
            return
        if item.outcome is not None and not isinstance(item.outcome, ChatError):
            if self._reader(item) is None:
                mind.deliver(mind.encode(item.outcome))
            return
        refusal = item.outcome or ChatError("no-such-session", f"{self._session} was deleted.")
        mind.refused(refusal, item.id, self._session)

    def passed(self, member: Member, before: int, around: Round | None) -> None:
        """Answer what a member said and will not read any more: it was at ``before``, and is moved.

        In a large session others may still be given it: then nobody has been told of it as owed.
        """
        said = list(self._owed.get(member, ()))
        if around is not None:
            alone = around.alone  # these are answered in any case, when the round is over
            said += [
                item
                for item in around.items
                if type(item) is Said and item.user is member.user and item not in alone
            ]
        for item in said:
            if _seq(item) > before:
                self.answer(item)

    def has_read(self, member: Member) -> None:
        """A member that is behind has had its own texts up to its place: they are answered."""
        owed = self._owed.pop(member, [])
        if waiting := [item for item in owed if self._reader(item) is not None]:
            self._owed[member] = waiting
        for item in owed:
            if item not in waiting:
                _settle(item.user, 1, len(item.data))

    def refuse_all(self) -> None:
        """The session is no more, and nobody is in it: what was owed was stored, and is not now."""
        for member, items in tuple(self._owed.items()):
            for item in items:
                item.outcome = None
                self.answer(item)
            self.has_read(member)

    def _reader(self, item: Said) -> Member | None:
        """Return the sender where it is about to read its text from the log, in its place."""
        member = self._members.get(item.user)
        if member is None or member.is_live:
            return None
        return member if _seq(item) > member.seq else None


def _seq(item: Said) -> int:
    """Return where it is stored; 0 for what is not."""
    entry = item.outcome
    return 0 if entry is None or isinstance(entry, ChatError) else entry.seq


def _settle(user: Attendant | None, texts: int, size: int) -> None:
    """So many texts that ``user`` said, of so many characters, have been answered."""
    if user is not None and texts:
        user.unsettled -= texts
        user.unsettled_size -= size
        user.mind.settled()
