"""MONITOR: to hear of somebody's coming and going. See IRCv3's monitor and extended-monitor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import me
from twisted_chat.doors.irc.lines import Line, fitting_rows, format_line
from twisted_chat.doors.irc.names import prefix
from twisted_chat.doors.irc.talk import NOTHING, IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import Name, key_of, user_name

MAX_WATCHED: Final = 100
"""Whom one connection may watch."""

ROW: Final = 380


@command("MONITOR", 1)
async def monitor(talk: IrcTalk, line: Line) -> None:
    """Watch somebody, or no more; or say whom one watches."""
    match line[0].upper():
        case "+":
            _watch(talk, _named(line[1]))
        case "-":
            for nick in _named(line[1]):
                _unwatch(talk, key_of(nick) or nick.lower())
        case "C":
            for key in tuple(talk.watched):
                _unwatch(talk, key)
        case "L":
            for row in fitting_rows(list(talk.watched.values()), ROW, ","):
                if row:
                    talk.reply("732", row)
            talk.reply("733", "End of MONITOR list")
        case "S":
            _status(talk, list(talk.watched.values()))
        case _:
            talk.reply("461", "MONITOR", "Not enough parameters")


def _named(words: str) -> list[str]:
    return [nick for nick in words.split(",") if nick]


def _watch(talk: IrcTalk, nicks: Sequence[str]) -> None:
    _listen(talk)
    if talk.watched is NOTHING:
        talk.watched = {}
    added: list[str] = []
    named = set[str]()
    for number, nick in enumerate(nicks):
        key = key_of(nick) or nick.lower()
        if key in named:
            continue
        named.add(key)
        added.append(nick)
        if not _is_name(nick):  # nobody will be here by it
            continue
        if key not in talk.watched and len(talk.watched) >= MAX_WATCHED:
            talk.reply("734", str(MAX_WATCHED), ",".join(nicks[number:]), "Monitor list is full.")
            added.pop()
            break
        talk.watched[key] = nick
        talk.shared.watch(key, talk)
    _status(talk, added)


def _is_name(nick: str) -> bool:
    try:
        user_name(nick)
    except ChatError:
        return False
    return True


def _unwatch(talk: IrcTalk, key: str) -> None:
    if talk.watched.pop(key, None) is not None:
        talk.shared.unwatch(key, talk)


def _status(talk: IrcTalk, nicks: Sequence[str]) -> None:
    people = me(talk).chat.people.here
    here, gone = [], []
    for nick in nicks:
        person = people.get(key_of(nick) or "")
        if person is not None:
            here.append(prefix(person.name.text))
        else:
            gone.append(nick)
    for numeric, found in (("730", here), ("731", gone)):
        for row in fitting_rows(found, ROW, ","):
            if row:
                talk.reply(numeric, row)


def _listen(talk: IrcTalk) -> None:
    """Let this listener hear who comes and goes, whichever door it is by."""
    chat, shared = me(talk).chat, talk.shared
    if shared.watcher is None:

        def tell(name: Name, is_here: bool) -> None:
            if name.key in shared.becoming:
                return
            for other in shared.watchers(name.key):
                what = prefix(name.text) if is_here else name.text
                numeric = "730" if is_here else "731"
                other.write(format_line(shared.server, numeric, other.nick, what))

        shared.watcher = tell
        chat.watchers[tell] = None
