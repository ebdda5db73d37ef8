"""``twisted-chat doctor``: says in sentences what is wrong, and ends with 1 where something is.

It looks at a configuration, the users file, the log, certificates, what the system allows, and a
daemon that runs. It changes nothing.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from attrs import frozen
from twisted.python.usage import UsageError

from twisted_chat.accounts import users_file
from twisted_chat.accounts.examples import known_to_all
from twisted_chat.accounts.passwords import GOOD_REGISTERED, is_hash
from twisted_chat.accounts.users_file import Account, AccountsError
from twisted_chat.log.contract import LogError
from twisted_chat.log.shared import is_shared
from twisted_chat.operation import settings, steering
from twisted_chat.operation.keeping import are_in_log
from twisted_chat.operation.limits import SPARE_FILES
from twisted_chat.operation.listening import Way, kind_of, reason, way_of
from twisted_chat.operation.options import PRIVATE, Options
from twisted_chat.operation.parts import ssh_folder
from twisted_chat.operation.settings import Settings, SettingsError
from twisted_chat.operation.users_database import read_users

SOON: Final = 14 * 86_400
"""Seconds before its end at which a certificate should be a new one by now."""

ROOM: Final = 256 * 1024 * 1024
"""Bytes that should be free where the log is."""

BACKLOG: Final = Path("/proc/sys/net/core/somaxconn")

_MARKS: Final = {"good": "ok", "hint": "hint", "wrong": "WRONG"}


@frozen
class Finding:
    """One sentence; ``kind`` is ``good``, ``hint`` or ``wrong``."""

    kind: str
    sentence: str


def good(sentence: str) -> Finding:
    """It is as it should be."""
    return Finding("good", sentence)


def hint(sentence: str) -> Finding:
    """It works; somebody may want to know."""
    return Finding("hint", sentence)


def wrong(sentence: str) -> Finding:
    """Something is to be done."""
    return Finding("wrong", sentence)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``doctor``."""
    parser = commands.add_parser(
        "doctor",
        help="say what is wrong with a server's configuration, files and machine",
        description="Say what is wrong; give it the options that the daemon is given.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what was found; return 1 where something is wrong."""
    status = 0
    for finding in examine(args.rest):
        print(f"{_MARKS[finding.kind]:>5}  {finding.sentence}")
        if finding.kind == "wrong":
            status = 1
    return status


def examine(words: list[str]) -> Iterator[Finding]:
    """Look at everything that the daemon would use with these options."""
    options = Options()
    try:
        options.understand(words)
    except (UsageError, SettingsError) as problem:
        yield wrong(f"The configuration: {reason(problem)}")
        return
    chosen = options.settings
    yield good("The configuration can be understood.")
    looks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        accounts,
        log,
        hints,
        certificates,
        host_keys,
        doors,
        system,
        daemon,
    )
    for look in looks:
        yield from look(chosen)


def accounts(chosen: Settings) -> Iterator[Finding]:
    """Look at the accounts, and who may make one."""
    if chosen.registration == "open" and chosen.min_password < GOOD_REGISTERED:
        yield hint(
            f"Anybody may make an account, with a password of {chosen.min_password} characters:"
            " --min-password asks for more."
        )
    if chosen.users is not None and is_shared(chosen.users):
        yield from _in_database(chosen)
        return
    path = chosen.users or settings.USERS
    if chosen.users is None and not Path(path).exists():
        yield hint("There is no users file: everybody is a guest.")
        return
    try:
        found = list(users_file.read(path).accounts)
    except AccountsError as problem:
        yield wrong(str(problem))
        return
    yield from _judged(path, found)
    yield from _private(path)


def _in_database(chosen: Settings) -> Iterator[Finding]:
    try:
        are_in_log(chosen)
        found = list(read_users(chosen.log).accounts)
    except (SettingsError, LogError) as problem:
        yield wrong(str(problem))
    else:
        yield from _judged("The database", found)


def _judged(where: str, found: list[Account]) -> Iterator[Finding]:
    """Look at accounts, wherever they are kept."""
    yield good(f"{where} has {len(found)} accounts.")
    plain = [one.name.text for one in found if not is_hash(one.password)]
    if plain:
        yield wrong(
            f"{where}: {len(plain)} passwords are plain text (of {', '.join(plain[:5])});"
            " 'twisted-chat users passwd' makes hashes of them."
        )
    if known := known_to_all(found):
        yield wrong(f"{where}: everybody knows the passwords of {', '.join(known)}: change them.")
    if not any(one.operator for one in found):
        yield hint(f"{where}: nobody is an operator.")


def _private(path: str) -> Iterator[Finding]:
    mode = os.stat(path).st_mode & 0o777
    if mode & PRIVATE:
        yield wrong(f"{path} can be read by others (mode {mode:03o}): chmod 600 {path}")


def log(chosen: Settings) -> Iterator[Finding]:
    """Look at the log."""
    kind, _, rest = chosen.log.partition(":")
    if kind == "memory":
        yield hint("The log is in memory: a restart forgets everything.")
        return
    if kind != "sqlite":
        yield from _reachable(chosen.log)
        return
    path = os.path.abspath(rest.partition("?")[0])
    folder = os.path.dirname(path)
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        yield wrong(f"{folder}: nobody can write the log there, at least not this user.")
        return
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        yield wrong(f"{folder}: only {free // 1_048_576} MiB are free.")
    if not os.path.exists(path):
        yield good(f"{path} will be made at the first start.")
        return
    yield from _sound(path)
    for one in (path, f"{path}-wal", f"{path}-shm"):
        if os.path.exists(one):
            yield from _private(one)


