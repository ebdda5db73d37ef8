"""What the daemon does again and again."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.application.internet import TimerService
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_chat.chat.pruning import prune
from twisted_chat.chat.sessions import Sessions
from twisted_chat.log.contract import Log

REFRESH_SECONDS = 2.0
"""How often the users file is looked at."""

PRUNE_SECONDS = 60.0
"""How often what is older than the operator wants is forgotten."""

ROOM_SECONDS = 10.0
"""How often the operator is told of connections for which there was no room."""

HEAP_SECONDS = 1.0
"""How often what lives long is taken out of the garbage collector's sight."""

YOUNG_OBJECTS = 5_000
"""New objects after which the young are looked over: a batch alone has hundreds."""

_logger = Logger()


def every(seconds: float, do: Callable[[], Any], clock: Any) -> TimerService:
    """Return a service that does something now, and again after so long."""
    service = TimerService(seconds, do)
    service.clock = clock
    return service


def settle_heap() -> None:
    """Keep the garbage collector's pauses short, however many are connected.

    What has outlived the young generations stays, mostly, for as long as its connection: it is
    taken out of sight, so that no collection walks over all of it. References count on, and
    connections leave no cycles behind.
    """
    gc.collect(1)
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)


@frozen
class Pruner:
    """Forgets what is older than the operator wants: ``limits`` says days, and texts a session."""

    log: Log
    sessions: Sessions
    limits: Callable[[], tuple[float, int]]
    now: Callable[[], float] = time.time
    """The time of day: texts bear it."""

    def __call__(self) -> Deferred[None] | None:
        """Prune; the Deferred, where there is something to do, never fails."""
        days, texts = self.limits()
        older_than = int((self.now() - days * 86_400) * 1000) if days else None
        if not days and not texts:
            return None
        pruned = Deferred.fromCoroutine(prune(self.log, self.sessions, texts or None, older_than))
        return pruned.addErrback(lambda failure: _logger.failure("Could not prune", failure))
