"""AUTHENTICATE, REGISTER, NickServ, and a nick that changes: whose a connection is."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any, Final

from twisted.internet.task import deferLater

from twisted_chat.accounts.proof import Proof
from twisted_chat.chat.carrying import Carried, carried_by, carry_on, take_out
from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.lines import Line, format_line
from twisted_chat.doors.irc.names import HOST, channel, prefix
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Away, Bye
from twisted_chat.vocabulary.names import key_of, user_name

MAX_SASL: Final = 8_192
"""Characters of what AUTHENTICATE sends in all."""

CHUNK: Final = 400

GOING_TURNS: Final = 1_000
"""Turns after which it is not waited any longer for a User that goes."""


# --- SASL ----------------------------------------------------------------------------------------


@command("AUTHENTICATE", 1, before=True)
async def authenticate(talk: IrcTalk, line: Line) -> None:
    """Prove who one is, by SASL PLAIN (RFC 4616), or EXTERNAL (RFC 4422, appendix A)."""
    given = line[0]
    if "sasl" not in talk.caps:
        talk.reply("904", "SASL authentication failed: ask for the capability first")
    elif given == "*":
        talk.sasl = None
        talk.reply("906", "SASL authentication aborted")
    elif talk.sasl is None:
        if given.upper() in mechanisms(talk):
            talk.sasl, talk.mechanism = "", given.upper()
            talk.put(b"AUTHENTICATE +\r\n")
        else:
            talk.reply("908", ",".join(mechanisms(talk)), "are available SASL mechanisms")
            talk.reply("904", "SASL authentication failed")
    elif len(given) > CHUNK:
        talk.sasl = None
        talk.reply("905", "SASL message too long")
    elif len(talk.sasl) + len(given) > MAX_SASL:
        talk.sasl = None
        talk.reply("904", "SASL authentication failed: it has no end")
    else:
        talk.sasl += "" if given == "+" else given
        if len(given) < CHUNK:
            await (_external if talk.mechanism == "EXTERNAL" else _plain)(talk)


def mechanisms(talk: IrcTalk) -> list[str]:
    """Return how somebody may prove here who it is."""
    has_keys = talk.prover.keys is not None and talk.is_secure
    return ["PLAIN", "EXTERNAL"] if has_keys else ["PLAIN"]


async def _external(talk: IrcTalk) -> None:
    """Take who somebody is from the certificate that its client has shown."""
    given, talk.sasl = talk.sasl or "", None
    try:
        name = b64decode(given, validate=True).decode()
        digest = talk.certificate
        if digest is None:
            raise ChatError("bad-credentials", "your client has shown no certificate")
        proof = talk.prover.certificate(name, digest, talk.host, "irc")
    except (NotBase64, ValueError):
        talk.reply("904", "SASL authentication failed")
    except ChatError as refused:
        talk.reply("904", f"SASL authentication failed: {refused}")
    else:
        await _logged_in(talk, proof, "903")


async def _plain(talk: IrcTalk) -> None:
    given, talk.sasl = talk.sasl or "", None
    try:
        other, name, secret = b64decode(given, validate=True).decode().split("\0")
        if other and other != name:
            raise ChatError("not-allowed", "Nobody speaks for another.")
        proof = await talk.prover.password(name, secret, talk.host, "irc")
    except (NotBase64, ValueError):
        talk.reply("904", "SASL authentication failed")
    except ChatError as refused:
        talk.reply("904", f"SASL authentication failed: {refused}")
    else:
        await _logged_in(talk, proof, "903")


async def _logged_in(talk: IrcTalk, proof: Proof, numeric: str | None = None) -> None:
    """Be an account: at once, where one is somebody already."""
    user, account = talk.user, proof.name.text
    talk.reply("900", prefix(talk.nick), account, f"You are now logged in as {account}")
    if numeric is not None:
        talk.reply(numeric, "SASL authentication successful")
    if user is None:
        talk.proof = proof
    elif user.is_guest or user.name.key != proof.name.key:
        admission = talk.prover.admission_of(proof)
        await become(talk, account, admission.admit(account, None, None, talk), is_account=True)


# --- being somebody else -------------------------------------------------------------------------


async def rename(talk: IrcTalk, wanted: str) -> None:
    """Have another nick: a guest's, that is; an account is called what it is called."""
    user = talk.user
    if user is None:
        return
    try:
        name = user_name(wanted)
    except ChatError as refused:
        talk.reply("432", (wanted.split() or ["*"])[0], str(refused))
        return
    if not user.is_guest:
        talk.reply("447", "An account keeps its name")
        return
    if name.key != user.name.key and user.chat.people.here.get(name.key) is not None:
        talk.reply("433", wanted, "Somebody is here by that name")
        return
    trusted = user.chat.rules.trusted
    if talk.host not in trusted and not talk.shared.renames.takes(network(talk.host)):
        talk.reply("438", wanted, "You change your nick too often; wait a minute")
        return
    try:
        proof = talk.prover.guest(name.text, talk.host)
    except ChatError as refused:
        talk.reply("437", wanted, str(refused))  # for now
        return
    if proof is None or name.key in user.chat.former:
        if proof is not None:  # else it counts already
            talk.admission.asked(wanted, talk.host)
        talk.reply("433", wanted, "This name has an account: identify with SASL or PASS")
        return
    await become(talk, name.text, talk.admission.admit(name.text, None, None, talk))


