"""Signals: what each of them asks the daemon for, and that none ends it by surprise."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.logger import Logger

HARMLESS: Final = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT)
"""They end a process that says nothing of them. SIGUSR1 rotates the log file where there is one."""

_logger = Logger()


def _on(reactor: Any, number: signal.Signals, act: Callable[[], None]) -> None:
    signal.signal(number, lambda *_: reactor.callFromThread(act))


def hold(reactor: Any, rotate: Callable[[], None] | None = None) -> None:
    """Let no signal but those that are meant to end the daemon: it is starting, and not ready.

    SIGUSR1 is not lost by it, where there is a log to ``rotate``.
    """
    if rotate is not None:
        _on(reactor, signal.SIGUSR1, rotate)
    for number in (signal.SIGHUP, *HARMLESS):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.SIG_IGN)


def take(reactor: Any, stop: Callable[[], None], reload: Callable[[], None]) -> None:
    """Take the signals, SIGTERM and SIGINT, and SIGHUP, once the reactor has taken its own.

    The reactor's own handlers would make it a death by signal, and not an end with status 0; and so
    would Python, which has no handlers any more while it ends, one that comes once too often.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        _on(reactor, number, stop)
        ignored = partial(signal.signal, number, signal.SIG_IGN)
        reactor.addSystemEventTrigger("after", "shutdown", ignored)
    _on(reactor, signal.SIGHUP, reload)
    for number in HARMLESS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.SIG_IGN):
            _on(
                reactor,
                number,
                partial(_logger.info, "{signal} means nothing here", signal=number.name),
            )
