"""What is heard at this door alone, and kept nowhere: client-only tags, and what is for some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from secrets import token_hex
from typing import Any

from twisted_chat.chat.permissions import Rank, check_speech, rank_in
from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import found, is_in, me
from twisted_chat.doors.irc.lines import Line, format_line
from twisted_chat.doors.irc.names import channel, direct_of, prefix, session_of
from twisted_chat.doors.irc.shown import Part
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_REACTION, React, Typing
from twisted_chat.vocabulary.names import key_of


def status_of(target: str) -> tuple[str, str]:
    """Return the signs before a channel that mean only those who have a role, and the channel."""
    plain = target.lstrip("@+")
    return (target[: len(target) - len(plain)], plain) if plain.startswith("#") else ("", target)


def client_tags(talk: IrcTalk, line: Line) -> dict[str, str]:
    """Return the client-only tags of a line, where its client knows of tags."""
    if "message-tags" not in talk.caps:
        return {}
    return {name: value for name, value in line.tags.items() if name.startswith("+")}


def tell(
    talk: IrcTalk,
    hearers: Iterable[Any],
    line: Line,
    target: str,
    parts: Sequence[Part] = (),
    *,
    to_oneself: bool = False,
) -> None:
    """Tell a line to Users, as far as they are here by this door, read, and know what it is.

    A batch has ``parts``. ``to_oneself``: who says it is whom it is for, and hears it besides its
    echo.
    """
    user, is_tags = me(talk), line.command == "TAGMSG"
    name = f"{'tags' if is_tags else 'unkept'}-{token_hex(8)}"
    batches = talk.shared.batches(user.chat)
    head = (prefix(talk.nick), line.command, target)
    for other in tuple(hearers):
        mind = other.mind
        if not isinstance(mind, IrcTalk) or other.full:
            continue
        tags = batches.facts(talk.nick, mind.caps)
        if "message-tags" in mind.caps:
            tags |= {"msgid": name} | client_tags(talk, line)
        elif is_tags:
            continue
        if is_tags:
            told = format_line(*head, tags=tags)
        else:
            told = batches.said(head, line[1], parts, mind.caps, tags)
        if mind is talk and "echo-message" in talk.caps:
            talk.put(told)
        if mind is not talk or to_oneself:
            mind.write(told)


def tell_some(
    talk: IrcTalk, line: Line, session: str, signs: str, parts: Sequence[Part] = ()
) -> None:
    """Tell something to those with a role alone (STATUSMSG), and to oneself."""
    there, user = found(talk, session), me(talk)
    least = Rank.VOICE if "+" in signs else Rank.MODERATOR
    check_speech(user, there)
    hearers = [
        other
        for other in there.members
        if other.mind is talk or rank_in(user.chat, there, other.name.key) >= least
    ]
    sign = "+" if "+" in signs else "@"
    tell(talk, hearers, line, f"{sign}{channel(there.name)}", parts)


def answers(talk: IrcTalk, tags: Mapping[str, str], session: str | None, target: str) -> int | None:
    """Return the seq of the text that is answered, where that is one of this session."""
    given = tags.get("+draft/reply") or tags.get("+reply")
    name = session if session is not None else direct_of(*_two(talk, target))
    member = me(talk).members.get(key_of(name) or "")
    epoch, _, seq = (given or "").rpartition("-")
    if member is None or epoch != member.session.life.epoch or not seq.isdecimal():
        return None
    return int(seq) if 0 < int(seq) <= member.session.head else None


def _two(talk: IrcTalk, target: str) -> tuple[str, str]:
    one, other = sorted([talk.nick, target], key=lambda name: key_of(name) or "")
    return one, other


@command("TAGMSG", 1)
async def tagmsg(talk: IrcTalk, line: Line) -> None:
    """Hand on client-only tags alone, to those at this door who take them.

    Reactions and typing are the chat's: they reach every door.
    """
    if "message-tags" not in talk.caps:
        talk.reply("421", "TAGMSG", "Unknown command")
        return
    signs, target = status_of(line[0])
    session = session_of(target)
    user, line = me(talk), Line("TAGMSG", line.parameters[:1], line.tags)
    if session is None:
        person = user.chat.people.here.get(key_of(target) or "")
        if person is None:
            raise ChatError("no-such-user", "No such nick")
        hearers = [*dict.fromkeys([*person.users, *user.person.users])]
        if person is user.person:
            tell(talk, hearers, line, talk.nick, to_oneself=True)
            return
        target, name = person.name.text, direct_of(*_two(talk, target))
    elif (there := found(talk, session)) is None:
        raise ChatError("no-such-session", "No such channel")
    elif not is_in(talk, session):
        talk.reply("404", line[0], "Cannot send to channel: you are not in it")
        return
    elif signs:
        tell_some(talk, line, session, signs)
        return
    else:
        hearers, name, target = [*there.members], there.name, channel(there.name)
        check_speech(user, there)
    tags = client_tags(talk, line)
    if await _is_reaction(talk, tags, name, target):
        return
    if tags.get("+typing") == "active" and name in user.members:
        await user.ask(Typing(session=name))
    tell(talk, hearers, line, target)


async def _is_reaction(talk: IrcTalk, tags: Mapping[str, str], session: str, target: str) -> bool:
    """Do what ``+draft/react`` asks for, where it is about a text that is kept."""
    data = tags.get("+draft/react") or tags.get("+draft/unreact")
    of = answers(talk, tags, session if not session.startswith("@") else None, target)
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
