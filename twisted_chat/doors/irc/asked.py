"""Which commands there are: each is one function, registered where it is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from attrs import frozen

from twisted_chat.doors.irc.lines import Line

Do = Callable[[Any, Line], Awaitable[None]]

AtOnce = Callable[[Any, Line], bool]
"""Does what a line asks for and returns True, or does nothing where that would take more."""


@frozen
class Command:
    """What does it, and how many parameters it needs at least; ``at_once`` is tried before."""

    do: Do
    least: int
    at_once: AtOnce | None = None


COMMANDS: Final[dict[str, Command]] = {}
BEFORE: Final[set[str]] = set()
"""Those that are understood before a registration is whole."""


def command(
    name: str, least: int = 0, *, before: bool = False, at_once: AtOnce | None = None
) -> Callable[[Do], Do]:
    """Make a function what does a command."""

    def register(do: Do) -> Do:
        COMMANDS[name] = Command(do, least, at_once)
        if before:
            BEFORE.add(name)
        return do

    return register
