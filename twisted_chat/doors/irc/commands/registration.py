"""CAP, NICK, USER, PASS, AUTHENTICATE: how a connection becomes somebody's. QUIT: how it ends."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Final

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.server import isupport, motd
from twisted_chat.doors.irc.lines import Line
from twisted_chat.doors.irc.names import SERVER, prefix
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye
from twisted_chat.vocabulary.names import user_name

CAPABILITIES: Final = {
    "account-notify": "",
    "account-tag": "",
    "batch": "",
    "cap-notify": "",
    "draft/chathistory": "",
    "echo-message": "",
    "extended-join": "",
    "labeled-response": "",
    "message-tags": "",
    "multi-prefix": "",
    "sasl": "PLAIN",
    "server-time": "",
    "standard-replies": "",
    "userhost-in-names": "",
}
"""What is offered, with its values for clients of CAP 302."""

MAX_SASL = 8_192
"""Characters of what AUTHENTICATE sends in all."""

CHUNK = 400


@command("CAP", 1, before=True)
async def cap(talk: IrcTalk, line: Line) -> None:
    """Talk of capabilities."""
    what = line[0].upper()
    nick = talk.nick
    if what == "LS":
        talk.negotiating = talk.user is None
        newer = line[1].isdigit() and int(line[1]) >= 302
        if newer:
            talk.caps |= {"cap-notify"}
        shown = [f"{n}={v}" if v and newer else n for n, v in CAPABILITIES.items()]
        talk.send("CAP", nick, "LS", " ".join(shown))
    elif what == "LIST":
        talk.send("CAP", nick, "LIST", " ".join(sorted(talk.caps)) or "")
    elif what == "REQ":
        talk.negotiating = talk.negotiating or talk.user is None
        asked = line[1].split()
        added = {name for name in asked if not name.startswith("-")}
        removed = {name[1:] for name in asked if name.startswith("-")}
        if (added | removed) <= CAPABILITIES.keys():
            talk.caps = (talk.caps | added) - removed
            talk.send("CAP", nick, "ACK", line[1])
        else:
            talk.send("CAP", nick, "NAK", line[1])
    elif what == "END":
        talk.negotiating = False
        await register(talk)
    else:
        talk.reply("410", line[0], "Invalid CAP command")


@command("NICK", before=True)
async def nick(talk: IrcTalk, line: Line) -> None:
    """Choose a name: it stays, once one is here."""
    if not line[0]:
        talk.reply("431", "No nickname given")
        return
    if talk.user is not None:
        if line[0] != talk.nick:
            talk.reply("447", "A name does not change while one is here: connect anew with it")
        return
    try:
        talk.wanted, old = user_name(line[0]).text, talk.wanted
    except ChatError as refused:
        talk.reply("432", line[0].split()[0], str(refused))
        return
    if talk.proof is None and _is_taken(talk, talk.wanted):
        talk.wanted, given = old, talk.wanted
        talk.reply("433", given, "This name has an account: identify with SASL or PASS")
        return
    await register(talk)


def _is_taken(talk: IrcTalk, name: str) -> bool:
    directory = talk.prover.accounts
    known = directory is not None and directory.get(user_name(name).key) is not None
    return known and talk.password is None and "sasl" not in talk.caps


@command("USER", 4, before=True)
async def user(talk: IrcTalk, line: Line) -> None:
    """Say who one is; the chat has no use for it but to show it."""
    if talk.user is not None or talk.username:
        talk.reply("462", "You may not reregister")
        return
    if not line[3] or not line[0]:
        talk.reply("461", "USER", "Not enough parameters")
        return
    talk.username, talk.realname = line[0], line[3]
    await register(talk)


@command("PASS", 1, before=True)
async def password(talk: IrcTalk, line: Line) -> None:
    """Give the password of one's account."""
    if talk.user is not None:
        talk.reply("462", "You may not reregister")
        return
    talk.password = line[0]


