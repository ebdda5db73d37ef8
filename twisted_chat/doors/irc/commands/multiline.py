"""BATCH: a text of several lines. See IRCv3's draft/multiline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from attrs import define, field

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.labelled import Labelled
from twisted_chat.doors.irc.lines import Line
from twisted_chat.doors.irc.shown import Part
from twisted_chat.doors.irc.talk import IrcTalk

MAX_LINES: Final = 1_024


@define(eq=False)
class Batch:
    """A text that is being sent, line by line."""

    name: str
    target: str
    tags: Mapping[str, str]
    most: int
    """Its bytes, at most."""
    refuse: Callable[[Batch, str, str], None]
    """Says what is wrong with it: a code, and what that is about."""
    command: str = "PRIVMSG"
    text: str = ""
    parts: list[Part] = field(factory=list)
    is_wrong: bool = False
    """Whether that was said: nothing more is kept then."""

    def has(self, line: Line) -> bool:
        """Whether a line is one of its own."""
        return line.tags.get("batch") == self.name and line.command != "BATCH"

    def add(self, line: Line) -> None:
        """Take one more line of it."""
        concat = "draft/multiline-concat" in line.tags
        if line.command not in ("PRIVMSG", "NOTICE"):
            self.fail("MULTILINE_INVALID", "Only messages are put together")
        elif line[0] != self.target:
            self.fail("MULTILINE_INVALID_TARGET", f"{self.target} {line[0]}")
        elif self.parts and line.command != self.command:
            self.fail("MULTILINE_INVALID", "Messages and notices are not put together")
        elif concat and not line[1]:
            self.fail("MULTILINE_INVALID", "Nothing is put to a line")
        else:
            self.command = line.command
            self.text += line[1] if concat or not self.parts else f"\n{line[1]}"
            self.parts.append((line[1], concat and bool(self.parts)))
        if len(self.text.encode()) > self.most:
            self.fail("MULTILINE_MAX_BYTES", str(self.most))
        elif len(self.parts) > MAX_LINES:
            self.fail("MULTILINE_MAX_LINES", str(MAX_LINES))

    def fail(self, code: str, about: str) -> None:
        """Say what is wrong first, at once, and keep nothing more."""
        if not self.is_wrong:
            self.is_wrong = True
            self.refuse(self, code, about)
        self.text = ""
        self.parts.clear()


def max_bytes(talk: IrcTalk) -> int:
    """Return how many bytes a text of several lines has, at most: as any text."""
    realm: Any = talk.admission.portal.realm
    return int(realm.rules.max_text)


@command("BATCH", 1)
async def batch(talk: IrcTalk, line: Line) -> None:
    """Begin or end a text of several lines."""
    name = line[0][1:]
    if line[0].startswith("+"):
        if line[1] != "draft/multiline" or talk.batch is not None or not line[2]:
            talk.send("FAIL", "BATCH", "UNKNOWN_TYPE", name, "Only draft/multiline, one at a time")
            return
        if talk.answer is not None:  # its answer is the echo of it all
            talk.answer = None
        talk.batch = Batch(name, line[2], line.tags, max_bytes(talk), partial(_refuse, talk))
    elif talk.batch is None or talk.batch.name != name:
        talk.send("FAIL", "BATCH", "UNKNOWN_REFERENCE", name, "There is no such batch")
    else:
        await _said(talk, talk.batch)


async def _said(talk: IrcTalk, done: Batch) -> None:
    from twisted_chat.doors.irc.commands.messages import said

    talk.batch = None
    if not done.is_wrong and not done.text.strip("\n"):
        done.fail("MULTILINE_INVALID", "There is nothing in it")
    if not done.is_wrong:
        _answers(talk, done)
        line = Line(done.command, [done.target, done.text], done.tags)
        await said(talk, line, done.parts)


def _answers(talk: IrcTalk, done: Batch) -> None:
    """What is said now answers the line that began it, with the label of that."""
    label = done.tags.get("label") if "labeled-response" in talk.caps else None
    if label:
        talk.answer = Labelled(label)


def _refuse(talk: IrcTalk, done: Batch, code: str, about: str) -> None:
    _answers(talk, done)
    if code == "MULTILINE_INVALID":
        talk.send("FAIL", "BATCH", code, about)
    else:
        talk.send("FAIL", "BATCH", code, *about.split(), "That can not be said")


def is_stray(talk: IrcTalk, line: Line) -> bool:
    """Whether a line is of a batch that there is not: it is no text alone."""
    if "batch" not in line.tags or "draft/multiline" not in talk.caps:
        return False
    talk.send("FAIL", "BATCH", "MULTILINE_INVALID", "There is no such batch")
    return True
