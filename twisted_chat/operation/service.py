"""The daemon as a service: how it begins, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from attrs import define, field
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.logger import ILogObserver, Logger, textFileLogObserver
from twisted.python.failure import Failure

from twisted_chat.accounts.users_file import AccountsError
from twisted_chat.chat.chat import Chat
from twisted_chat.log.contract import LogError
from twisted_chat.operation import control, logging, signals, workers
from twisted_chat.operation.entrances import Entrances
from twisted_chat.operation.listening import Listener, explained, in_order, reason
from twisted_chat.operation.options import Options, die
from twisted_chat.operation.parts import Parts
from twisted_chat.operation.reloading import Reloading
from twisted_chat.operation.settings import Settings, SettingsError
from twisted_chat.operation.systemd import Notifier
from twisted_chat.operation.tending import (
    HEAP_SECONDS,
    PRUNE_SECONDS,
    REFRESH_SECONDS,
    ROOM_SECONDS,
    Pruner,
    every,
    settle_heap,
)
from twisted_chat.operation.workers import Workers
from twisted_chat.vocabulary.messages import Bye

if TYPE_CHECKING:
    from twisted_chat.operation.metrics import Metrics

STOP_SECONDS = 4.0
"""How long clients may take to read their farewell when the daemon stops."""

LOG_SECONDS = 0.7
"""How long the log may take to put itself in order after that."""

RETRY_MILLISECONDS = 1_000
"""When the first clients are told to come back after the daemon has stopped."""


@define(eq=False, slots=False)
class ChatService(MultiService):
    """The daemon: opens the log, listens, and ends in an orderly way.

    * privilegedStartService: the log is opened and every socket bound, or the program ends.
    * startService: the chat takes up what the log holds; logins wait until it has.
    * stopService: nobody new, ``bye`` to everyone, what is written is flushed, the log is closed.
    """

    options: Options
    reactor: Any
    """IReactorTime, IReactorThreads and IReactorCore; its seconds can not be set."""
    systemd: Notifier = field(factory=Notifier.found)

    entrances: Entrances = field(init=False)
    parts: Parts = field(init=False)
    reloading: Reloading = field(init=False)
    workers: Workers | None = field(init=False, default=None)
    """The other nodes of this machine that this one has started."""
    _stopping: bool = field(init=False, default=False)
    _rotate: Callable[[], None] | None = field(init=False, default=None)
    """What begins a new log file, where twistd does not see to that."""

    _logger = Logger()

    def __attrs_post_init__(self) -> None:
        super().__init__()
        shares = self.settings.workers > 1
        listener = Listener(self.reactor, self.settings.certificate, shares)
        self.entrances = Entrances(self.options.settings, self.reactor, listener)
        self.reloading = Reloading(self.options.read, self.entrances)

    @property
    def settings(self) -> Settings:
        """What the operator chose at the start."""
        return self.options.settings

    @property
    def chat(self) -> Chat:
        """The chat."""
        return self.parts.chat

    # --- starting ----------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Open the log, bind the sockets; or end with one clear line and exit status 1."""
        signals.hold(self.reactor, self._rotate)
        try:
            ports = self.entrances.make_ports()
            metrics = self._make_metrics()
            around = (lambda log: log) if metrics is None else metrics.around
            self.parts = Parts.made(self.settings, self.reactor, ports, around, self._fail)
            self._open_for_operators(metrics)
            self.entrances.open(self.parts)
        except CannotListenError as problem:
            self._die(SettingsError(explained(problem)))
        except (AccountsError, LogError, SettingsError) as problem:
            self._die(problem)
        super().privilegedStartService()

    def _make_metrics(self) -> Metrics | None:
        if not self.settings.metrics:
            return None
        from twisted_chat.operation.metrics import Metrics  # prometheus-client is an extra

        return Metrics()

    def _open_for_operators(self, metrics: Metrics | None) -> None:
        """Let operators look and ask, where they may."""
        listener = self.entrances.listener
        if metrics is not None:
            from twisted_chat.operation.metrics import LAG_SECONDS

            metrics.watch(self.entrances)
            every(LAG_SECONDS, metrics.look, self.reactor).setServiceParent(self)
            for description in in_order(self.settings.metrics):
                listener.listen(description, cast(Factory, metrics.site()), "metrics")
        if self.settings.admin is not None:
            listener.listening.append(control.listen(self.reactor, self.settings.admin, self))

    def setServiceParent(self, parent: Any) -> None:
        """See IService: the application has the log's observer, unless that is syslog."""
        super().setServiceParent(parent)
        twistd = self.options.parent
        if twistd is None or twistd.get("syslog"):
            return
        out, self._rotate = logging.opened(twistd["logfile"], bool(twistd["nodaemon"]))
        is_json = self.settings.log_format == "json"
        observer = logging.observer(out) if is_json else textFileLogObserver(cast(Any, out))
        parent.setComponent(ILogObserver, observer)

    def _die(self, problem: Exception) -> None:
        self._logger.critical("{problem}", problem=reason(problem))
        die(problem)

    def startService(self) -> None:
        """Let the chat take up what the log holds."""
        super().startService()
        self.parts.start()
        self._tend()
        self.reactor.callWhenRunning(
            lambda: signals.take(self.reactor, self.stop, self._told_to_reload)
        )
        self.reactor.callWhenRunning(self._open_chat)

    def _tend(self) -> None:
        """Begin what is done again and again."""
        prune = Pruner(
            self.chat.log,
            self.chat.sessions,
            lambda: (self.entrances.settings.retain, self.entrances.settings.retain_texts),
        )
        services = [
            every(HEAP_SECONDS, settle_heap, self.reactor),
            every(PRUNE_SECONDS, prune, self.reactor),
            every(ROOM_SECONDS, self.parts.turnstile.tell, self.reactor),
        ]
        if self.parts.accounts is not None:
            services.append(every(REFRESH_SECONDS, self.parts.accounts.refresh, self.reactor))
        if self.entrances.files is not None:
            from twisted_chat.operation.sweeping import SWEEP_SECONDS, Sweeper  # an extra

            store = self.entrances.files.store
            sweep = Sweeper(store, self.chat.log, self.chat.sessions, self.entrances.files.now)
            services.append(every(SWEEP_SECONDS, sweep, self.reactor))
        if self.systemd.watchdog:
            services.append(every(self.systemd.watchdog / 3, self.systemd.alive, self.reactor))
        for service in services:
            service.setServiceParent(self)

    def _open_chat(self) -> None:
        def failed(failure: Failure) -> None:
            if self._stopping:
                return  # the log is closed already: there is nothing to be read any more
            self._logger.failure("The chat can not open", failure)
            self._fail("The chat can not open.")

        self._begin_workers()
        opened = Deferred.fromCoroutine(self.parts.open())
        opened.addCallbacks(lambda _: self.systemd.ready(), failed)

    def _begin_workers(self) -> None:
        """Start the other nodes; or as one of them, end with the first."""
        if workers.number():
            workers.end_with_the_first(self.reactor, self.stop)
        elif self.settings.workers > 1:
            twistd = self.options.parent
            log = None
            if twistd is not None and not twistd["nodaemon"]:
                log = os.path.abspath(twistd["logfile"] or "twistd.log")
            given = sys.argv[sys.argv.index("chat") + 1 :]
            self.workers = Workers(self.settings.workers, given, self.reactor, log)
            self.workers.start()

    def _fail(self, sentence: str) -> None:
        """End with status 1: whoever runs the daemon starts it again."""
        self._logger.critical("{sentence}", sentence=sentence)
        # The reactor runs already, and twistd would end with status 0.
        self.reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
        self.stop()

    def reload(self) -> list[str]:
        """Take up what the operator changed; say what. Raises SettingsError."""
        if self.workers is not None:
            self.workers.signal("HUP")
        return self.reloading.reload()

    def _told_to_reload(self) -> None:
        self.systemd.reloading()
        if self.workers is not None:
            self.workers.signal("HUP")
        self.reloading.hear()
        self.systemd.ready()

    # --- stopping ----------------------------------------------------------------------------

    def stop(self) -> None:
        """End, in an orderly way: SIGTERM and SIGINT ask."""
        if self.running and not self._stopping:
            self._stopping = True
            self.reactor.stop()

    async def _end(self) -> None:
        self.systemd.stopping()
        farewell = Bye(data="The server is stopping.", retry=RETRY_MILLISECONDS)
        gone_workers = None if self.workers is None else self.workers.stop()
        await self.entrances.close()
        ends = self.entrances.dismiss(farewell)
        self.chat.close()
        gone = DeferredList(ends, consumeErrors=True)  # those that are given up on
        gone.addTimeout(STOP_SECONDS, self.reactor, lambda *_: None)
        await gone
        left = Deferred.fromCoroutine(self.parts.close())
        left.addTimeout(LOG_SECONDS, self.reactor, lambda *_: None)
        left.addErrback(lambda failure: self._logger.failure("The node could not end", failure))
        await left
        if gone_workers is not None:
            await gone_workers
        closed = self.parts.log.close()
        # A disk that hangs does not hang the end: what was acknowledged is stored already.
        closed.addTimeout(LOG_SECONDS, self.reactor, self._log_hangs)
        await closed
        self.parts.stop()

    def _log_hangs(self, *_: object) -> None:
        self._logger.warn("The log could not be closed in time; nothing acknowledged is lost.")

    def stopService(self) -> Deferred[None]:
        """Say farewell to everyone and end, within STOP_SECONDS and a little."""
        self._stopping = True  # the reactor may have been told, before it asked
        stopped = Deferred.fromCoroutine(self._end())
        stopped.addErrback(lambda failure: self._logger.failure("Could not stop", failure))
        stopped.addCallback(lambda _: super(ChatService, self).stopService())
        stopped.addCallback(lambda _: None)
        return stopped
