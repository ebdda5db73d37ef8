"""What is answered to a command that bore a label, as one: see IRCv3's labeled-response."""

from __future__ import annotations

from attrs import define, field

from twisted_chat.doors.irc.lines import format_line, format_tags


@define(eq=False)
class Labelled:
    """What is answered to a command that bore a label: see IRCv3's labeled-response."""

    label: str
    lines: list[bytes] = field(factory=list)
    waiting: set[str] = field(factory=set)
    """The ids of texts whose echoes are still to come."""

    def written(self, server: str, name: str) -> bytes:
        """Return the answer: one line, a batch of that name, or the word that there is none."""
        lines = [one for block in self.lines for one in block.splitlines(keepends=True)]
        tag = {"label": self.label}
        if not lines:
            return format_line(server, "ACK", tags=tag)
        if _rest(lines[0]).startswith(b"BATCH +"):
            is_one = all(map(is_within, lines[1:]))
        else:
            is_one = len(lines) == 1
        if is_one:
            return tagged(lines[0], format_tags(tag)[1:-1]) + b"".join(lines[1:])
        begin = format_line(server, "BATCH", f"+{name}", "labeled-response", tags=tag)
        within = [one if is_within(one) else tagged(one, f"batch={name}") for one in lines]
        return b"".join([begin, *within, format_line(server, "BATCH", f"-{name}")])


def _rest(line: bytes) -> bytes:
    """Return a line without its tags and its source."""
    if line.startswith(b"@"):
        line = line.partition(b" ")[2]
    return line.partition(b" ")[2]


def is_within(line: bytes) -> bool:
    """Whether a line belongs to a batch that is answered, or ends it."""
    tags = line.partition(b" ")[0] if line.startswith(b"@") else b""
    return b"@batch=" in tags or b";batch=" in tags or _rest(line).startswith(b"BATCH -")


def tagged(line: bytes, tag: str) -> bytes:
    """Return a line with one more tag."""
    raw = tag.encode()
    return b"@" + raw + (b";" + line[1:] if line.startswith(b"@") else b" " + line)
