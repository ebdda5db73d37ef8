"""The command line of ``twistd chat``; what is wrong ends the program with one clear line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from twisted_chat.operation import settings, workers
from twisted_chat.operation.listening import judge, reason
from twisted_chat.operation.settings import Settings, SettingsError

PRIVATE = 0o077
"""What others may do with the files that the daemon makes: nothing."""


class CannotStart(SystemExit, Exception):
    """The daemon ends before it has begun: with status 1, and no traceback.

    It is an Exception too: twistd removes its pid file then, and a parent that waits for its
    daemon is told.
    """

    def __init__(self, problem: Exception) -> None:
        super().__init__(f"twistd chat: {reason(problem)}")
        self.code = 1


def die(problem: Exception) -> NoReturn:
    """End with one clear line on the real standard error: the log may have taken the other."""
    cannot = CannotStart(problem)
    print(cannot.args[0], file=sys.__stderr__)
    raise cannot


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
            self.understand(options)
            self._drop_pid_file()
            self._keep_to_itself()
        except (UsageError, SettingsError) as problem:
            die(problem)

    def understand(self, options: Any = None) -> None:
        """Parse, and do nothing else. Raises UsageError, SettingsError."""
        super().parseOptions(options)
        self._judge()

    def parseArgs(self, *args: str) -> None:
        """Take no arguments but options."""
        if args:
            raise UsageError(f"{args[0]!r} is no option; see twistd chat --help.")

    def read(self) -> Settings:
        """Return the settings as they are now, in the file too. Raises SettingsError."""
        found = settings.read(self.given, self["config"])
        for kind, extra, needed in (
            (found.web, "web", "autobahn"),
            (found.metrics, "metrics", "prometheus_client"),
            (found.ssh, "ssh", "bcrypt"),
        ):
            if kind and find_spec(needed) is None:
                raise SettingsError(
                    f"--{extra} needs {needed.replace('_', '-')}: install twisted-chat[{extra}]."
                )
        for description in found.listening:
            judge(description)
        return workers.own(found, workers.number())

    def _judge(self) -> None:
        for setting in settings.table():
            value = self.get(settings.option(setting.name))
            if value is not None and value != 0:
                self.given[setting.name] = ["true" if value == 1 else value]
        if self["config"] is not None:  # twistd may change its folder before it is read again
            self["config"] = os.path.abspath(self["config"])
        self.settings = self.read()

    def _drop_pid_file(self) -> None:
        """In the foreground write no ``twistd.pid``, unless another name for it is given.

        A daemon that was killed leaves it behind, and twistd refuses to start while any process has
        that number: in a container that is the new daemon itself. The log's lock keeps a second
        daemon out, and can not be left behind.
        """
        twistd = self.parent
        if twistd is not None and twistd["nodaemon"] and twistd["pidfile"] == "twistd.pid":
            twistd["pidfile"] = ""

    def _keep_to_itself(self) -> None:
        """Let nobody else read what the daemon writes: addresses and names are in its log.

        twistd opens that before it sets its own mask.
        """
        twistd = self.parent
        if twistd is None or twistd["umask"] is not None:
            return
        os.umask(os.umask(PRIVATE) | PRIVATE)
        name = twistd["logfile"] or ("" if twistd["nodaemon"] else "twistd.log")
        path = Path(twistd["rundir"] or ".", name)
        if name not in ("", "-") and path.is_file() and not path.is_symlink():
            try:
                path.chmod(path.stat().st_mode & ~PRIVATE)
            except OSError as problem:
                raise SettingsError(f"{path} can be read by others: {problem.strerror}.") from None
