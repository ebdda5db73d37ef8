"""JOIN, PART, TOPIC, NAMES, LIST, WHO: a channel is a session."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from twisted_chat.chat.permissions import Rank, rank_in
from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.lines import Line
from twisted_chat.doors.irc.names import SERVER, channel, prefix, session_of
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    Create,
    Join,
    Leave,
    List,
    Listing,
    Members,
    Password,
    SetTopic,
    Snapshot,
    Who,
)
from twisted_chat.vocabulary.names import key_of, session_name

NAMES_SIZE = 380
"""Bytes of names in a line."""


def me(talk: IrcTalk) -> Any:
    """Return who it is that asks. Raises ChatError ``not-logged-in``."""
    if talk.user is None:
        raise ChatError("not-logged-in", "You have not registered")
    return talk.user


def is_in(talk: IrcTalk, session: str) -> bool:
    """Whether it is a member of that session."""
    return (key_of(session) or "") in me(talk).members


def found(talk: IrcTalk, session: str) -> Any:
    """Return a session that is no direct one; None where there is none."""
    return me(talk).chat.sessions.get(key_of(session) or "")


@command("JOIN", 1)
async def join(talk: IrcTalk, line: Line) -> None:
    """Come into sessions; one that is not there begins, as IRC's users expect."""
    if line[0] == "0":
        for member in [*me(talk).members.values()]:
            if member.session.life.direct is None:
                await leave(talk, member.session.life.name, "")
        return
    keys = iter(line[1].split(","))
    for name in line[0].split(","):
        key = next(keys, "") or None
        if name:
            await one_by_one(talk, name, enter(talk, session_of(name), key))


async def one_by_one(talk: IrcTalk, name: str, doing: Any) -> None:
    """Do something for one of several names: what is refused keeps none of the others."""
    talk.where = name
    try:
        await doing
    except ChatError as refused:
        talk._refuse(refused, None)


async def enter(talk: IrcTalk, session: str | None, password: Password | None) -> None:
    """Come into a session."""
    if session is None:
        raise ChatError("no-such-session", "No such channel")
    try:
        session_name(session)
    except ChatError as refused:
        raise ChatError("no-such-session", str(refused)) from None
    user = me(talk)
    if is_in(talk, session):
        return
    try:
        snapshot = await user.ask(Join(session=session, password=password))
    except ChatError as refused:
        if refused.code != "no-such-session":
            raise
        snapshot = await user.ask(Create(session=session, password=password))
    batches = talk.shared.batches(user.chat)
    talk.put(batches.joined(snapshot.session, talk.nick, talk.caps, {}))
    if snapshot.topic:
        talk.reply("332", channel(snapshot.session), snapshot.topic)
    await names_of(talk, snapshot)


async def names_of(talk: IrcTalk, snapshot: Snapshot) -> None:
    """Say who is in a session."""
    where = channel(snapshot.session)
    row: list[str] = []
    for one in await members(talk, snapshot.session):
        shown = prefix(one) if "userhost-in-names" in talk.caps else one
        row.append(sign_of(talk, snapshot.session, one) + shown)
        if sum(map(len, row)) + len(row) > NAMES_SIZE // 2:
            talk.reply("353", "=", where, " ".join(row))
            row = []
    if row:
        talk.reply("353", "=", where, " ".join(row))
    talk.reply("366", where, "End of /NAMES list")


SIGNS: Final = {Rank.OWNER: "~", Rank.MODERATOR: "@", Rank.VOICE: "+"}


def sign_of(talk: IrcTalk, session: str, nick: str) -> str:
    """Return what stands before the name of who has a role."""
    there = found(talk, session)
    if there is None:
        return ""
    rank = rank_in(me(talk).chat, there, key_of(nick) or "")
    return SIGNS.get(rank, "")


