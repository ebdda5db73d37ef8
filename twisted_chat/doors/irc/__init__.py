"""The IRC door: any client that people already have."""

from twisted_chat.doors.irc.door import IrcFactory

__all__ = ["IrcFactory"]
