"""PRIVMSG and NOTICE: what is said in a session, or to one user."""

from __future__ import annotations

from secrets import token_hex
from typing import Final

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import found, is_in, me, one_by_one
from twisted_chat.doors.irc.lines import Line, format_line
from twisted_chat.doors.irc.names import prefix, session_of
from twisted_chat.doors.irc.shown import NOTICE_ID
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import key_of

MAX_TARGETS: Final = 4


@command("PRIVMSG")
async def privmsg(talk: IrcTalk, line: Line) -> None:
    """Say something."""
    await _said(talk, line, "irc.")


@command("NOTICE")
async def notice(talk: IrcTalk, line: Line) -> None:
    """Say something that nobody answers by itself."""
    await _said(talk, line, NOTICE_ID)


async def _said(talk: IrcTalk, line: Line, kind: str) -> None:
    if not line[0]:
        talk.reply("411", f"No recipient given ({line.command})")
        return
    if not line[1]:
        talk.reply("412", "No text to send")
        return
    targets = line[0].split(",")
    for target in targets[:MAX_TARGETS]:
        await one_by_one(talk, target, _say(talk, line, target, kind))
    for target in targets[MAX_TARGETS:]:
        talk.reply("407", target, "Too many targets")


async def _say(talk: IrcTalk, line: Line, target: str, kind: str) -> None:
    data, user = line[1], me(talk)
    if data.startswith("\1ACTION "):
        data = "/me " + data[8:].rstrip("\1")
    session = session_of(target)
    if session is None:
        if target.lower() == "nickserv":
            words = await _nickserv(talk, data.split())
            talk.send("NOTICE", talk.nick, words, source=prefix("NickServ"))
            return
        if user.chat.people.known(key_of(target) or "") is None:
            talk.reply("401", target, "No such nick")
            return
    elif found(talk, session) is None:
        talk.reply("403", target, "No such channel")
        return
    elif not is_in(talk, session):
        talk.reply("404", target, "Cannot send to channel: you are not in it")
        return
    id = f"{kind}{token_hex(12)}"  # once-only for the user, over restarts too
    talk.own(id, line.tags.get("label"))
    try:
        if session is not None:
            user.say(data, session, id)
        else:
            await user.message(target, data, id)
    except ChatError:
        talk.labels.pop(id, None)
        raise


async def _nickserv(talk: IrcTalk, words: list[str]) -> str:
    """Do what NickServ is asked for; return what it says."""
    match [words[0].upper(), *words[1:]] if words else []:
        case ["REGISTER", password, *_]:
            keeper = talk.admission.keeper
            if keeper is None:
                return "There are no accounts on this server."
            if not me(talk).is_guest:
                return "You have an account."
            try:
                name = await keeper.register(talk.nick, password, None, talk, own=True)
            except ChatError as refused:
                return str(refused)
            return f"The account {name} is made: connect with its password, by SASL or PASS."
        case _:
            return (
                "REGISTER PASSWORD makes an account of your nick. To identify use SASL, or connect"
                " with your password as the server's (PASS)."
            )


@command("TAGMSG", 1)
async def tagmsg(talk: IrcTalk, line: Line) -> None:
    """Hand on client-only tags alone: to those at this door who take them, and stored nowhere."""
    tags = {name: value for name, value in line.tags.items() if name.startswith("+")}
    session = session_of(line[0])
    there = found(talk, session) if session else None
    if there is None:
        talk.reply("403" if session else "401", line[0], "There is nobody to send that to")
        return
    if session is None or not is_in(talk, session):
        talk.reply("404", line[0], "Cannot send to channel: you are not in it")
        return
    told = format_line(prefix(talk.nick), "TAGMSG", line[0], tags=tags)
    for user in [*there.members]:
        if user is talk.user:
            if "echo-message" in talk.caps:
                talk.put(told)
        elif isinstance(user.mind, IrcTalk) and "message-tags" in user.mind.caps and not user.full:
            user.mind.write(told)
