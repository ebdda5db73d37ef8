"""What ``twisted-chat admin`` can ask a running daemon for: one function for each order.

Whoever can open the daemon's UNIX socket is the operator. An order answers with lines for a person;
what it can not do is a ChatError, or Refused.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from attrs import define, field
from msgspec import ValidationError, convert
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.task import deferLater

from twisted_chat.accounts.keeper import Keeper
from twisted_chat.chat.chat import Chat
from twisted_chat.chat.people import Person, Present
from twisted_chat.chat.session import Session
from twisted_chat.chat.user import User
from twisted_chat.nodes.state import Other
from twisted_chat.operation.entrances import Entrances
from twisted_chat.operation.forgetting import forget
from twisted_chat.operation.parts import Parts
from twisted_chat.operation.settings import SettingsError
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.addresses import LOCAL
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye, Message, Response, encode
from twisted_chat.vocabulary.names import key_of, user_name

OPERATOR: Final = "operator"
"""The name by which who asks here is told to others."""

MAX_LINES: Final = 10_000
"""Lines of an answer, at most."""

OPENING_SECONDS: Final = 10.0
"""How long an order waits for a chat that still takes up what its log holds; then it is refused."""


class Refused(Exception):
    """An order that can not be carried out; one sentence."""


class Running(Protocol):
    """The daemon, as an order sees it."""

    reactor: Any
    entrances: Entrances
    parts: Parts

    @property
    def chat(self) -> Chat:
        """The chat."""

    def reload(self) -> list[str]:
        """Read again what the operator changed. Raises SettingsError."""

    def stop(self) -> None:
        """End in an orderly way."""


Order = Callable[[Running, Mapping[str, Any]], Awaitable[list[str]]]
ORDERS: dict[str, Order] = {}
"""Every order, by its word."""


def order(word: str, waits: bool = True) -> Callable[[Order], Order]:
    """Make a function the one that carries out an order: when the chat is open, if it ``waits``."""

    def register(function: Order) -> Order:
        async def when_open(running: Running, given: Mapping[str, Any]) -> list[str]:
            await _opened(running)
            return await function(running, given)

        ORDERS[word] = when_open if waits else function
        return function

    return register


async def _opened(running: Running) -> None:
    """Wait until the chat is open: what is decided before might be read over. Raises Refused."""
    opened = Deferred.fromCoroutine(running.chat.opened.passed())
    try:
        await opened.addTimeout(OPENING_SECONDS, running.reactor)
    except DeferredTimeout:
        raise Refused("The chat is not open yet: it still reads what its log holds.") from None


@define(eq=False)
class _Nobody:
    """The mind of an operator at the socket: nothing is told it but answers."""

    door: str = "admin"
    host: str = LOCAL
    port: int = 0
    encode: Callable[[Response], bytes] = field(default=encode)
    deliver: Callable[[bytes], None] = field(default=lambda _: None)

    def settled(self) -> None: ...

    def refused(self, refusal: ChatError, id: str | None, session: str) -> None: ...

    def slow(self, seconds: float) -> None: ...

    def close(self, farewell: Bye) -> None: ...


class Operator(User):
    """An operator at the socket: in no session, and not among those who are here."""

    @property
    def is_operator(self) -> bool:
        """Whoever opens the socket is one."""
        return True


def operator_of(running: Running) -> Operator:
    """Return the operator at the socket."""
    return Operator(running.chat, Person(user_name(OPERATOR), guest=False), _Nobody())


async def ask(running: Running, kind: type[Message], given: Mapping[str, Any]) -> Response | None:
    """Ask the chat for something in the words of the wire, as its operator."""
    named = {name: value for name, value in given.items() if value is not None}
    try:
        request = convert({"type": kind.__struct_config__.tag, **named}, kind)
    except ValidationError as problem:
        raise Refused(f"{problem}.") from None
    answer = await operator_of(running).ask(request)
    return next(answer, None) if isinstance(answer, Iterator) else answer


def _users(running: Running) -> Iterator[Present]:
    for person in tuple(running.chat.people.here.values()):
        yield from tuple(person.users)


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows as lines, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def shown(text: str) -> str:
    """Return a text of somebody else's on one line, harmless on a terminal."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


