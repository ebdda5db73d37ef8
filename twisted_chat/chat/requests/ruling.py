"""The rules of a session: its settings, its roles, who is taken out and who is asked in."""

from __future__ import annotations

from typing import Any, cast

from attrs import evolve
from msgspec import UNSET

from twisted_chat.chat.acting import tell_user
from twisted_chat.chat.asking import answers
from twisted_chat.chat.notes import Asked, GuestRole
from twisted_chat.chat.permissions import (
    Rank,
    check,
    check_invite,
    check_muted,
    check_over,
    check_role,
    rank_of,
    roles_in,
)
from twisted_chat.chat.ruling import MAX_ROLES, Role
from twisted_chat.chat.session import Session
from twisted_chat.chat.user import User
from twisted_chat.log.contract import Settings
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    MAX_BANS,
    Changed,
    Invite,
    Invited,
    Kick,
    Kicked,
    RoleGiven,
    RoleList,
    RoleOf,
    Roles,
    SetRole,
    SetSettings,
)
from twisted_chat.vocabulary.names import key_of, user_names

SETTINGS = ("invite", "moderated", "hidden", "open_topic", "limit", "keep")


@answers(SetSettings)
async def set_settings(user: User, request: SetSettings) -> Changed:
    """Change settings of a session.

    Raises ChatError ``not-in-session``, ``no-such-session``, ``not-allowed``, ``not-stored``.
    """
    session = user.ruled(request.session)
    rank = check(user, session, SetSettings)
    new: dict[str, Any] = {
        name: value for name in SETTINGS if (value := getattr(request, name)) is not None
    }
    if "keep" in new and new["keep"] != session.life.keep:
        _check_keep(user, session, rank)
    changes: dict[str, Any] = dict(new)
    if request.password is not UNSET:
        given = request.password or None
        changes["password"] = None if given is None else await user.chat.passwords.hash(given)
        new["locked"] = given is not None
    await user.chat.log.amend(session.life.epoch, **cast(Settings, changes))
    _still(user, session)
    user.chat.sessions.version += 1
    changed = Changed(session=session.name, by=user.name.text, **new)
    session.changed(user, evolve(session.life, **changes), changed)
    said = ", ".join(f"{name}={value}" for name, value in new.items())
    user.chat.audit.note(
        user.chat.millis(), "set", user.name.text, session=session.name, settings=said
    )
    return changed


def _check_keep(user: User, session: Session, rank: Rank) -> None:
    if session is user.chat.sessions.lobby:
        raise ChatError("not-allowed", "The lobby stays.")
    if rank < Rank.OWNER or (user.person.guest and not user.chat.rules.guests_keep):
        raise ChatError("not-allowed", "That is for its owner, who has an account.")


@answers(SetRole)
async def set_role(user: User, request: SetRole) -> RoleGiven:
    """Give a role, or take it away.

    Raises ChatError ``no-such-user``, and as ``set_settings``.
    """
    session = user.ruled(request.session)
    key = key_of(request.user) or ""
    check_role(user, session, request, key)
    name = user.chat.people.known(key)
    if name is None and key not in session.ruling.roles:
        raise ChatError("no-such-user", "There is no such user.")
    text = name.text if name is not None else session.ruling.roles[key][1]
    return await give(user, session, text, request.role)


async def give(user: User, session: Session, text: str, role: Role) -> RoleGiven:
    """Let somebody of that name have a role, whoever may say so; ``user`` is who did it.

    Raises ChatError ``not-allowed`` (there are too many), ``no-such-session``, ``not-stored``.
    """
    key = key_of(text) or ""
    person, ruling = user.chat.people.here.get(key), session.ruling
    if role == "owner":
        await user.chat.log.amend(session.life.epoch, owner=text)
        _still(user, session)
        session.life = evolve(session.life, owner=text)
        user.chat.sessions.version += 1
    elif session.life.is_owned_by(key):
        await user.chat.log.amend(session.life.epoch, owner=None)
        _still(user, session)
        session.life = evolve(session.life, owner=None)
        user.chat.sessions.version += 1
    if person is not None and person.guest:
        if role == "none":
            person.roles.pop(session.life.epoch, None)
        else:
            person.roles[session.life.epoch] = role
        user.chat.peers.tell(GuestRole(session.life.epoch, key, role))
    else:
        kept = "none" if role == "owner" else role
        if kept != "none" and key not in ruling.roles and len(ruling.roles) >= MAX_ROLES:
            raise ChatError("not-allowed", f"There are {MAX_ROLES} roles already.")
        await user.chat.log.keep([ruling.given(key, kept, text)])
        _still(user, session)
        if kept == "none":
            ruling.roles.pop(key, None)
        else:
            ruling.roles[key] = (kept, text)
    event = RoleGiven(session=session.name, user=text, role=role, by=user.name.text)
    session.announce(event, user)
    user.chat.audit.note(
        user.chat.millis(), "role", user.name.text, user=text, session=session.name, role=role
    )
    return event


