"""The line client's commands: one table, of which ``/help`` and completion are made too.

A line that begins with ``/`` is a command; ``//x`` says ``/x``; anything else is said in the
current session.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred, succeed

from twisted_chat.client.address import Address, parse_address, parse_port
from twisted_chat.client.terminal import render
from twisted_chat.client.terminal.desk import Desk
from twisted_chat.client.terminal.rooms import MAX_LISTED, Room, Server
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_HISTORY

HISTORY: Final = 20
"""Texts that ``/history`` shows unless it is told how many."""

FOUND: Final = 20
"""Texts that ``/search`` shows, at most."""

NAMED: Final = 200
"""Users that ``/who`` names, at most."""


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


@frozen
class Command:
    """One command. Arguments are written ``NAME``, ``[NAME]`` or ``NAME...``: the rest."""

    name: str
    short: str
    arguments: tuple[str, ...]
    help: str
    run: Callable[[Desk, Given], Awaitable[None]]
    flags: tuple[str, ...] = ()

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
    return str(re.findall("[A-Z]+", argument)[0])


# --- what the commands do --------------------------------------------------------------------


def _server(desk: Desk) -> Server:
    if desk.server is None:
        raise Usage("You are on no server: /connect HOST, or /login USER HOST PORT.")
    if desk.server.obstacle is not None:
        desk.info(f"{desk.server.name} is not there; this waits until it is.")
    return desk.server


def _room(desk: Desk) -> Room:
    if desk.room is None:
        raise Usage("You are in no session: /list shows them, /joinsession NAME joins one.")
    _server(desk)
    return desk.room


async def _login(desk: Desk, given: Given) -> None:
    try:
        address = Address(parse_address(given["HOST"]).host, parse_port(given["PORT"]))
    except ValueError as problem:
        raise Usage(str(problem)) from None
    password = given.get("PASSWORD")
    if password is None:
        password = await desk.screen.ask(f"Password for {given['USER']} (none for a guest): ")
        if password is None:
            raise Usage("No password was given.")
    await desk.connect(address, given["USER"], password or None).settled


async def _connect(desk: Desk, given: Given) -> None:
    try:
        address = parse_address(given["HOST"])
    except ValueError as problem:
        raise Usage(str(problem)) from None
    await desk.connect(address, address.user or desk.user).settled


async def _disconnect(desk: Desk, given: Given) -> None:
    name = given.get("SERVER")
    server = desk.server if name is None else desk.servers.get(name)
    if server is None:
        raise Usage("You are on no server." if name is None else f"You are not on {name}.")
    await desk.disconnect(server)


async def _servers(desk: Desk, _: Given) -> None:
    if not desk.servers:
        desk.info("You are on no server.")
    for server in desk.servers.values():
        state = f"as {server.client.user}" if server.client.online else server.obstacle
        rooms = ", ".join(f"{room.name}{_count(room)}" for room in server.rooms.values())
        desk.info(f"{server.name}: {state or 'connecting'}{rooms and f'; in {rooms}'}")


def _count(room: Room) -> str:
    return f" ({room.count} unread)" if room.count else ""


async def _password(desk: Desk, given: Given, question: str) -> str | None:
    """Return the password that was written, or is asked for with ``--password``."""
    if "--password" not in given.flags:
        return given.get("PASSWORD")
    password = await desk.screen.ask(question)
    if not password:
        raise Usage("No password was given.")
    return password


async def _createsession(desk: Desk, given: Given) -> None:
    server, name = _server(desk), given["NAME"]
    password = await _password(desk, given, f"Password to lock {name} with: ")
    await server.client.create(name, password, keep="--keep" in given.flags)


async def _joinsession(desk: Desk, given: Given) -> None:
    server, name = _server(desk), given["NAME"]
    known = find(server.rooms.values(), name)
    if len(known) == 1:
        desk.switch(known[0])
        return
    password = await _password(desk, given, f"Password of {name}: ")
    await desk.join(server, name, password, unseen="--password" in given.flags)


async def _leavesession(desk: Desk, given: Given) -> None:
    name = given.get("NAME")
    room = _room(desk) if name is None else one(desk, name)
    if room.direct:
        raise Usage(f"{room.name} is always there: /switch NAME goes elsewhere.")
    await room.server.client.leave(room.session)


async def _deletesession(desk: Desk, given: Given) -> None:
    await _server(desk).client.delete(given["NAME"])


async def _list(desk: Desk, _: Given) -> None:
    server = _server(desk)
    found = await server.client.list()
    server.listed = [session.session for session in found.sessions[:MAX_LISTED]]
    desk.show(*render.listing(found))


async def _who(desk: Desk, _: Given) -> None:
    room = _room(desk)
    found = await room.server.client.who(room.session)
    room.came(found.users)
    who = render.names(found.users[:NAMED], found.count)
    desk.info(f"{room.name}: {render.here(found.count)}: {who}")


async def _history(desk: Desk, given: Given) -> None:
    room, wanted = _room(desk), given.get("N") or str(HISTORY)
    digits = wanted.isascii() and wanted.isdigit() and len(wanted) <= len(str(MAX_HISTORY))
    if not digits or not 1 <= int(wanted) <= MAX_HISTORY:
        raise Usage(f"It shows from 1 to {MAX_HISTORY} texts.")
    found = await room.server.client.history(room.session, limit=int(wanted))
    if not found.texts:
        desk.info(f"Nothing has been said in {room.name}.")
        return
    desk.info(f"The last {len(found.texts)} of {room.name}:")
    desk.show_texts(room.server, found.texts)
    desk.info("That is all." if not found.more else "There is more before them.")


async def _search(desk: Desk, given: Given) -> None:
    room, query = _room(desk), given["QUERY"]
    found = await room.server.client.search(room.session, query, limit=FOUND)
    if not found.texts:
        desk.info(f"Nothing in {room.name} has {query}.")
        return
    desk.info(f"{'The last ' if found.more else ''}{len(found.texts)} in {room.name} with {query}:")
    desk.show_texts(room.server, found.texts)


async def _topic(desk: Desk, given: Given) -> None:
    room, topic = _room(desk), given.get("TEXT")
    if topic is None:
        desk.info(f"Topic of {room.name}: {room.topic}" if room.topic else "There is no topic.")
    else:
        await room.server.client.topic(room.session, topic)


async def _msg(desk: Desk, given: Given) -> None:
    user = given["USER"].removeprefix("@")
    if desk.server is None:
        _server(desk)
    else:
        await desk.message(desk.server, user, given["TEXT"])


async def _switch(desk: Desk, given: Given) -> None:
    desk.switch(one(desk, given["NAME"]))


async def _help(desk: Desk, given: Given) -> None:
    name = given.get("COMMAND")
    commands = COMMANDS if name is None else (command_of(name.removeprefix("/")),)
    for command in commands:
        short = f" (/{command.short})" if command.short else ""
        desk.show(*render.entry(command.usage, f"{command.help}{short}"))
    if name is None:
        desk.show([("", "Anything else is said in the current session; //x says /x.")])
        desk.show([("", "Tab completes commands, sessions and users.")])


async def _quit(desk: Desk, _: Given) -> None:
    await desk.leave()


COMMANDS: Final[Sequence[Command]] = (
    Command(
        "login",
        "",
        ("USER", "[PASSWORD]", "HOST", "PORT"),
        "Log in to a server; a password that is left out is asked for.",
        _login,
    ),
    Command("logout", "", (), "Leave the current server: its sessions, then itself.", _disconnect),
    Command(
        "createsession",
        "c",
        ("NAME", "[PASSWORD]"),
        "Create a session and go there. A password locks it; --password asks for one unseen;"
        " --keep lets it stay when it is empty.",
        _createsession,
        ("--password", "--keep"),
    ),
    Command(
        "joinsession",
        "j",
        ("NAME", "[PASSWORD]"),
        "Go into a session. The password of a locked one is asked for unseen, or written.",
        _joinsession,
        ("--password",),
    ),
    Command("leavesession", "l", ("[NAME]",), "Leave this session, or another.", _leavesession),
    Command(
        "deletesession",
        "d",
        ("NAME",),
        "End a session and forget what was said there: for its owner and for operators.",
        _deletesession,
    ),
    Command("list", "ls", (), "Show which sessions there are, and who is here.", _list),
    Command("who", "w", (), "Show who is in this session.", _who),
    Command("history", "h", ("[N]",), "Show the last N texts of this session.", _history),
    Command("search", "f", ("QUERY...",), "Find texts of this session with these words.", _search),
    Command(
        "topic",
        "t",
        ("[TEXT...]",),
        "Show the topic of this session, or change it: its owner and operators can.",
        _topic,
    ),
    Command("msg", "m", ("USER", "TEXT..."), "Write to one user alone.", _msg),
    Command(
        "switch",
        "s",
        ("NAME",),
        "Go to another session that you are in: ops, HOST/ops, or @bob.",
        _switch,
    ),
    Command(
        "connect", "", ("HOST[:PORT]",), "Be on another server too; USER@HOST is fine.", _connect
    ),
    Command("disconnect", "", ("[SERVER]",), "Leave this server, or another.", _disconnect),
    Command("servers", "", (), "Show the servers and the sessions that you are on.", _servers),
    Command("help", "?", ("[COMMAND]",), "Show this.", _help),
    Command("quit", "q", (), "Leave everything properly, and go.", _quit),
)

_BY_NAME: Final = {
    name: command for command in COMMANDS for name in (command.name, command.short) if name
}


# --- names -----------------------------------------------------------------------------------


def command_of(name: str) -> Command:
    """Return a command by its name, its short form, or a beginning that only it has.

    Raises Usage.
    """
    name = name.lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    found = [command for command in COMMANDS if name and command.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Usage(f"/{name} may be {_either([f'/{command.name}' for command in found])}.")
    raise Usage(f"There is no command /{name}: /help shows all; //{name} says /{name}.")


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
    found = find(desk.rooms, name)
    here = [room for room in found if room.server is desk.server]
    if len(found) != 1 and len(here) == 1:
        found = here
    if not found:
        raise Usage(f"You are not in {name}: /joinsession {name} goes there.")
    if len(found) > 1:
        raise Usage(f"{name} may be {_either([room.path for room in found])}.")
    return found[0]


def _either(names: list[str]) -> str:
    return " or ".join((", ".join(names[:-1]), names[-1]))


# --- lines -----------------------------------------------------------------------------------


async def _do(desk: Desk, line: str) -> None:
    name, _, rest = line[1:].partition(" ")
    command = command_of(name)
    await command.run(desk, command.read(rest.strip()))


def take(desk: Desk, line: str) -> Deferred[None]:
    """Do what a line says; fires when a command is done, or a text stored or refused.

    What goes wrong is shown; it never fails.
    """
    line = line.rstrip("\r\n")
    if line.startswith("/") and not line.startswith("//"):
        return desk.run(_do(desk, line))
    if line.strip():
        return desk.say(line[1:] if line.startswith("//") else line)
    return succeed(None)


def complete(desk: Desk, line: str) -> Iterator[str]:
    """Yield what the last word of ``line`` may become."""
    words = line.split(" ")
    last = words[-1]
    for candidate in _candidates(desk, words):
        if candidate.casefold().startswith(last.casefold()):
            yield candidate


def _candidates(desk: Desk, words: list[str]) -> Iterable[str]:
    if not words[0].startswith("/") or words[0].startswith("//"):
        return _users(desk)
    if len(words) == 1:
        return [f"/{command.name}" for command in COMMANDS]
    try:
        command = command_of(words[0][1:])
    except Usage:
        return ()
    if words[-1].startswith("-"):
        return command.flags
    if len(words) - 2 >= len(command.arguments):
        return _users(desk) if command.takes_rest else ()
    match bare(command.arguments[len(words) - 2]):
        case "NAME" if command.name == "switch":
            return _rooms(desk)
        case "NAME" if desk.server is not None:
            return dict.fromkeys([*desk.server.rooms, *desk.server.listed])
        case "USER" | "TEXT":
            return _users(desk)
        case "SERVER":
            return list(desk.servers)
        case "COMMAND":
            return [command.name for command in COMMANDS]
        case _:
            return ()


def _rooms(desk: Desk) -> list[str]:
    names = dict.fromkeys(room.name for room in desk.rooms)
    paths = [room.path for room in desk.rooms] if len(desk.servers) > 1 else []
    return [*names, *paths]


def _users(desk: Desk) -> list[str]:
    room = desk.room
    rooms = [room, *room.server.rooms.values()] if room is not None else []
    own = room.server.client.user if room is not None else ""
    users = dict.fromkeys(user for one in rooms for user in one.users)
    return [user for user in users if user != own]
