"""Lines in the operator's log that strangers cause: told, but never enough to fill a disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from twisted_chat.chat.member import Attendant

LINES: Final = 20
"""Lines of one kind in a second, at most; the others are counted."""

SECONDS: Final = 1.0
"""How long lines are counted together."""


DIARY_LINES: Final = 100
"""Lines about comings and goings in a second, at most."""


@define(eq=False)
class SparingLog:
    """Writes lines of one kind; past so many in a second, one line says how many more there were.

    What is put into a line is escaped: a name can begin no line of its own.
    """

    _clock: IReactorTime
    _logger: Logger
    _lines: int = LINES
    _written: int = field(default=0, init=False)
    _unwritten: int = field(default=0, init=False)
    _began: float = field(default=float("-inf"), init=False)

    def warn(self, format: str, **values: Any) -> None:
        """Write a line that an operator should see, if there were not too many."""
        self._write(LogLevel.warn, format, values)

    def info(self, format: str, **values: Any) -> None:
        """Write a line, if there were not too many."""
        self._write(LogLevel.info, format, values)

    def visitor(self, event: str, user: Attendant, **values: Any) -> None:
        """Write a line about a connection of somebody: from where it is, and by which door."""
        mind = user.mind
        whence = {"host": mind.host, "port": mind.port, "door": mind.door}
        format = event + " from {host}:{port} by the {door} door"
        self._write(LogLevel.info, format, {"user": user.name.text, **values, **whence})

    def _write(self, level: Any, format: str, values: Mapping[str, Any]) -> None:
        now = self._clock.seconds()
        if not 0 <= now - self._began < SECONDS:
            self._began, self._written = now, 0
        if self._written < self._lines:
            self._written += 1
            escaped = {name: shown(value) for name, value in values.items()}
            self._logger.emit(level, format, **escaped)
            return
        if not self._unwritten:
            self._clock.callLater(SECONDS, self._tell_rest)
        self._unwritten += 1

    def _tell_rest(self) -> None:
        count, self._unwritten = self._unwritten, 0
        self._logger.warn("{count} more lines like the last ones were left out", count=count)


def shown(value: object) -> object:
    """Return a text as a log can have it: characters that could do something are escaped."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return value.encode("unicode_escape").decode()
