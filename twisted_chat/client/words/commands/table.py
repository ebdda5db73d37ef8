"""The table of commands: what each is called, takes and does.

A command is one entry: a coroutine function under ``@command``. ``/help``, completion and the
documentation are made of what that says.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from attrs import frozen

from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.rooms import Room, Server
from twisted_chat.vocabulary.errors import ChatError


class Usage(ChatError):
    """A command that can not be understood; the sentence says how it is written."""

    def __init__(self, sentence: str) -> None:
        super().__init__("bad-request", sentence)


@frozen
class Given:
    """What was written behind a command: arguments by their names, and flags."""

    arguments: dict[str, str]
    flags: frozenset[str]

    def __getitem__(self, name: str) -> str:
        return self.arguments[name]

    def get(self, name: str) -> str | None:
        """Return an argument that may be left out."""
        return self.arguments.get(name)


Handler = Callable[[Desk, Given], Awaitable[None]]


@frozen
class Command:
    """One command. Arguments are written ``NAME``, ``[NAME]`` or ``NAME...``: the rest.

    ``elsewhere``: it is about other servers, and so for who has a way to them.
    """

    name: str
    short: str
    arguments: tuple[str, ...]
    help: str
    run: Handler
    flags: tuple[str, ...] = ()
    elsewhere: bool = False

    @property
    def usage(self) -> str:
        """How it is written."""
        flags = (f"[{flag}]" for flag in self.flags)
        return " ".join((f"/{self.name}", *self.arguments, *flags))

    def read(self, rest: str) -> Given:
        """Read what is written behind it. Raises Usage."""
        words = rest.split(maxsplit=len(self.arguments) - 1) if self.takes_rest else rest.split()
        flags = frozenset(word for word in words if word in self.flags)
        words = [word for word in words if word not in flags]
        optional = sum(argument.startswith("[") for argument in self.arguments)
        spare = len(words) - (len(self.arguments) - optional)
        if not 0 <= spare <= optional:
            raise Usage(f"It is written {self.usage}")
        found = {}
        for argument in self.arguments:
            if argument.startswith("["):
                if not spare:
                    continue
                spare -= 1
            found[bare(argument)] = words.pop(0).rstrip()
        return Given(found, flags)

    @property
    def takes_rest(self) -> bool:
        """Whether its last argument is the rest of the line."""
        return bool(self.arguments) and "..." in self.arguments[-1]


def bare(argument: str) -> str:
    """Return an argument's name without its marks."""
    return str(re.findall("[A-Z_]+", argument)[0])


_COMMANDS: Final[list[Command]] = []


def command(
    usage: str, *, short: str = "", flags: Sequence[str] = (), elsewhere: bool = False
) -> Callable[[Handler], Handler]:
    """Put a command into the table: its docstring is its help.

    ``usage`` is its name and its arguments, ``msg USER TEXT...``; what an argument is called
    decides how it is completed.
    """
    name, *arguments = usage.split()

    def add(run: Handler) -> Handler:
        help = " ".join((run.__doc__ or "").split())
        _COMMANDS.append(Command(name, short, tuple(arguments), help, run, tuple(flags), elsewhere))
        return run

    return add


def commands(desk: Desk | None = None) -> Sequence[Command]:
    """Return the commands, as they are to be listed: all, or those that a person has."""
    alone = desk is not None and desk.alone
    return [command for command in _COMMANDS if not (alone and command.elsewhere)]


def command_of(name: str, desk: Desk | None = None) -> Command:
    """Return a command by its name, its short form, or a beginning that only it has.

    Raises Usage, which names those that may have been meant.
    """
    name = name.lower()
    known = commands(desk)
    for one in known:
        if name and name in (one.name, one.short):
            return one
    found = [one for one in known if name and one.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Usage(f"/{name} may be {either([f'/{one.name}' for one in found])}.")
    near = get_close_matches(name, [one.name for one in known], n=2, cutoff=0.7)
    meant = f" Did you mean {either([f'/{one}' for one in near])}?" if near else ""
    raise Usage(f"There is no command /{name}: /help shows all; //{name} says /{name}.{meant}")


def either(names: list[str]) -> str:
    """Return names of which one is meant, in a sentence."""
    return " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


# --- what commands are about -----------------------------------------------------------------


def is_operator(desk: Desk) -> bool:
    """Whether one is an operator of the current server."""
    server = desk.where.server
    welcome = None if server is None else server.client.welcome
    return welcome is not None and bool(welcome.operator)


def server_of(desk: Desk) -> Server:
    """Return the current server. Raises Usage."""
    server = desk.where.server
    if server is None:
        raise Usage("You are on no server: /connect HOST, or /login USER HOST PORT.")
    if server.obstacle is not None:
        desk.view.info(f"{server.name} is not there; this waits until it is.")
    return server


def room_of(desk: Desk) -> Room:
    """Return the current session. Raises Usage."""
    if desk.where.room is None:
        raise Usage("You are in no session: /list shows them, /joinsession NAME joins one.")
    server_of(desk)
    return desk.where.room


def find(rooms: Iterable[Room], name: str) -> list[Room]:
    """Return the rooms that a name may mean: by session, ``@user`` or ``server/session``."""
    wanted = name.casefold()
    return [
        room
        for room in rooms
        if wanted in (room.name.casefold(), room.path.casefold(), room.session.casefold())
    ]


def one(desk: Desk, name: str) -> Room:
    """Return the room that a name means; of several, that of the current server. Raises Usage."""
    found = find(desk.where.rooms, name)
    here = [room for room in found if room.server is desk.where.server]
    if len(found) != 1 and len(here) == 1:
        found = here
    if not found:
        raise Usage(f"You are not in {name}: /joinsession {name} goes there.")
    if len(found) > 1:
        raise Usage(f"{name} may be {either([room.path for room in found])}.")
    return found[0]


async def password_of(desk: Desk, given: Given, question: str) -> str | None:
    """Return the password that was written, or is asked for with ``--password``. Raises Usage."""
    if "--password" not in given.flags:
        return given.get("PASSWORD")
    password = await desk.screen.ask(question)
    if not password:
        raise Usage("No password was given.")
    return password
