"""Commands of those who rule a session, and of operators."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.words import render
from twisted_chat.client.words.commands.table import Given, Usage, command, room_of, server_of
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.wishes import CHOICES
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.addresses import block

SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

ON_OFF_SETTINGS: Final = ("invite", "moderated", "hidden", "open_topic", "keep")
SETTINGS: Final = (*ON_OFF_SETTINGS, "limit", "password")
ROLES: Final = ("owner", "moderator", "voice", "none")


@command("kick USER [REASON...]")
async def kick(desk: Desk, given: Given) -> None:
    """Take a user out of this session, who may come back."""
    room = room_of(desk)
    await room.server.client.kick(room.session, given["USER"], given.get("REASON"))


@command("ban WHOM [TIME] [REASON...]", flags=("--server",))
async def ban(desk: Desk, given: Given) -> None:
    """Keep a user, an address or a network out of this session: for ever, or for 30m, 2h, 7d.

    --server: out of the server, for operators.
    """
    seconds, reason = _time(given)
    found = await _ask(desk, given, m.Ban, m.Banned, seconds=seconds, reason=reason)
    desk.view.info(f"{_whom(found)} is kept out{_until(desk, found.until)}.")


@command("unban WHOM", flags=("--server",))
async def unban(desk: Desk, given: Given) -> None:
    """Let a user, an address or a network in again."""
    desk.view.info(f"{_whom(await _ask(desk, given, m.Unban, m.Unbanned))} may come in again.")


@command("mute WHOM [TIME] [REASON...]", flags=("--server",))
async def mute(desk: Desk, given: Given) -> None:
    """Let a user, an address or a network say nothing here: for ever, or for 30m, 2h, 7d."""
    seconds, reason = _time(given)
    found = await _ask(desk, given, m.Mute, m.Muted, seconds=seconds, reason=reason)
    desk.view.info(f"{_whom(found)} says nothing any more{_until(desk, found.until)}.")


@command("unmute WHOM", flags=("--server",))
async def unmute(desk: Desk, given: Given) -> None:
    """Let a user, an address or a network speak again."""
    desk.view.info(f"{_whom(await _ask(desk, given, m.Unmute, m.Unmuted))} may speak again.")


@command("bans", flags=("--server",))
async def bans(desk: Desk, given: Given) -> None:
    """Show the bans and mutes of this session, or of the server."""
    client, where = _place(desk, given)
    found = await client.ask(m.Bans(**where), m.BanList)
    entries = list(found.entries)
    while found.more and found.entries:
        found = await client.ask(m.Bans(**where, after=len(entries)), m.BanList)
        entries += found.entries
    if not entries:
        desk.view.info("Nobody is banned or muted.")
    for one in entries:
        why = f" ({one.reason})" if one.reason else ""
        until = _until(desk, one.until)
        desk.view.info(f"{one.kind} of {one.user or one.address}, by {one.by}{until}{why}")


@command("invite USER", flags=("--always",))
async def invite(desk: Desk, given: Given) -> None:
    """Let a user come into this session once, past a password, a ban and the setting invite.

    --always: as often as it likes, past the setting alone.
    """
    room, always = room_of(desk), "--always" in given.flags
    invited = await room.server.client.invite(room.session, given["USER"], lasting=always)
    whenever = " whenever it likes" if always else ""
    desk.view.info(f"{invited.user} may come into {invited.session}{whenever}.")


@command("uninvite USER")
async def uninvite(desk: Desk, given: Given) -> None:
    """Take an invitation back, for once or for always."""
    room = room_of(desk)
    invited = await room.server.client.invite(room.session, given["USER"], undo=True)
    desk.view.info(f"{invited.user} is not invited to {invited.session} any more.")


@command("role USER ROLE")
async def role(desk: Desk, given: Given) -> None:
    """Give a user a role here: owner (which hands it over), moderator, voice, or none."""
    room, wanted = room_of(desk), given["ROLE"].lower()
    if wanted not in ROLES:
        raise Usage("A role is owner, moderator, voice or none.")
    await room.server.client.role(room.session, given["USER"], wanted)  # type: ignore[arg-type]


@command("webhook NAME")
async def webhook(desk: Desk, given: Given) -> None:
    """Let a program say texts here under a name of its own: shows where it posts to, once."""
    room = room_of(desk)
    request = m.MakeWebhook(session=room.session, name=given["NAME"])
    made = await room.server.client.ask(request, m.WebhookMade, "fail")
    page = desk.kept.wishes.pages.get(str(room.server.address))
    where = f"{page}/{made.link}" if page else f"/{made.link} at the web door"
    desk.view.info(f"{made.name} says here what is posted to {where}.")
    desk.view.info("Whoever knows that place speaks here: it is not shown again.")


@command("webhooks")
async def webhooks(desk: Desk, _: Given) -> None:
    """Show which programs say texts here."""
    room = room_of(desk)
    found = await room.server.client.ask(m.Webhooks(session=room.session), m.WebhookList)
    if not found.entries:
        desk.view.info(f"{found.session} has no webhook.")
    for one in found.entries:
        since = f"{render.moment(one.since, desk.view.zone):%d %B %Y}"
        desk.view.info(f"{one.name}, made by {one.by} on {since}")


@command("revoke NAME")
async def revoke(desk: Desk, given: Given) -> None:
    """Let a webhook of this session say no more."""
    room = room_of(desk)
    request = m.Revoke(session=room.session, name=given["NAME"])
    gone = await room.server.client.ask(request, m.Revoked, "fail")
    desk.view.info(f"{gone.name} says nothing here any more.")


async def set_setting(desk: Desk, name: str, value: str | None) -> None:
    """Change a setting of this session. Raises ChatError, and Usage."""
    room = room_of(desk)
    if name in ON_OFF_SETTINGS and value in ("on", "off"):
        await room.server.client.set(room.session, **{name: value == "on"})
    elif name == "limit" and value is not None and value.isdecimal():
        await room.server.client.set(room.session, limit=int(value))
    elif name == "password":
        await room.server.client.set(room.session, password=value)
    else:
        names = ", ".join((*CHOICES, *SETTINGS))
        raise Usage(f"It is /set NAME VALUE ({names}), /set limit N, or /set password WORD.")


@command("notice TEXT...")
async def notice(desk: Desk, given: Given) -> None:
    """Tell everybody on the server something: for operators."""
    await server_of(desk).client.ask(m.SendNotice(data=given["TEXT"]), m.Notice, "fail")
    desk.view.info("Everybody is told.")


Asked = TypeVar("Asked", m.Banned, m.Muted, m.Unbanned, m.Unmuted)


def _place(desk: Desk, given: Given) -> tuple[ChatClient, dict[str, Any]]:
    if "--server" in given.flags:
        return server_of(desk).client, {"server": True}
    room = room_of(desk)
    return room.server.client, {"session": room.session}


async def _ask(
    desk: Desk, given: Given, kind: Callable[..., m.Request], expects: type[Asked], **more: Any
) -> Asked:
    client, where = _place(desk, given)
    whom = given["WHOM"]
    is_address = block(whom) is not None
    target = {"address" if is_address else "user": whom.removeprefix("@")}
    return await client.ask(kind(**where, **target, **more), expects, "fail")


def _whom(found: m.Banned | m.Muted | m.Unbanned | m.Unmuted) -> str:
    return found.user or found.address or ""


def _time(given: Given) -> tuple[int | None, str | None]:
    """Return for how many seconds, and why: what is no time begins the reason."""
    time, reason = given.get("TIME"), given.get("REASON")
    found = re.fullmatch(r"([0-9]{1,6})([smhdw])", time or "")
    if found is None:
        return None, " ".join(filter(None, (time, reason))) or None
    return int(found[1]) * SECONDS[found[2]], reason


def _until(desk: Desk, until: int | None) -> str:
    if until is None:
        return ""
    return f" until {render.moment(until, desk.view.zone):%d %B, %H:%M}"
