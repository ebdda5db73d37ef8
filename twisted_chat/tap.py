"""``twistd chat``: from the operator's settings to running services.

The only importer of the reactor. What can go wrong is found before anything listens, or while the
sockets are bound: then it is one line on standard error, and exit status 1.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Protocol, cast

from attrs import define, field
from twisted.application.internet import TimerService
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from twisted_chat.accounts.accounts import Accounts, Admission, make_portal
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.accounts.passwords import NiceThreads, Passwords
from twisted_chat.accounts.proofs import Prover
from twisted_chat.accounts.users_file import AccountsError
from twisted_chat.chat.chat import Chat
from twisted_chat.chat.rules import Rules
from twisted_chat.doors.lines import LinesFactory
from twisted_chat.doors.native import ChatFactory
from twisted_chat.doors.ports import SessionPorts, listen_like
from twisted_chat.doors.watch import Turnstile
from twisted_chat.log.contract import LogError
from twisted_chat.log.urls import open_log
from twisted_chat.operation import settings
from twisted_chat.operation.console import Table
from twisted_chat.operation.settings import Settings, SettingsError
from twisted_chat.vocabulary.messages import Bye

REFRESH_SECONDS = 5.0
"""How often the users file is looked at."""

STOP_SECONDS = 4.0
"""How long clients may take to read their farewell when the daemon stops."""

LOG_SECONDS = 0.7
"""How long the log may take to put itself in order after that."""

RETRY_MILLISECONDS = 1_000
"""When clients are told to come back after the daemon has stopped."""

PRUNE_SECONDS = 60.0
"""How often what is older than the operator wants is forgotten."""

HEAP_SECONDS = 1.0
"""How often what lives long is taken out of the garbage collector's sight."""

YOUNG_OBJECTS = 5_000
"""New objects after which the young are looked over: a batch alone has hundreds."""

SPARE_FILES = 64
"""Descriptors beside those of logged-in connections: half for files, half for whoever is yet to log
in, and be it to hear that there is no room."""


class Door(Protocol):
    """What listens, and is told when the daemon stops."""

    def close(self, farewell: Bye) -> Deferred[None]:
        """Say farewell on every connection; fires when all of them are gone, in a while."""


def _taker(name: str, help: str) -> Callable[[Options, str], None]:
    """Return the method by which usage.Options knows an option that may be given several times."""

    def take(self: Options, value: str) -> None:
        self.given.setdefault(name, []).append(value)

    take.__doc__ = help
    return take


class Options(UsageOptions):
    """The command line: every setting of settings.py, and ``--config``."""

    longdesc = "A chat daemon: one set of sessions behind many doors. See README.md."

    optFlags: ClassVar = [
        [settings.option(setting.name), None, setting.metadata["help"]]
        for setting in settings.table()
        if setting.default is False
    ]
    optParameters: ClassVar = [
        [settings.option(setting.name), None, None, setting.metadata["help"]]
        for setting in settings.table()
        if setting.default is not False and not setting.metadata["many"]
    ] + [["config", None, None, "a TOML file with the same names; the command line wins"]]

    for setting in settings.table():
        if setting.metadata["many"]:
            locals()[f"opt_{setting.name}"] = _taker(setting.name, setting.metadata["help"])
    del setting

    def __init__(self) -> None:
        self.given: dict[str, list[str]] = {}
        self.settings = Settings()
        super().__init__()

    def parseOptions(self, options: Any = None) -> None:
        """Parse, or end with one clear line and exit status 1."""
        try:
            super().parseOptions(options)
            self._judge()
            self._drop_pid_file()
        except (UsageError, SettingsError) as problem:
            _die(problem)

    def parseArgs(self, *args: str) -> None:
        """Take no arguments but options."""
        if args:
            raise UsageError(f"{args[0]!r} is no option; see twistd chat --help.")

    def _drop_pid_file(self) -> None:
        """In the foreground write no ``twistd.pid``, unless another name for it is given.

        A daemon that was killed leaves it behind, and twistd refuses to start while any process has
        that number: in a container that is the new daemon itself. The log's lock keeps a second
        daemon out, and can not be left behind.
        """
        twistd = self.parent
        if twistd is not None and twistd["nodaemon"] and twistd["pidfile"] == "twistd.pid":
            twistd["pidfile"] = ""

    def _judge(self) -> None:
        for setting in settings.table():
            value = self.get(settings.option(setting.name))
            if value is not None and value != 0:
                self.given[setting.name] = ["true" if value == 1 else value]
        self.settings = settings.read(self.given, self["config"])
        if self.settings.web and find_spec("autobahn") is None:
            raise SettingsError("--web needs autobahn: install twisted-chat[web].")
        from twisted.internet import reactor

        for description in (
            *self.settings.port,
            *self.settings.web,
            *self.settings.lines,
        ):
            try:
                serverFromString(reactor, description)
            except Exception as problem:  # each kind of endpoint has its own ways to complain
                why = _reason(problem)
                if isinstance(problem, ImportError) or "OpenSSL" in why:
                    why = "TLS needs the extra twisted-chat[tls]"
                raise SettingsError(
                    f"{description} is no endpoint that can be listened on ({why})."
                ) from None