@command("AUTHENTICATE", 1, before=True)
async def authenticate(talk: IrcTalk, line: Line) -> None:
    """Prove who one is, by SASL PLAIN (RFC 4616)."""
    given = line[0]
    if "sasl" not in talk.caps:
        talk.reply("904", "SASL authentication failed: ask for the capability first")
    elif talk.proof is not None or (talk.user is not None and not talk.user.person.guest):
        talk.reply("907", "You have already authenticated")
    elif given == "*":
        talk.sasl = None
        talk.reply("906", "SASL authentication aborted")
    elif talk.sasl is None:
        if given.upper() == "PLAIN":
            talk.sasl = ""
            talk.put(b"AUTHENTICATE +\r\n")
        else:
            talk.reply("908", "PLAIN", "are available SASL mechanisms")
            talk.reply("904", "SASL authentication failed")
    elif len(given) > CHUNK or len(talk.sasl) > MAX_SASL:
        talk.sasl = None
        talk.reply("905", "SASL message too long")
    else:
        talk.sasl += "" if given == "+" else given
        if len(given) < CHUNK:
            await _plain(talk)


async def _plain(talk: IrcTalk) -> None:
    given, talk.sasl = talk.sasl or "", None
    try:
        _, name, secret = b64decode(given, validate=True).decode().split("\0")
        if talk.user is not None:
            raise ChatError("not-allowed", "A guest does not become an account: connect anew.")
        proof = await talk.prover.password(name, secret, talk.host, "irc")
    except (NotBase64, ValueError):
        talk.reply("904", "SASL authentication failed")
    except ChatError as refused:
        talk.reply("904", f"SASL authentication failed: {refused}")
    else:
        talk.proof = proof
        account = proof.name.text
        talk.reply("900", prefix(talk.nick), account, f"You are now logged in as {account}")
        talk.reply("903", "SASL authentication successful")


async def register(talk: IrcTalk) -> None:
    """Come in, where all that is needed for it has been said."""
    if talk.negotiating or talk.user is not None or talk.wanted is None or not talk.username:
        return
    if talk.proof is not None:  # an account is whom it is, whatever nick was asked for
        admission = talk.prover.admission_of(talk.proof)
        admitted = admission.admit(talk.proof.name.text, None, None, talk)
    else:
        admitted = talk.admission.admit(talk.wanted, talk.password, None, talk)
    try:
        if not await talk.admit(admitted):
            return
    except ChatError as refused:
        if refused.code in {"name-in-use", "bad-credentials"} and talk.password is None:
            talk.reply("433", talk.wanted, str(refused))
            talk.wanted = None
        elif refused.code == "invalid-name":
            talk.reply("432", talk.wanted, str(refused))
            talk.wanted = None
        else:
            talk.reply("464", str(refused))
            talk.close(Bye(data=str(refused)))
        return
    welcome(talk)
    entry = talk.entry()
    if entry is not None:
        from twisted_chat.doors.irc.commands.channels import enter

        await enter(talk, entry, None)


def welcome(talk: IrcTalk) -> None:
    """Say where one is."""
    nick = talk.nick
    if talk.user is not None:
        talk.shared.came(talk.user.name.key)
    talk.reply("001", f"Welcome to the chat, {prefix(nick)}")
    talk.reply("002", f"Your host is {SERVER}, running twisted-chat")
    talk.reply("003", "This server keeps what is said")
    talk.reply("004", SERVER, "twisted-chat", "o", "biklmnoqstv", "bkloqv")
    isupport(talk)
    motd(talk)


@command("QUIT", before=True)
async def quit(talk: IrcTalk, line: Line) -> None:
    """Go."""
    user = talk.user
    if user is not None and len(user.person.users) == 1:
        talk.shared.goes(user.name.key, f"Quit: {line[0]}" if line[0] else "Quit")
    talk.tell(Bye(data="Goodbye."))
    if user is not None:
        user.logout(for_good=True)
    talk.end("logged-out")


@command("PING", before=True)
async def ping(talk: IrcTalk, line: Line) -> None:
    """Answer that one is here."""
    if not len(line):
        talk.reply("461", "PING", "Not enough parameters")
        return
    talk.send("PONG", SERVER, line[0])


@command("PONG", before=True)
async def pong(talk: IrcTalk, line: Line) -> None:
    """Be glad."""
