"""Who is writing: told to those who keep up, at most every TYPING_SECONDS, and stored nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from twisted_chat.chat.member import Attendant, Encode, MemberOf
from twisted_chat.vocabulary.messages import IsTyping

TYPING_SECONDS: Final = 3.0
"""How often it is told that somebody is writing, at most."""


@define(eq=False)
class TypingNotes:
    """Those of one session. They grow with its members."""

    _members: Mapping[Attendant, MemberOf[Any]]
    _clock: IReactorTime
    _told: dict[str, float] = field(init=False, factory=dict)
    """When it was told last that somebody writes."""

    def tell(self, key: str, event: IsTyping) -> bool:
        """Tell who is live and keeps up, but the user itself; return whether it was time to."""
        now = self._clock.seconds()
        if now - self._told.get(key, -TYPING_SECONDS) < TYPING_SECONDS:
            return False
        self._told[key] = now
        if len(self._told) > len(self._members) + 1:
            self._told = {k: t for k, t in self._told.items() if now - t < TYPING_SECONDS}
        frames: dict[Encode, bytes] = {}
        for other, member in self._members.items():
            if member.is_live and not other.full and other.name.key != key:
                encode = other.mind.encode
                if encode not in frames:
                    frames[encode] = encode(event)
                other.mind.deliver(frames[encode])
        return True
