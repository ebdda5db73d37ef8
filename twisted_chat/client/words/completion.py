"""What a word may become: commands, sessions, users and servers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twisted_chat.client.words.commands import Usage, command_of, commands
from twisted_chat.client.words.commands.own import LEVELS
from twisted_chat.client.words.commands.ruling import ON_OFF_SETTINGS, ROLES, SETTINGS
from twisted_chat.client.words.commands.table import bare, is_operator
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.wishes import CHOICES, ON_OFF


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
        return [f"/{command.name}" for command in commands(desk)]
    try:
        command = command_of(words[0][1:], desk)
    except Usage:
        return ()
    if words[-1].startswith("-"):
        return command.flags
    if len(words) - 2 >= len(command.arguments):
        return _users(desk) if command.takes_rest else ()
    server = desk.where.server
    match bare(command.arguments[len(words) - 2]):
        case "NAME" if command.name == "switch":
            return _rooms(desk)
        case "NAME" if server is not None:
            return dict.fromkeys([*server.rooms, *server.listed])
        case "USER" if command.name == "unignore":
            here = server.ignored.values() if server is not None else ()
            return [*desk.kept.wishes.ignored, *here]
        case "USER" | "WHOM" | "TEXT" | "WORDS":
            return _users(desk)
        case "LEVEL":
            return LEVELS
        case "ROLE":
            return ROLES
        case "SETTING":
            return (*CHOICES, *SETTINGS)
        case "VALUE":
            return CHOICES.get(words[1], ON_OFF if words[1] in ON_OFF_SETTINGS else ())
        case "DEVICE" if server is not None:
            return server.devices
        case "SERVER_OR_USER":
            servers = () if desk.alone else tuple(desk.where.servers)
            return (*servers, *(_users(desk) if is_operator(desk) else ()))
        case "COMMAND":
            return [command.name for command in commands(desk)]
        case _:
            return ()


def _rooms(desk: Desk) -> list[str]:
    names = dict.fromkeys(room.name for room in desk.where.rooms)
    several = len(desk.where.servers) > 1
    return [*names, *(room.path for room in desk.where.rooms if several)]


def _users(desk: Desk) -> list[str]:
    room = desk.where.room
    rooms = [room, *room.server.rooms.values()] if room is not None else []
    own = room.server.client.user if room is not None else ""
    users = dict.fromkeys(user for one in rooms for user in one.users)
    return [user for user in users if user != own]
