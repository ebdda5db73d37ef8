"""``twisted-chat``: the line client, the tool for pipes, and the way to the operator's commands."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGHUP, signal
from typing import Any, Final, NoReturn, cast

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from zope.interface import provider

from twisted_chat import __version__
from twisted_chat.client.address import Address, parse_address
from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.memory import Memory, usual_path
from twisted_chat.client.reaching import Unreachable, described, over_tls
from twisted_chat.client.terminal.output import complain, encoding, lenient
from twisted_chat.client.terminal.pipe import Pipe, PipeOptions
from twisted_chat.client.terminal.plain import Failed, Person, PlainScreen
from twisted_chat.client.terminal.uploading import Uploader
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.view import Screen
from twisted_chat.client.words.wishes import in_file
from twisted_chat.client.words.wishes import usual_path as wishes_path
from twisted_chat.vocabulary.clock import steady

ADMIN: Final = frozenset({"users", "export", "import", "backup", "admin", "doctor"})
"""First words that are the operator's commands, not a server."""

DESCRIPTION: Final = """\
Chat on a twisted-chat server. On a terminal: type, and /help shows the commands.
On a pipe each line is said and acknowledged: echo done | twisted-chat bot@HOST --session ops
"""

EPILOG: Final = """\
Operators: twisted-chat users|export|import|backup --help
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_usage(message))


def _usage(problem: str) -> int:
    """Say in one line what is wrong with the command line; return the exit status."""
    complain(f"{problem} (--help shows the options)")
    return 2


@frozen
class Options:
    """What the command line says."""

    address: Address | None
    user: str
    password: str | None
    session: str | None
    session_password: str | None
    endpoint: str | None
    tls: bool
    cafile: Path | None
    commands: bool
    json: bool
    follow: bool
    timeout: float


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program; ends with SystemExit: 0, 1 where something failed, 2 for a wrong usage."""
    lenient()
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in ADMIN:
        from twisted_chat.operation.admin import main as admin

        sys.exit(admin(words))
    options = read_options(words)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if options.commands or (terminal and os.environ.get("TERM") == "dumb"):
        _run(_on_lines, options)
    elif terminal and not options.json and not options.follow:
        _run(_on_terminal, options, asyncio=True)
    elif options.address is None:
        sys.exit(_usage("on a pipe, name a server: [USER@]HOST[:PORT]"))
    else:
        _run(_on_pipe, options, options.address)


