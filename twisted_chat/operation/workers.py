"""Workers: several nodes on one machine, behind the same ports, so that all of its cores are used.

::

    twistd -n chat --workers 4      the first node; it starts the others, and again those that end
      |-- worker 1   the same options; ports shared with SO_REUSEPORT, so that the system deals
      |-- worker 2   connections out among them
      `-- worker 3

A worker ends when its standard input does: so none is left behind, however the first node ends.
What a worker can not share it has under its number: the admin socket is ``PATH.1``, the port of the
metrics one higher.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.operation.listening import NETWORK, kind_of
from twisted_chat.operation.settings import Settings, SettingsError

NUMBER: Final = "TWISTED_CHAT_WORKER"
"""The variable of the environment that tells a worker its number."""

AGAIN_SECONDS: Final = 1.0
"""After this long a worker that has ended is started again."""

END_SECONDS: Final = 8.0
"""How long workers may take to end; then they are killed."""

_TWISTD: Final = "import sys; from twisted.scripts.twistd import run; sys.argv[0] = 'twistd'; run()"

_NOT_INHERITED: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS")


def number(environment: Mapping[str, str] = os.environ) -> int:
    """Return which worker this process is; 0 for the first node, and where there is one alone."""
    given = environment.get(NUMBER, "0")
    return int(given) if given.isdecimal() else 0


def own(chosen: Settings, which: int) -> Settings:
    """Return the settings of a worker. Raises SettingsError for what workers can not have."""
    if chosen.workers == 1:
        return chosen
    if not chosen.log.startswith(("postgresql:", "postgres:")):
        raise SettingsError("--workers are nodes: they need a log that they share, postgresql://…")
    if chosen.session_ports is not None:
        raise SettingsError("--session-ports: workers have none; start one node.")
    for description in (*chosen.port, *chosen.web, *chosen.lines, *chosen.irc, *chosen.ssh):
        if kind_of(description) not in NETWORK:
            raise SettingsError(
                f"{description}: workers share ports of the network, and no others."
            )
    if not which:
        return chosen
    return evolve(
        chosen,
        admin=None if chosen.admin is None else f"{chosen.admin}.{which}",
        metrics=tuple(_higher(one, which) for one in chosen.metrics),
    )


def _higher(description: str, by: int) -> str:
    kind, _, rest = description.partition(":")
    port, colon, more = rest.partition(":")
    if kind not in NETWORK or not port.isdecimal():
        raise SettingsError(f"{description}: the metrics of workers need a port of the network.")
    return f"{kind}:{int(port) + by}{colon}{more}"


class _End(Protocol):
    """The standard input of a worker: it ends with the first node."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._end = end

    def connectionLost(self, reason: Failure = Failure(Exception())) -> None:  # noqa: B008
        self._end()


def end_with_the_first(reactor: Any, end: Callable[[], object]) -> None:
    """Call ``end`` when the process that started this worker is gone."""
    from twisted.internet.stdio import StandardIO

    StandardIO(_End(end), reactor=reactor)


class _Worker(ProcessProtocol):
    """A worker, as the first node sees it."""

    def __init__(self, ended: Callable[[], object]) -> None:
        self._ended = ended

    def processEnded(self, reason: Failure) -> None:
        self._ended()


@define(eq=False)
class Workers:
    """The others of a first node. ``options`` are the words behind ``chat`` of its command line."""

    count: int
    options: list[str]
    reactor: Any
    """IReactorProcess and IReactorTime."""
    logfile: str | None = None
    """Where they write, with their number behind it; None: where this process does."""
    _running: dict[int, Any] = field(factory=dict, init=False)
    _ending: Deferred[None] | None = field(default=None, init=False)
    _logger = Logger()

    def start(self) -> None:
        """Start them all."""
        for which in range(1, self.count):
            self._start(which)

    def _start(self, which: int) -> None:
        if self._ending is not None:
            return
        environment = {k: v for k, v in os.environ.items() if k not in _NOT_INHERITED}
        environment[NUMBER] = str(which)
        log = ["--logfile", "-" if self.logfile is None else f"{self.logfile}.{which}"]
        self._running[which] = self.reactor.spawnProcess(
            _Worker(lambda: self._ended(which)),
            sys.executable,
            [sys.executable, "-c", _TWISTD, "-n", *log, "chat", *self.options],
            env=environment,
            childFDs={0: "w", 1: 1, 2: 2},
        )

    def _ended(self, which: int) -> None:
        del self._running[which]
        if self._ending is None:
            self._logger.warn("Worker {number} has ended; it is started again", number=which)
            self.reactor.callLater(AGAIN_SECONDS, self._start, which)
        elif not self._running:
            self._ending.callback(None)

    def signal(self, name: str) -> None:
        """Send a signal, such as ``HUP``, to all."""
        for process in tuple(self._running.values()):
            process.signalProcess(name)

    def stop(self) -> Deferred[None]:
        """Let them end; fires when they have."""
        self._ending = Deferred()
        if not self._running:
            self._ending.callback(None)
        self.signal("TERM")
        ending = self._ending
        kill = self.reactor.callLater(END_SECONDS, self.signal, "KILL")

        def ended(_: None) -> None:
            if kill.active():
                kill.cancel()

        return ending.addCallback(ended)
