"""What the operator sees beside the log: the table of connected clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from twisted_chat.chat.chat import Chat
from twisted_chat.chat.people import Present

ROWS = 50
"""Rows that a table shows, at most."""

SECONDS = 1.0
"""How long a table stands before it is drawn again, at least."""

_HEADINGS = ("user", "address", "port", "door", "sessions", "since")


@define(eq=False)
class Table:
    """The table of connected clients, drawn anew when somebody has come or gone.

    However many come and go, it is drawn at most once in SECONDS.
    """

    _chat: Chat
    _clock: IReactorTime
    _write: Callable[[str], object]
    _due: bool = field(init=False, default=False)

    def changed(self) -> None:
        """Draw the table, by and by."""
        if not self._due:
            self._due = True
            self._clock.callLater(SECONDS, self._draw)

    def _draw(self) -> None:
        self._due = False
        self._write(self.text())

    def text(self) -> str:
        """Return the table as it is now."""
        rows = [_HEADINGS, *(self._row(user) for user in islice(self._users(), ROWS))]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines.insert(1, "-" * max(map(len, lines)))
        count = self._chat.connections
        if count > ROWS:
            lines.append(f"... and {count - ROWS} more")
        return "\n".join(["", f"{count} connected", *lines, "", ""])

    def _users(self) -> Iterator[Present]:
        for person in self._chat.people.here.values():
            yield from person.users

    def _row(self, user: Present) -> tuple[str, ...]:
        seconds = int(self._clock.seconds() - user.since)
        since = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        lives = [member.session.life for member in user.members.values()]
        names = [life.name for life in sorted(lives, key=lambda life: life.direct is not None)]
        sessions = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
        mind = user.mind
        return (user.name.text, mind.host, str(mind.port), mind.door, sessions, since)
