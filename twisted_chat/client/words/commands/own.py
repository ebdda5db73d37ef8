"""Commands about oneself: what one wants, whom one does not want to read, and one's account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted_chat.client.words import render
from twisted_chat.client.words.commands.ruling import set_setting
from twisted_chat.client.words.commands.table import (
    Given,
    Usage,
    command,
    one,
    room_of,
    server_of,
)
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.rooms import Room, Server
from twisted_chat.client.words.wishes import CHOICES
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.names import key_of

NAMED: Final = 100
"""Users that ``/ignore`` names, at most."""

TOLD: Final = {
    "all": "of every text",
    "mentions": "of texts that name you",
    "none": "of nothing",
    "usual": "as usual",
}
"""What a session's level says, in words."""

LEVELS: Final = tuple(TOLD)


@command("set [SETTING] [VALUE...]")
async def set_(desk: Desk, given: Given) -> None:
    """Show what is set, or set something.

    Your own: bell (mentions, direct or none), colours, nicks (a colour for each name), times
    (minutes, seconds or none) and presence (comings and goings). Of this session, for who rules
    it: invite, moderated, hidden, open_topic, keep (on or off), limit (a number), password (a word
    or nothing).
    """
    name, value = given.get("SETTING"), given.get("VALUE")
    if name is None:
        for setting, choices in CHOICES.items():
            shown = desk.kept.shown(setting)
            desk.view.show(*render.entry(f"{setting} {shown}", f"or {_others(choices, shown)}"))
        return
    name = name.lower()
    if name not in CHOICES:
        await set_setting(desk, name, value)
    elif value is None:
        desk.view.info(f"{name} is {desk.kept.shown(name)}.")
    else:
        try:
            desk.kept.set(name, value.lower())
        except ValueError as problem:
            raise Usage(str(problem)) from None
        desk.view.info(f"{name} is {desk.kept.shown(name)} now.")
        desk.screen.refresh()


def _others(choices: Sequence[str], shown: str) -> str:
    return ", ".join(choice for choice in choices if choice != shown)


@command("ignore [USER]")
async def ignore(desk: Desk, given: Given) -> None:
    """Do not show what a user says, on all your devices with an account; or say whom you ignore."""
    if (user := given.get("USER")) is None:
        server = desk.where.server
        ignored = dict.fromkeys(desk.kept.wishes.ignored)
        if server is not None:
            ignored = {key: None for key in ignored if key not in server.ignored}
            ignored |= dict.fromkeys(server.ignored.values())
        names = render.names([*ignored][:NAMED], len(ignored))
        desk.view.info(f"You ignore {names}." if ignored else "You ignore nobody.")
        return
    user, key = _named(user)
    server = _with_account(desk)
    if server is not None:
        server.chose(await server.client.choose(ignore=[user]))
    else:
        _ignore_here(desk, key, wanted=True)
    desk.view.info(f"You ignore {user}: /unignore shows again what it says.")


@command("unignore USER")
async def unignore(desk: Desk, given: Given) -> None:
    """Show again what a user says."""
    user, key = _named(given["USER"])
    new = _ignore_here(desk, key, wanted=False)
    server = _with_account(desk)
    if server is not None and key in server.ignored:
        server.chose(await server.client.choose(unignore=[user]))
        new = True
    desk.view.info(f"You ignore {user} no more." if new else f"You do not ignore {user}.")


@command("notify [LEVEL]")
async def notify(desk: Desk, given: Given) -> None:
    """Say of what you are told in this session, on all your devices: all, mentions, none, usual."""
    room, level = room_of(desk), given.get("LEVEL")
    server = room.server
    if level is not None:
        if level not in LEVELS:
            raise Usage(f"It is {', '.join(LEVELS[:-1])} or {LEVELS[-1]}.")
        if _with_account(desk) is None:
            raise Usage("That is kept for accounts: /set bell is for this client alone.")
        server.chose(await server.client.choose(levels={room.session: level}))
    chosen = server.levels.get(room.session, "usual")
    desk.view.info(f"{room.name} tells you {TOLD[chosen]}.")


def _named(user: str) -> tuple[str, str]:
    user = user.removeprefix("@")
    key = key_of(user)
    if key is None:
        raise Usage("That is no name of a user.")
    return user, key


def _with_account(desk: Desk) -> Server | None:
    """Return the current server, where it keeps what one sets."""
    server = desk.where.server
    welcome = server.client.welcome if server is not None else None
    return None if welcome is None or welcome.guest else server


def _ignore_here(desk: Desk, key: str, *, wanted: bool) -> bool:
    try:
        return desk.kept.ignore(key, wanted=wanted)
    except ValueError as problem:
        raise Usage(str(problem)) from None


@command("block USER")
async def block(desk: Desk, given: Given) -> None:
    """Let a user write to you no more, by whatever client you are here; it is not told so."""
    room = _direct(desk, given["USER"])
    asked = m.Mute(session=room.session, user=room.peer)
    await room.server.client.ask(asked, m.Muted, "fail")
    desk.view.info(f"{room.peer} writes to you no more: /unblock {room.peer} lets it.")


@command("unblock USER")
async def unblock(desk: Desk, given: Given) -> None:
    """Let a user write to you again."""
    server, user = server_of(desk), given["USER"].removeprefix("@")
    two = sorted((server.client.user, user), key=lambda name: key_of(name) or "")
    asked = m.Unmute(session=f"@{two[0]},{two[1]}", user=user)
    await server.client.ask(asked, m.Unmuted, "fail")
    desk.view.info(f"{user} may write to you again.")


def _direct(desk: Desk, user: str) -> Room:
    return one(desk, f"@{user.removeprefix('@')}")


# --- one's account -----------------------------------------------------------------------------


@command("passwd")
async def passwd(desk: Desk, _: Given) -> None:
    """Change your password, which is asked for unseen; all your other connections end."""
    client = server_of(desk).client
    old = await desk.screen.ask("Password now: ")
    new = await desk.screen.ask("New password: ") if old else None
    again = await desk.screen.ask("And again: ") if new else None
    if not old or not new or again is None:
        raise Usage("No password was given.")
    if again != new:
        raise Usage("The two are not the same: nothing is changed.")
    await client.ask(m.ChangePassword(old=old, new=new), m.PasswordChanged, "fail")
    client.password, client.token = new, None  # every token is gone, ours too
    desk.view.info("Your password is changed.")


@command("devices")
async def devices(desk: Desk, _: Given) -> None:
    """Show the devices that log in to your account without its password."""
    server = server_of(desk)
    found = await server.client.ask(m.Devices(), m.DeviceList)
    server.devices = [device.device for device in found.devices]
    if not found.devices:
        desk.view.info("No device logs in without your password.")
    for device in found.devices:
        since, last = _date(desk, device.since), _date(desk, device.last)
        where = f"by the {device.door} door from {device.address}"
        desk.view.show(*render.entry(device.device, f"since {since}, last {last} {where}"))


def _date(desk: Desk, time: int) -> str:
    return f"{render.moment(time, desk.view.zone):%d %B %Y}"


@command("forget DEVICE")
async def forget(desk: Desk, given: Given) -> None:
    """Let a device log in no more; /devices shows them."""
    found = await server_of(desk).client.ask(m.Forget(device=given["DEVICE"]), m.Forgotten, "fail")
    desk.view.info(f"{found.device} logs in no more.")