def _reachable(url: str) -> Iterator[Finding]:
    """Look at a log in PostgreSQL."""
    if find_spec("psycopg") is None:
        yield wrong("--log needs psycopg: install twisted-chat[cluster].")
        return
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as problem:
        yield wrong(f"The log's database can not be reached ({reason(problem)}).")
    else:
        yield good("The log's database answers.")


def hints(chosen: Settings) -> Iterator[Finding]:
    """Look at the broker of hints."""
    if chosen.hints is None:
        if is_shared(chosen.log):
            yield hint("There are no --hints: other nodes hear of a text up to a second later.")
        return
    if not is_shared(chosen.log):
        yield wrong("--hints joins nodes that share a log: --log postgresql://…")
        return
    try:
        from twisted_chat.hints.redis import HintsError, parse_url
    except ImportError:
        yield wrong("--hints needs txredisapi: install twisted-chat[cluster].")
        return
    try:
        broker = parse_url(chosen.hints)
    except HintsError as problem:
        yield wrong(f"--hints: {problem}")
        return
    for host, port in broker.places:
        try:
            with socket.create_connection((host, port), 5):
                yield good(f"The broker of hints at {host}:{port} can be reached.")
        except OSError as problem:
            yield wrong(f"The broker of hints at {host}:{port} can not be reached ({problem}).")


def _sound(path: str) -> Iterator[Finding]:
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as problem:
        yield wrong(f"{path} can not be read ({problem}).")
        return
    if said == "ok":
        yield good(f"{path} is sound.")
    else:
        yield wrong(f"{path} is damaged ({said}): restore a backup.")


def certificates(chosen: Settings) -> Iterator[Finding]:
    """Look at the certificates."""
    secure = [one for one in chosen.listening if kind_of(one) == "ssl"]
    if not secure and not chosen.certificate:
        return
    from twisted_chat.operation.certificates import expires, load

    for where, make in (
        *((one, lambda one=one: way_of(one).tls) for one in secure),
        *((one, lambda one=one: load(one)) for one in chosen.certificate),
    ):
        try:
            options = make()
            options.getContext()
        except Exception as problem:
            yield wrong(f"{where}: its certificate can not be used ({reason(problem)}).")
            continue
        left = expires(options) - time.time()
        day = time.strftime("%Y-%m-%d", time.gmtime(expires(options)))
        if left < 0:
            yield wrong(f"{where}: its certificate has expired, on {day}.")
        elif left < SOON:
            yield wrong(f"{where}: its certificate expires on {day}, and is not renewed yet.")
        else:
            yield good(f"{where}: its certificate is good until {day}.")


def doors(chosen: Settings) -> Iterator[Finding]:
    """Look at who can reach what."""
    for one in (*chosen.port, *chosen.lines, *chosen.irc):
        if kind_of(one) in ("tcp", "tcp6") and not way_of(one).interface:
            yield hint(f"{one} speaks in clear to every network: passwords too.")
    if chosen.web and not (chosen.web_host or chosen.web_origin):
        yield hint("The web door answers under its addresses alone: name it with --web-host.")
    behind = [one for one in chosen.web if kind_of(one) == "unix" or _is_here(way_of(one))]
    if behind and not chosen.trust_proxy:
        yield hint(
            f"{behind[0]} is for this machine alone: whoever comes through a proxy here has its"
            " address, and is trusted like the machine itself, unless --trust-proxy names it."
        )
    for one in chosen.metrics:
        if kind_of(one) in ("tcp", "tcp6", "ssl") and not way_of(one).interface:
            yield wrong(f"{one}: everybody can read the metrics; add :interface=127.0.0.1")


def _is_here(way: Way) -> bool:
    return way.interface.startswith("127.") or way.interface == "::1"


def host_keys(chosen: Settings) -> Iterator[Finding]:
    """Look at the SSH door's own keys, without making any."""
    if not chosen.ssh:
        return
    from twisted_chat.doors import ssh

    folder = ssh_folder(chosen)
    for path in ssh.paths(folder):
        if not os.path.lexists(path):
            yield hint(f"{path} is not there yet: the first start makes it.")
            continue
        try:
            yield good(f"{path} has the fingerprint {ssh.fingerprint(ssh.read(path))}.")
        except ssh.HostKeyError as problem:
            yield wrong(str(problem))


def system(chosen: Settings) -> Iterator[Finding]:
    """Look at what the system allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    room = 1_048_576 if hard == resource.RLIM_INFINITY else hard - SPARE_FILES
    if chosen.max_connections > room:
        yield wrong(
            f"--max-connections is {chosen.max_connections}, and the system has descriptors for"
            f" {room}: raise ulimit -Hn (LimitNOFILE= in a unit)."
        )
    elif room < 1_000:
        yield wrong(f"The system has descriptors for {room} connections: raise ulimit -Hn.")
    else:
        yield good(f"The system has descriptors for {room} connections.")
    try:
        backlog = int(BACKLOG.read_text())
    except (OSError, ValueError):
        return
    if backlog < 1_024:
        yield hint(f"net.core.somaxconn is {backlog}: in a storm of clients some must try again.")


def daemon(chosen: Settings) -> Iterator[Finding]:
    """Look whether the daemon runs, and answers."""
    if chosen.admin is None:
        yield hint("There is no --admin socket: a daemon that runs can not be asked anything.")
        return
    if not os.path.exists(chosen.admin):
        yield hint(f"No daemon runs: there is no {chosen.admin}.")
        return
    try:
        found = steering.ask(chosen.admin, "who", {})
    except steering.NoDaemon as problem:
        yield wrong(f"The daemon does not answer: {problem}")
        return
    yield good(f"The daemon answers; {len(found) - 1} are connected.")
    yield from _private(chosen.admin)
