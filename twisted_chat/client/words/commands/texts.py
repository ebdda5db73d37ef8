"""Commands about texts: those of the past, and those to one user alone."""

from __future__ import annotations

from typing import Final

from twisted_chat.client.words.commands.table import Given, Usage, command, room_of, server_of
from twisted_chat.client.words.desk import Desk
from twisted_chat.vocabulary.messages import MAX_HISTORY

HISTORY: Final = 20
"""Texts that ``/history`` shows unless it is told how many."""

FOUND: Final = 20
"""Texts that ``/search`` shows, at most."""


@command("history [N]", short="h")
async def history(desk: Desk, given: Given) -> None:
    """Show the last N texts of this session."""
    room, wanted = room_of(desk), given.get("N") or str(HISTORY)
    digits = wanted.isascii() and wanted.isdigit() and len(wanted) <= len(str(MAX_HISTORY))
    if not digits or not 1 <= int(wanted) <= MAX_HISTORY:
        raise Usage(f"It shows from 1 to {MAX_HISTORY} texts.")
    texts, more = await room.past(int(wanted))
    if not texts:
        desk.view.info(f"Nothing has been said in {room.name}.")
        return
    desk.view.info(f"The last {len(texts)} of {room.name}:")
    desk.view.texts(room.server, texts, number=True)
    desk.view.info("There is more before them." if more else "That is all.")


@command("search QUERY...", short="f")
async def search(desk: Desk, given: Given) -> None:
    """Find texts of this session with these words."""
    room, query = room_of(desk), given["QUERY"]
    found = await room.server.client.search(room.session, query, limit=FOUND)
    if not found.texts:
        desk.view.info(f"Nothing in {room.name} has {query}.")
        return
    last = "The last " if found.more else ""
    desk.view.info(f"{last}{len(found.texts)} in {room.name} with {query}:")
    desk.view.texts(room.server, found.texts, number=True)


@command("searchall QUERY...", short="fa")
async def searchall(desk: Desk, given: Given) -> None:
    """Find texts with these words in all the sessions that you are in."""
    server, query = server_of(desk), given["QUERY"]
    found = await server.client.search(None, query, limit=FOUND)
    if not found.texts:
        desk.view.info(f"Nothing in your sessions has {query}.")
        return
    last = "The last " if found.more else ""
    desk.view.info(f"{last}{len(found.texts)} in your sessions with {query}:")
    for text in found.texts:
        desk.view.texts(server, [text], tag=server.name_of(text.session), number=True)


@command("mentions", short="n")
async def mentions(desk: Desk, _: Given) -> None:
    """Show the last texts that name you, in all the sessions that you are in."""
    server = server_of(desk)
    found = await server.client.search(None, f'"{server.client.user}"', limit=FOUND)
    named = [text for text in found.texts if desk.view.names(server, text)]
    desk.view.info(f"The last {len(named)} that name you:" if named else "Nothing names you.")
    for text in named:
        desk.view.texts(server, [text], tag=server.name_of(text.session), number=True)


@command("msg USER TEXT...", short="m")
async def msg(desk: Desk, given: Given) -> None:
    """Write to one user alone."""
    user = given["USER"].removeprefix("@")
    server = desk.where.server  # a text that waits says so itself
    await desk.speaker.message(server_of(desk) if server is None else server, user, given["TEXT"])
