"""JOIN, PART, TOPIC, NAMES, LIST: a channel is a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from msgspec.structs import replace

from twisted_chat.chat.permissions import Rank, rank_in, roles_in
from twisted_chat.doors.irc.asked import COMMANDS, command
from twisted_chat.doors.irc.lines import Line, fitting_rows, time_of
from twisted_chat.doors.irc.names import channel, prefix, session_of
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    Create,
    History,
    Join,
    Leave,
    List,
    Listing,
    Members,
    Password,
    SetTopic,
    Snapshot,
    Text,
    Texts,
    Who,
)
from twisted_chat.vocabulary.names import key_of, session_name

MAX_NAMES: Final = 20
"""Channels of one NAMES."""

LEAST_NAMES: Final = 200
"""Bytes for names in a line, at least, however long a channel's name is."""


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
    there = me(talk).chat.sessions.get(key_of(session) or "")
    return there if there is not None and there.life.direct is None else None  # no channel


@command("JOIN", 1)
async def join(talk: IrcTalk, line: Line) -> None:
    """Come into sessions; one that is not there begins, as IRC's users expect."""
    if line[0] == "0":
        for member in [*me(talk).members.values()]:
            if member.session.life.direct is None:
                await leave(talk, member.session.life.name, "")
        return
    if not line[0]:
        talk.reply("461", "JOIN", "Not enough parameters")
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
    read = _read_before(talk, session)
    try:
        snapshot = await user.ask(Join(session=session, password=password))
    except ChatError as refused:
        if refused.code != "no-such-session":
            raise
        snapshot = await user.ask(Create(session=session, password=password))
        talk.shared.begun[snapshot.epoch] = user.chat.millis()
    batches = talk.shared.batches(user.chat)
    talk.put(batches.joined(snapshot.session, talk.nick, talk.caps))
    if snapshot.topic:
        say_topic(talk, channel(snapshot.session), snapshot.topic, snapshot.epoch)
    if "draft/read-marker" in talk.caps:
        await COMMANDS["MARKREAD"].do(talk, Line("MARKREAD", [channel(snapshot.session)]))
    if "draft/no-implicit-names" not in talk.caps:
        await names_of(talk, snapshot)
        talk.reply("366", channel(snapshot.session), "End of /NAMES list")
    if "draft/chathistory" not in talk.caps:
        await playback(talk, snapshot, read)


def _read_before(talk: IrcTalk, session: str) -> int | None:
    """Return how far an account has read in a session that it has not left; None for others."""
    user, there = me(talk), found(talk, session)
    if there is None or user.is_guest or not user.chat.places.has(user.name.key, there):
        return None
    read: int | None = user.chat.places.read_of(user.name.key, there)
    return read


