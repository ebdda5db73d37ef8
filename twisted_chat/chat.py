"""The chat: who is here, which sessions exist, and what a logged-in connection may do.

``Chat`` is the ``twisted.cred`` realm. A door logs in through the portal and gets a ``User``, the
avatar: one connection of somebody. What its client asks for becomes calls on the ``User``; what
happens in the chat becomes calls on the door's ``Mind``. Nothing here knows a socket or a frame.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain, islice
from typing import Any, Protocol, TypeVar

from attrs import Factory, define, field, frozen
from msgspec import Struct
from msgspec.structs import replace
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import Interface, implementer

from twisted_chat.attempts import Attempts
from twisted_chat.direct import DirectSessions
from twisted_chat.errors import ChatError
from twisted_chat.log.contract import Life, Log
from twisted_chat.messages import (
    MAX_FRAME,
    MAX_HISTORY,
    MAX_TEXT,
    PROTOCOL,
    Bye,
    Deleted,
    Direct,
    Found,
    History,
    Left,
    Limits,
    ListedSession,
    ListedUser,
    Listing,
    Members,
    Search,
    Snapshot,
    Texts,
    TopicChanged,
    Welcome,
    encode,
)
from twisted_chat.names import Name, direct_key, key_of, session_name, user_name
from twisted_chat.passwords import Passwords
from twisted_chat.session import Member, Mind, Session, Turn

ROOM = MAX_FRAME - 2_048
"""Bytes for the parts of a reply: what is left in a frame is for the rest of it."""

MAX_LISTED = 100
"""Names of sessions beside one user in a list, at most."""

MAX_DIRECT = 150
"""Direct sessions that a ``welcome`` names, at most: those begun last."""

MAX_PLACES = 1_000
"""Sessions that one connection is a member of, at most."""

LOGINS_IN_A_TURN = 16
"""Logins that are let in in one turn of the reactor, at most: about 3 ms of work."""

RETRY_SECONDS = 5.0
"""After this long, what the log could not forget is tried again."""

LAST = 2**53
"""Over every seq."""

Avatar = tuple[type[Interface], object, Callable[[], None]]
"""What a realm answers: the interface, the avatar, and what to call when it goes."""


class IUser(Interface):
    """The avatar's interface, for ``portal.login``: a User."""


@frozen
class Guest:
    """The avatar id of somebody without an account; ``token`` proves that it is the same one."""

    name: Name
    token: str | None = field(default=None, repr=False)


class Ports(Protocol):
    """What gives a session a port of its own."""

    async def open(self, name: Name) -> int:
        """Listen for that session. Raises ChatError ``too-many-sessions`` when no port is free."""

    def close(self, port: int) -> None:
        """Stop listening, and close the connections that came there."""


class Known(Protocol):
    """Somebody with an account."""

    @property
    def name(self) -> Name:
        """The account's name."""

    @property
    def operator(self) -> bool:
        """Whether it may do what operators may."""


class Directory(Protocol):
    """What knows the accounts."""

    def get(self, key: str) -> Known | None:
        """Return the account whose name has that compared form."""


@frozen(kw_only=True)
class Rules:
    """What the operator decided; every number is a limit, and 0 means none."""

    server: str = "twisted-chat"
    lobby: str = "lobby"
    linger: float = 60.0
    max_sessions: int = 1_000
    max_members: int = 1_000
    max_connections: int = 0
    max_text: int = MAX_TEXT
    presence_limit: int = 200
    guests_keep: bool = True
    """Whether a guest may create a session that stays when it is empty."""


@define(eq=False)
class Person:
    """Somebody who is here: one name, by one or more connections."""

    name: Name
    guest: bool
    token: str | None = field(default=None, repr=False)
    users: dict[User, None] = Factory(dict)


Part = TypeVar("Part", bound=Struct | str)


def _fitting(parts: Sequence[Part], *, from_end: bool = False) -> Sequence[Part]:
    """Return as many of ``parts`` as fit in a frame, and one at least."""
    size = 0
    for count, part in enumerate(reversed(parts) if from_end else parts):
        size += len(encode(part)) + 1
        if size > ROOM and count:
            return parts[-count:] if from_end else parts[:count]
    return parts


