"""PRIVMSG and NOTICE: what is said in a session, or to one user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import found, is_in, me
from twisted_chat.doors.irc.commands.identity import is_service, nickserv, service
from twisted_chat.doors.irc.commands.multiline import is_stray
from twisted_chat.doors.irc.commands.unkept import (
    answers,
    client_tags,
    status_of,
    tell,
    tell_some,
)
from twisted_chat.doors.irc.lines import Line, is_one_line
from twisted_chat.doors.irc.names import prefix, session_of
from twisted_chat.doors.irc.shown import NOTICE_ID, SHORT, Part
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import key_of

MAX_TARGETS: Final = 4


def say_at_once(talk: IrcTalk, line: Line) -> bool:
    """Say a plain text in one session: it waits for no answer to those before it.

    Returns False where there is more to it, or something wrong with it: nothing is done then.
    """
    user = talk.user
    if user is None or line.tags or len(line.parameters) != 2 or talk.batch is not None:
        return False
    target, data = line.parameters
    member = user.members.get(key_of(target[1:]) or "") if target.startswith("#") else None
    if member is None or not data:
        return False
    if (len(data) > SHORT or not data.isascii()) and is_too_long(talk, line):
        return False
    if data.startswith("\1ACTION "):
        data = _action(data)
    kind = NOTICE_ID if line.command == "NOTICE" else "irc."
    id = talk.new_text_id(kind)
    talk.own(id)
    try:
        user.say(data, member.session.life.name, id)
    except ChatError:
        talk.disown(id)
        return False
    talk.spoke = talk.clock.seconds()
    return True


def is_too_long(talk: IrcTalk, line: Line, target: str | None = None) -> bool:
    """Whether a line would be several to who hears it, as it then bears who says it.

    Its client is told so, and may cut it where that is best.
    """
    where = line[0] if target is None else target
    return not is_one_line(prefix(talk.nick), line.command, where, line[1])


def _action(data: str) -> str:
    return "/me " + data[8:].rstrip("\1")


@command("PRIVMSG", at_once=say_at_once)
async def privmsg(talk: IrcTalk, line: Line) -> None:
    """Say something."""
    if not is_stray(talk, line):
        await said(talk, line)


@command("NOTICE", at_once=say_at_once)
async def notice(talk: IrcTalk, line: Line) -> None:
    """Say something that nobody answers by itself, the server neither."""
    if not is_stray(talk, line):
        await said(talk, line)


async def said(talk: IrcTalk, line: Line, parts: Sequence[Part] = ()) -> None:
    """Say what a PRIVMSG or a NOTICE says to each of its targets; a batch has ``parts``."""
    is_notice = line.command == "NOTICE"
    talk.spoke = talk.clock.seconds()
    targets = list(dict.fromkeys(one for one in line[0].split(",") if one))
    if not targets:
        if not is_notice:
            talk.reply("411", f"No recipient given ({line.command})")
        return
    if not line[1]:
        if not is_notice:
            talk.reply("412", "No text to send")
        return
    for target in targets[:MAX_TARGETS]:
        talk.where = target
        if not parts and not is_service(target) and is_too_long(talk, line, target):
            talk.reply("417", "That would not fit into one line; a multiline batch may be longer")
            continue
        try:
            await _say(talk, line, target, NOTICE_ID if is_notice else "irc.", parts)
        except ChatError as refused:
            if not is_notice:
                talk._refuse(refused, None)
    for target in targets[MAX_TARGETS:] if not is_notice else ():
        talk.reply("407", target, "Too many targets")


async def _say(talk: IrcTalk, line: Line, target: str, kind: str, parts: Sequence[Part]) -> None:
    data, user = line[1], me(talk)
    if data.startswith("\1ACTION "):
        data = _action(data)
    signs, plain = status_of(target)
    session = session_of(plain)
    if session is None:
        if is_service(target):
            service(talk, await nickserv(talk, data.split()))
            return
        if key_of(target) == user.name.key and user.is_guest:
            tell(talk, user.person.users, line, talk.nick, parts, to_oneself=True)
            return
    elif found(talk, session) is None:
        raise ChatError("no-such-session", "No such channel")
    elif not is_in(talk, session):
        raise ChatError("muted", "Cannot send to channel: you are not in it")
    elif signs:
        tell_some(talk, line, session, signs, parts)
        return
    id = talk.new_text_id(kind)
    talk.own(id)
    tags = client_tags(talk, line)
    talk.shared.tagged(id, tags)
    if parts:
        talk.shared.in_parts(id, parts)
    reply = answers(talk, line.tags, session, target)
    try:
        if session is not None:
            user.say(data, session, id, reply)
        else:
            await user.message(target, data, id, reply)
    except ChatError as refused:
        talk.disown(id)
        if refused.code == "muted":
            raise ChatError("muted", f"Cannot send to channel: {refused}") from None
        raise
    person = None if session is not None else user.chat.people.here.get(key_of(target) or "")
    if person is not None and person.away and kind != NOTICE_ID:
        talk.reply("301", person.name.text, person.away)