async def become(talk: IrcTalk, nick: str, admitted: Any, *, is_account: bool = False) -> None:
    """Be another User, in the same sessions; to others at this door it is a change of nick.

    Where the new one is not let in the connection ends: the old one has gone.
    """
    old = talk.user
    if old is None:
        return
    rooms, away = carried_by(old), old.person.away
    was, key = talk.nick, key_of(nick) or ""
    if is_account:
        told = format_line(prefix(was), "ACCOUNT", nick)
        talk.shared.tell(old, told, "account-notify")
    talk.shared.goings.renames(was, talk.number, nick, (room.name for room in rooms))
    if key == old.name.key:
        talk.shared.becoming.add(key)
    else:
        talk.shared.remember(talk)
    for room in rooms:
        take_out(old, room)
    talk.user = None
    old.logout(for_good=True)
    for _ in range(GOING_TURNS):
        if old not in old.person.users:
            break
        await deferLater(talk.clock, 0)
    try:
        if not await talk.admit(admitted):
            return
    except ChatError as refused:
        talk.close(Bye(data=str(refused)))
        return
    finally:
        talk.shared.becoming.discard(key)
        if talk.user is None and key == old.name.key and talk.shared.watcher is not None:
            talk.shared.watcher(old.name, False)  # it is gone after all
    talk.shared.named.pop(old.name.key, None)
    talk.shared.marks.renamed(was, talk.nick)
    talk.shared.came(talk)
    if was != nick:
        talk.put(talk.tags_of(talk.nick) + format_line(prefix(was), "NICK", talk.nick))
    for room in rooms:
        await _back(talk, room)
    if away and talk.user is not None and not talk.user.person.away:
        await talk.user.ask(Away(data=away))


async def _back(talk: IrcTalk, room: Carried) -> None:
    if talk.user is None:
        return
    try:
        await carry_on(talk.user, room)
    except ChatError as refused:
        talk.put(format_line(prefix(talk.nick), "PART", channel(room.name), str(refused)))


# --- accounts ------------------------------------------------------------------------------------

REGISTER_CODES: Final = {
    "name-in-use": "ACCOUNT_EXISTS",
    "invalid-name": "BAD_ACCOUNT_NAME",
    "bad-request": "WEAK_PASSWORD",
}


