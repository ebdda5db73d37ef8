"""CAP, NICK, USER, PASS: how a connection becomes somebody's. QUIT: how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted_chat.chat.user import User
from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.identity import mechanisms, rename
from twisted_chat.doors.irc.commands.multiline import MAX_LINES, max_bytes
from twisted_chat.doors.irc.commands.own import REALNAME_LENGTH
from twisted_chat.doors.irc.commands.server import USER_LENGTH, isupport, lusers, motd
from twisted_chat.doors.irc.lines import MAX_LINE, Line, fitting_rows
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Away, Bye, Read
from twisted_chat.vocabulary.names import Name, user_name

CAPABILITIES: Final = {
    "account-notify": "",
    "account-tag": "",
    "away-notify": "",
    "batch": "",
    "cap-notify": "",
    "draft/account-registration": "before-connect",
    "draft/chathistory": "",
    "draft/extended-isupport": "",
    "draft/message-redaction": "",
    "draft/multiline": f"max-lines={MAX_LINES}",
    "draft/no-implicit-names": "",
    "draft/pre-away": "",
    "draft/read-marker": "",
    "echo-message": "",
    "extended-join": "",
    "extended-monitor": "",
    "invite-notify": "",
    "labeled-response": "",
    "message-tags": "",
    "multi-prefix": "",
    "sasl": "PLAIN",
    "server-time": "",
    "setname": "",
    "standard-replies": "",
    "userhost-in-names": "",
}
"""What is offered, with its values for clients of CAP 302: as far as it is so, see ``offered``."""


def offered(talk: IrcTalk) -> dict[str, str]:
    """Return what is offered here and now, with its values."""
    found = dict(CAPABILITIES)
    found["draft/multiline"] = f"max-bytes={max_bytes(talk)},{found['draft/multiline']}"
    admission = talk.admission
    if not admission.accounts:
        del found["sasl"]
    elif mechanisms(talk) != ["PLAIN"]:
        found["sasl"] = ",".join(mechanisms(talk))
    if admission.keeper is None or admission.keeper.policy != "open":
        del found["draft/account-registration"]  # a code, too, is more than a client can give
    return found


@command("CAP", 1, before=True)
async def cap(talk: IrcTalk, line: Line) -> None:
    """Talk of capabilities."""
    what = line[0].upper()
    if what == "LS":
        talk.negotiating = talk.user is None
        newer = line[1].isdigit() and int(line[1]) >= 302
        if newer:
            talk.is_newer = True
            talk.caps |= {"cap-notify"}
        found = offered(talk)
        sts = talk.shared.sts.said(secure=talk.is_secure)
        if sts and newer:
            found["sts"] = sts
        _rows(talk, "LS", [f"{n}={v}" if v and newer else n for n, v in found.items()], newer)
    elif what == "LIST":
        _rows(talk, "LIST", sorted(talk.caps), talk.is_newer)
    elif what == "REQ":
        talk.negotiating = talk.negotiating or talk.user is None
        asked = line[1].split()
        added = {name for name in asked if not name.startswith("-")}
        removed = {name[1:] for name in asked if name.startswith("-")}
        stays = talk.is_newer and "cap-notify" in removed  # it is a part of version 302
        if added <= offered(talk).keys() and removed <= CAPABILITIES.keys() and not stays:
            talk.caps = (talk.caps | added) - removed
            talk.send("CAP", talk.nick, "ACK", line[1])
        else:
            talk.send("CAP", talk.nick, "NAK", line[1])
    elif what == "END":
        talk.negotiating = False
        await register(talk)
    else:
        talk.reply("410", line[0], "Invalid CAP command")


def _rows(talk: IrcTalk, what: str, words: Sequence[str], newer: bool) -> None:
    """Say capabilities in as many lines as hold them: who knows of 302 is told of those to come."""
    start = len(f":{talk.server} CAP {talk.nick} {what} * :".encode())
    *rows, last = fitting_rows(words, MAX_LINE - 2 - start)
    for row in rows:
        talk.send("CAP", talk.nick, what, *(["*"] if newer else []), row)
    talk.send("CAP", talk.nick, what, last)


@command("NICK", before=True)
async def nick(talk: IrcTalk, line: Line) -> None:
    """Choose a name: it stays, once one is here."""
    if not line[0]:
        talk.reply("431", "No nickname given")
        return
    if talk.user is not None:
        if line[0] != talk.nick:
            await rename(talk, line[0])
        return
    try:
        name = user_name(line[0])
    except ChatError as refused:
        talk.reply("432", (line[0].split() or ["*"])[0], str(refused))
        return
    if talk.proof is None and _may_be_refused(talk):
        if _is_here(talk, name):
            talk.reply("433", name.text, "Somebody is here by that name")
            return
        try:
            talk.admission.attempts.check(talk.host)
        except ChatError as refused:
            talk.reply("437", name.text, str(refused))
            return
        if _is_taken(talk, name):  # whoever asks for names learns of accounts: that counts
            talk.admission.asked(name.text, talk.host)
            talk.reply("433", name.text, "This name has an account: identify with SASL or PASS")
            return
    talk.wanted = name.text
    await register(talk)


def _may_be_refused(talk: IrcTalk) -> bool:
    """Whether nothing can come yet that lets it have any name, or tells it more than NICK."""
    return talk.password is None and not talk.caps & {"sasl", "draft/account-registration"}


def _is_here(talk: IrcTalk, name: Name) -> bool:
    realm: Any = talk.admission.portal.realm
    person = realm.people.here.get(name.key)
    return person is not None and person.guest and bool(person.users)


def _is_taken(talk: IrcTalk, name: Name) -> bool:
    directory = talk.prover.accounts
    return directory is not None and directory.get(name.key) is not None


@command("USER", 4, before=True)
async def user(talk: IrcTalk, line: Line) -> None:
    """Say who one is; the chat has no use for it but to show it."""
    if talk.user is not None:
        talk.reply("462", "You may not reregister")
        return
    if not line[3] or not line[0]:
        talk.reply("461", "USER", "Not enough parameters")
        return
    talk.username, talk.realname = line[0][:USER_LENGTH], line[3][:REALNAME_LENGTH]
    await register(talk)


@command("PASS", 1, before=True)
async def password(talk: IrcTalk, line: Line) -> None:
    """Give the password of one's account."""
    if talk.user is not None:
        talk.reply("462", "You may not reregister")
        return
    talk.password = line[0]


