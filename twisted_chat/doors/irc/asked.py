"""Which commands there are: each is one function, registered where it is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from attrs import frozen

from twisted_chat.doors.irc.lines import Line

Do = Callable[[Any, Line], Awaitable[None]]


@frozen
class Command:
    """What does it, and how many parameters it needs at least."""

    do: Do
    least: int


COMMANDS: Final[dict[str, Command]] = {}
BEFORE: Final[set[str]] = set()
"""Those that are understood before a registration is whole."""


def command(name: str, least: int = 0, *, before: bool = False) -> Callable[[Do], Do]:
    """Make a function what does a command."""

    def register(do: Do) -> Do:
        COMMANDS[name] = Command(do, least)
        if before:
            BEFORE.add(name)
        return do

    return register
