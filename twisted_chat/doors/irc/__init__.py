"""The IRC door: any client that people already have."""

from twisted_chat.doors.irc.door import IrcFactory
from twisted_chat.doors.irc.shared import Sts

__all__ = ["IrcFactory", "Sts"]
