"""Signals: what each of them asks the daemon for, and that none ends it by surprise."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

HARMLESS: Final = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT)
"""They end a process that says nothing of them. SIGUSR1 rotates the log file where there is one."""

_logger = Logger()


def hold() -> None:
    """Let no signal but those that are meant to end the daemon: it is starting, and not ready."""
    for number in (signal.SIGHUP, *HARMLESS):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.SIG_IGN)


def take(
    reactor: Any,
    stop: Callable[[], None],
    reload: Callable[[], None],
    rotate: Callable[[], None] | None = None,
) -> None:
    """Take the signals, once the reactor has taken its own.

    They are SIGTERM and SIGINT, SIGHUP, and SIGUSR1 where there is a log to ``rotate``.
    The reactor's own handlers would make it a death by signal, and not an end with status 0.
    """

    def on(number: signal.Signals, act: Callable[[], None]) -> None:
        signal.signal(number, lambda *_: reactor.callFromThread(act))

    for number in (signal.SIGTERM, signal.SIGINT):
        on(number, stop)
    on(signal.SIGHUP, reload)
    if rotate is not None:
        on(signal.SIGUSR1, rotate)
    for number in HARMLESS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.SIG_IGN):
            name = number.name
            on(number, lambda name=name: _logger.info("{signal} means nothing here", signal=name))  # type: ignore[misc]
