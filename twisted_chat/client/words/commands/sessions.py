"""Commands about sessions: which there are, coming and going, who is there."""

from __future__ import annotations

from typing import Final

from twisted_chat.client.words import render
from twisted_chat.client.words.commands.table import (
    Given,
    Usage,
    command,
    find,
    one,
    password_of,
    room_of,
    server_of,
)
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.rooms import MAX_LISTED

NAMED: Final = 200
"""Users that ``/who`` names, at most."""


@command("createsession NAME [PASSWORD]", short="c", flags=("--password", "--keep"))
async def createsession(desk: Desk, given: Given) -> None:
    """Create a session and go there.

    A password locks it; --password asks for one unseen; --keep lets it stay when it is
    empty.
    """
    server, name = server_of(desk), given["NAME"]
    password = await password_of(desk, given, f"Password to lock {name} with: ")
    await server.client.create(name, password, keep="--keep" in given.flags)


@command("joinsession NAME [PASSWORD]", short="j", flags=("--password",))
async def joinsession(desk: Desk, given: Given) -> None:
    """Go into a session.

    The password of a locked one is asked for unseen, or written.
    """
    server, name = server_of(desk), given["NAME"]
    known = find(server.rooms.values(), name)
    if len(known) == 1:
        desk.where.switch(known[0])
        return
    password = await password_of(desk, given, f"Password of {name}: ")
    await desk.join(server, name, password, unseen="--password" in given.flags)


@command("leavesession [NAME]", short="l")
async def leavesession(desk: Desk, given: Given) -> None:
    """Leave this session, or another."""
    name = given.get("NAME")
    room = room_of(desk) if name is None else one(desk, name)
    if room.direct:
        raise Usage(f"{room.name} is always there: /switch NAME goes elsewhere.")
    await room.server.client.leave(room.session)


@command("deletesession NAME", short="d")
async def deletesession(desk: Desk, given: Given) -> None:
    """End a session and forget what was said there: for its owner and for operators."""
    await server_of(desk).client.delete(given["NAME"])


@command("list", short="ls")
async def list_(desk: Desk, _: Given) -> None:
    """Show which sessions there are, and who is here."""
    server = server_of(desk)
    found = await server.client.list()
    server.listed = [session.session for session in found.sessions[:MAX_LISTED]]
    desk.view.show(*render.listing(found))


@command("who", short="w")
async def who(desk: Desk, _: Given) -> None:
    """Show who is in this session."""
    room = room_of(desk)
    found = await room.server.client.who(room.session)
    room.came(found.users)
    names = render.names(found.users[:NAMED], found.count)
    desk.view.info(f"{room.name}: {render.here(found.count)}: {names}")
    for user in found.away:
        desk.view.info(f"{user.user} is away: {user.data}")


@command("topic [TEXT...]", short="t")
async def topic(desk: Desk, given: Given) -> None:
    """Show the topic of this session, or change it: its owner and operators can."""
    room, new = room_of(desk), given.get("TEXT")
    if new is None:
        known = f"Topic of {room.name}: {room.topic}" if room.topic else "There is no topic."
        desk.view.info(known)
    else:
        await room.server.client.topic(room.session, new)


@command("switch NAME", short="s")
async def switch(desk: Desk, given: Given) -> None:
    """Go to another session that you are in: ops, HOST/ops, or @bob."""
    desk.where.switch(one(desk, given["NAME"]))
