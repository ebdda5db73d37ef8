"""A real PostgreSQL for tests: a cluster of its own in a scratch folder, on loopback, for one run.

It is started when the first test asks for it and ends with the process that asked. Where the
machine has no PostgreSQL the tests that need it are skipped, and say so.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from attrs import define, field
from twisted.trial.unittest import SkipTest

from tests.kit.daemon import free_port

START_SECONDS: Final = 60.0


def binaries() -> Path | None:
    """Return the folder with the server's programs, if this machine has them."""
    found = shutil.which("initdb")
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if found:
        places.append(Path(found).parent)
    needed = ("initdb", "postgres", "pg_isready", "createdb")
    return next((bin for bin in places if all((bin / name).exists() for name in needed)), None)


@define(eq=False)
class Postgres:
    """One server; ``url(name)`` makes a new database in it and returns its address."""

    bin: Path
    folder: Path
    port: int = field(factory=free_port)
    options: tuple[str, ...] = ("fsync=off",)
    _process: subprocess.Popen[bytes] | None = None
    _databases: int = 0

    def _as_its_user(self) -> dict[str, str | int]:
        """PostgreSQL refuses to run as root."""
        if os.geteuid():
            return {}
        user = pwd.getpwnam("postgres")
        return {"user": user.pw_uid, "group": user.pw_gid}

    def make(self) -> None:
        """Make the cluster's files."""
        if not os.geteuid():
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        subprocess.run(
            [self.bin / "initdb", "-D", self.folder / "data", "-U", "chat", "-A", "trust",
             "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, cwd="/", **self._as_its_user(),  # type: ignore[call-overload]
        )  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
            "max_connections=60",
            *self.options,
        ]
        self._process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.folder / "data"]
            + [word for option in options for word in ("-c", option)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **self._as_its_user(),  # type: ignore[call-overload]
        )
        deadline = monotonic() + START_SECONDS
        ready: list[str | Path] = [
            self.bin / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        while subprocess.run(ready, check=False, cwd="/").returncode:
            if self._process.poll() is not None or monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not start")
            sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT in an orderly way (fast), SIGQUIT at once, as a crash does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    @property
    def pid(self) -> int:
        """Its process's number; only while it runs."""
        assert self._process is not None
        return self._process.pid

    def url(self) -> str:
        """Make an empty database, and return its address."""
        self._databases += 1
        name = f"chat{self._databases}"
        subprocess.run(
            [self.bin / "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "chat", name],
            check=True,
            cwd="/",
        )
        return self.url_of(name)

    def url_of(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://chat@127.0.0.1:{self.port}/{name}"

    def standby(self, name: str) -> Postgres:
        """Start a server that follows this one, under that name."""
        folder = Path(tempfile.mkdtemp(prefix="chat-postgres-"))
        other = Postgres(self.bin, folder, options=self.options)
        if not os.geteuid():
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        subprocess.run(
            [self.bin / "pg_basebackup", "-D", folder / "data", "-X", "stream", "-c", "fast", "-R",
             "-d", f"host=127.0.0.1 port={self.port} user=chat application_name={name}"],
            check=True, capture_output=True, cwd="/", **self._as_its_user(),  # type: ignore[call-overload]
        )  # fmt: skip
        atexit.register(other.remove)
        other.start()
        return other

    def promote(self) -> None:
        """Let a standby be a server of its own, which takes what is written."""
        subprocess.run(
            [self.bin / "pg_ctl", "promote", "-D", self.folder / "data", "-w"],
            check=True, capture_output=True, cwd="/", **self._as_its_user(),  # type: ignore[call-overload]
        )  # fmt: skip

    def execute(self, *statements: str) -> None:
        """Run some statements as its superuser."""
        import psycopg

        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=chat dbname=postgres",
                             autocommit=True) as connection:  # fmt: skip
            for statement in statements:
                connection.execute(statement)

    def remove(self) -> None:
        """End it, and remove its files."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def new_postgres(*options: str) -> Postgres:
    """Start a server of one's own, with these settings. Skips the test where there is none."""
    bin = binaries()
    if bin is None:
        raise SkipTest("there is no PostgreSQL on this machine")
    folder = Path(tempfile.mkdtemp(prefix="chat-postgres-"))
    server = Postgres(bin, folder, options=options or ("fsync=off",))
    server.make()
    server.start()
    atexit.register(server.remove)
    return server


@cache
def postgres() -> Postgres:
    """Return the server that the tests of this process share."""
    return new_postgres()
