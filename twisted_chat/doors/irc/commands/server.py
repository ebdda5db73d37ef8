"""What the server says of itself: ISUPPORT, MOTD, LUSERS, VERSION."""

from __future__ import annotations

from typing import Final

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.lines import Line
from twisted_chat.doors.irc.names import SERVER
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.messages import MAX_HISTORY
from twisted_chat.vocabulary.names import MAX_SESSION_NAME, MAX_USER_NAME

TOKENS: Final = (
    "CASEMAPPING=ascii",
    f"CHANNELLEN={MAX_SESSION_NAME + 1}",
    "CHANMODES=b,k,l,imnst",
    "CHANTYPES=#",
    f"CHATHISTORY={MAX_HISTORY}",
    "MODES=8",
    "MSGREFTYPES=msgid,timestamp",
    "NETWORK=twisted-chat",
    f"NICKLEN={MAX_USER_NAME}",
    "PREFIX=(qov)~@+",
    "TARGMAX=JOIN:,PART:,PRIVMSG:4,NOTICE:4,NAMES:1",
    "UTF8ONLY",
)


def isupport(talk: IrcTalk) -> None:
    """Say what is so here."""
    talk.reply("005", *TOKENS, "are supported by this server")


@command("MOTD")
async def _motd(talk: IrcTalk, _line: Line) -> None:
    motd(talk)


def motd(talk: IrcTalk) -> None:
    """Say what the operator wants everyone to know."""
    greeting = talk.user.chat.rules.greeting if talk.user is not None else ""
    if not greeting:
        talk.reply("422", "There is no message of the day")
        return
    talk.reply("375", f"- {SERVER} Message of the day -")
    for one in greeting.splitlines():
        talk.reply("372", f"- {one}")
    talk.reply("376", "End of /MOTD command")


@command("VERSION")
async def version(talk: IrcTalk, _line: Line) -> None:
    """Say what runs here."""
    talk.reply("351", "twisted-chat", SERVER, "")
    isupport(talk)
