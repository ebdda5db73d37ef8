"""The commands, by what they are about: to import this package is to know them all."""

from twisted_chat.doors.irc.commands import (  # noqa: F401
    channels,
    history,
    identity,
    marking,
    messages,
    monitor,
    multiline,
    operating,
    own,
    people,
    registration,
    ruling,
    server,
    unkept,
)
