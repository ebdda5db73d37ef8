"""One listener of the IRC door, and a connection's lines in and out."""

from __future__ import annotations

from typing import Any, cast

from attrs import define, field

from twisted_chat.accounts.proofs import Prover
from twisted_chat.chat.member import Encode
from twisted_chat.doors.encoding import encode_line
from twisted_chat.doors.irc import commands  # noqa: F401  # every command has its function
from twisted_chat.doors.irc.lines import MAX_LINE
from twisted_chat.doors.irc.names import server_of
from twisted_chat.doors.irc.shared import Shared
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.doors.stream import Stream, StreamFactory
from twisted_chat.doors.talk import Line
from twisted_chat.vocabulary.errors import ChatError

MAX_WITH_TAGS = 8_191 + MAX_LINE
"""Bytes of a line with its tags, past which there is no use in waiting for its end."""


class IrcProtocol(Stream):
    """One connection: lines in, whichever end they have, and out."""

    door = "irc"
    encode: Encode = staticmethod(encode_line)

    def cut(self, data: bytes) -> int:
        """Cut lines."""
        start = 0
        while not self.paused and (end := data.find(b"\n", start)) >= 0:
            line, start = data[start:end].rstrip(b"\r"), end + 1
            self.received(line)
        if not self.paused and len(data) - start > MAX_WITH_TAGS:
            self.conversation.refuse(ChatError("too-large", "This line has no end."))
            return len(data)
        return start


@define(eq=False, slots=False)
class IrcFactory(StreamFactory):
    """One listener of the IRC door. ``prover`` settles who somebody is before it comes in."""

    prover: Prover = field(kw_only=True)
    shared: Shared = field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        name: str = cast(Any, self.admission.portal).realm.rules.server
        self.shared = Shared(self.clock, server_of(name))

    def make(self) -> IrcProtocol:
        """Return a connection."""
        return IrcProtocol()

    def say(self, refused: ChatError) -> bytes:
        """See StreamFactory."""
        return f"ERROR :{refused}\r\n".encode()

    def converse(self, line: Line) -> IrcTalk:
        """Begin what is said on a connection."""
        return IrcTalk(
            line,
            self.admission,
            self.clock,
            self.entry,
            self.rate,
            prover=self.prover,
            shared=self.shared,
        )