@implementer(IUser)
@define(eq=False, repr=False)
class User:
    """One connection of somebody, and all that it may do.

    Methods raise ChatError and have then changed nothing. ``unsettled`` counts the texts that it
    said and that have not been answered yet, ``unsettled_size`` their characters; whoever feeds
    it requests stops at some number of them.
    """

    chat: Chat
    person: Person
    mind: Mind
    full: bool = False
    reading: bool = False
    gone: bool = False
    members: dict[str, Member] = Factory(dict)
    behind: dict[Member, None] = Factory(dict)
    unsettled: int = 0
    unsettled_size: int = 0
    since: float = 0.0

    @property
    def name(self) -> Name:
        """Whose connection it is."""
        return self.person.name

    # --- the door's side of the connection ---------------------------------------------------

    def filled(self) -> None:
        """The transport has had enough: nothing live is written to it until it has drained."""
        self.full = True
        for member in self.members.values():
            member.session.fall_behind(member)

    def drained(self) -> None:
        """The transport takes more: read on from the log, where something was missed."""
        self.full = False
        if self.behind:
            self.chat.turn.catch_up(self)

    def settle(self, texts: int, size: int) -> None:
        """See session.Attendant."""
        self.unsettled -= texts
        self.unsettled_size -= size
        self.mind.settled()

    def logout(self, *, for_good: bool = False) -> None:
        """Leave everything: the connection is gone, or is about to be.

        A guest that goes ``for_good`` is not waited for.
        """
        if not self.gone:
            self.gone = True
            for member in tuple(self.members.values()):
                self.chat.leave(self, member.session)
            self.chat.departed(self, for_good=for_good)

    # --- what a client may ask for -----------------------------------------------------------

    def welcome(self, id: str | None) -> Welcome:
        """Return the answer to a login."""
        return Welcome(
            user=self.name.text,
            server=self.chat.rules.server,
            protocol=PROTOCOL,
            lobby=self.chat.rules.lobby or None,
            limits=Limits(text=self.chat.rules.max_text),
            token=self.person.token,
            operator=self.chat.is_operator(self.name),
            guest=self.person.guest,
            direct=[
                Direct(session=of.life.name, epoch=of.life.epoch, head=of.head)
                for of in self.chat.directs.of(self.name)[-MAX_DIRECT:]
            ],
            id=id,
        )

    def say(self, data: str, session: str | None = None, id: str | None = None) -> None:
        """Say a text: its echo, or an ``error``, follows when the log has answered.

        Raises ChatError ``not-in-session``, ``empty``, ``too-long``.
        """
        member = self.member(session)
        self._check(data)
        self._say(member.session, data, id)

    async def message(self, to: str, data: str, id: str | None = None) -> None:
        """Say a text to one user alone, in the direct session of the two.

        Raises ChatError ``no-such-user``, ``empty``, ``too-long``, ``not-stored``.
        """
        self._check(data)
        self._say(await self.chat.direct(self, to), data, id)

    def _say(self, session: Session, data: str, id: str | None) -> None:
        self.unsettled += 1
        self.unsettled_size += len(data)
        session.say(self, data, id)

    def _check(self, data: str) -> None:
        size = len(data) if data.isascii() else len(data.encode())
        if not size:
            raise ChatError("empty", "A text can not be empty.")
        longest = self.chat.rules.max_text
        if size > longest:
            raise ChatError("too-long", f"A text has at most {longest} bytes; this one has {size}.")
        # JSON writes a control character in six bytes: a text must still fit in a frame.
        if size * 6 > ROOM and len(encode(data)) > ROOM:
            raise ChatError("too-long", "With its control characters the text is too long.")

    async def create(
        self, session: str, password: str | None = None, keep: bool = False, topic: str = ""
    ) -> Snapshot:
        """Create a session, own it and be its first member.

        Raises ChatError ``session-exists``, ``too-many-sessions``, ``invalid-name``,
        ``not-allowed``, ``not-stored``.
        """
        self._check_places()
        if keep and self.person.guest and not self.chat.rules.guests_keep:
            raise ChatError("not-allowed", "Guests do not create sessions that are kept.")
        return await self.chat.create(self, session_name(session), password, keep, topic)

    async def join(
        self,
        session: str,
        password: str | None = None,
        after: int | None = None,
        epoch: str | None = None,
    ) -> Snapshot:
        """Become a member, or move one's place back to ``after``.

        Raises ChatError ``no-such-session``, ``session-full``, ``bad-password``,
        ``too-many-attempts``.
        """
        found = await self.chat.reach(session, self)
        if found.life.key not in self.members:
            self._check_places()
            if found.life.password is not None:
                await self._unlock(found, password)
                if await self.chat.reach(session, self) is not found:  # another has its name
                    raise ChatError("no-such-session", "There is no such session any more.")
        return self.chat.join(self, found, after, epoch)

    async def _unlock(self, session: Session, password: str | None) -> None:
        """Check the password of a locked session; wrong ones are counted by address."""
        wrong = ChatError("bad-password", f"{session.life.name} has another password.")
        if password is None:
            raise wrong
        guesses, host, key = self.chat.guesses, self.mind.host, session.life.key
        await guesses.begin(host)
        try:
            if not await self.chat.passwords.verify(session.life.password or "", password):
                guesses.failed(host, key)
                raise wrong
            guesses.succeeded(host, key)
        finally:
            guesses.end(host)

    def leave(self, session: str | None = None) -> Left:
        """Stop being a member. Raises ChatError ``not-in-session``, ``not-allowed``."""
        member = self.member(session)
        if member.session.life.direct is not None:
            raise ChatError("not-allowed", "A direct session is not left.")
        return self.chat.leave(self, member.session)

    async def delete(self, session: str) -> Deleted:
        """End a session and its log. Raises ChatError ``no-such-session``, ``not-allowed``."""
        found = self.chat.find(session, self)
        if found is self.chat.lobby:
            raise ChatError("not-allowed", "The lobby is not deleted.")
        self._check_owner(found, "delete it")
        return await self.chat.delete(self, found)

    async def set_topic(self, topic: str, session: str | None = None) -> TopicChanged:
        """Change a topic. Raises ChatError ``not-in-session``, ``not-allowed``, ``not-stored``."""
        found = self.member(session).session
        self._check_owner(found, "change its topic")
        await self.chat.log.set_topic(found.life.epoch, topic)
        return found.topic_changed(self, topic)

    def list(self) -> Iterator[Listing]:
        """Yield who is here and which sessions there are, a frame at a time."""
        return self.chat.list()

    def who(self, session: str, after: str | None = None) -> Members:
        """Return who is in a session. Raises ChatError ``no-such-session``."""
        found = self.chat.find(session, self).who((after and key_of(after)) or "")
        users = _fitting(found.users)
        more = found.more or len(users) < len(found.users)
        return replace(found, users=list(users), more=more)

    async def history(self, request: History) -> Texts:
        """Return stored texts.

        Raises ChatError ``no-such-session``, ``not-in-session``, ``not-stored``.
        """
        session = self._own(request.session)
        after = 0 if request.after is None else request.after
        before = min(session.head + 1, LAST if request.before is None else request.before)
        limit = min(request.limit, MAX_HISTORY)
        forward = request.after is not None
        read = self.chat.log.read if forward else self.chat.log.read_last
        page = await read(session.life.epoch, after, before, limit)
        texts = _fitting(page.texts, from_end=not forward)
        return Texts(
            session=session.life.name,
            texts=list(texts),
            more=page.more or len(texts) < len(page.texts),
            epoch=session.life.epoch,
        )

    async def search(self, request: Search) -> Found:
        """Return the stored texts that a query finds.

        Raises ChatError ``no-such-session``, ``not-in-session``, ``bad-request``, ``not-stored``.
        """
        session = self._own(request.session)
        before = min(session.head + 1, LAST if request.before is None else request.before)
        limit = min(request.limit, MAX_HISTORY)
        page = await self.chat.log.search(session.life.epoch, request.query, before, limit)
        texts = _fitting(page.texts, from_end=True)
        return Found(
            session=session.life.name,
            texts=list(texts),
            more=page.more or len(texts) < len(page.texts),
        )

    # --- rules -------------------------------------------------------------------------------

    def member(self, session: str | None) -> Member:
        """Return one's place in a session; left out, it means the one that one is in.

        Raises ChatError ``not-in-session``.
        """
        if session is None:
            rooms = [m for m in self.members.values() if m.session.life.direct is None]
            if len(rooms) == 1:
                return rooms[0]
            many = "several sessions" if rooms else "no session"
            raise ChatError("not-in-session", f"You are in {many}: name the one that you mean.")
        member = self.members.get(session) or self.members.get(key_of(session) or "")
        if member is None:
            raise ChatError("not-in-session", "You are not in that session.")
        return member

    def _own(self, session: str | None) -> Session:
        """Return a session that one is in; say which of the two is wrong where it is not so."""
        if session is not None:
            self.chat.find(session, self)
        return self.member(session).session

    def _check_owner(self, session: Session, what: str) -> None:
        owner = session.life.owner
        owns = owner is not None and key_of(owner) == self.name.key
        direct = session.life.direct is not None
        if direct or not (owns or self.chat.is_operator(self.name)):
            raise ChatError("not-allowed", f"You can not {what}: that is for its owner.")

    def _check_places(self) -> None:
        rooms = sum(member.session.life.direct is None for member in self.members.values())
        if rooms >= MAX_PLACES:
            raise ChatError("session-full", f"You are in {MAX_PLACES} sessions already.")


