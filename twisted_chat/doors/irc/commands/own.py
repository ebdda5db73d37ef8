"""What somebody says of itself: AWAY, SETNAME, and user modes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import me
from twisted_chat.doors.irc.lines import Line, format_line, together
from twisted_chat.doors.irc.names import prefix
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.messages import Away
from twisted_chat.vocabulary.names import key_of

REALNAME_LENGTH: Final = 150

AWAY_LENGTH: Final = 256

OWN_MODES: Final = "Biw"
"""What a user may be: a bot, not found by those who share no channel, told of WALLOPS."""


@command("AWAY", before=True)
async def away(talk: IrcTalk, line: Line) -> None:
    """Say that one is away, or back; before one is anybody too (draft/pre-away)."""
    may_be_early = "draft/pre-away" in talk.caps
    why = "Away" if may_be_early and line[0] == "*" else line[0][:AWAY_LENGTH]
    if talk.user is None:
        if not may_be_early:
            talk.reply("451", "You have not registered")
            return
        talk.gone_away = why
    else:
        await me(talk).ask(Away(data=why))
        told = format_line(prefix(talk.nick), "AWAY", *([why] if why else []))
        for other in talk.shared.strangers(me(talk), {"extended-monitor", "away-notify"}):
            other.hear(me(talk), told)
    if line[0]:
        talk.reply("306", "You have been marked as being away")
    else:
        talk.reply("305", "You are no longer marked as being away")


@command("SETNAME", 1)
async def setname(talk: IrcTalk, line: Line) -> None:
    """Have another real name."""
    if len(line[0]) > REALNAME_LENGTH or not line[0].strip():
        talk.send("FAIL", "SETNAME", "INVALID_REALNAME", "That can be no real name")
        return
    talk.realname = line[0]
    told = format_line(prefix(talk.nick), "SETNAME", talk.realname)
    talk.shared.tell(me(talk), told, "setname")
    if "setname" in talk.caps:
        talk.act("SETNAME", talk.realname)


def letters_of(words: str) -> Iterator[tuple[str, str]]:
    """Yield what ``+ab-c`` changes: a sign and a letter each."""
    sign = "+"
    for letter in words:
        if letter in "+-":
            sign = letter
        else:
            yield sign, letter


def own_mode(talk: IrcTalk, line: Line) -> None:
    """Say what one's user modes are, or change them."""
    user = me(talk)
    if user.chat.people.here.get(key_of(line[0]) or "") is None:
        talk.reply("401", line[0], "No such nick")
    elif key_of(line[0]) != user.name.key:
        talk.reply("502", "Can't change mode for other users")
    elif len(line) == 1:
        modes = talk.modes | ({"o"} if user.is_operator else set())
        talk.reply("221", "+" + "".join(sorted(modes)))
    else:
        _change_own(talk, line[1])


def _change_own(talk: IrcTalk, words: str) -> None:
    done: list[tuple[str, str]] = []
    unknown = False
    for sign, letter in letters_of(words):
        if letter == "o":
            if sign == "-" and talk.user is not None and talk.user.operator is not None:
                talk.user.operator = None
                done.append(("-", "o"))
        elif letter not in OWN_MODES:
            unknown = True
        elif (sign == "+") != (letter in talk.modes):
            talk.modes = talk.modes | {letter} if sign == "+" else talk.modes - {letter}
            if letter == "i":
                (talk.shared.invisible.add if sign == "+" else talk.shared.invisible.discard)(talk)
            done.append((sign, letter))
    if done:
        talk.act("MODE", talk.nick, together(done))
    if unknown:
        talk.reply("501", "Unknown MODE flag")