@order("who")
async def who(running: Running, given: Mapping[str, Any]) -> list[str]:
    """Say who is connected, from where, by which door, and in which sessions."""
    rows = [("user", "address", "port", "door", "since", "sessions")]
    now = running.reactor.seconds()
    for user in _users(running):
        names = [member.session.life.name for member in user.members.values()]
        if given.get("session") and key_of(given["session"]) not in user.members:
            continue
        if len(rows) > MAX_LINES:
            break
        rows.append(
            (
                user.name.text,
                user.mind.host,
                str(user.mind.port),
                user.mind.door,
                f"{int(now - user.since)} s",
                ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else ""),
            )
        )
    for node, name in _elsewhere(running, given.get("session")):
        if len(rows) > MAX_LINES:
            break
        rows.append((name, "-", "-", f"node {node}", "-", "-"))
    return columns(rows)


def _elsewhere(running: Running, session: str | None) -> Iterator[tuple[str, str]]:
    """Yield the nodes and the names of who is at another node."""
    found = None if session is None else running.chat.sessions.find(session)
    for person in tuple(running.chat.people.here.values()):
        for node, epochs in person.elsewhere.items():
            if found is None or found.life.epoch in epochs:
                yield node, person.name.text


@order("nodes", waits=False)
async def nodes(running: Running, _: Mapping[str, Any]) -> list[str]:
    """Say which nodes there are: how many are there, and how far behind each is."""
    node = running.parts.node
    if node is None:
        raise Refused("This daemon is alone: its log is no postgresql://…")
    rows: list[tuple[str, ...]] = [
        ("node", "users", "connections", "lag", "repaired", "dropped", "hints", "commit")
    ]
    for other in (Other(f"{node.name} (this)", node.state()), *node.others):
        state = other.state
        counts = (state.users, state.connections, state.lag, state.repaired, state.dropped)
        hints = "yes" if state.hints else "no"
        rows.append((other.name, *map(str, counts), hints, f"{state.commit * 1_000:.1f} ms"))
    return columns(rows)


@order("sessions")
async def sessions(running: Running, _: Mapping[str, Any]) -> list[str]:
    """Say which sessions there are."""
    rows = [("session", "users", "texts", "owner", "kept", "locked", "topic")]
    for session in tuple(running.chat.sessions.rooms.values())[:MAX_LINES]:
        life = session.life
        rows.append(
            (
                life.name,
                str(session.count),
                str(session.head),
                life.owner or "-",
                "yes" if life.keep else "-",
                "yes" if life.password else "-",
                shown(life.topic),
            )
        )
    return columns(rows)


@order("notice")
async def notice(running: Running, given: Mapping[str, Any]) -> list[str]:
    """Tell everybody something, or those in one session."""
    data, session = str(given.get("data") or ""), given.get("session")
    if not data or len(data) > 1_024:
        raise Refused("A notice has 1 to 1024 characters.")
    if session is not None:
        running.chat.sessions.find(session)
    here = [u for u in _users(running) if session is None or key_of(session) in u.members]
    await ask(running, m.SendNotice, {"data": data, "session": session})
    return [f"Told to {len(here)} connections."]


@order("disconnect")
async def disconnect(running: Running, given: Mapping[str, Any]) -> list[str]:
    """End all connections of a user; it may come back."""
    name = str(given.get("user") or "")
    person = running.chat.people.here.get(key_of(name) or "")
    if person is None:
        raise Refused(f"There is nobody here as {shown(name)}.")
    count = len(person.users)
    await ask(running, m.Disconnect, {"user": name, "reason": given.get("reason")})
    return [f"{person.name.text}: {count} connections ended."]


@order("kick")
async def kick(running: Running, given: Mapping[str, Any]) -> list[str]:
    """Take a user out of a session."""
    await ask(running, m.Kick, given)
    return ["Done."]


def _measure(word: str, kind: type[Message]) -> None:
    """Make an order that sets or lifts bans or mutes, of a session or of the server."""

    @order(word)
    async def measure(running: Running, given: Mapping[str, Any]) -> list[str]:
        await ask(running, kind, {**given, "server": given.get("session") is None})
        return ["Done."]


for _word, _kind in (("ban", m.Ban), ("unban", m.Unban), ("mute", m.Mute), ("unmute", m.Unmute)):
    _measure(_word, _kind)