@implementer(IRealm)
@define(eq=False, repr=False)
class Chat:
    """The one object that knows who is here and which sessions exist.

    ``accounts`` knows who has an account. ``changed`` is called when somebody has come or gone,
    anywhere: for the operator's table.
    """

    log: Log
    clock: IReactorTime
    passwords: Passwords
    rules: Rules = Factory(Rules)
    accounts: Directory | None = None
    ports: Ports | None = None
    changed: Callable[[], None] = field(default=lambda: None)

    turn: Turn = field(init=False, default=Factory(lambda self: Turn(self.clock), takes_self=True))
    guesses: Attempts = field(
        init=False, default=Factory(lambda self: Attempts(self.clock), takes_self=True)
    )
    """Wrong passwords of locked sessions, by address."""
    lobby: Session | None = field(init=False, default=None)
    sessions: dict[str, Session] = field(init=False, factory=dict)
    people: dict[str, Person] = field(init=False, factory=dict)
    connections: int = field(init=False, default=0)
    directs: DirectSessions = field(init=False, factory=DirectSessions)
    _claims: dict[str, list[Deferred[None]]] = field(init=False, factory=dict)
    _closing: dict[Session, IDelayedCall] = field(init=False, factory=dict)
    _leaving: dict[Person, IDelayedCall] = field(init=False, factory=dict)
    """Guests who may come back to their direct sessions for a while."""
    """Direct sessions of guests who did not: nobody may reach them while the log forgets them."""
    _room: int = field(init=False, default=0)
    """How many may still be let in in this turn: none before the chat is open."""
    _waiting: deque[Deferred[None]] = field(init=False, factory=deque)

    _logger = Logger()

    # --- coming and going --------------------------------------------------------------------

    async def open(self) -> None:
        """Take up what the log holds, and make the lobby; logins wait until it is done."""
        for life in self.log.lives():
            await self._revive(life)
        if self.rules.lobby:
            name = session_name(self.rules.lobby)
            if name.key not in self.sessions:
                life = Life(epoch=secrets.token_hex(8), key=name.key, name=name.text, keep=True)
                await self.log.create(life)
                self.sessions[name.key] = self._session(life, None)
            self.lobby = self.sessions[name.key]
        self._let_in()

    async def _revive(self, life: Life) -> None:
        # A guest's name is anybody's after a restart: accounts alone see their direct sessions.
        seen_by = [
            key
            for key in life.direct or ()
            if life.keep or (key == key_of(life.owner or "") and self._account_of(key) is not None)
        ]
        if life.direct is not None and not seen_by:
            await self.log.delete(life.epoch)
            return
        port = None
        is_lobby = bool(self.rules.lobby) and life.key == key_of(self.rules.lobby)
        if self.ports is not None and life.direct is None and not is_lobby:
            try:
                port = await self.ports.open(session_name(life.name))
            except ChatError as problem:
                self._logger.warn("{session}: {problem}", session=life.name, problem=problem)
        members = 0 if is_lobby or life.direct else self.rules.max_members
        session = self.sessions[life.key] = self._session(life, port, max_members=members)
        self.directs.add(session, seen_by)
        self._linger(session)

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: object) -> Deferred[Avatar]:
        """Let somebody in: see IRealm. ``avatarId`` is a Guest or an account's name in UTF-8.

        ``mind`` is a Mind. Raises ChatError ``name-in-use``, ``server-full``.
        """
        if IUser not in interfaces:
            raise NotImplementedError("a chat has Users only")
        if self._room and not self._waiting:
            self._take_room()
            return succeed(self._admit(avatarId, mind))
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        return waiter.addCallback(lambda _: self._admit(avatarId, mind))

    def _take_room(self) -> None:
        if self._room == LOGINS_IN_A_TURN:
            self.clock.callLater(0, self._let_in)
        self._room -= 1

    def _let_in(self) -> None:
        """Let in some of those who wait: a storm of logins does not hold up those who talk."""
        self._room = LOGINS_IN_A_TURN
        while self._waiting and self._room:
            self._take_room()
            self._waiting.popleft().callback(None)

    def _admit(self, avatarId: Any, mind: Mind) -> Avatar:
        full = self.rules.max_connections
        if full and self.connections >= full:
            raise ChatError("server-full", "The server has no room for one more; try again later.")
        if isinstance(avatarId, Guest):
            person = self._guest(avatarId)
        else:
            person = self._account(user_name(avatarId.decode()))
        user = User(self, person, mind, since=self.clock.seconds())
        person.users[user] = None
        self.connections += 1
        self._logger.info(
            "{user} came from {host}:{port} by the {door} door",
            user=person.name.text,
            host=mind.host,
            port=mind.port,
            door=mind.door,
        )
        for session in self.directs.of(person.name):
            session.join(user)
        self.changed()
        return IUser, user, user.logout

    def _guest(self, guest: Guest) -> Person:
        person = self.people.get(guest.name.key)
        if person is None:
            self._forget_directs(guest.name)  # an account had the name, perhaps
            token = secrets.token_urlsafe(16)
            person = Person(guest.name, guest=True, token=token)
            self.people[guest.name.key] = person
        elif (
            person.token is None
            or guest.token is None
            or not secrets.compare_digest(person.token.encode(), guest.token.encode())
        ):
            raise ChatError("name-in-use", f"Somebody is here as {person.name.text} already.")
        elif (call := self._leaving.pop(person, None)) is not None:
            call.cancel()
        return person

    def _account(self, name: Name) -> Person:
        person = self.people.get(name.key)
        if person is not None and person.guest:  # a guest had the name before it was an account's
            for user in tuple(person.users):
                user.mind.close(Bye(data=f"{name.text} has an account now."))
                user.logout()
            self._forget_guest(person)
            person = None
        if person is None:
            person = Person(name, guest=False)
            self.people[name.key] = person
        return person

    def departed(self, user: User, *, for_good: bool) -> None:
        """Forget a connection, which is in no session any more; ``for_good``: it said goodbye."""
        person = user.person
        del person.users[user]
        self.connections -= 1
        if not person.users and self.people.get(person.name.key) is person:
            if person.guest and not for_good and self.directs.of(person.name):
                # Its direct sessions, and so its name, wait for it: the connection may have broken.
                linger = self.rules.linger
                self._leaving[person] = self.clock.callLater(linger, self._forget_guest, person)
            elif person.guest:
                self._forget_guest(person)
            else:
                del self.people[person.name.key]
        self._logger.info(
            "{user} went, from {host}:{port} by the {door} door",
            user=person.name.text,
            host=user.mind.host,
            port=user.mind.port,
            door=user.mind.door,
        )
        self.changed()

    def _forget_guest(self, person: Person) -> None:
        if person.users or self.people.get(person.name.key) is not person:
            return
        del self.people[person.name.key]
        if (call := self._leaving.pop(person, None)) is not None and call.active():
            call.cancel()
        self._forget_directs(person.name)

    def _forget_directs(self, name: Name) -> None:
        """Let whoever has that name next see nothing of what it was told before."""
        for session in self.directs.forget_user(name.key):
            self._run(self._end(session, name))

    def close(self) -> None:
        """Stop what waits for a time to come: the daemon is stopping."""
        for call in (*self._closing.values(), *self._leaving.values()):
            call.cancel()
        self._closing.clear()
        self._leaving.clear()

    # --- sessions ----------------------------------------------------------------------------

    def find(self, raw: str, user: User) -> Session:
        """Return the session that ``user`` means. Raises ChatError ``no-such-session``."""
        session = self.sessions.get(key_of(raw) or "")
        if session is None or (
            session.life.direct is not None and not self.directs.shows(session, user.name.key)
        ):
            raise ChatError("no-such-session", "There is no such session.")
        return session

    async def reach(self, raw: str, user: User) -> Session:
        """Find a session once it is neither beginning nor ending: see find."""
        key = key_of(raw) or ""
        if key in self._claims:
            async with self._claimed(key):
                pass
        return self.find(raw, user)

    async def create(
        self, user: User, name: Name, password: str | None, keep: bool, topic: str
    ) -> Snapshot:
        """Begin a session with ``user`` as its owner and member: see User.create."""
        async with self._claimed(name.key):
            if name.key in self.sessions:
                raise ChatError("session-exists", f"There is a session {name.text} already.")
            rooms = sum(session.life.direct is None for session in self.sessions.values())
            rooms += len(self._claims) - 1 - (self.lobby is not None)
            if self.rules.max_sessions and rooms >= self.rules.max_sessions:
                raise ChatError("too-many-sessions", "There are too many sessions already.")
            hashed = None if password is None else await self.passwords.hash(password)
            port = None if self.ports is None else await self.ports.open(name)
            life = Life(
                epoch=secrets.token_hex(8),
                key=name.key,
                name=name.text,
                owner=user.name.text,
                topic=topic,
                keep=keep,
                password=hashed,
            )
            try:
                await self.log.create(life)
            except BaseException:
                if port is not None and self.ports is not None:
                    self.ports.close(port)
                raise
            session = self._session(life, port, max_members=self.rules.max_members)
            self.sessions[name.key] = session
            self._note("{user} created {session}", user, session)
            if user.gone:
                self._linger(session)
                return session.snapshot()
            return self.join(user, session)  # before anybody who waits for the session

    def join(
        self, user: User, session: Session, after: int | None = None, epoch: str | None = None
    ) -> Snapshot:
        """Make ``user`` a member: see Session.join."""
        if user.gone:
            raise ChatError("not-logged-in", "The connection is gone.")
        was_there = user in session.members
        snapshot = session.join(user, after, epoch)
        if (call := self._closing.pop(session, None)) is not None:
            call.cancel()
        if not was_there:
            self._note("{user} joined {session}", user, session)
        return snapshot

    def leave(self, user: User, session: Session) -> Left:
        """Take ``user`` out of ``session``; the last one to go starts its lingering."""
        left = session.leave(user)
        if session.life.direct is None:
            self._note("{user} left {session}", user, session)
        self._linger(session)
        return left

    async def delete(self, user: User, session: Session) -> Deleted:
        """End ``session``: everybody is told, and connections on its own port are closed."""
        async with self._claimed(session.life.key):
            if self.sessions.get(session.life.key) is not session:
                raise ChatError("no-such-session", "There is no such session any more.")
            deleted = Deleted(session=session.life.name, user=user.name.text)
            await self._finish(session, deleted, user)
        self._note("{user} deleted {session}", user, session)
        return deleted

    async def direct(self, user: User, to: str) -> Session:
        """Return the direct session of ``user`` and another, where need be a new one.

        Raises ChatError ``no-such-user``, ``too-many-sessions``, ``not-stored``.
        """
        other = self._known(key_of(to) or "")
        if other is None or other.key == user.name.key:
            raise ChatError("no-such-user", "There is no such user to send that to.")
        one, two = sorted((user.name, other), key=lambda name: name.key)
        key = direct_key(one.key, two.key)
        async with self._claimed(key):
            if (session := self.sessions.get(key)) is not None:
                if all(self.directs.shows(session, name.key) for name in (one, two)):
                    return session
                # It was with another guest of that name, who has gone.
                await self._finish(session, Deleted(session=session.life.name, user=other.text))
            for name in (one, two):
                self._make_room_for_direct(name)
            here = [self.people[name.key] for name in (one, two) if name.key in self.people]
            guests = {person.name for person in here if person.guest}
            life = Life(
                epoch=secrets.token_hex(8),
                key=key,
                name=f"@{one.text},{two.text}",
                # With a guest it is the account's: who has the guest's name next sees nothing.
                keep=not guests,
                owner=next(
                    (name.text for name in (one, two) if guests and name not in guests), None
                ),
                direct=(one.key, two.key),
            )
            await self.log.create(life)
            session = self.sessions[key] = self._session(life, None)
            self.directs.add(session, (one.key, two.key))
        if any(self.people.get(person.name.key) is not person for person in here if person.guest):
            self._run(self._end(session, other))  # a guest went before this had begun
            raise ChatError("no-such-user", "There is no such user any more.")
        # Who is here now: somebody may have come, or come back, while it was stored.
        now = [self.people[name.key] for name in (one, two) if name.key in self.people]
        users = [user for person in now for user in person.users]
        for one_of_them in users:
            session.join(one_of_them)
        for one_of_them in users:
            one_of_them.mind.deliver(one_of_them.mind.encode(session.snapshot()))
        return session

    def list(self) -> Iterator[Listing]:
        """Yield who is here and which sessions there are, a frame at a time."""
        sessions: list[ListedSession] = []
        users: list[ListedUser] = []
        size = 0
        parts: Iterator[ListedSession | ListedUser]
        parts = chain(self._listed_sessions(), self._listed_users())
        for part in parts:
            length = len(encode(part)) + 1
            if size + length > ROOM:
                yield Listing(sessions=sessions, users=users, more=True)
                sessions, users, size = [], [], 0
            size += length
            match part:
                case ListedSession():
                    sessions.append(part)
                case ListedUser():
                    users.append(part)
        yield Listing(sessions=sessions, users=users)

    def _listed_sessions(self) -> Iterator[ListedSession]:
        for session in tuple(self.sessions.values()):
            if session.life.direct is None:
                yield ListedSession(
                    session=session.life.name,
                    users=session.count,
                    topic=session.life.topic,
                    owner=session.life.owner,
                    locked=session.life.password is not None,
                    port=session.port,
                )

    def _listed_users(self) -> Iterator[ListedUser]:
        for person in tuple(self.people.values()):
            if person.users:
                names = {
                    member.session.life.name: None
                    for user in person.users
                    for member in user.members.values()
                    if member.session.life.direct is None
                }
                yield ListedUser(user=person.name.text, sessions=list(islice(names, MAX_LISTED)))

    def _make_room_for_direct(self, name: Name) -> None:
        """Let somebody have one more direct session; those with guests who are gone make room.

        Raises ChatError ``too-many-sessions``.
        """
        mine = self.directs.of(name)
        if len(mine) < MAX_PLACES:
            return
        for session in mine:
            if not all(self.directs.shows(session, key) for key in session.life.direct or ()):
                self._run(self._end(session, name))
                return
        raise ChatError("too-many-sessions", "One of you has too many direct sessions.")

    async def prune(self, texts: int | None, older_than: int | None) -> None:
        """Forget old texts of every session, in small bites: see Log.prune."""
        for session in tuple(self.sessions.values()):
            epoch = session.life.epoch
            more = True
            while more and self.sessions.get(session.life.key) is session:
                more = await self.log.prune(epoch, texts=texts, older_than=older_than)
                try:
                    page = await self.log.read(epoch, 0, LAST, 1)
                except ChatError:
                    break  # deleted meanwhile, or not now: the next time will do
                session.pruned(page.first)

    # --- their ends --------------------------------------------------------------------------

    def _linger(self, session: Session) -> None:
        """Let an empty session close, by and by: a dropped connection can come back to it."""
        if session.life.keep or session.life.direct is not None or session.members:
            return
        if self.sessions.get(session.life.key) is not session or session in self._closing:
            return
        if self.rules.linger:
            self._closing[session] = self.clock.callLater(
                self.rules.linger, self._lingered, session
            )
        else:
            self._lingered(session)

    def _lingered(self, session: Session, by: Name | None = None) -> None:
        self._closing.pop(session, None)
        self._run(self._end(session, by))

    async def _end(self, session: Session, by: Name | None = None) -> None:
        """Close a session that nobody came back to, or whose guest did not."""
        async with self._claimed(session.life.key):
            if self.sessions.get(session.life.key) is not session:
                return
            if by is None and session.members:
                return
            name = session.life.name
            try:
                await self._finish(
                    session, Deleted(session=name, user=by.text) if by is not None else None
                )
            except ChatError:
                self._closing[session] = self.clock.callLater(
                    RETRY_SECONDS, self._lingered, session, by
                )
                return
            self._logger.info("{session} closed: nobody is in it", session=name)

    async def _finish(
        self, session: Session, deleted: Deleted | None, cause: User | None = None
    ) -> None:
        """Delete a session that is claimed. Raises ChatError ``not-stored``."""
        await self.log.delete(session.life.epoch)
        session.close(deleted, cause)
        self._drop(session)

    def _drop(self, session: Session) -> None:
        life = session.life
        del self.sessions[life.key]
        if (call := self._closing.pop(session, None)) is not None:
            call.cancel()
        self.directs.forget(session)
        if session.port is not None and self.ports is not None:
            self.ports.close(session.port)

    # --- within ------------------------------------------------------------------------------

    def _session(self, life: Life, port: int | None, *, max_members: int = 0) -> Session:
        return Session(
            life,
            self.log,
            self.turn,
            self.clock,
            max_members=max_members,
            presence_limit=self.rules.presence_limit,
            port=port,
        )

    def is_operator(self, name: Name) -> bool:
        """Whether that user is an operator now: a role that was taken away is gone at once."""
        account = self._account_of(name.key)
        return account is not None and account.operator

    def _known(self, key: str) -> Name | None:
        """Return the name of somebody who is here or has an account."""
        person = self.people.get(key)
        if person is not None:
            return person.name
        account = self._account_of(key)
        return account.name if account is not None else None

    def _account_of(self, key: str) -> Known | None:
        return self.accounts.get(key) if self.accounts is not None else None

    @asynccontextmanager
    async def _claimed(self, key: str) -> AsyncIterator[None]:
        """Begin or end the session with that key: one at a time, the others wait."""
        while key in self._claims:
            waiter: Deferred[None] = Deferred()
            self._claims[key].append(waiter)
            await waiter
        self._claims[key] = []
        try:
            yield
        finally:
            for waiter in self._claims.pop(key):
                waiter.callback(None)

    def _run(self, flow: Coroutine[Deferred[object], object, None]) -> None:
        Deferred.fromCoroutine(flow).addErrback(
            lambda failure: self._logger.failure("The chat failed", failure)
        )

    def _note(self, event: str, user: User, session: Session) -> None:
        self._logger.info(
            event + ", from {host}:{port} by the {door} door",
            user=user.name.text,
            session=session.life.name,
            host=user.mind.host,
            port=user.mind.port,
            door=user.mind.door,
        )
        self.changed()
