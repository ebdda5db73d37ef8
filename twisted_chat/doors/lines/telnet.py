"""What of telnet (RFC 854, 857, 1073) a line needs: it is taken out of the bytes, and answered.

A client that is none sends no IAC, and is sent none but where something has to be found out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, field

IAC, DONT, DO, WONT, WILL, SB = 255, 254, 253, 252, 251, 250
EL, EC, AYT, IP, EOF, SE = 248, 247, 246, 244, 236, 240
BINARY, ECHO, NAWS = 0, 1, 31

MAX_COLUMNS: Final = 1_000
"""Columns of a window that are believed."""

MAX_ANSWERS: Final = 256
"""Answers to one client's negotiating; a client needs a dozen."""

MAX_SUBNEGOTIATION: Final = 64
"""Bytes of a subnegotiation that are kept: a window's size has four."""

ASK_SIZE: Final = bytes((IAC, DO, NAWS))
ASK_BYTES: Final = bytes((IAC, DO, BINARY))
"""What is typed is to come in eight bits: UTF-8 has them (RFC 856)."""

HIDE: Final = bytes((IAC, WILL, ECHO))
"""We say that we will show what is typed, and don't."""

UNHIDE: Final = bytes((IAC, WONT, ECHO))


@define(eq=False)
class Telnet:
    """Takes telnet's commands out of what arrives, in pieces of any size.

    ``send`` sends bytes as they are. ``seen``: the client is a telnet. ``columns``: how wide its
    window is, 0 where that is not known. ``ended`` is called for its end of file, ``asked`` for
    "are you there?".
    """

    send: Callable[[bytes], None]
    ended: Callable[[], None]
    asked: Callable[[], None]
    seen: bool = field(init=False, default=False)
    columns: int = field(init=False, default=0)
    _pending: bytes = field(init=False, default=b"")
    """The beginning of a command."""
    _asked_size: bool = field(init=False, default=False)
    _answers: int = field(init=False, default=0)
    _hidden: bool = field(init=False, default=False)
    """Whether the client is to show nothing: it may answer to what was said before, too."""
    _wanted: set[int] = field(init=False, factory=set)
    """Options of which we have spoken first: their answers are not answered."""

    def text(self, data: bytes) -> bytes:
        """Return what is left of ``data``: an erased character is a backspace, a line a Ctrl-U."""
        if not self._pending and IAC not in data:
            return data
        data, self._pending = self._pending + data, b""
        rest = bytearray()
        at = 0
        while at < len(data):
            found = data.find(IAC, at)
            if found < 0:
                rest += data[at:]
                break
            rest += data[at:found]
            length = self._command(data[found:], rest)
            if not length:
                self._pending = data[found:]
                break
            at = found + length
        return bytes(rest)

    def hide(self) -> None:
        """Let the client show nothing of what is typed."""
        self._hidden = True
        self.send(HIDE)

    def unhide(self) -> None:
        """Let it show what is typed."""
        self._hidden = False
        self.send(UNHIDE)

    def ask_size(self) -> None:
        """Ask how large the window is: a telnet answers, and is known as one then."""
        self._asked_size = True
        self._wanted.add(NAWS)
        self.send(ASK_SIZE)

    def _command(self, data: bytes, rest: bytearray) -> int:
        """Do one command; return its length, or 0 where its end is yet to come."""
        if len(data) < 2:
            return 0
        code = data[1]
        if code == IAC:  # the byte itself
            rest.append(IAC)
            return 2
        if code in (DO, DONT, WILL, WONT):
            if len(data) < 3:
                return 0
            self._saw_telnet()
            self._negotiate(code, data[2])
            return 3
        if code == SB:
            end = data.find(bytes((IAC, SE)), 2)
            if end < 0:
                return 0 if len(data) <= MAX_SUBNEGOTIATION else len(data)
            self._saw_telnet()
            self._subnegotiate(data[2:end].replace(b"\xff\xff", b"\xff"))
            return end + 2
        self._saw_telnet()
        if code == EC:
            rest.append(0x08)
        elif code in (EL, IP):
            rest.append(0x15)
        elif code == AYT:
            self.asked()
        elif code == EOF:
            self.ended()
        return 2

    def _saw_telnet(self) -> None:
        if not self.seen:
            self.seen = True
            self._wanted.add(BINARY)
            self.send(ASK_BYTES)
            if not self._asked_size:
                self.ask_size()

    def _negotiate(self, code: int, option: int) -> None:
        if code in (DONT, WONT):  # that is how it is
            self._wanted.discard(option)
            return
        if option == ECHO and code == DO and self._hidden:
            return
        if option in self._wanted:
            self._wanted.discard(option)
            return
        if self._answers >= MAX_ANSWERS:
            return
        self._answers += 1
        if code == DO:
            self.send(bytes((IAC, WONT, option)))
        else:
            self.send(bytes((IAC, DONT, option)))

    def _subnegotiate(self, data: bytes) -> None:
        if len(data) == 5 and data[0] == NAWS:
            self.columns = min(int.from_bytes(data[1:3], "big"), MAX_COLUMNS)
