"""Commands about texts that were said: to answer, change and take them back, and to react.

A text is named by ``^`` (the last one here), ``^3`` (the third last) or its number, which
``/history`` and ``/search`` show.
"""

from __future__ import annotations

from twisted_chat.client.words.commands.table import Given, Usage, command, room_of, server_of
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.rooms import Room


@command("reply WHICH WORDS...", short="r")
async def reply(desk: Desk, given: Given) -> None:
    """Answer a text: ^ is the last one here, ^3 the third last."""
    room = room_of(desk)
    await room.server.client.say(room.session, given["WORDS"], reply=text_of(room, given))


@command("edit WHICH WORDS...", short="e")
async def edit(desk: Desk, given: Given) -> None:
    """Let a text of yours read otherwise; ^ is your own last one."""
    room = room_of(desk)
    of = text_of(room, given, own=True)
    await room.server.client.edit(room.session, of, given["WORDS"])


@command("redact WHICH [REASON...]")
async def redact(desk: Desk, given: Given) -> None:
    """Take back a text of yours (^ is your own last one), or as who rules here any."""
    room = room_of(desk)
    of = text_of(room, given, own=True)
    await room.server.client.redact(room.session, of, given.get("REASON"))


@command("react WHICH MARK", flags=("--undo",))
async def react(desk: Desk, given: Given) -> None:
    """Put a mark beside a text: /react ^ 👍. --undo takes it away."""
    room = room_of(desk)
    of = text_of(room, given)
    undo = "--undo" in given.flags
    await room.server.client.react(room.session, of, given["MARK"], undo=undo)


@command("me WORDS...")
async def me(desk: Desk, given: Given) -> None:
    """Say what you do: /me waves."""
    room = room_of(desk)
    await room.server.client.say(room.session, f"/me {given['WORDS']}")


@command("away [REASON...]")
async def away(desk: Desk, given: Given) -> None:
    """Say that you are away, and why; with nothing, that you are back."""
    reason = given.get("REASON") or ""
    await server_of(desk).client.away(reason)
    desk.view.info("You are away." if reason else "You are back.")


def text_of(room: Room, given: Given, *, own: bool = False) -> int:
    """Return the seq that a reference means. Raises Usage."""
    reference = given["WHICH"].removeprefix("#")
    if reference.isdecimal() and reference.isascii():
        return int(reference)
    back = reference.removeprefix("^")
    if not reference.startswith("^") or (back and not (back.isascii() and back.isdecimal())):
        raise Usage("A text is ^ (the last one), ^3 (the third last), or its number.")
    me = room.server.client.user
    known = [text.seq for text in room.recent if not own or text.source == me]
    count = int(back or 1)
    if not 1 <= count <= len(known):
        raise Usage("There is no such text among the last ones here.")
    return known[-count]
