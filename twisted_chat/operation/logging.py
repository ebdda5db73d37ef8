"""The daemon's own log: where it goes, and ``--log-format json``: one object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from twisted.logger import LogEvent, formatEvent
from twisted.python.logfile import LogFile

KEPT_FILES: Final = 100
"""Files of a megabyte that a log is kept in: a daemon that is left alone fills no disk."""

HIDDEN = frozenset(
    {
        *("log_format", "log_logger", "log_source", "log_level", "log_namespace", "log_time"),
        *("log_system", "log_failure", "log_trace", "log_flattened", "log_text", "log_legacy"),
        *("format", "message", "time", "system", "isError", "logLevel", "failure", "why"),
    }
)
"""What Twisted puts into an event for itself."""


class Writable(Protocol):
    """Where the log goes."""

    def write(self, text: str, /) -> object:
        """Write."""

    def flush(self) -> object:
        """Let it be on its way."""


def as_object(event: LogEvent) -> dict[str, Any]:
    """Return an event: its ``time``, ``level``, ``logger`` and ``message``, and its fields."""
    level = event.get("log_level")
    found: dict[str, Any] = {
        "time": datetime.fromtimestamp(event.get("log_time", 0.0), UTC).isoformat(
            "T", "milliseconds"
        ),
        "level": getattr(level, "name", "info"),
        "logger": event.get("log_namespace", "-"),
        "message": formatEvent(event),
    }
    failure = event.get("log_failure")
    if failure is not None:
        found["traceback"] = failure.getTraceback()
    for name, value in event.items():
        if name not in HIDDEN and not name.startswith("log_") and name not in found:
            plain = value is None or isinstance(value, str | int | float | bool)
            found[name] = value if plain else str(value)
    return found


def observer(out: Writable) -> Callable[[LogEvent], None]:
    """Return what writes each event as a line."""

    def observe(event: LogEvent) -> None:
        try:
            line = json.dumps(as_object(event))
        except Exception as problem:  # a log must not break on what it is told
            said = f"An event can not be shown: {problem}"
            line = json.dumps({"level": "error", "message": said})
        out.write(f"{line}\n")
        out.flush()

    return observe


def opened(logfile: str | None, foreground: bool) -> tuple[Writable, Callable[[], None] | None]:
    """Return where twistd would write: its ``--logfile``, in which ``-`` is standard output.

    With it comes what rotates a file.
    """
    if logfile == "-" or (foreground and not logfile):
        return sys.stdout, None
    file = LogFile.fromFullPath(
        logfile or "twistd.log", defaultMode=0o600, maxRotatedFiles=KEPT_FILES
    )
    return file, file.rotate
