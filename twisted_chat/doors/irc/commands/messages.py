"""PRIVMSG and NOTICE: what is said in a session, or to one user."""

from __future__ import annotations

from secrets import token_hex
from typing import Final

from twisted_chat.chat.permissions import Rank, check_speech, rank_in
from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import found, is_in, me
from twisted_chat.doors.irc.commands.identity import nickserv, service
from twisted_chat.doors.irc.lines import Line, format_line
from twisted_chat.doors.irc.names import channel, direct_of, prefix, session_of
from twisted_chat.doors.irc.shown import NOTICE_ID, time_of
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_REACTION, React, Typing
from twisted_chat.vocabulary.names import key_of

MAX_TARGETS: Final = 4


def say_at_once(talk: IrcTalk, line: Line) -> bool:
    """Say a plain text in one session: it waits for no answer to those before it.

    Returns False where there is more to it, or something wrong with it: nothing is done then.
    """
    user, target = talk.user, line[0]
    if line.tags or len(line) != 2 or user is None or not line[1]:
        return False
    member = user.members.get(key_of(target[1:]) or "") if target.startswith("#") else None
    if member is None or talk.batch is not None:
        return False
    data = line[1]
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


def _action(data: str) -> str:
    return "/me " + data[8:].rstrip("\1")


@command("PRIVMSG", at_once=say_at_once)
async def privmsg(talk: IrcTalk, line: Line) -> None:
    """Say something."""
    await _take(talk, line)


@command("NOTICE", at_once=say_at_once)
async def notice(talk: IrcTalk, line: Line) -> None:
    """Say something that nobody answers by itself, the server neither."""
    await _take(talk, line)


async def _take(talk: IrcTalk, line: Line) -> None:
    batch = talk.batch
    if batch is not None and line.tags.get("batch") == batch.name:
        batch.add(line)
    else:
        await said(talk, line)


async def said(talk: IrcTalk, line: Line) -> None:
    """Say what a PRIVMSG or a NOTICE says, to each of its targets."""
    is_notice = line.command == "NOTICE"
    talk.spoke = talk.clock.seconds()
    if not line[0]:
        if not is_notice:
            talk.reply("411", f"No recipient given ({line.command})")
        return
    if not line[1]:
        if not is_notice:
            talk.reply("412", "No text to send")
        return
    targets = list(dict.fromkeys(line[0].split(",")))
    for target in targets[:MAX_TARGETS]:
        talk.where = target
        try:
            await _say(talk, line, target, NOTICE_ID if is_notice else "irc.")
        except ChatError as refused:
            if not is_notice:
                talk._refuse(refused, None)
    for target in targets[MAX_TARGETS:]:
        talk.reply("407", target, "Too many targets")


async def _say(talk: IrcTalk, line: Line, target: str, kind: str) -> None:
    data, user = line[1], me(talk)
    if data.startswith("\1ACTION "):
        data = _action(data)
    signs, plain = _status(target)
    session = session_of(plain)
    tags = _client_tags(talk, line)
    if session is None:
        if target.lower() == "nickserv":
            service(talk, await nickserv(talk, data.split()))
            return
        if key_of(target) == user.name.key:
            _to_oneself(talk, line, tags)
            return
    elif found(talk, session) is None:
        raise ChatError("no-such-session", "No such channel")
    elif not is_in(talk, session):
        talk.reply("404", target, "Cannot send to channel: you are not in it")
        return
    elif signs:
        _to_some(talk, line, session, signs, tags)
        return
    id = talk.new_text_id(kind)
    talk.own(id)
    talk.shared.tagged(id, tags)
    reply = _answers(talk, line, session, target)
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


def _status(target: str) -> tuple[str, str]:
    """Return the signs before a channel that mean only those who have a role, and the channel."""
    plain = target.lstrip("@+")
    return (target[: len(target) - len(plain)], plain) if plain.startswith("#") else ("", target)


def _client_tags(talk: IrcTalk, line: Line) -> dict[str, str]:
    if "message-tags" not in talk.caps:
        return {}
    return {name: value for name, value in line.tags.items() if name.startswith("+")}


def _answers(talk: IrcTalk, line: Line, session: str | None, target: str) -> int | None:
    """Return the seq of the text that is answered, where that is one of this session."""
    given = line.tags.get("+draft/reply") or line.tags.get("+reply")
    name = session if session is not None else direct_of(*_two(talk, target))
    member = me(talk).members.get(key_of(name) or "")
    epoch, _, seq = (given or "").rpartition("-")
    if member is None or epoch != member.session.life.epoch or not seq.isdecimal():
        return None
    return int(seq) if 0 < int(seq) <= member.session.head else None


