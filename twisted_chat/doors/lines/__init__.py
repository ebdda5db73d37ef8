"""The lines door: telnet and netcat, plain lines both ways, and the client's words."""

from twisted_chat.doors.lines.door import LinesFactory, LinesProtocol

__all__ = ["LinesFactory", "LinesProtocol"]