@command("REGISTER", before=True)
async def register_account(talk: IrcTalk, line: Line) -> None:
    """Make an account of one's nick: see IRCv3's draft/account-registration."""
    account = talk.nick if line[0] in ("*", "") else line[0]
    if len(line) < 3:
        talk.send("FAIL", "REGISTER", "NEED_MORE_PARAMS", "ACCOUNT, EMAIL and PASSWORD are wanted")
    elif _has_account(talk):
        talk.send("FAIL", "REGISTER", "ALREADY_AUTHENTICATED", account, "You have an account")
    elif talk.nick == "*":
        talk.send("FAIL", "REGISTER", "NEED_NICK", "*", "Choose a nick first")
    elif account.casefold() != talk.nick.casefold():
        words = "An account has the name of your nick"
        talk.send("FAIL", "REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", account, words)
    else:
        try:
            name = await make_account(talk, account, line[2])
        except ChatError as refused:
            code = REGISTER_CODES.get(refused.code, "TEMPORARILY_UNAVAILABLE")
            talk.send("FAIL", "REGISTER", code, account, str(refused))
            return
        talk.send("REGISTER", "SUCCESS", name, "The account is made")
        await _logged_in(talk, Proof(user_name(name), account=True))


@command("VERIFY", before=True)
async def verify(talk: IrcTalk, line: Line) -> None:
    """Say that there is nothing to verify: accounts are made at once."""
    if len(line) < 2:
        talk.send("FAIL", "VERIFY", "NEED_MORE_PARAMS", "ACCOUNT and CODE are wanted")
    elif _has_account(talk):
        talk.send("FAIL", "VERIFY", "ALREADY_AUTHENTICATED", line[0], "You have an account")
    else:
        talk.send("FAIL", "VERIFY", "INVALID_CODE", line[0], "Nothing waits to be verified")


def _has_account(talk: IrcTalk) -> bool:
    return talk.proof is not None or (talk.user is not None and not talk.user.is_guest)


async def make_account(talk: IrcTalk, account: str, password: str) -> str:
    """Make an account of the nick of this connection. Raises ChatError as Keeper.register."""
    keeper = talk.admission.keeper
    if keeper is None:
        raise ChatError("not-allowed", "There are no accounts on this server.")
    own = talk.user is not None
    return (await keeper.register(account, password, None, talk, own=own)).text


async def nickserv(talk: IrcTalk, words: list[str]) -> str:
    """Do what NickServ is asked for; return what it says."""
    user = talk.user
    try:
        match [words[0].upper(), *words[1:]] if words else []:
            case ["REGISTER", password, *_]:
                if user is None or not user.is_guest:
                    return "You have an account."
                name = await make_account(talk, talk.nick, password)
                service(talk, f"The account {name} is made, and is yours.")
                await _logged_in(talk, Proof(user_name(name), account=True))
                return ""
            case ["IDENTIFY", password]:
                return await _identify(talk, talk.nick, password)
            case ["IDENTIFY", name, password]:
                return await _identify(talk, name, password)
            case ["PASSWD", old, new] if talk.admission.keeper is not None and user is not None:
                keeper: Any = talk.admission.keeper
                await keeper.change_password(user, old, new)
                return "Your password is changed, and your other connections are ended."
    except ChatError as refused:
        return str(refused)
    return (
        "IDENTIFY [NAME] PASSWORD, REGISTER PASSWORD, PASSWD OLD NEW. The better way is SASL: your"
        " client does it by itself, before anybody sees you."
    )


async def _identify(talk: IrcTalk, name: str, password: str) -> str:
    proof = await talk.prover.password(name, password, talk.host, "irc")
    await _logged_in(talk, proof)
    return f"You are {proof.name.text}."


def is_service(target: str) -> bool:
    """Whether something is said to the server, and to nobody else."""
    return target.lower() == "nickserv"


def service(talk: IrcTalk, words: str) -> None:
    """Say something as NickServ."""
    if not words:
        return
    talk.put(format_line(f"NickServ!NickServ@{HOST}", "NOTICE", talk.nick, words))
