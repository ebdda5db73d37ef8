"""Commands about servers: being on one, on several, and on none any more."""

from __future__ import annotations

from twisted_chat.client.address import Address, parse_address, parse_port
from twisted_chat.client.words.commands.table import (
    Given,
    Usage,
    command,
    is_operator,
    server_of,
)
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.rooms import Room
from twisted_chat.vocabulary.messages import Disconnect, Disconnected


@command("login USER [PASSWORD] HOST PORT", elsewhere=True)
async def login(desk: Desk, given: Given) -> None:
    """Log in to a server; a password that is left out is asked for."""
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


@command("connect HOST[:PORT]", elsewhere=True)
async def connect(desk: Desk, given: Given) -> None:
    """Be on another server too; USER@HOST is fine."""
    try:
        address = parse_address(given["HOST"])
    except ValueError as problem:
        raise Usage(str(problem)) from None
    await desk.connect(address, address.user or desk.user).settled


@command("disconnect [SERVER_OR_USER] [REASON...]")
async def disconnect(desk: Desk, given: Given) -> None:
    """Leave this server, or another; or end the connections of a user: for operators."""
    name = given.get("SERVER_OR_USER")
    if name is None and not desk.alone:
        await logout(desk, given)
    elif name in desk.where.servers and not desk.alone:
        await desk.disconnect(desk.where.servers[name])
    elif name is None or not is_operator(desk):
        raise Usage("Whom?" if name is None else f"You are not on {name}.")
    else:
        asked = Disconnect(user=name.removeprefix("@"), reason=given.get("REASON"))
        ended = await server_of(desk).client.ask(asked, Disconnected, "fail")
        desk.view.info(f"{ended.user} is disconnected.")


@command("logout", elsewhere=True)
async def logout(desk: Desk, _: Given) -> None:
    """Leave the current server: its sessions, then itself."""
    if desk.where.server is None:
        raise Usage("You are on no server.")
    await desk.disconnect(desk.where.server)


@command("servers", elsewhere=True)
async def servers(desk: Desk, _: Given) -> None:
    """Show the servers and the sessions that you are on."""
    if not desk.where.servers:
        desk.view.info("You are on no server.")
    for server in desk.where.servers.values():
        state = f"as {server.client.user}" if server.client.online else server.obstacle
        rooms = ", ".join(f"{room.name}{_count(room)}" for room in server.rooms.values())
        desk.view.info(f"{server.name}: {state or 'connecting'}{rooms and f'; in {rooms}'}")


def _count(room: Room) -> str:
    return f" ({room.count} unread)" if room.count else ""
