"""OPER, KILL, KLINE, UNKLINE, WALLOPS, REHASH: what operators of the server do."""

from __future__ import annotations

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import me
from twisted_chat.doors.irc.lines import Line, format_line
from twisted_chat.doors.irc.names import prefix
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.addresses import block
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Ban, Disconnect, Unban
from twisted_chat.vocabulary.names import key_of

MAX_SECONDS = 31_536_000


@command("OPER", 2)
async def oper(talk: IrcTalk, line: Line) -> None:
    """Be an operator, by the password of an account whose role that is."""
    user = me(talk)
    try:
        proof = await talk.prover.password(line[0], line[1], talk.host, "irc")
    except ChatError:
        talk.reply("464", "Password incorrect")
        return
    if not user.chat.people.is_operator(proof.name):
        talk.reply("491", "No O-lines for your account")
        return
    user.operator = proof.name
    talk.shared.operators.add(talk)
    user.chat.audit.note(user.chat.millis(), "oper", user.name.text, user=proof.name.text)
    talk.reply("381", "You are now an IRC operator")
    talk.act("MODE", talk.nick, "+o")


def _is_operator(talk: IrcTalk) -> bool:
    if me(talk).is_operator:
        return True
    talk.reply("481", "Permission Denied- You're not an IRC operator")
    return False


@command("KILL", 1)
async def kill(talk: IrcTalk, line: Line) -> None:
    """End all connections of somebody."""
    if not _is_operator(talk):
        return
    if len(line) < 2:
        talk.reply("461", "KILL", "Not enough parameters")
        return
    reason = line[1][:256] or "killed"
    person = me(talk).chat.people.here.get(key_of(line[0]) or "")
    if person is not None:
        nick, why = person.name.text, f"{talk.nick} ({reason})"
        told = format_line(prefix(talk.nick), "KILL", nick, why)
        told += format_line(prefix(nick), "QUIT", f"Killed ({why})")
        for user in tuple(person.users):
            if isinstance(user.mind, IrcTalk):
                user.mind.write(told)
                user.mind.last_words = f"Closing Link: {talk.server} (Killed ({why}))"
        talk.shared.goings.quits(nick, f"Killed ({why})")
    await me(talk).ask(Disconnect(user=line[0], reason=reason))


@command("KLINE", 1)
async def kline(talk: IrcTalk, line: Line) -> None:
    """Ban a user or an address from the server: KLINE [MINUTES] MASK [REASON]."""
    if not _is_operator(talk):
        return
    words = list(line.parameters)
    seconds = int(words.pop(0)) * 60 if words[0].isdecimal() and len(words) > 1 else None
    target = _target(talk, words[0])
    if target is None:
        return
    reason = (words[1] if len(words) > 1 else "")[:256] or None
    user, address = target
    if seconds is not None:
        seconds = min(max(seconds, 60), MAX_SECONDS)
    ban = Ban(server=True, user=user, address=address, seconds=seconds, reason=reason)
    await me(talk).ask(ban)
    talk.send("NOTICE", talk.nick, f"{words[0]} is banned from this server")


@command("UNKLINE", 1)
async def unkline(talk: IrcTalk, line: Line) -> None:
    """Take such a ban away."""
    if not _is_operator(talk) or (target := _target(talk, line[0])) is None:
        return
    user, address = target
    await me(talk).ask(Unban(server=True, user=user, address=address))
    talk.send("NOTICE", talk.nick, f"{line[0]} is banned no more")


def _target(talk: IrcTalk, mask: str) -> tuple[str | None, str | None] | None:
    nick, host = mask.partition("!")[0], mask.rpartition("@")[2]
    if "@" in mask and host != "*" and block(host) is not None:
        return None, host
    if "@" not in mask and block(mask) is not None:
        return None, mask
    if "@" not in nick and "*" not in nick and nick:
        return nick, None
    talk.reply("696", "*", "k", mask, "Ban a nick, or *@ADDRESS[/LENGTH]")
    return None


@command("WALLOPS", 1)
async def wallops(talk: IrcTalk, line: Line) -> None:
    """Tell something to those at this door who want to hear it (user mode w)."""
    if not _is_operator(talk):
        return
    if not line[0]:
        talk.reply("461", "WALLOPS", "Not enough parameters")
        return
    told = format_line(prefix(talk.nick), "WALLOPS", line[0])
    for other in tuple(talk.shared.talks):
        if "w" in other.modes and other.user is not None and not other.user.full:
            if other is talk:
                talk.act("WALLOPS", line[0])
            else:
                other.hear(me(talk), told)


@command("REHASH")
async def rehash(talk: IrcTalk, _line: Line) -> None:
    """Say how it is done here: the daemon reads its files again at SIGHUP."""
    if _is_operator(talk):
        talk.reply("382", "accounts", "Rehashing")
        accounts = talk.prover.accounts
        if accounts is not None and hasattr(accounts, "refresh"):
            accounts.refresh()
