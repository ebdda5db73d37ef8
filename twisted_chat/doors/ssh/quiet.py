"""What Conch has to say: it speaks of every packet, and an operator wants what goes wrong alone."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger, LogLevel


class QuietLogger(Logger):
    """Hands on what is critical: what a client does wrong is the client's affair."""

    def emit(self, level: Any, format: str | None = None, **named: Any) -> None:
        """See Logger."""
        if level == LogLevel.critical:
            super().emit(level, format, **named)
