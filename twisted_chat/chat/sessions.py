"""Which sessions there are: how each begins, lingers when it is empty, and ends.

::

    create --claim, port, log--> open --the last one goes--> lingering --nobody comes--> ended
                                  |  <--somebody comes back--    |
    revive (kept, at start) ------+                              |
                                  +--delete--> claim, log -------+--> members told, port closed
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_chat.chat.claims import Claims
from twisted_chat.chat.locks import Passwords
from twisted_chat.chat.member import Attendant
from twisted_chat.chat.places import Places
from twisted_chat.chat.ports import Ports
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.session import Session
from twisted_chat.chat.turn import Turn
from twisted_chat.log.contract import Life, Log
from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.lookalikes import Lookalikes, is_mixed
from twisted_chat.vocabulary.messages import Deleted, Kicked, Left, Snapshot
from twisted_chat.vocabulary.names import Name, key_of, session_name

RETRY_SECONDS = 5.0
"""After this long, what the log could not forget is tried again."""


@define(eq=False, repr=False)
class Sessions(Mapping[str, Session]):
    """Every session, by the compared form of its name.

    ``changed`` is called when somebody has joined or left one.
    """

    _log: Log
    _turn: Turn
    _clock: IReactorTime
    _passwords: Passwords
    _rules: Rules
    _ports: Ports | None
    _changed: Callable[[], None]
    _places: Places

    lobby: Session | None = field(init=False, default=None)
    claims: Claims = field(init=False, factory=Claims)
    _by_key: dict[str, Session] = field(init=False, factory=dict)
    rooms: dict[str, Session] = field(init=False, factory=dict)
    """Those that are no direct ones: what a list shows."""
    _looks: Lookalikes = field(init=False, factory=Lookalikes)
    """Their names, by what they look like."""
    _beginning: int = field(init=False, default=0)
    """Rooms that are being created."""
    _made_at: dict[str, dict[Session, None]] = field(init=False, factory=dict)
    """Which were created from an address (a ``network``), since the start."""
    version: int = field(init=False, default=0)
    """Another number whenever a list of them, and of who is in them, would be another."""
    _closing: dict[Session, IDelayedCall] = field(init=False, factory=dict)
    role_of: Callable[[str, Session], str] = field(init=False, default=lambda _key, _of: "none")
    _stopping: bool = field(init=False, default=False)

    _logger = Logger()

    def __getitem__(self, key: str) -> Session:
        return self._by_key[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, raw: str) -> Session:
        """Return the session of that name. Raises ChatError ``no-such-session``."""
        session = self._by_key.get(key_of(raw) or "")
        if session is None:
            raise ChatError("no-such-session", "There is no such session.")
        return session

    async def settled(self, raw: str) -> None:
        """Wait until the session of that name, if there is one, is neither beginning nor ending."""
        key = key_of(raw) or ""
        if key in self.claims:
            async with self.claims.of(key):
                pass

    # --- how they begin ----------------------------------------------------------------------

    async def open_lobby(self) -> None:
        """Make the lobby, where there is to be one and the log held none."""
        if self._rules.lobby:
            name = session_name(self._rules.lobby)
            if name.key not in self:
                life = Life(epoch=secrets.token_hex(8), key=name.key, name=name.text, keep=True)
                await self.begin(life)
            self.lobby = self[name.key]

    async def revive(self, life: Life) -> None:
        """Take up what the log held."""
        if self._rules.lobby and life.key == key_of(self._rules.lobby):
            self.add(life)
            return
        port = None
        if self._ports is not None:
            try:
                port = await self._ports.open(session_name(life.name))
            except ChatError as problem:
                self._logger.warn("{session}: {problem}", session=life.name, problem=problem)
        self._linger(self.add(life, port, max_members=self._rules.max_members))

    async def create(
        self, user: Attendant, name: Name, password: str | None, keep: bool, topic: str
    ) -> Snapshot:
        """Begin a session with ``user`` as its owner and member: see User.create."""
        async with self.claims.of(name.key):
            if name.key in self:
                raise ChatError("session-exists", f"There is a session {name.text} already.")
            self._check_looks(name)
            self._check_share(user)
            await self._make_room()
            self._beginning += 1
            try:
                session = await self._begin_room(user, name, password, keep, topic)
            finally:
                self._beginning -= 1
            self._made_at.setdefault(network(user.mind.host), {})[session] = None
            self._note("{user} created {session}", user, session)
            if user.gone:
                self._linger(session)
                return session.snapshot()
            return self.join(user, session)  # before anybody who waits for the session

    def _check_share(self, user: Attendant) -> None:
        """Refuse more than one user, or one address, may have: the others want some too."""
        share = self._rules.max_sessions_per_user
        if not share or user.is_operator:
            return
        mine = sum(
            room.life.owner is not None and key_of(room.life.owner) == user.name.key
            for room in self.rooms.values()
        )
        here = len(self._made_at.get(network(user.mind.host), ()))
        if mine >= share or here >= 2 * share:
            raise ChatError("too-many-sessions", "You have created too many sessions already.")

    async def _make_room(self) -> None:
        """Let there be room for one more: of the empty ones that may go, the oldest does.

        Raises ChatError ``too-many-sessions``, ``not-stored``.
        """
        most = self._rules.max_sessions
        rooms = len(self.rooms) - (self.lobby is not None) + self._beginning
        if not most or rooms < most:
            return
        for room in self.rooms.values():
            spare = not room.life.keep or self._rules.guests_keep
            if spare and not room.members and room is not self.lobby:
                if room.life.key in self.claims:
                    continue  # it is ending, or somebody waits for it
                async with self.claims.of(room.life.key):
                    await self.finish(room, None)
                self._logger.info("{session} made room for another", session=room.life.name)
                return
        raise ChatError("too-many-sessions", "There are too many sessions already.")

    def _check_looks(self, name: Name) -> None:
        """Refuse a name that people would take for another session's."""
        if is_mixed(name.text):
            raise ChatError("invalid-name", "A session name is written in one script.")
        other = self._looks.of(name)
        if other is not None:
            raise ChatError("session-exists", f"{name} looks too much like {other}.")

    async def _begin_room(
        self, user: Attendant, name: Name, password: str | None, keep: bool, topic: str
    ) -> Session:
        hashed = None if password is None else await self._passwords.hash(password)
        port = None if self._ports is None else await self._ports.open(name)
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
            return await self.begin(life, port, max_members=self._rules.max_members)
        except BaseException:
            self._close_port(port)
            raise

    async def begin(self, life: Life, port: int | None = None, *, max_members: int = 0) -> Session:
        """Store a new life, whose name is claimed. Raises ChatError ``not-stored``."""
        await self._log.create(life)
        return self.add(life, port, max_members=max_members)

    def add(self, life: Life, port: int | None = None, *, max_members: int = 0) -> Session:
        """Take up a life that is stored."""
        self.version += 1
        session = self._by_key[life.key] = Session(
            life,
            self._log,
            self._turn,
            self._clock,
            max_members=max_members,
            presence_limit=self._rules.presence_limit,
            port=port,
        )
        session.heard, session.read_of = self._places.heard, self._places.read_of
        session.role_of = self.role_of
        if life.direct is None:
            self.rooms[life.key] = session
            self._looks.add(session_name(life.name))
        return session

    # --- who is in them ----------------------------------------------------------------------

    def join(
        self,
        user: Attendant,
        session: Session,
        after: int | None = None,
        epoch: str | None = None,
    ) -> Snapshot:
        """Make ``user`` a member: see Session.join."""
        with self._entering(user, session):
            return session.join(user, after, epoch)

    def resume(
        self, user: Attendant, session: Session, after: int | None, epoch: str | None
    ) -> None:
        """Make ``user`` a member: see Session.resume."""
        with self._entering(user, session):
            session.resume(user, after, epoch)

    @contextmanager
    def _entering(self, user: Attendant, session: Session) -> Iterator[None]:
        if user.gone:
            raise ChatError("not-logged-in", "The connection is gone.")
        was_there = user in session.members
        yield
        if (call := self._closing.pop(session, None)) is not None:
            call.cancel()
        if not was_there:
            self.keeps(user, session)
            self.version += 1
            self._note("{user} joined {session}", user, session)

    def leave(self, user: Attendant, session: Session, *, quietly: bool = False) -> Left:
        """Take ``user`` out of ``session``; the last one to go starts its lingering.

        ``quietly``: it goes altogether, which is one line in the log.
        """
        left = session.leave(user)
        self.version += 1
        if session.life.direct is None and not quietly:
            self._note("{user} left {session}", user, session)
        self._linger(session)
        return left

    def keeps(self, user: Attendant, session: Session) -> None:
        """Keep the place of somebody who has an account."""
        if not user.is_guest:
            self._places.joined(user.name, session)

    def members_of(self, session: Session, key: str) -> list[Attendant]:
        """Return the connections in ``session`` of the user with that key."""
        if key not in session.roster:
            return []
        return [user for user in session.members if user.name.key == key]

    def expel(
        self, by: Attendant, session: Session, users: Sequence[Attendant], reason: str | None
    ) -> Kicked:
        """Take out all connections of a user: see Session.expel."""
        kicked = session.expel(users, by, reason)
        self._places.left(users[0].name.key, session)
        self.version += 1
        self._logger.info(
            "{user} was taken out of {session} by {by}",
            user=kicked.user,
            session=session.name,
            by=kicked.by,
        )
        self._linger(session)
        return kicked

    # --- how they end ------------------------------------------------------------------------

    async def delete(self, user: Attendant, session: Session) -> Deleted:
        """End ``session``: everybody is told, and connections on its own port are closed."""
        async with self.claims.of(session.life.key):
            if self.get(session.life.key) is not session:
                raise ChatError("no-such-session", "There is no such session any more.")
            deleted = Deleted(session=session.life.name, user=user.name.text)
            await self.finish(session, deleted, user)
        self._note("{user} deleted {session}", user, session)
        return deleted

    def _linger(self, session: Session) -> None:
        """Let an empty session close, by and by: a dropped connection can come back to it."""
        life = session.life
        if life.keep or life.direct is not None or session is self.lobby or session.members:
            return
        if self.get(life.key) is not session or session in self._closing:
            return
        if self._rules.linger:
            self._end_later(session, self._rules.linger)
        else:
            self.end_soon(session)

    def _end_later(self, session: Session, seconds: float, by: Name | None = None) -> None:
        if not self._stopping and session not in self._closing:
            self._closing[session] = self._clock.callLater(seconds, self._lingered, session, by)

    def _lingered(self, session: Session, by: Name | None) -> None:
        del self._closing[session]
        self.end_soon(session, by)

    def end_soon(self, session: Session, by: Name | None = None) -> None:
        """End a session that nobody came back to, or that ``by`` left to nobody."""
        self._run(self._end(session, by))

    async def _end(self, session: Session, by: Name | None) -> None:
        async with self.claims.of(session.life.key):
            if self.get(session.life.key) is not session:
                return
            if by is None and session.members:
                return
            name = session.life.name
            try:
                await self.finish(
                    session, Deleted(session=name, user=by.text) if by is not None else None
                )
            except ChatError:
                self._end_later(session, RETRY_SECONDS, by)
                return
            self._logger.info("{session} closed: nobody is in it", session=name)

    async def finish(
        self, session: Session, deleted: Deleted | None, cause: Attendant | None = None
    ) -> None:
        """Delete a session that is claimed. Raises ChatError ``not-stored``."""
        await self._log.delete(session.life.epoch)
        session.close(deleted, cause)
        self._places.ended(session)
        del self._by_key[session.life.key]
        self.version += 1
        for where, made in tuple(self._made_at.items()):
            made.pop(session, None)
            if not made:
                del self._made_at[where]
        if self.rooms.pop(session.life.key, None) is not None:
            self._looks.discard(session_name(session.life.name))
        if (call := self._closing.pop(session, None)) is not None:
            call.cancel()
        self._close_port(session.port)

    def close(self) -> None:
        """Stop what waits for a time to come, and let nothing wait: the daemon is stopping."""
        self._stopping = True
        for call in self._closing.values():
            call.cancel()
        self._closing.clear()

    # --- within ------------------------------------------------------------------------------

    def _close_port(self, port: int | None) -> None:
        if port is not None and self._ports is not None:
            self._ports.close(port)

    def _run(self, flow: Coroutine[Deferred[object], object, None]) -> None:
        Deferred.fromCoroutine(flow).addErrback(
            lambda failure: self._logger.failure("A session could not end", failure)
        )

    def _note(self, event: str, user: Attendant, session: Session) -> None:
        self._logger.info(
            event + ", from {host}:{port} by the {door} door",
            user=user.name.text,
            session=session.life.name,
            host=user.mind.host,
            port=user.mind.port,
            door=user.mind.door,
        )
        self._changed()
