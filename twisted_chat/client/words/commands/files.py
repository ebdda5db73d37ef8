"""Commands about files of one's own machine: only the client there has them."""

from __future__ import annotations

from urllib.parse import urlsplit

from twisted_chat.client.words.commands.table import Given, Usage, command, room_of, server_of
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.rooms import Server


@command("page [ADDRESS]", elsewhere=True)
async def page(desk: Desk, given: Given) -> None:
    """Say where the page of this server is: files are sent there."""
    server, address = server_of(desk), given.get("ADDRESS")
    if address is None:
        known = _page(desk, server)
        desk.view.info(f"Its page is {known}." if known else "Its page is not known here.")
        return
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise Usage("A page has an address such as https://chat.example.org")
    desk.kept.page(str(server.address), address.rstrip("/"))
    desk.view.info(f"Files go to {address.rstrip('/')} from now on.")


@command("files PATH...", elsewhere=True)
async def files(desk: Desk, given: Given) -> None:
    """Send a file of this machine, and say its link in this session."""
    room, send = room_of(desk), desk.upload
    client = room.server.client
    address = _page(desk, room.server)
    if address is None:
        raise Usage("Say first where its page is: /page https://chat.example.org")
    proof = client.token or client.password
    if send is None or proof is None:
        raise Usage("Files are sent by who has logged in, from the client on their own machine.")

    def told(name: str, size: int) -> None:
        desk.view.info(f"Sending {name} ({size:,} bytes) …")

    link = await send(address, client.user, proof, given["PATH"], told)
    await desk.speaker.say_in(room, f"{address}/{link}")


def _page(desk: Desk, server: Server) -> str | None:
    return desk.kept.wishes.pages.get(str(server.address))
