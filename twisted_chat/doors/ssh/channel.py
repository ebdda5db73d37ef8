"""What is done on one channel: a window (``shell``), or one command (``exec``). Nothing else.

There is no subsystem, no forwarding, no agent and no file: requests for them are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import getNS

from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.words import Desk
from twisted_chat.doors.inside import Inside
from twisted_chat.doors.soon import soon
from twisted_chat.doors.ssh.bare import Bare
from twisted_chat.doors.ssh.quiet import QuietLogger
from twisted_chat.doors.ssh.terminal import Terminal
from twisted_chat.doors.ssh.tools import Tool
from twisted_chat.doors.visit import client_of, seat
from twisted_chat.vocabulary.messages import Bye

MAX_COMMAND: Final = 65_536
"""Bytes of a command."""

MAX_EARLY: Final = 131_072
"""Bytes of input that wait for a command to read them."""

STDERR: Final = 1

DUMB: Final = frozenset({b"", b"dumb", b"unknown"})


class Session(SSHChannel):
    """One channel of one connection. ``avatar`` is the Visitor that it belongs to."""

    _log = QuietLogger()
    name = b"session"
    avatar: Any
    conn: Any

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._terminal: Terminal | None = None
        self._tool: Tool | None = None
        self._client: ChatClient | None = None
        self._inside: Inside | None = None
        self._has_terminal = False
        self._term = b""
        self._size = (80, 24)
        self._early = b""
        self._input_ended = False
        self._holding = False
        self._ended = False
        self._status: int | None = None
        """What it ends with, until that is said."""

    @property
    def inside(self) -> Inside | None:
        """The way to its conversation."""
        return self._inside

    def channelOpen(self, _data: bytes) -> None:
        """Begin."""
        self._holding = not self.avatar.takes_output
        self.avatar.channels[self] = None

    # --- requests ------------------------------------------------------------------------------

    def requestReceived(self, requestType: bytes, data: bytes) -> Any:
        """Do what is asked for, where it is one of these."""
        try:
            match requestType:
                case b"pty-req":
                    return self._pty(data)
                case b"window-change":
                    return self._resized(data)
                case b"shell" if self._is_free:
                    return self._guarded(self._shell)
                case b"exec" if self._is_free:
                    command = getNS(data)[0]
                    return self._guarded(lambda: self._exec(command))
        except (struct.error, IndexError, ValueError):
            return 0
        return 0

    def _guarded(self, do: Callable[[], int]) -> int:
        """Do something: the one error boundary of a channel."""
        try:
            return do()
        except Exception:
            self._log.failure("Something went wrong on an SSH channel")
            self.close(1)
            return 0

    @property
    def _is_free(self) -> bool:
        return self._terminal is None and self._tool is None and not self._ended

    def _pty(self, data: bytes) -> int:
        term, rest = getNS(data)
        columns, rows = struct.unpack(">2L", rest[:8])
        self._has_terminal, self._term, self._size = True, term[:64], (columns, rows)
        return 1

    def _resized(self, data: bytes) -> int:
        columns, rows = struct.unpack(">2L", data[:8])
        self._size = (columns, rows)
        if self._terminal is not None:
            self._terminal.resized(columns, rows)
        return 1

    def _shell(self) -> int:
        kind = Terminal if self._has_terminal else Bare
        terminal = kind(self, self.avatar.clock, self._seat, self.avatar.check_input)
        if self._has_terminal:
            terminal.display.resized(*self._size)
            terminal.display.dumb = self._term in DUMB
            terminal.display.colour = b"mono" not in self._term
        self._terminal = terminal
        terminal.start()
        self._take_early()
        return 1

    def _seat(self, terminal: Terminal) -> Desk:
        self._inside = self.avatar.way_in()
        desk = seat(terminal, self._inside, self.avatar.proof)
        if self._holding:
            desk.pauseProducing()
        return desk

    def _exec(self, command: bytes) -> int:
        if len(command) > MAX_COMMAND:
            return 0
        self._inside = self.avatar.way_in()
        self._client = client_of(self._inside, self.avatar.proof)
        end = b"\r\n" if self._has_terminal else b"\n"
        tool = Tool(
            self._client,
            command.decode(errors="replace"),
            lambda line: self.write(line.encode(errors="replace") + end),
            lambda line: self.writeExtended(STDERR, line.encode(errors="replace") + end),
            self.close,
            self.avatar.check_input,
        )
        self._tool = tool
        if self._holding:
            self._client.pauseProducing()
        soon(self.avatar.clock, self._start)  # behind the answer that it is taken
        self._take_early()
        return 1

    def _start(self) -> None:
        if self._tool is not None and not self._ended:
            self._tool.start()

    # --- input ---------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Take what was typed, or piped in."""
        self._guarded(lambda: self._received(data))

    def _received(self, data: bytes) -> int:
        if self._terminal is not None:
            self._terminal.received(data)
        elif self._tool is not None:
            self._tool.received(data)
        elif len(self._early) + len(data) <= MAX_EARLY:
            self._early += data
        else:
            self.close(1)  # nothing was asked for that could read it
        self.avatar.check_input()
        return 1

    def eofReceived(self) -> None:
        """There is no more input."""
        self._guarded(self._ended_input)

    def _ended_input(self) -> int:
        self._input_ended = True
        if self._terminal is not None:
            self._terminal.input_ended()
        elif self._tool is not None:
            self._tool.ended()
        return 1

    def _take_early(self) -> None:
        early, self._early = self._early, b""
        if early:
            self.dataReceived(early)
        if self._input_ended:
            self.eofReceived()

    @property
    def holds_input(self) -> bool:
        """Whether nothing more is to be read for a while."""
        if self._terminal is not None:
            return self._terminal.is_full
        return self._tool is not None and self._tool.is_full

    # --- output --------------------------------------------------------------------------------

    def stopWriting(self) -> None:
        """The client's window is full: nothing live is written to it until it has read."""
        self._holding = True
        producer = self._producer
        if producer is not None:
            producer.pauseProducing()

    def startWriting(self) -> None:
        """The client reads on."""
        if self._holding and self.avatar.takes_output:
            self._holding = False
            producer = self._producer
            if producer is not None:
                producer.resumeProducing()

    @property
    def _producer(self) -> Any:
        if self._terminal is not None:
            return getattr(self._terminal, "desk", None)
        return self._client

    def close(self, status: int) -> None:
        """End with an exit status, behind what is written."""
        if not self._ended and not self.localClosed:
            self._ended = True
            self._status = status
            self.loseConnection()

    def loseConnection(self) -> None:
        """End behind what waits for the client's window: Conch asks again when it has gone."""
        if not self.buf and not self.extBuf and self._status is not None:
            self.conn.sendRequest(self, b"exit-status", struct.pack(">L", self._status))
            self.conn.sendEOF(self)
            self._status = None
        super().loseConnection()

    def closeReceived(self) -> None:
        """The client has closed it: it takes nothing more."""
        self.buf, self.extBuf = b"", []
        super().closeReceived()

    def farewell(self, farewell: Bye) -> None:
        """Say why it ends: the server stops, or wants somebody gone."""
        if self._inside is not None and self._inside.conversation is not None:
            self._inside.conversation.close(farewell)
        else:
            self.close(1)

    def closed(self) -> None:
        """It is gone."""
        self._ended = True
        self.avatar.left(self)
        if self._terminal is not None:
            self._terminal.gone()
        if self._tool is not None:
            self._tool.stop()
        if self._inside is not None and self._inside.far is not None:
            self._inside.far.end("gone")