def _reason(problem: Exception) -> str:
    """Return in one line what ``problem`` says."""
    return " ".join(str(problem).split()) or type(problem).__name__


class CannotStart(SystemExit, Exception):
    """The daemon ends before it has begun: with status 1, and no traceback.

    It is an Exception too: twistd removes its pid file then, and a parent that waits for its
    daemon is told.
    """

    def __init__(self, problem: Exception) -> None:
        super().__init__(f"twistd chat: {_reason(problem)}")
        self.code = 1


def _die(problem: Exception) -> NoReturn:
    """End with one clear line on the real standard error: the log may have taken the other."""
    cannot = CannotStart(problem)
    print(cannot.args[0], file=sys.__stderr__)
    raise cannot


def makeService(options: Options) -> MultiService:
    """Return the daemon as a service."""
    from twisted.internet import reactor

    return ChatService(options.settings, reactor)


@define(eq=False, slots=False)
class ChatService(MultiService):
    """The daemon: opens the log, listens, and ends in an orderly way.

    * privilegedStartService: the log is opened and every socket bound, or the program ends.
    * startService: the chat takes up what the log holds; logins wait until it has.
    * stopService: nobody new, ``bye`` to everyone, what is written is flushed, the log is closed.
    """

    settings: Settings
    reactor: Any
    """IReactorTime, IReactorThreads and IReactorCore."""

    _listening: list[IListeningPort] = field(init=False, factory=list)
    _stopping: bool = field(init=False, default=False)
    _doors: list[Door] = field(init=False, factory=list)

    _logger = Logger()

    def __attrs_post_init__(self) -> None:
        super().__init__()

    # --- starting ----------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Open the log, bind the sockets; or end with one clear line and exit status 1."""
        try:
            self._build()
            for description in self.settings.port:
                factory = self._factory(lambda: self.settings.lobby or None)
                self._doors.append(factory)
                self._listen(description, factory, "native")
            if self.settings.web:
                self._open_web()
            if self.settings.lines:
                self._open_lines()
        except (AccountsError, LogError, CannotListenError, SettingsError) as problem:
            self._logger.critical("{problem}", problem=_reason(problem))
            _die(problem)
        super().privilegedStartService()

    def _build(self) -> None:
        chosen = self.settings
        threads = NiceThreads(self.reactor)
        self.accounts = self._open_accounts(threads)
        self.passwords = Passwords(threads)
        self.session_passwords = Passwords(threads)
        self.log = open_log(chosen.log, self.reactor, self.reactor)
        connections = chosen.max_connections or _raise_descriptor_limit()
        self.turnstile = Turnstile(connections + SPARE_FILES // 2)
        rules = Rules(
            server=chosen.name,
            lobby=chosen.lobby,
            linger=chosen.linger,
            max_sessions=chosen.max_sessions,
            max_members=chosen.max_members,
            max_connections=connections,
            max_text=chosen.max_text,
            presence_limit=chosen.presence_limit,
            guests_keep=self.accounts is None,
        )
        ports = None
        if chosen.session_ports is not None:
            ports = self._session_ports(*chosen.session_ports)
        self.chat = Chat(
            self.log,
            self.reactor,
            self.session_passwords,
            Attempts(self.reactor),
            rules,
            self.accounts,
            ports,
        )
        if chosen.table or (sys.__stdout__ is not None and sys.__stdout__.isatty()):
            self.chat.changed = Table(self.chat, self.reactor, _print).changed
        portal = make_portal(self.chat, self.passwords, self.accounts, chosen.guests)
        self.admission = Admission(
            portal, Attempts(self.reactor), accounts=self.accounts is not None
        )
        self.prover = Prover(self.admission, self.accounts)

    def _open_accounts(self, threads: NiceThreads) -> Accounts | None:
        path = self.settings.users
        if path is None and not Path(settings.USERS).exists():
            self._logger.info("There is no users file: everyone is a guest.")
            return None
        return Accounts(path or settings.USERS, threads.run)

    def _factory(self, entry: Callable[[], str | None]) -> ChatFactory:
        return ChatFactory(
            self.admission,
            self.reactor,
            entry,
            rate=self.settings.rate,
            turnstile=self.turnstile,
        )

    def _open_web(self) -> None:
        from twisted_chat.doors.web import web_door  # autobahn is an extra

        chosen = self.settings
        door = web_door(
            self.admission,
            self.reactor,
            lambda: chosen.lobby or None,
            lambda: self.log.check(),
            origins=chosen.web_origin,
            proxies=chosen.trust_proxy,
            rate=chosen.rate,
            turnstile=self.turnstile,
        )
        self._doors.append(door)
        for description in chosen.web:
            self._listen(description, cast(Factory, door.site), "web")

    def _open_lines(self) -> None:
        chosen = self.settings
        factory = LinesFactory(
            self.prover,
            self.reactor,
            lambda: chosen.lobby or None,
            rate=chosen.rate,
            turnstile=self.turnstile,
        )
        self._doors.append(factory)
        for description in chosen.lines:
            self._listen(description, factory, "lines")

    def _session_ports(self, low: int, high: int) -> SessionPorts:
        listen = listen_like(self.reactor, self.settings.port)
        return SessionPorts(
            low, high, self.reactor, listen, lambda name: self._factory(lambda: name)
        )

    def _listen(self, description: str, factory: Factory, door: str) -> None:
        if description.startswith(("tcp:", "tcp6:", "ssl:")) and "backlog=" not in description:
            description += f":{settings.BACKLOG}"
        endpoint = serverFromString(self.reactor, description)
        failures: list[Failure] = []
        endpoint.listen(factory).addCallbacks(self._listening.append, failures.append)
        if failures:
            if failures[0].check(CannotListenError) is None:
                why = _reason(cast(Exception, failures[0].value))
                raise SettingsError(f"{description} can not be listened on ({why}).")
            failures[0].raiseException()
        address = self._listening[-1].getHost()
        self._logger.info(
            "{door} door on {host}:{port}",
            door=door,
            host=getattr(address, "host", description),
            port=getattr(address, "port", ""),
        )

    def startService(self) -> None:
        """Let the chat take up what the log holds."""
        super().startService()
        self.passwords.start()
        self.session_passwords.start()
        self._tend()
        self.reactor.callWhenRunning(self._take_signals)
        self.reactor.callWhenRunning(self._open_chat)

    def _tend(self) -> None:
        """Begin what is done again and again."""
        chosen = self.settings
        services = [TimerService(HEAP_SECONDS, _settle_heap)]
        if self.accounts is not None:
            services.append(TimerService(REFRESH_SECONDS, self.accounts.refresh))
        if chosen.retain or chosen.retain_texts:
            services.append(TimerService(PRUNE_SECONDS, self._prune))
        for service in services:
            service.clock = self.reactor
            service.setServiceParent(self)

    def _prune(self) -> Deferred[None]:
        days = self.settings.retain
        older_than = int((self.reactor.seconds() - days * 86_400) * 1000) if days else None
        pruned = Deferred.fromCoroutine(
            self.chat.sessions.prune(self.settings.retain_texts or None, older_than)
        )
        return pruned.addErrback(lambda failure: self._logger.failure("Could not prune", failure))

    def _open_chat(self) -> None:
        def failed(failure: Failure) -> None:
            self._logger.failure("The chat can not open", failure)
            # The reactor runs already, and twistd would end with status 0.
            self.reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
            self._stop()

        Deferred.fromCoroutine(self.chat.open()).addErrback(failed)

    def _take_signals(self) -> None:
        """End with status 0 when told to: the reactor's own handlers make it a death by signal."""

        def handle(*_: object) -> None:
            self.reactor.callFromThread(self._stop)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, handle)

    def _stop(self) -> None:
        if self.running and not self._stopping:
            self._stopping = True
            self.reactor.stop()

    # --- stopping ----------------------------------------------------------------------------

    async def _end(self) -> None:
        farewell = Bye(data="The server is stopping.", retry=RETRY_MILLISECONDS)
        for listening in self._listening:
            await maybeDeferred(listening.stopListening)
        ends = [door.close(farewell) for door in self._doors]
        if isinstance(self.chat.ports, SessionPorts):
            ends.append(self.chat.ports.stop(farewell))
        self.chat.close()
        gone = DeferredList(ends, consumeErrors=True)  # those that are given up on
        gone.addTimeout(STOP_SECONDS, self.reactor, lambda *_: None)
        await gone
        closed = self.log.close()
        # A disk that hangs does not hang the end: what was acknowledged is stored already.
        closed.addTimeout(LOG_SECONDS, self.reactor, self._log_hangs)
        await closed
        self.passwords.stop()
        self.session_passwords.stop()

    def _log_hangs(self, *_: object) -> None:
        self._logger.warn("The log could not be closed in time; nothing acknowledged is lost.")

    def stopService(self) -> Deferred[None]:
        """Say farewell to everyone and end, within STOP_SECONDS and a little."""
        stopped = Deferred.fromCoroutine(self._end())
        stopped.addErrback(lambda failure: self._logger.failure("Could not stop", failure))
        stopped.addCallback(lambda _: super(ChatService, self).stopService())
        stopped.addCallback(lambda _: None)
        return stopped


def _settle_heap() -> None:
    """Keep the garbage collector's pauses short, however many are connected.

    What has outlived the young generations stays, mostly, for as long as its connection: it is
    taken out of sight, so that no collection walks over all of it. References count on, and
    connections leave no cycles behind.
    """
    gc.collect(1)
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)


def _print(text: str) -> None:
    """Write to the real standard output: twistd's log has taken the other."""
    if sys.__stdout__ is not None:
        sys.__stdout__.write(text)
        sys.__stdout__.flush()


def _raise_descriptor_limit() -> int:
    """Let the process have as many connections as the system allows; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > 1_048_576:
        hard = max(soft, 1_048_576)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    return max(1, hard - SPARE_FILES)
