"""WHO, WHOIS, WHOWAS, ISON, USERHOST: who somebody is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, TypeVar

from twisted.internet.task import deferLater

from twisted_chat.chat.acting import sessions_of
from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import (
    found,
    is_in,
    is_invisible,
    may_see,
    me,
    members,
    sign_of,
)
from twisted_chat.doors.irc.commands.server import is_server
from twisted_chat.doors.irc.lines import Line
from twisted_chat.doors.irc.names import HOST, channel, session_of
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.names import key_of

MAX_FOUND: Final = 1_000
"""Users that a WHO of a mask names."""

MAX_ASKED: Final = 20
"""Nicks of one WHOIS, WHOWAS or USERHOST."""

IN_A_TURN: Final = 200
"""Users that one WHO looks at in a turn, at most."""

SLOW_SECONDS: Final = 0.1
"""How often it is looked whether somebody slow has read what it asked for."""

T = TypeVar("T")

ROW: Final = 380
"""Bytes of channels in a line of WHOIS."""

WHOX: Final = "tcuihsnfdlaor"
"""The fields of WHOX, in the order in which they are told."""


@command("WHO")
async def who(talk: IrcTalk, line: Line) -> None:
    """Say who is in a session, or who somebody is: in the fields that are asked for (WHOX)."""
    mask = line[0] or "*"
    fields, _, token = line[1].partition("%")[2].partition(",")
    only_operators = "o" in line[1].partition("%")[0]
    session = session_of(mask)
    asked = [field for field in WHOX if field in fields]
    async for nick, where in in_turns(talk, await _whom(talk, mask, session)):
        person = me(talk).chat.people.here.get(key_of(nick) or "")
        if person is None or (only_operators and not _is_operator(person)):
            continue
        facts = _facts(talk, person, where)
        if "%" in line[1]:
            facts["t"] = token or "0"
            talk.reply("354", *[facts[field] for field in asked])
        else:
            talk.reply("352", *(facts[field] for field in "cuhsnf"), f"{facts['d']} {facts['r']}")
    talk.reply("315", mask, "End of WHO list")


async def _whom(talk: IrcTalk, mask: str, session: str | None) -> list[tuple[str, str]]:
    people = me(talk).chat.people.here
    if session is not None:
        there = found(talk, session)
        if there is None or not may_see(talk, there):
            return []
        inside = is_in(talk, session)
        return [
            (nick, there.name)
            for nick in await members(talk, session)
            if inside or not is_invisible(talk, nick)
        ]
    exact = people.get(key_of(mask) or "")
    if exact is not None:
        return [(exact.name.text, "")]
    wanted = "*" if mask == "0" else mask.lower()
    seen: list[tuple[str, str]] = []
    async for person in in_turns(talk, [*people.values()]):
        nick = person.name.text
        if not fnmatchcase(nick.lower(), wanted):
            continue
        if not is_invisible(talk, nick) or nick == talk.nick or _shares(talk, nick):
            seen.append((nick, ""))
            if len(seen) == MAX_FOUND:
                break
    return seen


async def in_turns(talk: IrcTalk, items: Sequence[T]) -> AsyncIterator[T]:
    """Yield items, so many in a turn, and while the client reads: nobody else is held up."""
    for number, item in enumerate(items):
        if number % IN_A_TURN == IN_A_TURN - 1:
            await deferLater(talk.clock, 0)
            while talk.is_full and not talk.over:
                await deferLater(talk.clock, SLOW_SECONDS)
            if talk.over:
                return
        yield item


def _shares(talk: IrcTalk, nick: str) -> bool:
    key = key_of(nick) or ""
    return any(key in member.session.roster for member in me(talk).members.values())


def _is_operator(person: Any) -> bool:
    return any(user.is_operator for user in person.users)


def _facts(talk: IrcTalk, person: Any, session: str) -> dict[str, str]:
    nick = person.name.text
    username, realname = talk.shared.details_of(nick)
    flags = "G" if person.away else "H"
    flags += "*" if _is_operator(person) else ""
    flags += sign_of(talk, session, nick) if session else ""
    flags += "B" if talk.shared.is_bot(nick) else ""
    return {
        "c": channel(session) if session else "*",
        "u": username,
        "i": "255.255.255.255",
        "h": HOST,
        "s": "*",
        "n": nick,
        "f": flags,
        "d": "0",
        "l": str(_idle(talk, nick)),
        "a": "0" if person.guest else nick,
        "o": "n/a",
        "r": realname,
    }


def _idle(talk: IrcTalk, nick: str) -> int:
    other = talk.shared.named.get(key_of(nick) or "")
    return int(talk.clock.seconds() - other.spoke) if other is not None else 0


@command("WHOIS")
async def whois(talk: IrcTalk, line: Line) -> None:
    """Say who somebody is."""
    asked = line[1] or line[0]
    if not asked:
        talk.reply("431", "No nickname given")
        return
    if line[1] and not is_server(talk, line[0]):
        return
    for nick in asked.split(",")[:MAX_ASKED]:
        person = me(talk).chat.people.here.get(key_of(nick) or "")
        if person is None:
            talk.reply("401", nick, "No such nick")
        else:
            _whois(talk, person)
    talk.reply("318", asked, "End of /WHOIS list")


def _whois(talk: IrcTalk, person: Any) -> None:
    nick = person.name.text
    username, realname = talk.shared.details_of(nick)
    talk.reply("311", nick, username, HOST, "*", realname)
    if not person.guest:
        talk.reply("330", nick, nick, "is logged in as")
    row: list[str] = []
    for there in _sessions_of(talk, person):
        row.append(sign_of(talk, there.name, nick) + channel(there.name))
        if sum(len(one) + 1 for one in row) > ROW // 2:
            talk.reply("319", nick, " ".join(row))
            row = []
    if row:
        talk.reply("319", nick, " ".join(row))
    talk.reply("312", nick, talk.server, "twisted-chat")
    if _is_operator(person):
        talk.reply("313", nick, "is an IRC operator")
    if person.away:
        talk.reply("301", nick, person.away)
    if talk.shared.is_bot(nick):
        talk.reply("335", nick, "is a bot")
    other = talk.shared.named.get(person.name.key)
    if other is not None and other.is_secure:
        talk.reply("671", nick, "is using a secure connection")
    if person is me(talk).person or me(talk).is_operator:
        for user in person.users:
            talk.reply("378", nick, f"is connecting from *@{user.mind.host} {user.mind.host}")
            break
    if other is not None:
        idle = str(_idle(talk, nick))
        talk.reply("317", nick, idle, str(other.came), "seconds idle, signon time")


def _sessions_of(talk: IrcTalk, person: Any) -> list[Any]:
    user = me(talk)
    found = {
        there.life.key: there
        for there in sessions_of(user.chat, person)
        if there.life.direct is None and may_see(talk, there)
    }
    is_hidden = is_invisible(talk, person.name.text) and person is not user.person
    return [there for key, there in found.items() if not is_hidden or key in user.members]


@command("WHOWAS")
async def whowas(talk: IrcTalk, line: Line) -> None:
    """Say who was here, those who went last first."""
    if not line[0]:
        talk.reply("431", "No nickname given")
        return
    count = int(line[1]) if line[1].lstrip("-").isdecimal() else 0
    for nick in line[0].split(",")[:MAX_ASKED]:
        entries = list(talk.shared.former.get(key_of(nick) or "", ()))
        if not entries:
            talk.reply("406", nick, "There was no such nickname")
        for one in entries[: count if count > 0 else None]:
            talk.reply("314", one.nick, one.username, HOST, "*", one.realname)
            if one.account:
                talk.reply("330", one.nick, one.account, "was logged in as")
            talk.reply("312", one.nick, talk.server, f"was here since {one.when}")
        talk.reply("369", nick, "End of WHOWAS")


@command("ISON", 1)
async def ison(talk: IrcTalk, line: Line) -> None:
    """Say which of some are here."""
    people = me(talk).chat.people.here
    nicks = " ".join(line.parameters).split()
    here = [people[key].name.text for nick in nicks if (key := key_of(nick) or "") in people]
    talk.reply("303", " ".join(here))


@command("USERHOST", 1)
async def userhost(talk: IrcTalk, line: Line) -> None:
    """Say in short who some are."""
    people = me(talk).chat.people.here
    told = []
    for nick in line.parameters[:MAX_ASKED]:
        person = people.get(key_of(nick) or "")
        if person is not None:
            star = "*" if _is_operator(person) else ""
            away = "-" if person.away else "+"
            username = talk.shared.details_of(nick)[0]
            told.append(f"{person.name.text}{star}={away}{username}@{HOST}")
    talk.reply("302", " ".join(told))