async def register(talk: IrcTalk) -> None:
    """Come in, where all that is needed for it has been said."""
    if talk.negotiating or talk.user is not None or talk.wanted is None or not talk.username:
        return
    if talk.sasl is not None:  # it did not wait for the end of it
        talk.sasl = None
        talk.reply("906", "SASL authentication aborted")
    if talk.proof is not None:  # an account is whom it is, whatever nick was asked for
        admission = talk.prover.admission_of(talk.proof)
        admitted = admission.admit(talk.proof.name.text, None, None, talk)
    else:
        admitted = talk.admission.admit(talk.wanted, talk.password, None, talk)
    try:
        if not await talk.admit(admitted):
            return
    except ChatError as refused:
        wanted, talk.wanted = talk.wanted, None
        if refused.code in {"name-in-use", "bad-credentials"} and talk.password is None:
            talk.reply("433", wanted, str(refused))
        elif refused.code == "invalid-name":
            talk.reply("432", wanted, str(refused))
        else:
            talk.reply("464", str(refused))
            talk.close(Bye(data=str(refused)))
        return
    welcome(talk)
    if talk.gone_away and talk.user is not None:
        await talk.user.ask(Away(data=talk.gone_away))
    entry = talk.entry()
    if entry is not None:
        from twisted_chat.doors.irc.commands.channels import enter

        await enter(talk, entry, None)


def welcome(talk: IrcTalk) -> None:
    """Say where one is."""
    nick = talk.nick
    if talk.user is not None:
        talk.came, talk.spoke = talk.user.chat.millis() // 1_000, talk.clock.seconds()
        talk.shared.came(talk)
    talk.reply("001", f"Welcome to the chat, {nick}")
    talk.reply("002", f"Your host is {talk.server}, running twisted-chat")
    talk.reply("003", "This server keeps what is said")
    talk.reply("004", talk.server, "twisted-chat", "Biow", "Ibiklmnoqstv", "Ibkloqv")
    isupport(talk)
    lusers(talk)
    motd(talk)


@command("QUIT", before=True)
async def quit(talk: IrcTalk, line: Line) -> None:
    """Go."""
    user = talk.user
    if user is not None and len(user.person.users) + len(user.person.elsewhere) == 1:
        talk.shared.goings.quits(user.name.text, f"Quit: {line[0]}")
    if user is not None and not user.is_guest and "draft/read-marker" not in talk.caps:
        await _has_read(user)
    talk.tell(Bye(data="Goodbye."))
    if user is not None:
        user.logout(for_good=True)
    talk.end("logged-out")


async def _has_read(user: User) -> None:
    """Know what a client has read that can not say so: it has had all that was given out.

    One that vanishes is given the last texts again: it may not have had them.
    """
    for member in [*user.members.values()]:
        try:
            await user.ask(Read(session=member.session.life.name, seq=member.session.head))
        except ChatError:
            return


@command("PING", before=True)
async def ping(talk: IrcTalk, line: Line) -> None:
    """Answer that one is here: others have been told by then of what was done before."""
    if not line[0]:
        talk.reply("409", "No origin specified")
        return
    if talk.user is not None:
        await talk.user.chat.turn.ended()
    talk.send("PONG", talk.server, line[0])


@command("PONG", before=True)
async def pong(talk: IrcTalk, line: Line) -> None:
    """Be glad."""
