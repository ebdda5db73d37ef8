"""``twisted-chat admin …``: asks a running daemon through its UNIX socket."""

from __future__ import annotations

import argparse
import json
import os
import socket
from typing import Any, Final

DEFAULTS: Final = ("admin.sock", "/run/twisted-chat/admin.sock", "/var/lib/twisted-chat/admin.sock")
"""Where the socket is looked for unless it is named."""

VARIABLE: Final = "TWISTED_CHAT_ADMIN"

PATIENCE: Final = 3_700.0
"""Seconds that an answer may take: a drain takes as long as it was asked to."""

MAX_ANSWER: Final = 16 * 1024 * 1024

_WHOM: Final[list[tuple[str, dict[str, Any]]]] = [
    ("--user", {}),
    ("--address", {"help": "an address or a network"}),
    ("--session", {"help": "of this one alone"}),
]
_HOW: Final[list[tuple[str, dict[str, Any]]]] = [
    ("--seconds", {"type": int, "help": "for so long [for ever]"}),
    ("--reason", {}),
]

ORDERS: Final[dict[str, tuple[str, list[tuple[str, dict[str, Any]]]]]] = {
    "who": ("who is connected", [("--session", {})]),
    "sessions": ("which sessions there are", []),
    "nodes": ("which nodes there are, and how they are", []),
    "kick": ("take a user out of a session", [("session", {}), ("user", {}), ("--reason", {})]),
    "ban": ("keep somebody out: of a session, or of the server", [*_WHOM, *_HOW]),
    "unban": ("let somebody in again", _WHOM),
    "mute": ("let somebody say nothing: in a session, or on the server", [*_WHOM, *_HOW]),
    "unmute": ("let somebody speak again", _WHOM),
    "bans": ("who is banned or muted", [("--session", {"help": "in this one"})]),
    "notice": ("tell everybody something", [("data", {"metavar": "TEXT"}), ("--session", {})]),
    "disconnect": ("end a user's connections", [("user", {}), ("--reason", {})]),
    "release": ("let anybody have a removed account's name", [("user", {})]),
    "delete": ("end a session, a direct one (@ann,bob) too", [("session", {})]),
    "invite": ("make a code with which an account can be registered, once", []),
    "reload": ("read settings, accounts and certificates again, as SIGHUP does", []),
    "audit": ("what moderators did", [("--limit", {"type": int})]),
    "drain": (
        "send everybody away, and end",
        [("--seconds", {"type": float, "help": "over so long [at once]"})],
    ),
}


class NoDaemon(Exception):
    """The daemon can not be reached, or refuses; one sentence."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``admin`` and its orders."""
    admin = commands.add_parser("admin", help="a running daemon, through its --admin socket")
    admin.add_argument(
        "--socket",
        metavar="PATH",
        help=f"the daemon's socket [${VARIABLE}, or {', '.join(DEFAULTS)}]",
    )
    orders = admin.add_subparsers(metavar="ORDER", required=True)
    for word, (help, arguments) in ORDERS.items():
        parser = orders.add_parser(word, help=help, description=f"{help.capitalize()}.")
        for name, how in arguments:
            parser.add_argument(name, **how)
        parser.set_defaults(run=run, order=word)


def run(args: argparse.Namespace) -> None:
    """Ask, and print the answer. Raises NoDaemon."""
    names = [name.lstrip("-") for name, _ in ORDERS[args.order][1]]
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    for line in ask(path_of(args.socket), args.order, given):
        print(line)


def path_of(named: str | None) -> str:
    """Return where the socket is. Raises NoDaemon."""
    if found := named or os.environ.get(VARIABLE):
        return found
    for path in DEFAULTS:
        if os.path.exists(path):
            return path
    raise NoDaemon(
        f"No daemon's socket is at {' or '.join(DEFAULTS)}; start the daemon with --admin PATH, and"
        " name it with --socket PATH."
    )


def ask(path: str, order: str, given: dict[str, Any]) -> list[str]:
    """Return a daemon's answer. Raises NoDaemon."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(PATIENCE)
        try:
            link.connect(path)
            link.sendall(json.dumps({"order": order, "given": given}).encode() + b"\n")
            answer = bytearray()
            while (more := link.recv(65_536)) and len(answer) < MAX_ANSWER:
                answer += more
        except ConnectionRefusedError:
            raise NoDaemon(f"{path}: no daemon is there; it has ended.") from None
        except OSError as problem:
            raise NoDaemon(f"{path}: {problem.strerror or problem}.") from None
    try:
        found = json.loads(answer)
    except ValueError:
        raise NoDaemon(f"{path}: the daemon ended before it answered.") from None
    if "refused" in found:
        raise NoDaemon(str(found["refused"]))
    return [str(line) for line in found["lines"]]
