"""The servers that are measured: ours, and others from the distribution's packages.

Each runs as a process of its own, in a temporary folder, on a free port of the loopback interface,
pinned to the servers' core. The others get the limits raised that would refuse the load, and
nothing else is changed in them.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from benchmarks import machine

_PATIENCE = 60.0
"""Seconds for starting."""

_TWISTD = "import sys; from twisted.scripts.twistd import run; sys.argv[0] = 'twistd'; run()"


UNSLOWED: Final = ("--rate", "0", "--texts-per-second", "0")
"""Options with which our daemon reads whatever comes: the others have their flood control off."""


class NotThere(Exception):
    """A server can not be started; the sentence says why."""


class Server:
    """A server's process. Use it as a context manager: it starts, and nothing of it remains."""

    kind: str
    """The wire that it speaks."""

    at_once = 500
    """How many logins it is given at a time."""

    def __init__(self, name: str, *, pinned: bool = True) -> None:
        self.name = name
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="chat-benchmark-"))
        self._pinned = pinned
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """Write what it needs into its folder, and return what is run there."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """The process's number, while it runs."""
        if self._process is None:
            raise NotThere(f"{self.name} does not run.")
        return self._process.pid

    def console(self) -> str:
        """Return the end of what it has said."""
        return (self.folder / "console").read_text(errors="replace")[-2000:]

    def __enter__(self) -> Self:
        """Start it; raise NotThere if it can not be."""
        self._begin()
        return self

    def again(self) -> None:
        """Start it once more, where it was, after ``kill``."""
        self._begin()

    def kill(self) -> None:
        """End it in the middle of whatever it does; what it has written stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _begin(self) -> None:
        command = self.command()
        core = {machine.cores()[0]}
        with open(self.folder / "console", "ab") as console:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                preexec_fn=(lambda: os.sched_setaffinity(0, core)) if self._pinned else None,
            )
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    problem = self.console()
                    self.__exit__()
                    raise NotThere(f"{self.name} does not start:\n{problem}") from None
                time.sleep(0.05)
            else:
                time.sleep(0.3)
                return

    def __exit__(self, *_: object) -> None:
        """End it at once: what it holds is of no value."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Daemon(Server):
    """``twistd -n chat``, with options; without a users file, so that everyone is a guest."""

    kind = "native"

    def __init__(
        self, *options: str, log: str = "memory:", name: str | None = None, pinned: bool = True
    ) -> None:
        super().__init__(name or f"ours, {log.partition(':')[0]}", pinned=pinned)
        self._options = [*options, "--log", log]

    def command(self) -> Sequence[str]:
        """Run the twistd of this interpreter."""
        return [
            *(sys.executable, "-c", _TWISTD, "-n", "chat"),
            *("--port", f"tcp:{self.port}:interface=127.0.0.1"),
            *self._options,
        ]


class IrcDaemon(Daemon):
    """The same, by its IRC door."""

    kind = "irc"

    def __init__(self, *options: str, log: str = "memory:") -> None:
        super().__init__(*options, log=log, name=f"our IRC, {log.partition(':')[0]}")

    def command(self) -> Sequence[str]:
        """Run the twistd of this interpreter; nobody uses its native door."""
        native = f"tcp:{free_port()}:interface=127.0.0.1"
        door = f"tcp:{self.port}:interface=127.0.0.1"
        found = [native if one.startswith("tcp:") else one for one in super().command()]
        return [*found, "--irc", door]


class InspIrcd(Server):
    """InspIRCd, with its flood control and limits raised."""

    kind = "irc"
    at_once = 20_000  # it finishes logins once a second, however many there are

    def command(self) -> Sequence[str]:
        """Write its configuration."""
        (self.folder / "inspircd.conf").write_text(
            f"""
<server name="irc.example.org" description="benchmark" network="Example" id="001">
<admin name="nobody" nick="nobody" email="nobody@example.org">
<bind address="127.0.0.1" port="{self.port}" type="clients">
<connect name="main" allow="*" timeout="60" pingfreq="1h" hardsendq="1G" softsendq="1G"
  recvq="10M" threshold="1000000000" commandrate="1000000000" fakelag="no" localmax="1000000"
  globalmax="1000000" maxconnwarn="no" maxchans="100" useident="no" resolvehostnames="no"
  limit="100000">
<cidr ipv4clone="32" ipv6clone="128">
<performance somaxconn="4096" softlimit="100000" clonesonconnect="no" quietbursts="yes">
<options casemapping="ascii" defaultmodes="nt">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="console.log">
<path configdir="{self.folder}" datadir="{self.folder}" logdir="{self.folder}"
  runtimedir="{self.folder}">
"""
        )
        return [
            *(_found("inspircd", "inspircd"), "--nofork", "--nopid", "--runasroot"),
            *("--config", str(self.folder / "inspircd.conf")),
        ]


class NgIrcd(Server):
    """ngIRCd, with its penalties off and limits raised."""

    kind = "irc"
    at_once = 20  # it listens with a backlog of 10

    def command(self) -> Sequence[str]:
        """Write its configuration."""
        (self.folder / "ngircd.conf").write_text(
            f"""
[Global]
Name = irc.example.org
Info = benchmark
Listen = 127.0.0.1
Ports = {self.port}
ServerUID = {os.getuid()}
ServerGID = {os.getgid()}
MotdPhrase = benchmark
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
"""
        )
        return [_found("ngircd", "ngircd"), "-n", "-f", str(self.folder / "ngircd.conf")]


class Redis(Server):
    """Redis, publish and subscribe; nothing is stored."""

    kind = "resp"

    def command(self) -> Sequence[str]:
        """Give everything on the command line."""
        return [
            *(_found("redis-server", "redis-server"), "--bind", "127.0.0.1"),
            *(
                "--port",
                str(self.port),
                "--save",
                "",
                "--appendonly",
                "no",
                "--tcp-backlog",
                "4096",
            ),
            *("--maxclients", "20000", "--client-output-buffer-limit", "pubsub 0 0 0"),
        ]


PEERS: Final = {"inspircd": InspIrcd, "ngircd": NgIrcd, "redis": Redis}
"""The other servers, by the names of their packages."""


def peer(name: str) -> Server:
    """Return one of the other servers; raise NotThere if it is not installed."""
    server = PEERS[name](name)
    server.command()
    return server


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _found(program: str, package: str) -> str:
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise NotThere(f"{program} is not installed (Debian: apt-get install {package}).")
    return path
