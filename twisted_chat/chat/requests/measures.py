"""Bans and mutes, of a session or of the server: set, lifted, listed."""

from __future__ import annotations

from typing import Final, TypeVar

from twisted_chat.chat.acting import put_out
from twisted_chat.chat.asking import answers
from twisted_chat.chat.measures import Kind, Measure, Measures, whom
from twisted_chat.chat.permissions import Rank, check, check_over
from twisted_chat.chat.requests.blocking import block, unblock
from twisted_chat.chat.ruling import Ruling
from twisted_chat.chat.session import Session
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    MAX_BANS,
    Ban,
    BanList,
    Banned,
    Bans,
    ListedBan,
    Mute,
    Muted,
    Unban,
    Unbanned,
    Unmute,
    Unmuted,
)
from twisted_chat.vocabulary.names import key_of

T = TypeVar("T", Banned, Muted)
Request = TypeVar("Request", Ban, Mute, Unban, Unmute, Bans)

SECOND: Final = 1_000


@answers(Ban)
async def ban(user: User, request: Ban) -> Banned:
    """Keep somebody out; who is here and it fits is taken out, of the server with a ``bye``.

    Raises ChatError ``not-in-session``, ``no-such-session``, ``not-allowed``, ``bad-request``,
    ``invalid-name``, ``not-stored``.
    """
    session, ruling, rank = _place(user, request)
    measure = await _set(user, request, "ban", session, ruling, rank)
    put_out(user.chat, session, measure, rank, user)
    return _told(Banned, session, measure)


@answers(Mute)
async def mute(user: User, request: Mute) -> Muted:
    """Let somebody say nothing; nobody else notices. Raises ChatError as ``ban``.

    In a direct session it is for oneself: what the other one says there reaches one no more.
    """
    if (direct := _direct(user, request)) is not None:
        return await block(user, direct, request)
    session, ruling, rank = _place(user, request)
    measure = await _set(user, request, "mute", session, ruling, rank)
    return _told(Muted, session, measure)


@answers(Unban)
async def unban(user: User, request: Unban) -> Unbanned:
    """Take a ban back; fine where there is none. Raises ChatError as ``ban``."""
    session, ruling, _ = _place(user, request)
    name, address = await _lift(user, request, "ban", session, ruling)
    where = None if session is None else session.name
    return Unbanned(session=where, user=name, address=address)


@answers(Unmute)
async def unmute(user: User, request: Unmute) -> Unmuted:
    """Take a mute back; fine where there is none. Raises ChatError as ``ban``."""
    if (direct := _direct(user, request)) is not None:
        return await unblock(user, direct, request)
    session, ruling, _ = _place(user, request)
    name, address = await _lift(user, request, "mute", session, ruling)
    where = None if session is None else session.name
    return Unmuted(session=where, user=name, address=address)


@answers(Bans)
async def bans(user: User, request: Bans) -> BanList:
    """Return bans and mutes, in the order in which they were set. Raises ChatError as ``ban``."""
    session, ruling, _ = _place(user, request)
    now = user.chat.millis()
    found = [one for one in (*ruling.bans, *ruling.mutes) if not one.is_over(now)]
    found.sort(key=lambda one: one.since)
    page = found[request.after : request.after + MAX_BANS]
    entries = [
        ListedBan(
            kind=one.kind,
            by=one.by,
            since=one.since,
            user=one.user,
            address=one.address,
            until=one.until,
            reason=one.reason,
        )
        for one in page
    ]
    return BanList(
        entries=entries,
        session=None if session is None else session.name,
        more=request.after + len(page) < len(found),
    )


def _place(user: User, request: Request) -> tuple[Session | None, Ruling, Rank]:
    """Return where it is to hold, and one's rank there. Raises ChatError ``not-allowed``."""
    if request.server:
        if request.session is not None:
            raise ChatError("bad-request", "It holds for a session or for the server.")
        if not user.is_operator:
            raise ChatError("not-allowed", "That is for operators of the server.")
        return None, user.chat.ruling, Rank.OPERATOR
    session = user.ruled(request.session)
    return session, session.ruling, check(user, session, type(request))


def _direct(user: User, request: Mute | Unmute) -> Session | None:
    """Return the direct session that it is about; None for any other."""
    if request.server or request.session is None:
        return None
    found = user.find(request.session)
    is_mine = user.chat.directs.shows(found, user.name.key)
    return found if found.life.direct is not None and is_mine else None


def _of(ruling: Ruling, kind: Kind) -> Measures:
    return ruling.bans if kind == "ban" else ruling.mutes


async def _set(
    user: User,
    request: Ban | Mute,
    kind: Kind,
    session: Session | None,
    ruling: Ruling,
    rank: Rank,
) -> Measure:
    name, address = whom(request.user, request.address)
    if name is not None:
        _check_target(user, session, key_of(name) or "", rank)
        known = user.chat.people.known(key_of(name) or "")
        name = known.text if known is not None else name
    now = user.chat.millis()
    measure = Measure(
        kind=kind,
        by=user.name.text,
        since=now,
        user=name,
        address=address,
        until=None if request.seconds is None else now + request.seconds * SECOND,
        reason=request.reason,
    )
    measures = _of(ruling, kind)
    over = measures.over(now)
    before = measures.get(measure.key)
    for one in over:
        measures.remove(one.key)
    measures.add(measure)
    records = [ruling.lifted(one) for one in over if one.key != measure.key]
    try:
        await user.chat.log.keep([*records, ruling.measured(measure)])
    except ChatError:
        measures.remove(measure.key)
        if before is not None:
            measures.add(before)
        raise
    _note(user, kind, session, measure)
    return measure


def _check_target(user: User, session: Session | None, key: str, rank: Rank) -> None:
    if session is not None:
        check_over(user, session, key, rank)
        return
    account = user.chat.people.account(key)
    if account is not None and account.operator:
        raise ChatError("not-allowed", "That user is an operator, too.")


async def _lift(
    user: User, request: Unban | Unmute, kind: Kind, session: Session | None, ruling: Ruling
) -> tuple[str | None, str | None]:
    name, address = whom(request.user, request.address)
    wanted = Measure(kind=kind, by=user.name.text, since=0, user=name, address=address)
    if _of(ruling, kind).get(wanted.key) is not None:
        await user.chat.log.keep([ruling.lifted(wanted)])
        _of(ruling, kind).remove(wanted.key)
        _note(user, f"un{kind}", session, wanted)
    return name, address


def _note(user: User, what: str, session: Session | None, measure: Measure) -> None:
    user.chat.audit.note(
        user.chat.millis(),
        what,
        user.name.text,
        user=measure.user,
        address=measure.address,
        session=None if session is None else session.name,
        until=measure.until,
        reason=measure.reason,
    )


def _told(reply: type[T], session: Session | None, measure: Measure) -> T:
    return reply(
        session=None if session is None else session.name,
        user=measure.user,
        address=measure.address,
        until=measure.until,
        reason=measure.reason,
    )