async def members(talk: IrcTalk, session: str) -> list[str]:
    """Return all who are in a session."""
    names: list[str] = []
    after = None
    while True:
        answer = await me(talk).ask(Who(session=session, after=after))
        if not isinstance(answer, Members):
            return names
        names += answer.users
        if not answer.more or not answer.users:
            return names
        after = answer.users[-1]


@command("PART", 1)
async def part(talk: IrcTalk, line: Line) -> None:
    """Go out of sessions."""
    for name in line[0].split(","):
        if name:
            await one_by_one(talk, name, leave(talk, session_of(name), line[1]))


async def leave(talk: IrcTalk, session: str | None, reason: str) -> None:
    """Go out of one session."""
    if session is None or (found(talk, session) is None):
        raise ChatError("no-such-session", "No such channel")
    if not is_in(talk, session):
        raise ChatError("not-in-session", "You're not on that channel")
    left = await me(talk).ask(Leave(session=session))
    parameters = (channel(left.session), reason) if reason else (channel(left.session),)
    talk.send("PART", *parameters, source=prefix(talk.nick))


@command("TOPIC", 1)
async def topic(talk: IrcTalk, line: Line) -> None:
    """Say what a session is about, or change it."""
    session = session_of(line[0])
    there = found(talk, session) if session else None
    if session is None or there is None:
        raise ChatError("no-such-session", "No such channel")
    if len(line) == 1:
        if not there.life.topic:
            talk.reply("331", line[0], "No topic is set")
        else:
            talk.reply("332", line[0], there.life.topic)
        return
    if not is_in(talk, session):
        raise ChatError("not-in-session", "You're not on that channel")
    changed = await me(talk).ask(SetTopic(topic=line[1], session=session))
    talk.send("TOPIC", channel(changed.session), changed.topic, source=prefix(talk.nick))


@command("NAMES")
async def names(talk: IrcTalk, line: Line) -> None:
    """Say who is in a session."""
    session = session_of(line[0])
    there = found(talk, session) if session else None
    if there is None:
        talk.reply("366", line[0] or "*", "End of /NAMES list")
    else:
        await names_of(talk, there.snapshot())


def _listings(answer: object) -> Iterator[Listing]:
    if isinstance(answer, Iterator):
        yield from (one for one in answer if isinstance(one, Listing))
    elif isinstance(answer, Listing):
        yield answer


@command("LIST")
async def list_(talk: IrcTalk, line: Line) -> None:
    """Say which sessions there are: all, or those that are named or fit a mask."""
    masks = [mask.lower() for mask in line[0].split(",") if mask]
    talk.reply("321", "Channel", "Users  Name")
    for page in _listings(await me(talk).ask(List())):
        for one in page.sessions:
            where = channel(one.session)
            if not masks or any(fnmatchcase(where.lower(), mask) for mask in masks):
                talk.reply("322", where, str(one.users), one.topic)
    talk.reply("323", "End of /LIST")


@command("WHO", 1)
async def who(talk: IrcTalk, line: Line) -> None:
    """Say who is in a session, or who somebody is."""
    session = session_of(line[0])
    people = me(talk).chat.people.here
    if session is not None:
        there = found(talk, session)
        for one in await members(talk, session) if there is not None else ():
            away = "G" if _is_away(talk, one) else "H"
            _who(talk, line[0], one, away + sign_of(talk, session, one))
    else:
        person = people.get(key_of(line[0]) or "")
        if person is not None:
            _who(talk, "*", person.name.text, "G" if person.away else "H")
    talk.reply("315", line[0], "End of WHO list")


def _is_away(talk: IrcTalk, nick: str) -> bool:
    person = me(talk).chat.people.here.get(key_of(nick) or "")
    return person is not None and bool(person.away)


def _who(talk: IrcTalk, where: str, nick: str, flags: str) -> None:
    username = prefix(nick).partition("!")[2].partition("@")[0]
    talk.reply("352", where, username, SERVER, SERVER, nick, flags, f"0 {nick}")
