"""What the server says of itself: ISUPPORT, MOTD, LUSERS, VERSION, TIME, HELP and others."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from twisted_chat.chat.user import MAX_PLACES
from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.own import AWAY_LENGTH, REALNAME_LENGTH
from twisted_chat.doors.irc.lines import Line, format_line, pieces
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.messages import MAX_HISTORY, MAX_TOPIC
from twisted_chat.vocabulary.names import MAX_SESSION_NAME, MAX_USER_NAME, key_of

USER_LENGTH: Final = 20

TOKENS: Final = (
    "ACCOUNTEXTBAN=a",
    f"AWAYLEN={AWAY_LENGTH}",
    "BOT=B",
    "CASEMAPPING=ascii",
    f"CHANNELLEN={MAX_SESSION_NAME + 1}",
    f"CHANLIMIT=#:{MAX_PLACES}",
    "CHANMODES=Ibq,k,l,imnst",
    "CHANTYPES=#",
    f"CHATHISTORY={MAX_HISTORY}",
    "ELIST=MNU",
    "EXTBAN=,am",
    "INVEX",
    "KICKLEN=256",
    "MAXLIST=I:1000,b:1000,q:1000",
    "MAXTARGETS=4",
    "MODES=8",
    "MONITOR=100",
    "MSGREFTYPES=msgid,timestamp",
    f"NAMELEN={REALNAME_LENGTH}",
    f"NICKLEN={MAX_USER_NAME}",
    "PREFIX=(ov)@+",
    "SAFELIST",
    "STATUSMSG=@+",
    f"TOPICLEN={MAX_TOPIC}",
    "UTF8MAPPING=rfc8265",
    "TARGMAX=JOIN:,KICK:,LIST:,MONITOR:,NAMES:20,NOTICE:4,PART:,PRIVMSG:4,TAGMSG:1,WHOIS:20,"
    "WHOWAS:20",
    f"USERLEN={USER_LENGTH}",
    "UTF8ONLY",
    "WHOX",
)

TOKENS_IN_A_LINE: Final = 12

MOTD_ROW: Final = 400
"""Bytes of a line of the message of the day, at most."""


def isupport(talk: IrcTalk) -> None:
    """Say what is so here."""
    name = talk.new_id()
    in_batch = {"batch", "draft/extended-isupport"} <= talk.caps
    if in_batch:
        talk.put(format_line(talk.server, "BATCH", f"+{name}", "draft/isupport"))
    tokens = sorted([*TOKENS, network(talk)])
    for at in range(0, len(tokens), TOKENS_IN_A_LINE):
        row = tokens[at : at + TOKENS_IN_A_LINE]
        tags = {"batch": name} if in_batch else None
        words = (talk.nick, *row, "are supported by this server")
        talk.put(format_line(talk.server, "005", *words, tags=tags))
    if in_batch:
        talk.put(format_line(talk.server, "BATCH", f"-{name}"))


def is_server(talk: IrcTalk, given: str) -> bool:
    """Whether that is this server: by its name, or by somebody who is here; say so if it is not."""
    is_here = talk.user is not None and (key_of(given) or "") in talk.user.chat.people.here
    if is_here or fnmatchcase(talk.server.lower(), given.lower()):
        return True
    talk.reply("402", given, "No such server")
    return False


def network(talk: IrcTalk) -> str:
    """Return what this chat is called, as a token."""
    realm: Any = talk.admission.portal.realm
    name: str = realm.rules.server
    return "NETWORK=" + name.replace("\\", "\\x5C").replace(" ", "\\x20").replace("=", "\\x3D")


@command("ISUPPORT", before=True)
async def _isupport(talk: IrcTalk, _line: Line) -> None:
    isupport(talk)


@command("LUSERS")
async def _lusers(talk: IrcTalk, _line: Line) -> None:
    lusers(talk)


def lusers(talk: IrcTalk) -> None:
    """Say how many are here."""
    if talk.user is None:
        return
    chat, shared = talk.user.chat, talk.shared
    here = len(chat.people.here)
    invisible = min(here, len(shared.invisible))
    ruling = (one.user for one in shared.operators if one.user is not None)
    operators = len({user.name.key for user in ruling if user.is_operator})
    unknown = len(shared.talks) - len(shared.registered)
    most = str(max(shared.most, here))
    users = f"There are {here - invisible} users and {invisible} invisible on 1 servers"
    talk.reply("251", users)
    if operators:
        talk.reply("252", str(operators), "operator(s) online")
    if unknown:
        talk.reply("253", str(unknown), "unknown connection(s)")
    channels = sum(not room.life.hidden for room in chat.sessions.rooms.values())
    talk.reply("254", str(channels), "channels formed")
    talk.reply("255", f"I have {here} clients and 0 servers")
    talk.reply("265", str(here), most, f"Current local users {here}, max {most}")
    talk.reply("266", str(here), most, f"Current global users {here}, max {most}")


@command("MOTD")
async def _motd(talk: IrcTalk, line: Line) -> None:
    if not line[0] or is_server(talk, line[0]):
        motd(talk)


def motd(talk: IrcTalk) -> None:
    """Say what the operator wants everyone to know."""
    greeting = talk.user.chat.rules.greeting if talk.user is not None else ""
    if not greeting:
        talk.reply("422", "There is no message of the day")
        return
    talk.reply("375", f"- {talk.server} Message of the day -")
    for one in pieces(greeting.rstrip(), MOTD_ROW):
        talk.reply("372", f"- {one}")
    talk.reply("376", "End of /MOTD command")


@command("VERSION")
async def version(talk: IrcTalk, line: Line) -> None:
    """Say what runs here."""
    if not line[0] or is_server(talk, line[0]):
        talk.reply("351", "twisted-chat", talk.server, "")
        isupport(talk)


@command("TIME")
async def time(talk: IrcTalk, line: Line) -> None:
    """Say what time it is."""
    if talk.user is not None and (not line[0] or is_server(talk, line[0])):
        now = talk.user.chat.millis() / 1_000
        shown = f"{datetime.fromtimestamp(now, UTC):%A %B %d %Y -- %H:%M:%S +00:00}"
        talk.reply("391", talk.server, shown)


@command("ADMIN")
async def admin(talk: IrcTalk, line: Line) -> None:
    """Say who runs this: the message of the day does, where the operator wants it."""
    if line[0] and not is_server(talk, line[0]):
        return
    talk.reply("256", talk.server, "Administrative info")
    talk.reply("257", "twisted-chat: who runs it is named in the message of the day, if anywhere")
    talk.reply("258", "Operators of the server are accounts with that role")
    talk.reply("259", f"nobody@{talk.server}")


@command("INFO")
async def info(talk: IrcTalk, line: Line) -> None:
    """Say what this is."""
    if line[0] and not is_server(talk, line[0]):
        return
    for words in ("twisted-chat", "One set of sessions behind many doors: this is the IRC one."):
        talk.reply("371", words)
    talk.reply("374", "End of INFO list")


@command("LINKS")
async def links(talk: IrcTalk, _line: Line) -> None:
    """Say which servers there are: this one."""
    talk.reply("364", "*", talk.server, "0 twisted-chat")
    talk.reply("365", "*", "End of /LINKS list")


@command("STATS", 1)
async def stats(talk: IrcTalk, line: Line) -> None:
    """Say that figures are elsewhere."""
    if not line[1] or is_server(talk, line[1]):
        talk.reply("219", line[0], "End of /STATS report: figures are where metrics are")


HELP: Final = {
    "": (
        "A channel is a session of the chat, which people at other doors are in too.",
        "Topics: PRIVMSG, JOIN, ACCOUNTS, HISTORY",
    ),
    "PRIVMSG": ("PRIVMSG TARGET :TEXT says something in a channel, or to one user.",),
    "JOIN": ("JOIN #CHANNEL [KEY] comes into a session; one that is not there begins.",),
    "ACCOUNTS": (
        "Your account comes in by SASL PLAIN, by PASS, or by /msg NickServ IDENTIFY.",
        "REGISTER * * PASSWORD makes one, where the operator lets you.",
    ),
    "HISTORY": ("CHATHISTORY reads what was said; without it a JOIN gives the last texts.",),
}


@command("HELP")
async def help(talk: IrcTalk, line: Line) -> None:
    """Say what one can do: a title, an empty line, and the text, whose last line is the end."""
    found = HELP.get(line[0].upper())
    if found is None:
        talk.reply("524", line[0], "There is no help on that; try HELP alone")
        return
    *words, last = found
    talk.reply("704", line[0], f"Help on {line[0].upper()}" if line[0] else "Help")
    for one in ("", *words):
        talk.reply("705", line[0], one)
    talk.reply("706", line[0], last)


@command("HELPOP")
async def helpop(talk: IrcTalk, line: Line) -> None:
    """See HELP."""
    await help(talk, line)
