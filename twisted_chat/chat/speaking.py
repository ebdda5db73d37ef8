"""What others hear of: whether it can be a text, and how fast one user may go on with it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from twisted_chat.chat.fitting import ROOM
from twisted_chat.chat.member import Attendant
from twisted_chat.chat.pace import MAX_REMEMBERED, Rate
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.session import Session
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    Away,
    Ban,
    Create,
    Delete,
    Join,
    Kick,
    Leave,
    Message,
    Mute,
    SetRole,
    SetSettings,
    SetTopic,
    Unban,
    Unmute,
    encode,
)

BURST: Final = 5
"""How many seconds' texts may come at once."""

TOLD: Final[frozenset[type[Message]]] = frozenset(
    {
        *(Away, Create, Delete, Join, Leave, SetTopic),
        *(Ban, Kick, Mute, SetRole, SetSettings, Unban, Unmute),
    }
)
"""Requests, besides those that the log gives a seq, of which others are told, or the trail."""


def check_text(data: str, longest: int) -> None:
    """Raise ChatError ``empty``, ``too-long``."""
    size = len(data) if data.isascii() else len(data.encode())
    if not size:
        raise ChatError("empty", "A text can not be empty.")
    if size > longest:
        raise ChatError("too-long", f"A text has at most {longest} bytes; this one has {size}.")
    # JSON writes a control character in six bytes: a text must still fit in a frame.
    if size * 6 > ROOM and len(encode(data)) > ROOM:
        raise ChatError("too-long", "With its control characters the text is too long.")


@define(eq=False)
class Speaking:
    """Counts what each user says in each session, by whichever connections: all that is stored.

    Who says more than ``Rules.texts_per_second`` is slowed, and not refused: the connection by
    which it came is not read until it is time for the next. As much may be done in all sessions
    together that others are told of.
    """

    _rules: Rules
    _clock: IReactorTime
    _rates: OrderedDict[tuple[str, str], Rate] = field(init=False, factory=OrderedDict)
    """By the user's key and the session's epoch; of those who said nothing longest, none."""

    def spoke(self, user: Attendant, session: Session) -> None:
        """Somebody has said something there."""
        self._count(user, session.life.epoch)

    def asked(self, user: Attendant, request: Message) -> None:
        """Somebody asks for something; others may be told of it."""
        if type(request) in TOLD:
            self._count(user, "")

    def _count(self, user: Attendant, where: str) -> None:
        each = self._rules.texts_per_second
        if not each:
            return
        at = user.name.key, where
        rate = self._rates.get(at)
        if rate is None or rate.each != each:
            rate = self._rates[at] = Rate(each, BURST * each)
            if len(self._rates) > MAX_REMEMBERED:
                self._rates.popitem(last=False)
        self._rates.move_to_end(at)
        wait = rate.wait(self._clock.seconds())
        if not wait:
            return
        if user.is_operator or user.mind.host in self._rules.trusted:
            rate.forgive()
        else:
            user.mind.slow(wait)