@order("bans")
async def bans(running: Running, given: Mapping[str, Any]) -> list[str]:
    """Say who is banned or muted, in a session or on the server."""
    where = {**given, "server": given.get("session") is None}
    rows = [("kind", "of", "by", "since", "until", "reason")]
    more = True
    while more and len(rows) <= MAX_LINES:
        page = await ask(running, m.Bans, {**where, "after": len(rows) - 1})
        if not isinstance(page, m.BanList):
            break
        more = page.more
        for one in page.entries:
            until = "-" if one.until is None else _moment(one.until)
            whom = one.user or one.address or "-"
            rows.append((one.kind, whom, one.by, _moment(one.since), until, one.reason or "-"))
    return columns([tuple(map(shown, row)) for row in rows])


@order("audit")
async def audit(running: Running, given: Mapping[str, Any]) -> list[str]:
    """Say what moderators and operators did: who, what, to whom, when, why."""
    limit = int(given.get("limit") or 1_000)
    lines = []
    for act in await running.chat.audit.latest(min(max(1, limit), MAX_LINES)):
        when = _moment(act.pop("time", 0))
        words = "  ".join(f"{name}={value}" for name, value in act.items())
        lines.append(shown(f"{when}  {words}"))
    return lines or ["Nothing is noted."]


def _moment(milliseconds: int) -> str:
    """Return a time as an operator reads it: UTC."""
    return f"{datetime.fromtimestamp(milliseconds / 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _note(running: Running, what: str, **more: str | int | None) -> None:
    running.chat.audit.note(running.chat.millis(), what, OPERATOR, **more)


@order("release")
async def release(running: Running, given: Mapping[str, Any]) -> list[str]:
    """Let anybody have the name of an account that was removed: nothing of it is left."""
    chat, name = running.chat, user_name(str(given.get("user") or ""))
    if chat.people.account(name.key) is not None:
        raise Refused(f"{name} has an account: remove it from the users file first.")
    sessions = chat.directs.of(name)
    kept = name.key in chat.former
    if not kept and not sessions:
        raise Refused(f"Nothing is kept for {name}.")
    for session in sessions:
        await _end(running, session)
    await forget(running.parts, operator_of(running), name)
    await chat.former.release(name.key)
    _note(running, "release", user=name.text)
    return [f"{name} is anybody's name now; {len(sessions)} direct sessions ended."]


@order("delete")
async def delete(running: Running, given: Mapping[str, Any]) -> list[str]:
    """End a session and what was said there, a direct one (``@ann,bob``) too."""
    session = running.chat.sessions.find(str(given.get("session") or ""))
    if session is running.chat.sessions.lobby:
        raise Refused("The lobby is not deleted.")
    await _end(running, session)
    _note(running, "delete", session=session.life.name)
    return [f"{session.life.name} has ended."]


async def _end(running: Running, session: Session) -> None:
    await running.chat.sessions.delete(operator_of(running), session)
    running.chat.directs.ended(session)


@order("invite")
async def invite(running: Running, _: Mapping[str, Any]) -> list[str]:
    """Return a code with which somebody can register an account, once."""
    keeper = running.chat.keeper
    if not isinstance(keeper, Keeper):
        raise Refused("There is no users file: accounts can not be made.")
    if keeper.policy == "closed":
        raise Refused("Accounts are closed: start the daemon with --registration invite.")
    code = await keeper.invite()
    _note(running, "code")
    return [code]


@order("reload", waits=False)
async def reload(running: Running, _: Mapping[str, Any]) -> list[str]:
    """Read settings, accounts, certificates and the text of welcome again."""
    try:
        said = running.reload()
    except SettingsError as problem:
        raise Refused(f"{problem} Nothing is changed.") from None
    _note(running, "reload")
    return said


@order("drain", waits=False)
async def drain(running: Running, given: Mapping[str, Any]) -> list[str]:
    """Let nobody in any more, send everybody away over some seconds, and end."""
    seconds = min(3_600.0, max(0.0, float(given.get("seconds") or 0)))
    _note(running, "drain")
    await running.entrances.close()
    users = list(_users(running))
    random.shuffle(users)
    for number, user in enumerate(users, 1):
        if seconds:
            if not user.gone:
                user.mind.close(Bye(data="The server is stopping.", retry=1_000))
                user.logout()
            await deferLater(running.reactor, seconds / len(users))
        if number == len(users):
            break
    running.reactor.callLater(0.1, running.stop)
    return [f"{len(users)} connections were here; the daemon ends now."]
