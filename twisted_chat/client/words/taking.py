"""What a typed line does.

A line that begins with ``/`` is a command; ``//x`` says ``/x``; anything else is said in the
current session.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from twisted_chat.client.words.commands import command_of
from twisted_chat.client.words.desk import Desk


async def _do(desk: Desk, line: str) -> None:
    name, _, rest = line[1:].partition(" ")
    command = command_of(name, desk)
    await command.run(desk, command.read(rest.strip()))


def take(desk: Desk, line: str) -> Deferred[None]:
    """Do what a line says; fires when a command is done, or a text stored or refused.

    What goes wrong is shown; it never fails.
    """
    line = line.rstrip("\r\n")
    if line.startswith("/") and not line.startswith("//"):
        return desk.view.run(_do(desk, line))
    if line.strip():
        return desk.speaker.say(line[1:] if line.startswith("//") else line)
    return succeed(None)