def _two(talk: IrcTalk, target: str) -> tuple[str, str]:
    one, other = sorted([talk.nick, target], key=lambda name: key_of(name) or "")
    return one, other


def _to_oneself(talk: IrcTalk, line: Line, tags: dict[str, str]) -> None:
    """Say something to oneself: it is heard by one's connections at this door, and kept nowhere."""
    millis = me(talk).chat.millis()
    for other in me(talk).person.users:
        mind = other.mind
        if not isinstance(mind, IrcTalk):
            continue
        shown = dict(tags) if "message-tags" in mind.caps else {}
        if "message-tags" in mind.caps:
            shown["msgid"] = f"self-{token_hex(8)}"
        if "server-time" in mind.caps:
            shown["time"] = time_of(millis)
        if "account-tag" in mind.caps and not me(talk).is_guest:
            shown["account"] = talk.nick
        words = line[1] if line.command != "TAGMSG" else None
        parameters = [talk.nick] if words is None else [talk.nick, words]
        told = format_line(prefix(talk.nick), line.command, *parameters, tags=shown)
        if words is None and "message-tags" not in mind.caps:
            continue
        if mind is talk and "echo-message" in talk.caps:
            talk.put(told)  # the echo, which has the label
        mind.write(told)


def _to_some(talk: IrcTalk, line: Line, session: str, signs: str, tags: dict[str, str]) -> None:
    """Say something to those with a role alone (STATUSMSG): it is heard at this door, not kept."""
    there = found(talk, session)
    least = Rank.VOICE if "+" in signs else Rank.MODERATOR
    check_speech(me(talk), there)
    target = f"{signs[0]}{channel(there.name)}"
    for user in [*there.members]:
        mind = user.mind
        if not isinstance(mind, IrcTalk) or user.full:
            continue
        shown = dict(tags) if "message-tags" in mind.caps else {}
        told = format_line(prefix(talk.nick), line.command, target, line[1], tags=shown)
        if mind is talk:
            if "echo-message" in talk.caps:
                talk.put(told)
        elif rank_in(user.chat, there, user.name.key) >= least:
            mind.write(told)


@command("TAGMSG", 1)
async def tagmsg(talk: IrcTalk, line: Line) -> None:
    """Hand on client-only tags alone, to those at this door who take them: stored nowhere.

    Reactions and typing are the chat's: they reach every door.
    """
    if "message-tags" not in talk.caps:
        talk.reply("421", "TAGMSG", "Unknown command")
        return
    tags = _client_tags(talk, line)
    session = session_of(line[0])
    user = me(talk)
    if session is None:
        person = user.chat.people.here.get(key_of(line[0]) or "")
        if person is None:
            raise ChatError("no-such-user", "No such nick")
        if person is user.person:
            _to_oneself(talk, line, tags)
            return
        hearers = [*person.users, *user.person.users]
        name = direct_of(*_two(talk, line[0]))
    elif (there := found(talk, session)) is None:
        raise ChatError("no-such-session", "No such channel")
    elif not is_in(talk, session):
        talk.reply("404", line[0], "Cannot send to channel: you are not in it")
        return
    else:
        hearers, name = [*there.members], there.name
        check_speech(user, there)
    if await _is_reaction(talk, line, tags, name):
        return
    if tags.get("+typing") == "active" and name in user.members:
        await user.ask(Typing(session=name))
    name = f"tags-{token_hex(8)}"
    for other in hearers:
        mind = other.mind
        if not isinstance(mind, IrcTalk) or other.full or "message-tags" not in mind.caps:
            continue
        shown = tags | {"msgid": name}
        if "server-time" in mind.caps:
            shown["time"] = time_of(user.chat.millis())
        if "account-tag" in mind.caps and not user.is_guest:
            shown["account"] = talk.nick
        told = format_line(prefix(talk.nick), "TAGMSG", line[0], tags=shown)
        if mind is not talk:
            mind.write(told)
        elif "echo-message" in talk.caps:
            talk.put(told)


async def _is_reaction(talk: IrcTalk, line: Line, tags: dict[str, str], session: str) -> bool:
    """Do what ``+draft/react`` asks for, where it is about a text that is kept."""
    data = tags.get("+draft/react") or tags.get("+draft/unreact")
    of = _answers(talk, line, session if not session.startswith("@") else None, line[0])
    if not data or of is None or len(data) > MAX_REACTION:
        return False
    undo = "+draft/react" not in tags
    id = talk.new_text_id("irc.")
    talk.own(id)
    try:
        await me(talk).ask(React(session=session, of=of, data=data, undo=undo, id=id))
    except ChatError:
        talk.disown(id)
        raise
    return True
