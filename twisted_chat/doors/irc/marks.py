"""How far users have read, as they said it in times: see IRCv3's draft/read-marker."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from attrs import define, field

from twisted_chat.doors.irc.lines import format_line, time_of
from twisted_chat.doors.irc.names import target_of
from twisted_chat.vocabulary.messages import Edited, Reacted, ReadTo, Redacted, Text
from twisted_chat.vocabulary.names import key_of

Entry = Text | Edited | Redacted | Reacted
"""What has a seq and a time."""

MAX_READERS: Final = 1_000
"""Users whose marks are known."""

MAX_MARKS: Final = 100
"""Marks of each, at most: the last ones that it set."""

MAX_SESSIONS: Final = 1_000
"""Sessions of which the last entry is known: those that had one last."""


def shown_mark(when: str | None) -> str:
    """Return a mark as MARKREAD says it."""
    return f"timestamp={when}" if when else "*"


@define(eq=False)
class Marks:
    """Marks by user and by channel or nick. They are the user's alone."""

    server: str
    _of: OrderedDict[str, OrderedDict[str, str]] = field(init=False, factory=OrderedDict)
    _last: OrderedDict[str, tuple[int, int]] = field(init=False, factory=OrderedDict)
    """The last entries that were given out, and when they were made: by session."""

    def get(self, user: str, target: str) -> str | None:
        """Return until when somebody has read, if it said so here."""
        marks = self._of.get(_key(user))
        return marks.get(_key(target)) if marks is not None else None

    def set(self, user: str, target: str, when: str) -> None:
        """Know it."""
        marks = self._of.setdefault(_key(user), OrderedDict())
        marks[_key(target)] = when
        self._of.move_to_end(_key(user))
        for some, most in ((marks, MAX_MARKS), (self._of, MAX_READERS)):
            if len(some) > most:
                some.popitem(last=False)

    def seen(self, entry: Entry) -> None:
        """Know when the last entry of a session was made."""
        self._last[entry.session] = (entry.seq, entry.time)
        self._last.move_to_end(entry.session)
        if len(self._last) > MAX_SESSIONS:
            self._last.popitem(last=False)

    def told(self, read: ReadTo, user: str) -> bytes:
        """Return the line of how far somebody has read by another door or connection.

        That is up to the last entry, as a rule, and else it is not known when that was. Nothing,
        where it was said here: who did so has told it, see commands/marking.
        """
        seq, millis = self._last.get(read.session, (0, 0))
        target, when = target_of(read.session, user), time_of(millis)
        if seq != read.seq or when <= (self.get(user, target) or ""):
            return b""
        return format_line(self.server, "MARKREAD", target, shown_mark(when))

    def renamed(self, user: str, new: str) -> None:
        """Somebody has another name now, or that account: what it said goes along."""
        for target, when in self._of.pop(_key(user), {}).items():
            if when > (self.get(new, target) or ""):
                self.set(new, target, when)

    def forget(self, user: str) -> None:
        """A guest is gone: who has its name next is another."""
        self._of.pop(_key(user), None)


def _key(name: str) -> str:
    sign = "#" if name.startswith("#") else ""
    plain = name.removeprefix("#")
    return sign + (key_of(plain) or plain.lower())