def _parser() -> _Parser:
    parser = _Parser(
        prog="twisted-chat",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("server", nargs="?", metavar="[USER@]HOST[:PORT]", help="the server; port 1234 if left out")
    add("--session", metavar="NAME", help="join this session (on a pipe: speak there)")
    first = "the first line of FILE is"
    add(
        "--session-password-file", metavar="FILE", type=Path, help=f"{first} the session's password"
    )
    add("--password-file", metavar="FILE", type=Path, help=f"{first} the user's password")
    add("--tls", action="store_true", help="speak TLS, and verify the server's certificate")
    add(
        "--cafile",
        metavar="FILE",
        type=Path,
        help="trust these certificates (PEM), not the system's",
    )
    add("--endpoint", metavar="DESCRIPTION", help="connect to this Twisted client endpoint instead")
    add("--version", action="version", version=f"twisted-chat {__version__}")
    pipe = parser.add_argument_group("on a pipe")
    add = pipe.add_argument
    add("--json", action="store_true", help="print each event as a line of JSON")
    add("--follow", action="store_true", help="go on after the input's end, until interrupted")
    add("--timeout", metavar="SECONDS", type=_seconds, default=30.0, help="for each answer (30)")
    add("--commands", action="store_true", help="lines are as on a terminal: /help, /list ...")
    return parser


def read_options(words: Sequence[str]) -> Options:
    """Read the command line; ends with status 2 and one line where it is wrong."""
    parser = _parser()
    found = parser.parse_args(words)
    address = None
    try:
        if found.server is not None:
            address = parse_address(found.server)
        elif found.endpoint is not None:
            address = Address(found.endpoint)
        password = _first_line(found.password_file)
        session_password = _first_line(found.session_password_file)
        if session_password is not None and found.session is None:
            raise ValueError("--session-password-file is for --session.")
        if found.cafile is not None and not found.tls:
            raise ValueError("--cafile is for --tls.")
        if found.tls and found.endpoint is not None:
            raise ValueError("--tls is for HOST; an endpoint says it itself: tls:HOST:PORT.")
    except ValueError as problem:
        parser.error(str(problem))
    user = address.user if address is not None else None
    return Options(
        address=address,
        user=user or _own_name(),
        password=password,
        session=found.session,
        session_password=session_password,
        endpoint=found.endpoint,
        tls=found.tls,
        cafile=found.cafile,
        commands=found.commands,
        json=found.json,
        follow=found.follow,
        timeout=found.timeout,
    )


def _seconds(raw: str) -> float:
    try:
        seconds = float(raw)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{raw!r} is no number of seconds")
    return seconds


def _first_line(path: Path | None) -> str | None:
    """Return a file's first line, where there is a file. Raises ValueError."""
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8-sig") as file:  # some editors begin with the mark
            return file.readline().rstrip("\r\n")
    except OSError as problem:
        raise ValueError(f"{path}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: it is not in UTF-8") from None


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "guest"


# --- connecting --------------------------------------------------------------------------------


def endpoint(reactor: Any, options: Options, address: Address) -> IStreamClientEndpoint:
    """Return the endpoint of a server. Raises Failed."""
    try:
        if options.endpoint is not None and address == options.address:
            return described(reactor, options.endpoint)
        if options.tls:
            return over_tls(reactor, address.host, address.port, options.cafile)
    except Unreachable as problem:
        raise Failed(str(problem)) from None
    return cast(IStreamClientEndpoint, HostnameEndpoint(reactor, address.host, address.port))


def _desk(reactor: Any, options: Options, screen: Screen) -> Desk:
    def make(address: Address, user: str, password: str | None) -> ChatClient:
        return ChatClient(reactor, endpoint(reactor, options, address), user, password)

    kept, send = in_file(wishes_path()), Uploader(reactor).send
    return Desk(screen, make, options.user, Memory(usual_path()), kept=kept, upload=send)


# --- running -----------------------------------------------------------------------------------


def _run(flow: Callable[..., Any], *arguments: object, asyncio: bool = False) -> NoReturn:
    if asyncio:  # where prompt_toolkit lives
        from asyncio import new_event_loop, set_event_loop

        from twisted.internet import asyncioreactor

        loop = new_event_loop()
        set_event_loop(loop)
        asyncioreactor.install(loop)
    from twisted.internet import reactor
    from twisted.internet.task import react

    steady(reactor)
    react(_reported, (flow, *arguments))


async def _reported(reactor: Any, flow: Callable[..., Any], *arguments: object) -> None:
    """Run a flow; what it can not do is one line on standard error and status 1."""
    try:
        await flow(reactor, *arguments)
    except Failed as problem:
        complain(str(problem))
        raise SystemExit(1) from None
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None


def _log_to(show: Callable[[str], object]) -> None:
    """Show errors, and nothing else, of what Twisted logs."""

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            failure = event.get("log_failure")
            why = f": {failure.getErrorMessage()}" if failure is not None else ""
            show(f"{formatEvent(event)}{why}")

    globalLogBeginner.beginLoggingTo([observe], redirectStandardIO=False, discardBuffer=True)


async def _on_terminal(reactor: Any, options: Options) -> None:
    from twisted.internet.task import deferLater

    from twisted_chat.client.terminal.terminal import Terminal

    await deferLater(reactor, 0)  # asyncio's loop runs from here on
    terminal = Terminal(reactor)
    desk = terminal.desk = _desk(reactor, options, terminal)
    _log_to(desk.view.problem)
    restored: Deferred[None] = Deferred()  # the terminal: not before that is the reactor to stop
    reactor.addSystemEventTrigger(
        "before", "shutdown", lambda: desk.interrupt().addCallback(lambda _: restored)
    )
    # A window that is closed: one leaves properly all the same.
    signal(SIGHUP, lambda *_: reactor.callFromThread(reactor.stop))
    _begin(desk, options)
    try:
        await terminal.run()
    finally:
        restored.callback(None)


def _begin(desk: Desk, options: Options) -> Deferred[None]:
    """Go where the command line says; fires when one is there, or can not be."""
    if options.address is None:
        desk.view.info("Welcome. /connect HOST or /login USER HOST PORT; /help shows the rest.")
        return succeed(None)
    return desk.connect(
        options.address,
        options.user,
        options.password,
        options.session,
        options.session_password,
    ).settled


async def _on_lines(reactor: Any, options: Options) -> None:
    from twisted.internet.stdio import StandardIO

    # A person who mistypes goes on; a program must not say in one place what was for another.
    person = Person(sys.stdin.fileno()) if sys.stdin.isatty() else None
    screen = PlainScreen(reactor, options.timeout, person)
    desk = screen.desk = _desk(reactor, options, screen)
    _log_to(desk.view.problem)
    screen.pipe.encoding = encoding()
    StandardIO(screen.pipe, reactor=reactor)
    screen.pipe.slows(desk)
    reactor.addSystemEventTrigger("before", "shutdown", desk.interrupt)
    screen.begin(_begin(desk, options))
    try:
        await screen.left
    finally:
        await screen.pipe.close(reactor)


async def _on_pipe(reactor: Any, options: Options, address: Address) -> None:
    from twisted.internet.stdio import StandardIO

    _log_to(complain)
    client = ChatClient(
        reactor, endpoint(reactor, options, address), options.user, options.password
    )
    pipe = Pipe(
        reactor,
        client,
        PipeOptions(
            where=str(address),
            session=options.session,
            password=options.session_password,
            timeout=options.timeout,
            json=options.json,
            follow=options.follow,
        ),
    )
    pipe.lines.encoding = encoding()
    StandardIO(pipe.lines, reactor=reactor)
    pipe.lines.pauseProducing()
    pipe.lines.slows(client)
    interrupt = reactor.addSystemEventTrigger("before", "shutdown", pipe.interrupt)
    try:
        await pipe.run()
    finally:
        if not pipe.interrupted:
            reactor.removeSystemEventTrigger(interrupt)


if __name__ == "__main__":
    main()
