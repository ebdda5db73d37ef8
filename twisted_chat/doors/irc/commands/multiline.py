"""BATCH: a text of several lines. See IRCv3's draft/multiline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.labelled import Labelled
from twisted_chat.doors.irc.lines import Line
from twisted_chat.doors.irc.shown import Part
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.messages import MAX_TEXT

MAX_LINES: Final = 1_024


@define(eq=False)
class Batch:
    """A text that is being sent, line by line."""

    name: str
    target: str
    tags: Mapping[str, str]
    command: str = "PRIVMSG"
    text: str = ""
    parts: list[Part] = field(factory=list)
    wrong: str = ""
    """The code of what is wrong with it."""
    about: str = field(default="", repr=False)
    most: int = MAX_TEXT
    """Its bytes, at most."""

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
        """Remember what is wrong first, and keep nothing more."""
        if not self.wrong:
            self.wrong, self.about = code, about
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
        talk.batch = Batch(name, line[2], line.tags, most=max_bytes(talk))
    elif talk.batch is None or talk.batch.name != name:
        talk.send("FAIL", "BATCH", "UNKNOWN_REFERENCE", name, "There is no such batch")
    else:
        await _said(talk, talk.batch)


async def _said(talk: IrcTalk, done: Batch) -> None:
    from twisted_chat.doors.irc.commands.messages import said

    talk.batch = None
    label = done.tags.get("label") if "labeled-response" in talk.caps else None
    if label is not None:
        talk.answer = Labelled(label)
    if not done.wrong and not done.text.strip("\n"):
        done.fail("MULTILINE_INVALID", "There is nothing in it")
    if done.wrong:
        about = done.about.split() if done.wrong != "MULTILINE_INVALID" else [done.about]
        words = () if done.wrong == "MULTILINE_INVALID" else ("That can not be said",)
        talk.send("FAIL", "BATCH", done.wrong, *about, *words)
        return
    await said(talk, Line(done.command, [done.target, done.text], done.tags), done.parts)