@answers(Roles)
async def roles(user: User, request: Roles) -> RoleList:
    """Return who has a role, here or away. Raises ChatError ``not-in-session``."""
    session = user.ruled(request.session)
    found = roles_in(user.chat, session)
    page = found[request.after : request.after + MAX_BANS]
    return RoleList(
        session=session.name,
        entries=[RoleOf(user=name, role=role) for name, role in page],
        more=request.after + len(page) < len(found),
    )


@answers(Kick)
async def kick(user: User, request: Kick) -> Kicked:
    """Take a user out of a session. Raises ChatError ``no-such-user``, and as ``set_settings``."""
    session = user.ruled(request.session)
    rank = check(user, session, Kick)
    key = key_of(request.user) or ""
    if key not in session.roster:
        raise ChatError("no-such-user", f"Nobody of that name is in {session.name}.")
    check_over(user, session, key, rank)
    kicked = user.chat.sessions.expel(session, key, user.name.text, request.reason, user)
    user.chat.audit.note(
        user.chat.millis(),
        "kick",
        user.name.text,
        user=kicked.user,
        session=session.name,
        reason=request.reason,
    )
    return kicked


@answers(Invite)
async def invite(user: User, request: Invite) -> Invited:
    """Let a user join once, past a password, a ban, and ``invite``.

    Raises ChatError ``no-such-user``, ``too-many-attempts``, ``muted``, and as ``set_settings``;
    of what is ``lasting`` or undone ``invalid-name``.
    """
    session = user.ruled(request.session)
    if request.lasting or request.undo:
        return await _let_in(user, session, request)
    check_invite(user, session)
    check_muted(user)
    is_exempt = user.is_operator or user.mind.host in user.chat.rules.trusted
    if not is_exempt and not user.chat.inviting.takes(user.name.key):
        raise ChatError("too-many-attempts", "You have asked in too many; wait a minute.")
    name = user.chat.directs.named(user, request.user)
    person = user.chat.people.here.get(name.key)
    if person is not None and person.guest:
        if len(person.invited) >= MAX_ROLES:
            raise ChatError("not-allowed", "That user has too many invitations.")
        person.invited[session.life.epoch] = user.name.text
    else:
        invited = session.ruling.invited
        if name.key not in invited and len(invited) >= MAX_ROLES:
            raise ChatError("not-allowed", f"{MAX_ROLES} users are invited already.")
        await user.chat.log.keep([session.ruling.asked_in(name.key, user.name.text)])
        _still(user, session)
        invited[name.key] = user.name.text
    event = Invited(session=session.name, user=name.text, by=user.name.text)
    user.chat.peers.tell(Asked(session.life.epoch, event))
    if rank_of(user, session) >= Rank.MODERATOR:
        user.chat.audit.note(
            user.chat.millis(), "invite", user.name.text, user=name.text, session=session.name
        )
    if person is not None:
        tell_user(person, event, user)
    return event


async def _let_in(user: User, session: Session, request: Invite) -> Invited:
    """Let somebody come in as often as it likes, or no more: its name may be nobody's yet.

    It may be a pattern, too: all whose names it fits.
    """
    check(user, session, Invite, Rank.MODERATOR)
    check_muted(user)
    name, ruling = user_names(request.user), session.ruling
    if request.undo:
        records = [ruling.let_in(name.key, None), ruling.asked_in(name.key, None)]
    else:
        if name.key not in ruling.standing and len(ruling.standing) >= MAX_ROLES:
            raise ChatError("not-allowed", f"{MAX_ROLES} users may come in already.")
        records = [ruling.let_in(name.key, name.text)]
    await user.chat.log.keep(records)
    _still(user, session)
    for record in records:
        ruling.take(record)
    person = user.chat.people.here.get(name.key)
    if request.undo and person is not None:
        person.invited.pop(session.life.epoch, None)
    act = "uninvite" if request.undo else "invite"
    user.chat.audit.note(
        user.chat.millis(), act, user.name.text, user=name.text, session=session.name
    )
    return Invited(
        session=session.name,
        user=name.text,
        by=user.name.text,
        lasting=request.lasting,
        undo=request.undo,
    )


def _still(user: User, session: Session) -> None:
    """Refuse where the session has ended while something was stored."""
    if user.chat.sessions.get(session.life.key) is not session:
        raise ChatError("no-such-session", "There is no such session any more.")
