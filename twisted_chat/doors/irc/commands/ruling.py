"""The rules of a session under their IRC names: KICK, INVITE, MODE, REDACT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from twisted_chat.chat.permissions import Rank, check, invited_to, is_invited, rank_in, rank_of
from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import found, is_in, me, one_by_one
from twisted_chat.doors.irc.commands.own import letters_of, own_mode
from twisted_chat.doors.irc.lines import Line, format_line, together
from twisted_chat.doors.irc.names import channel, direct_of, prefix, session_of
from twisted_chat.doors.irc.talk import NOTHING, IrcTalk
from twisted_chat.doors.talk import WINDOW
from twisted_chat.vocabulary.addresses import block
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    Ban,
    BanList,
    Bans,
    Invite,
    Kick,
    Message,
    Mute,
    Redact,
    SetRole,
    SetSettings,
    Unban,
    Unmute,
)
from twisted_chat.vocabulary.names import key_of

FLAGS: Final = {"i": "invite", "m": "moderated", "s": "hidden", "t": "open_topic"}
"""Modes that are settings; ``t`` is that not everybody changes the topic."""

SETTINGS: Final = "imstkl"
"""All modes that are settings."""

ROLES: Final = {"o": "moderator", "v": "voice"}

LISTED: Final = "Ibq"
"""Modes that are lists, which everybody may look at."""

MAX_KEY: Final = 64
"""Characters of a key."""

MAX_CHANGES: Final = 8
"""Modes with a parameter in one line, at most."""


def session_named(talk: IrcTalk, name: str) -> str:
    """Return the session of a channel that there is. Raises ChatError ``no-such-session``."""
    session = session_of(name)
    if session is None or found(talk, session) is None:
        raise ChatError("no-such-session", "No such channel")
    return session


@command("KICK", 2)
async def kick(talk: IrcTalk, line: Line) -> None:
    """Take somebody out of a session."""
    names, nicks = line[0].split(","), line[1].split(",")
    if len(names) == 1:
        names *= len(nicks)
    for name, nick in zip(names, nicks, strict=False):
        await one_by_one(talk, name, _kick(talk, name, nick, line[2]))


async def _kick(talk: IrcTalk, name: str, nick: str, reason: str) -> None:
    session = session_named(talk, name)
    if not is_in(talk, session):
        raise ChatError("not-in-session", "You're not on that channel")
    try:
        told = await me(talk).ask(Kick(session=session, user=nick, reason=reason[:256] or None))
    except ChatError as refused:
        if refused.code != "no-such-user":
            raise
        talk.reply("441", nick, channel(session), "They aren't on that channel")
        return
    why = told.reason or told.by
    talk.act("KICK", channel(told.session), told.user, why)


def _invited(talk: IrcTalk) -> None:
    """Say where one is invited."""
    user = me(talk)
    for room in [*user.chat.sessions.rooms.values()]:
        if room.life.key not in user.members and is_invited(user, room):
            talk.reply("336", channel(room.life.name))
    talk.reply("337", "End of /INVITE list")


@command("INVITE")
async def invite(talk: IrcTalk, line: Line) -> None:
    """Let somebody come into a session, once; alone: say where one is invited."""
    if not line[0]:
        _invited(talk)
        return
    if not line[1]:
        talk.reply("461", "INVITE", "Not enough parameters")
        return
    talk.where = line[1]
    session = session_named(talk, line[1])
    if not is_in(talk, session):
        raise ChatError("not-in-session", "You're not on that channel")
    key = key_of(line[0]) or ""
    if key in found(talk, session).roster:
        talk.reply("443", line[0], line[1], "is already on channel")
        return
    try:
        told = await me(talk).ask(Invite(session=session, user=line[0]))
    except ChatError as refused:
        talk.where = line[0] if refused.code == "no-such-user" else line[1]
        raise
    talk.reply("341", told.user, channel(told.session))
    shown = format_line(prefix(talk.nick), "INVITE", told.user, channel(told.session))
    for user in [*found(talk, session).members]:
        mind = user.mind
        if isinstance(mind, IrcTalk) and "invite-notify" in mind.caps and mind is not talk:
            mind.hear(me(talk), shown)
    person = me(talk).chat.people.here.get(key)
    if person is not None and person.away:
        talk.reply("301", told.user, person.away)


@command("REDACT", 2)
async def redact(talk: IrcTalk, line: Line) -> None:
    """Take back a text, by its msgid."""
    session = session_of(line[0]) or direct_of(talk.nick, line[0])
    member = me(talk).members.get(key_of(session) or "")
    epoch, _, seq = line[1].rpartition("-")
    if member is None:
        talk.send("FAIL", "REDACT", "INVALID_TARGET", line[0], "You are not there")
        return
    if epoch != member.session.life.epoch or not seq.isdecimal():
        words = "There is no such message"
        talk.send("FAIL", "REDACT", "UNKNOWN_MSGID", line[0], line[1], words)
        return
    name, id = member.session.life.name, talk.new_text_id("irc.")
    if talk.redacting is NOTHING:
        talk.redacting = {}
    while len(talk.redacting) >= WINDOW:  # answers that came otherwise, as from the log
        del talk.redacting[next(iter(talk.redacting))]
    talk.redacting[id] = (line[0], line[1])
    talk.own(id)
    try:
        await me(talk).ask(Redact(session=name, of=int(seq), reason=line[2][:256] or None, id=id))
    except ChatError as refused:
        talk.disown(id)
        talk.put(talk.not_redacted(id, refused.code, str(refused)))


@command("MODE", 1)
async def mode(talk: IrcTalk, line: Line) -> None:
    """Say what holds in a session, or for oneself; or change it."""
    if not line[0].startswith("#"):
        own_mode(talk, line)
        return
    session = session_named(talk, line[0])
    there = found(talk, session)
    if len(line) == 1:
        talk.reply("324", channel(there.name), *modes_of(there, is_in(talk, session)))
        if (begun := talk.shared.begun.get(there.life.epoch)) is not None:
            talk.reply("329", channel(there.name), str(begun // 1_000))
        return
    arguments = iter([line[at] for at in range(2, len(line))])
    if not _may_change(talk, there, line):
        return
    done: list[tuple[str, str, str]] = []
    wanted: dict[str, Any] = {}
    for sign, letter in letters_of(line[1]):
        if sum(known not in FLAGS for _, known, _ in done) == MAX_CHANGES:
            break
        try:
            change = await _change(talk, there, sign, letter, arguments, wanted)
        except ChatError as refused:
            talk._refuse(refused, None)
            break
        if change is not None:
            done.append((sign, letter, change))
    if wanted:
        try:
            await _ask(talk, SetSettings(session=there.name, **wanted))
        except ChatError as refused:
            talk._refuse(refused, None)
            done = [one for one in done if one[1] not in SETTINGS]
    if done:
        words = together([(sign, letter) for sign, letter, _ in done])
        values = [value for _, _, value in done if value]
        talk.act("MODE", channel(there.name), words, *values)


def _may_change(talk: IrcTalk, there: Any, line: Line) -> bool:
    """Whether one may change modes, if that is asked for; who only looks at a list does not.

    Each change is judged by itself again: this says so where nothing would be changed, too.
    """
    letters = [letter for _, letter in letters_of(line[1])]
    is_look = len(line) == 2 and all(letter in LISTED for letter in letters)
    if is_look or not letters:
        return True
    try:
        check(me(talk), there, SetSettings)
    except ChatError:
        talk.reply("482", channel(there.name), "You're not channel operator")
        return False
    return True


async def _change(
    talk: IrcTalk,
    there: Any,
    sign: str,
    letter: str,
    arguments: Iterator[str],
    wanted: dict[str, Any],
) -> str | None:
    """Change one mode; return its argument, "" where it has none, None where nothing changes.

    Settings are ``wanted``, and changed together: others are told so in one line.
    """
    session, on = there.name, sign == "+"
    if letter in FLAGS:
        name, value = FLAGS[letter], on if letter != "t" else not on
        if wanted.get(name, getattr(there.life, name)) == value:
            return None
        wanted[name] = value
        return ""
    if letter == "l":
        number = next(arguments, None) if on else "0"
        if number is None:
            talk.reply("461", "MODE", "Not enough parameters")
            return None
        if not number.isdecimal() or len(number) > 7 or (on and int(number) == 0):
            talk.reply("696", channel(session), "l", number or "*", "A limit is a number over 0")
            return None
        if int(number) == wanted.get("limit", there.life.limit):
            return None
        wanted["limit"] = int(number)
        return number if on else ""
    if letter == "k":
        key = next(arguments, None if on else "*")
        if key is None:
            talk.reply("461", "MODE", "Not enough parameters")
            return None
        if on and (not key or " " in key or "," in key or len(key) > MAX_KEY):
            talk.reply("696", channel(session), "k", "*", "That can be no key")
            return None
        if not on and wanted.get("password", there.life.password) is None:
            return None
        wanted["password"] = key if on else None
        return key or "*"
    if letter in ROLES:
        return await _role(talk, there, letter, next(arguments, ""), on=on)
    if letter in "bq":
        return await _ban(talk, there, letter, next(arguments, ""), on=on)
    if letter == "I":
        return await _ask_in(talk, there, next(arguments, ""), on=on)
    if letter == "n":
        if not on:
            words = "Who speaks in a channel is in it"
            talk.reply("696", channel(session), "n", "*", words)
        return None
    talk.reply("472", letter, "is unknown mode char to me")
    return None


async def _ask(talk: IrcTalk, request: Message) -> Any:
    return await me(talk).ask(request)


async def _role(talk: IrcTalk, there: Any, letter: str, nick: str, *, on: bool) -> str | None:
    if not nick:
        talk.reply("461", "MODE", "Not enough parameters")
        return None
    if me(talk).chat.people.here.get(key_of(nick) or "") is None:
        talk.reply("401", nick, "No such nick")
        return None
    if key_of(nick) not in there.roster:
        talk.reply("441", nick, channel(there.name), "They aren't on that channel")
        return None
    role, key = ROLES[letter], key_of(nick) or ""
    rank = rank_in(me(talk).chat, there, key)
    has = Rank.VOICE if role == "voice" else Rank.MODERATOR
    if rank >= has if on else rank < has or (rank > has and role == "voice"):
        return None  # a role stands for those below it, and one that is not there is not taken
    wanted: Any = role if on else "none"
    request = SetRole(session=there.name, user=nick, role=wanted)
    if on:
        return str((await _ask(talk, request)).user)
    user, goings = me(talk), talk.shared.goings
    goings.takes(key, there.life.key, letter)
    try:
        told = await _ask(talk, request)
        await user.chat.turn.ended()  # until others know of it
    finally:
        goings.took(key, there.life.key)
    return str(told.user)


async def _ban(talk: IrcTalk, there: Any, letter: str, mask: str, *, on: bool) -> str | None:
    """Ban or mute: ``q``, and ``b`` with ``m:`` before its mask, are mutes."""
    if not mask:
        await _list(talk, there, letter)
        return None
    kind, plain = letter, mask
    if letter == "b" and mask.startswith("m:"):
        kind, plain = "q", mask[2:]
    plain = plain.removeprefix("a:")
    nick, _, rest = plain.removeprefix("~a:").partition("!")
    host = rest.rpartition("@")[2] or "*"
    if "@" in nick:
        host, nick = nick.rpartition("@")[2], "*"
    target: dict[str, Any] = {"user": nick} if nick != "*" else {"address": host}
    if "*" in next(iter(target.values())) or ("address" in target and block(host) is None):
        words = "Ban a nick, or *!*@ADDRESS[/LENGTH]"
        talk.reply("696", channel(there.name), letter, mask, words)
        return None
    held = (there.ruling.bans if kind == "b" else there.ruling.mutes).of(**target)
    if held is None if not on else held is not None and held.until is None:
        return None
    what = ((Ban if on else Unban), (Mute if on else Unmute))[kind == "q"]
    await _ask(talk, what(session=there.name, **target))
    made = _mask(target.get("user"), target.get("address"))
    return f"m:{made}" if kind != letter else made


async def _ask_in(talk: IrcTalk, there: Any, mask: str, *, on: bool) -> str | None:
    """Let who is called so come in past ``i``, or say who may, and who was invited."""
    nick, _, rest = mask.partition("!")
    if not mask:
        if rank_of(me(talk), there) >= Rank.MODERATOR:
            for name in invited_to(me(talk).chat, there):
                talk.reply("346", channel(there.name), _mask(name, None))
        talk.reply("347", channel(there.name), "End of channel invite list")
    elif "@" in nick or rest not in ("", "*", "*@*"):
        talk.reply("696", channel(there.name), "I", mask, "Let in NICK!*@*")
    else:
        told = await _ask(talk, Invite(session=there.name, user=nick, lasting=on, undo=not on))
        return _mask(told.user, None)
    return None


LISTS: Final = {
    "b": ("ban", "367", "368", "End of channel ban list"),
    "q": ("mute", "728", "729", "End of channel quiet list"),
}


async def _list(talk: IrcTalk, there: Any, letter: str) -> None:
    kind, entry, end, words = LISTS[letter]
    about = () if letter == "b" else ("q",)
    after = 0
    if rank_of(me(talk), there) >= Rank.MODERATOR:
        while True:
            page = await _ask(talk, Bans(session=there.name, after=after))
            if not isinstance(page, BanList):
                break
            for one in page.entries:
                mask = _mask(one.user, one.address)
                shown = mask if one.kind == kind else f"m:{mask}"
                if one.kind == kind or letter == "b":
                    when = str(one.since // 1_000)
                    talk.reply(entry, channel(there.name), *about, shown, one.by, when)
            after += len(page.entries)
            if not page.more:
                break
    talk.reply(end, channel(there.name), *about, words)


def _mask(user: str | None, address: str | None) -> str:
    return f"*!*@{address}" if user is None else f"{user}!*@*"


def modes_of(there: Any, inside: bool) -> list[str]:
    """Return the modes of a session, and their arguments."""
    life = there.life
    letters = "".join(
        letter
        for letter, is_on in (
            ("n", True),
            ("t", not life.open_topic),
            ("i", life.invite),
            ("m", life.moderated),
            ("s", life.hidden),
            ("k", life.password is not None),
            ("l", bool(life.limit)),
        )
        if is_on
    )
    values = ["*"] if life.password is not None and inside else []
    values += [str(life.limit)] if life.limit else []
    return [f"+{letters}", *values]
