"""A line of IRC: how it is read, and how it is written. See the Modern IRC document, "Messages"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from twisted_chat.vocabulary.errors import ChatError

MAX_LINE = 512
"""Bytes of a line without its tags, with its end."""

MAX_SECRET = 1_024
"""Bytes of a line to the server itself: a password may be as long as people please."""

_SECRETS: Final = re.compile(
    rb"(?:AUTHENTICATE|PASS|OPER|REGISTER|(?:PRIVMSG|NOTICE) +NickServ) ", re.IGNORECASE
)

MAX_TAGS = 4_096
"""Bytes of the tags that a client sends, at most, with the ``@`` and the space."""

MAX_PARAMETERS = 15

_ESCAPES = {"\\": "\\\\", ";": "\\:", " ": "\\s", "\r": "\\r", "\n": "\\n"}
_ESCAPED = str.maketrans(_ESCAPES)
_ENDS: Final = str.maketrans("\r\n\0", "   ")
_UNESCAPES = {":": ";", "s": " ", "r": "\r", "n": "\n"}


class Line(Struct, frozen=True):
    """What a client asks: tags, a command in capitals, and its parameters."""

    command: str
    parameters: Sequence[str] = ()
    tags: Mapping[str, str] = {}

    def __getitem__(self, index: int) -> str:
        """Return a parameter; empty where there is none."""
        return self.parameters[index] if index < len(self.parameters) else ""

    def __len__(self) -> int:
        return len(self.parameters)


def parse(data: bytes) -> Line | None:
    """Read a line without its end; None for an empty one.

    Raises ChatError ``too-large`` for tags that are too long, and ``bad-request`` for what is not
    UTF-8 or has a NUL.
    """
    tags: dict[str, str] = {}
    if b"\0" in data:
        raise ChatError("bad-request", "A line has no NUL.")
    if b"\r" in data:  # who hears of it may take that for an end
        data = data.replace(b"\r", b" ")
    if data.startswith(b"@"):
        raw, _, data = data.partition(b" ")
        if len(raw) + 1 > MAX_TAGS:
            raise ChatError("too-large", "Input line was too long")
        tags = parse_tags(raw[1:].decode("utf-8", "replace"))
    if len(data) > MAX_LINE - 2 and (len(data) > MAX_SECRET - 2 or not _SECRETS.match(data)):
        raise ChatError("too-large", "Input line was too long")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ChatError("bad-request", "Your line is not UTF-8.") from None
    if text[:1] in (" ", ":"):
        text = text.lstrip(" ")
        if text.startswith(":"):
            text = text.partition(" ")[2].lstrip(" ")
        text = " " + text
    middle, colon, trailing = text.partition(" :")
    parameters = middle.split(" ")
    if "" in parameters:
        parameters = [parameter for parameter in parameters if parameter]
    if colon and parameters:
        parameters.append(trailing)
    if not parameters:
        return None
    if len(parameters) > MAX_PARAMETERS + 1:
        last = " ".join(parameters[MAX_PARAMETERS:])
        parameters = [*parameters[:MAX_PARAMETERS], last]
    return Line(parameters[0].upper(), parameters[1:], tags)


def command_in(message: bytes) -> str:
    """Return the command of a line that can not be read."""
    word = next((word for word in message.split(b" ") if word[:1] not in (b"@", b":", b"")), b"")
    command = word.decode("ascii", "replace").upper()
    return command if command.isalnum() else "*"


def label_in(message: bytes) -> str:
    """Return the label of a line that can not be read; "" where it has none."""
    raw = message[1:].partition(b" ")[0] if message.startswith(b"@") else b""
    return parse_tags(raw.decode("utf-8", "replace")).get("label", "")


def parse_tags(raw: str) -> dict[str, str]:
    """Read tags, without the ``@``: of two with one name the last counts."""
    tags = {}
    for tag in raw.split(";"):
        name, _, value = tag.partition("=")
        if name:
            tags[name] = _unescaped(value) if "\\" in value else value
    return tags


def _unescaped(value: str) -> str:
    found, letters = [], iter(value)
    for letter in letters:
        if letter == "\\":
            letter = next(letters, "")
            letter = _UNESCAPES.get(letter, letter)
        found.append(letter)
    return "".join(found)


def format_tags(tags: Mapping[str, str]) -> str:
    """Write tags, with the ``@`` and the space; nothing where there are none."""
    if not tags:
        return ""
    written = [
        f"{name}={value.translate(_ESCAPED)}" if value else name for name, value in tags.items()
    ]
    return f"@{';'.join(written)} "


def format_line(
    source: str, command: str, *parameters: str, tags: Mapping[str, str] | None = None
) -> bytes:
    """Write a line with its end, and no other: the last parameter may be anything.

    What other doors take as a topic or a reason may have line ends, which become spaces here; and
    what is longer than a line is cut. (A text is put into lines that hold it: see ``pieces``.)
    """
    line = _line(source, command, parameters)
    if len(line) > MAX_LINE:
        line = line[: _whole(line, MAX_LINE - 2)] + b"\r\n"
    return format_tags(tags).encode("utf-8", "replace") + line if tags else line


def _line(source: str, command: str, parameters: Sequence[str]) -> bytes:
    rest = ""
    if parameters:
        *middle, last = parameters
        plain = last and " " not in last and not last.startswith(":")
        rest = " " + " ".join([*middle, last if plain else f":{last}"])
        if "\n" in rest or "\r" in rest or "\0" in rest:
            rest = rest.translate(_ENDS)
    head = f":{source} " if source else ""
    return f"{head}{command}{rest}\r\n".encode("utf-8", "replace")


def _whole(data: bytes, end: int) -> int:
    """Return where to cut UTF-8, at ``end`` or before it: not within a character."""
    while data[end] & 0xC0 == 0x80:
        end -= 1
    return end


def time_of(millis: int) -> str:
    """Write a time as IRCv3's ``server-time`` does."""
    when = datetime.fromtimestamp(millis / 1000, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{millis % 1000:03d}Z"


def together(changes: Sequence[tuple[str, str]]) -> str:
    """Write changes of modes, each a sign and a letter, as ``+ab-c``."""
    words, last = "", ""
    for sign, letter in changes:
        words += letter if sign == last else sign + letter
        last = sign
    return words


def as_middle(text: str) -> str:
    """Return what stands for a parameter before the last one: itself, or ``*`` if it can not be."""
    return text if text and " " not in text and text[0] != ":" else "*"


def is_one_line(source: str, command: str, *parameters: str) -> bool:
    """Whether a line can be said as it is: it has 512 bytes at most, and one end."""
    if len(parameters[-1]) > MAX_LINE or any(letter in parameters[-1] for letter in "\r\n\0"):
        return False
    return len(_line(source, command, parameters)) <= MAX_LINE


def pieces(text: str, room: int | None = None) -> list[str]:
    """Cut a text into what lines take: at its line ends, and at ``room`` bytes of UTF-8 at most.

    Without ``room`` at its line ends alone.

    Nothing is lost but the line ends; a cut is at a space where there is one, which stays.
    """
    found = []
    for line in text.replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        data = line.encode()
        while room is not None and len(data) > room:
            end = _whole(data, room)
            space = data.rfind(b" ", end // 2, end)
            end = space + 1 if space >= 0 else end
            found.append(data[:end].decode())
            data = data[end:]
        found.append(data.decode())
    return found


def fitting_rows(words: Sequence[str], size: int, between: str = " ") -> list[str]:
    """Put words into as few rows as hold them, of ``size`` bytes at most; always one at least."""
    rows, row, length = [], list[str](), 0
    for word in words:
        room = len(word.encode()) + len(between)
        if row and length + room > size:
            rows.append(between.join(row))
            row, length = [], 0
        row.append(word)
        length += room
    return [*rows, between.join(row)]