def say_topic(talk: IrcTalk, where: str, topic: str, epoch: str) -> None:
    """Say what a session is about, and who said so, when: where that is known here."""
    talk.reply("332", where, topic)
    known = talk.shared.topics.get(epoch)
    if known is not None:
        talk.reply("333", where, known[0], str(known[1] // 1_000))


async def playback(talk: IrcTalk, snapshot: Snapshot, read: int | None) -> None:
    """Give what was missed to who can not ask for it: from the read marker, or the last few."""
    user = me(talk)
    there = found(talk, snapshot.session)
    most = talk.shared.played_back
    if there is None or not there.head or not most:
        return
    after = max(there.head - most, there.life.first - 1, read or 0)
    answer = await user.ask(History(session=there.name, after=after, limit=most))
    entries = answer.texts if isinstance(answer, Texts) else []
    batches = talk.shared.batches(user.chat)
    for entry in entries:
        if isinstance(entry, Text) and entry.data:
            when = "" if "server-time" in talk.caps else f"[{time_of(entry.time)[11:16]}] "
            old = replace(entry, data=_stamped(entry.data, when))
            talk.put(batches.text(old, talk.caps, {}, there.life.epoch))


def _stamped(data: str, when: str) -> str:
    is_action = data.startswith("/me ")
    return f"/me {when}{data[4:]}" if is_action else f"{when}{data}"


async def names_of(talk: IrcTalk, snapshot: Snapshot) -> None:
    """Say who is in a session."""
    where = channel(snapshot.session)
    there = found(talk, snapshot.session)
    sign = "@" if there is not None and there.life.hidden else "="
    signs = _signs(talk, there) if there is not None else {}
    names = await members(talk, snapshot.session)
    if not is_in(talk, snapshot.session):
        names = [name for name in names if not is_invisible(talk, name)]
    shown = [prefix(one) for one in names] if "userhost-in-names" in talk.caps else names
    if signs:
        shown = [
            signs.get(key_of(one) or "", "") + name for one, name in zip(names, shown, strict=True)
        ]
    head = len(f":{talk.server} 353 {talk.nick} {sign} {where} :".encode())
    for row in fitting_rows(shown, max(LEAST_NAMES, 510 - head)):
        if row:
            talk.reply("353", sign, where, row)


def _signs(talk: IrcTalk, there: Any) -> dict[str, str]:
    """Return what stands before the names of those who have a role, by their compared form."""
    chat = me(talk).chat
    keys = {key_of(name) or "" for name, _ in roles_in(chat, there)}
    return {key: SIGNS.get(rank_in(chat, there, key), "") for key in keys}


def is_invisible(talk: IrcTalk, nick: str) -> bool:
    """Whether somebody does not want to be found by who shares no channel with it."""
    other = talk.shared.named.get(key_of(nick) or "")
    return other is not None and "i" in other.modes and not me(talk).is_operator


SIGNS: Final = {Rank.OWNER: "@", Rank.MODERATOR: "@", Rank.VOICE: "+"}


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
    if reason:
        talk.shared.goings.leaves(me(talk).name.key, key_of(session) or "", reason)
    left = await me(talk).ask(Leave(session=session))
    parameters = (channel(left.session), reason) if reason else (channel(left.session),)
    talk.act("PART", *parameters)


@command("TOPIC", 1)
async def topic(talk: IrcTalk, line: Line) -> None:
    """Say what a session is about, or change it."""
    session = session_of(line[0])
    there = found(talk, session) if session else None
    if session is None or there is None:
        raise ChatError("no-such-session", "No such channel")
    if not may_see(talk, there):
        raise ChatError("not-in-session", "You're not on that channel")
    if len(line) == 1:
        if not there.life.topic:
            talk.reply("331", line[0], "No topic is set")
        else:
            say_topic(talk, line[0], there.life.topic, there.life.epoch)
        return
    if not is_in(talk, session):
        raise ChatError("not-in-session", "You're not on that channel")
    changed = await me(talk).ask(SetTopic(topic=line[1], session=session))
    talk.shared.has_topic(there.life.epoch, talk.nick, me(talk).chat.millis())
    talk.act("TOPIC", channel(changed.session), changed.topic)


@command("NAMES")
async def names(talk: IrcTalk, line: Line) -> None:
    """Say who is in sessions."""
    for name in line[0].split(",")[:MAX_NAMES]:
        session = session_of(name)
        there = found(talk, session) if session else None
        if there is not None and may_see(talk, there):
            await names_of(talk, there.snapshot())
    talk.reply("366", line[0] or "*", "End of /NAMES list")


def may_see(talk: IrcTalk, there: Any) -> bool:
    """Whether one may know who is in a session."""
    return not there.life.hidden or there.life.key in me(talk).members or me(talk).is_operator


def _listings(answer: object) -> Iterator[Listing]:
    if isinstance(answer, Iterator):
        yield from (one for one in answer if isinstance(one, Listing))
    elif isinstance(answer, Listing):
        yield answer


@command("LIST")
async def list_(talk: IrcTalk, line: Line) -> None:
    """Say which sessions there are: all, or those that are named or fit a mask (ELIST=MNU)."""
    fits = [_fitting(mask) for mask in line[0].split(",") if mask]
    wanted = [one for one in fits if one is not None]
    names = [mask for mask in line[0].lower().split(",") if mask and mask[0] not in "<>!CT"]
    talk.reply("321", "Channel", "Users  Name")
    for page in _listings(await me(talk).ask(List())):
        for one in page.sessions:
            where = channel(one.session)
            named = not names or any(_is_named(where.lower(), mask) for mask in names)
            if named and all(fit(one.users, where) for fit in wanted):
                talk.reply("322", where, str(one.users), one.topic)
    talk.reply("323", "End of /LIST")


def _is_named(where: str, mask: str) -> bool:
    return fnmatchcase(where, mask) or fnmatchcase(where[1:], mask)


def _fitting(mask: str) -> Callable[[int, str], bool] | None:
    sign, rest = mask[0], mask[1:]
    if sign in "<>" and rest.isdecimal():
        least = int(rest)
        return (lambda users, _: users < least) if sign == "<" else (lambda users, _: users > least)
    if sign == "!" and rest:
        return lambda _, where: not _is_named(where.lower(), rest.lower())
    return None
