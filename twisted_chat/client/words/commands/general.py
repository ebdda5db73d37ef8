"""Commands about the words themselves, and the way out."""

from __future__ import annotations

from twisted_chat.client.words import render
from twisted_chat.client.words.commands.table import Given, command, command_of, commands
from twisted_chat.client.words.desk import Desk


@command("help [COMMAND]", short="?")
async def help_(desk: Desk, given: Given) -> None:
    """Show this."""
    name = given.get("COMMAND")
    known = commands(desk) if name is None else (command_of(name.removeprefix("/"), desk),)
    for one in known:
        short = f" (/{one.short})" if one.short else ""
        desk.view.show(*render.entry(one.usage, f"{one.help}{short}"))
    if name is None:
        desk.view.show([("", "Anything else is said in the current session; //x says /x.")])
        desk.view.show([("", "Tab completes commands, sessions and users.")])


@command("quit", short="q")
async def quit_(desk: Desk, _: Given) -> None:
    """Leave everything properly, and go."""
    await desk.leave()
