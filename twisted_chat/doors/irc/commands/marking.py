"""MARKREAD: how far one has read. See IRCv3's draft/read-marker."""

from __future__ import annotations

from typing import Any

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import me
from twisted_chat.doors.irc.commands.history import Wrong, first_since, millis_of
from twisted_chat.doors.irc.lines import Line, format_line, time_of
from twisted_chat.doors.irc.marks import shown_mark
from twisted_chat.doors.irc.names import direct_of, session_of
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import History, Read, Texts
from twisted_chat.vocabulary.names import key_of, session_name, user_name


@command("MARKREAD")
async def markread(talk: IrcTalk, line: Line) -> None:
    """Say how far one has read, or ask for it."""
    target = line[0]
    if not target:
        talk.send("FAIL", "MARKREAD", "NEED_MORE_PARAMS", "Missing parameters")
        return
    session = session_of(target)
    user = me(talk)
    try:
        session_name(session) if session is not None else user_name(target)
    except ChatError as refused:
        talk.send("FAIL", "MARKREAD", "INVALID_PARAMS", target, str(refused))
        return
    session = session or direct_of(talk.nick, target)
    member = user.members.get(key_of(session) or "")
    marks = talk.shared.marks
    known = await mark_of(talk, member, marks.get(talk.nick, target))
    if len(line) == 1:
        talk.send("MARKREAD", target, shown_mark(known))
        return
    kind, _, value = line[1].partition("=")
    try:
        if kind != "timestamp":
            raise Wrong("INVALID_PARAMS", line[1], "A time is wanted")
        millis = millis_of(value, line[1])
    except Wrong as wrong:
        talk.send("FAIL", "MARKREAD", wrong.code, wrong.about, wrong.sentence)
        return
    when = time_of(millis)
    if known is not None and known >= when:
        talk.send("MARKREAD", target, shown_mark(known))
        return
    marks.set(talk.nick, target, when)
    if member is not None and not user.is_guest:
        seq = await first_since(talk, member, millis + 1) - 1
        if seq:
            await user.ask(Read(session=member.session.life.name, seq=seq))
    told = format_line(talk.server, "MARKREAD", target, shown_mark(when))
    for other_user in user.person.users:
        mind = other_user.mind
        if isinstance(mind, IrcTalk) and mind is not talk and "draft/read-marker" in mind.caps:
            mind.write(told)
    talk.put(told)


async def mark_of(talk: IrcTalk, member: Any, said: str | None) -> str | None:
    """Return until when one has read: as a client said it here, or as another door knows it."""
    user = me(talk)
    read = None
    if member is not None and not user.is_guest:
        read = user.chat.places.read_of(user.name.key, member.session)
    if not read:
        return said
    answer = await user.ask(History(session=member.session.name, after=read - 1, limit=1))
    entries = [one for one in answer.texts if one.seq == read] if isinstance(answer, Texts) else []
    kept = time_of(entries[0].time) if entries else None
    return max(filter(None, (said, kept)), default=None)
