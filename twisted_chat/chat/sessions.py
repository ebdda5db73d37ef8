"""Which sessions there are: how each begins, lingers when it is empty, and ends.

::

    create --claim, port, log--> open --the last one goes--> lingering --nobody comes--> ended
                                  |  <--somebody comes back--    |
    revive (kept, at start) ------+                              |
                                  +--delete--> claim, log -------+--> members told, port closed
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_chat.chat.claims import Claims
from twisted_chat.chat.lingering import Lingering
from twisted_chat.chat.locks import Passwords
from twisted_chat.chat.member import Attendant
from twisted_chat.chat.notes import Deleting
from twisted_chat.chat.peers import ALONE, Peers
from twisted_chat.chat.places import Places
from twisted_chat.chat.ports import Ports
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.session import Session
from twisted_chat.chat.shares import Shares, check_looks
from twisted_chat.chat.sparing import SparingLog
from twisted_chat.chat.turn import Turn
from twisted_chat.log.contract import Life, Log
from twisted_chat.log.shared import LEASE_SECONDS
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.lookalikes import Lookalikes
from twisted_chat.vocabulary.messages import Deleted, Kicked, Left, Snapshot
from twisted_chat.vocabulary.names import Name, key_of, session_name

RETRY_SECONDS = 5.0
"""After this long, what the log could not forget is tried again."""


@define(eq=False, repr=False)
class Sessions(Mapping[str, Session]):
    """Every session, by the compared form of its name.

    ``changed`` is called when somebody has joined or left one, and ``diary`` gets a line.
    """

    _log: Log
    _turn: Turn
    _clock: IReactorTime
    _passwords: Passwords
    _rules: Rules
    _ports: Ports | None
    _changed: Callable[[], None]
    _places: Places
    _diary: SparingLog
    peers: Peers = ALONE

    lobby: Session | None = field(init=False, default=None)
    claims: Claims = field(init=False, factory=Claims)
    _by_key: dict[str, Session] = field(init=False, factory=dict)
    rooms: dict[str, Session] = field(init=False, factory=dict)
    """Those that are no direct ones: what a list shows."""
    _looks: Lookalikes = field(init=False, factory=Lookalikes)
    """Their names, by what they look like."""
    _beginning: int = field(init=False, default=0)
    """Rooms that are being created."""
    by_epoch: dict[str, Session] = field(init=False, factory=dict)
    shares: Shares = field(init=False)
    version: int = field(init=False, default=0)
    """Another number whenever a list of them, and of who is in them, would be another."""
    lingering: Lingering = field(init=False)
    role_of: Callable[[str, Session], str] = field(init=False, default=lambda _key, _of: "none")
    founded: Callable[[Attendant, Session], object] = field(init=False, default=lambda *_: None)
    """Is told who has created one."""

    _logger = Logger()

    def __attrs_post_init__(self) -> None:
        self.shares = Shares(self._rules, self.rooms)
        self.lingering = Lingering(self._clock, self.end_soon)

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
        if key not in self:
            await self.peers.look()  # it may have begun at another node

    # --- how they begin ----------------------------------------------------------------------

    async def open_lobby(self) -> None:
        """Make the lobby, where there is to be one and the log held none."""
        if self._rules.lobby:
            name = session_name(self._rules.lobby)
            if name.key not in self:
                life = Life(epoch=secrets.token_hex(8), key=name.key, name=name.text, keep=True)
                try:
                    await self.begin(life)
                except ChatError:
                    if name.key not in self:  # else another node was first
                        raise
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
        self.linger(self.add(life, port, max_members=self._rules.max_members))

    def take_up(self, life: Life) -> None:
        """Take up a life that has begun at another node."""
        session = self.add(life, max_members=self._rules.max_members)
        self.linger(session, LEASE_SECONDS)  # whoever began it is about to be known here
        if self._ports is not None:
            self._run(self._open_port(session, self._ports))

    async def _open_port(self, session: Session, ports: Ports) -> None:
        with suppress(ChatError):
            port = await ports.open(session_name(session.name))
            if session.life.epoch in self.by_epoch:
                session.port = port
            else:
                ports.close(port)

    async def create(
        self, user: Attendant, name: Name, password: str | None, keep: bool, topic: str
    ) -> Snapshot:
        """Begin a session with ``user`` as its owner and member: see User.create."""
        async with self.claims.of(name.key):
            if name.key in self:
                raise ChatError("session-exists", f"There is a session {name.text} already.")
            check_looks(name, self._looks)
            self.shares.check(user)
            await self._make_room()
            self._beginning += 1
            try:
                session = await self._begin_room(user, name, password, keep, topic)
            finally:
                self._beginning -= 1
            self.shares.made(user.mind.host, session)
            self.founded(user, session)
            self._note("{user} created {session}", user, session)
            if user.gone:
                self.linger(session)
                return session.snapshot()
            return self.join(user, session)  # before anybody who waits for the session

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
            if spare and room.is_empty and room is not self.lobby:
                if room.life.key in self.claims:
                    continue  # it is ending, or somebody waits for it
                async with self.claims.of(room.life.key):
                    await self.finish(room, None)
                self._diary.info("{session} made room for another", session=room.life.name)
                return
        raise ChatError("too-many-sessions", "There are too many sessions already.")

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
        """Store a new life, whose name is claimed.

        Raises ChatError ``not-stored``, ``session-exists`` (at another node).
        """
        try:
            await self._log.create(life)
        except ChatError:
            await self.peers.look()
            if life.key in self:
                raise ChatError("session-exists", f"There is a session {life.name}.") from None
            raise
        return self.by_epoch.get(life.epoch) or self.add(life, port, max_members=max_members)

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
            peers=self.peers,
        )
        self.by_epoch[life.epoch] = session
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
        self.lingering.stays(session)
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
        self.linger(session)
        return left

    def keeps(self, user: Attendant, session: Session) -> None:
        """Keep the place of somebody who has an account."""
        if not user.is_guest:
            self._places.joined(user.name, session)

    def expel(
        self, session: Session, key: str, by: str, reason: str | None, cause: Attendant | None
    ) -> Kicked:
        """Take out all connections of a user who is there: see Session.expel."""
        name = session.roster.named(key) or key
        kicked = session.expel(key, name, by, reason, cause)
        self._places.left(key, session)
        self.version += 1
        said = "{user} was taken out of {session} by {by}"
        self._diary.info(said, user=name, session=session.name, by=by)
        self.linger(session)
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

    def linger(self, session: Session, least: float = 0.0) -> None:
        """Let an empty session close, by and by: a dropped connection can come back to it."""
        life = session.life
        if life.keep or life.direct is not None or session is self.lobby or not session.is_empty:
            return
        if self.get(life.key) is not session or session in self.lingering:
            return
        if seconds := max(self._rules.linger, least):
            self.lingering.end_later(session, seconds)
        else:
            self.end_soon(session)

    def end_soon(self, session: Session, by: Name | None = None) -> None:
        """End a session that nobody came back to, or that ``by`` left to nobody."""
        self._run(self._end(session, by))

    async def _end(self, session: Session, by: Name | None) -> None:
        async with self.claims.of(session.life.key):
            if self.get(session.life.key) is not session:
                return
            if by is None:
                await self.peers.look()
                if not session.is_empty:
                    return
            name = session.name
            deleted = None if by is None else Deleted(session=name, user=by.text)
            try:
                await self.finish(session, deleted)
            except ChatError:
                self.lingering.end_later(session, RETRY_SECONDS, by)
                return
            self._diary.info("{session} closed: nobody is in it", session=name)

    async def finish(
        self, session: Session, deleted: Deleted | None, cause: Attendant | None = None
    ) -> None:
        """Delete a session that is claimed. Raises ChatError ``not-stored``."""
        if deleted is not None:
            await self.peers.write(Deleting(session.life.epoch, deleted))
        await self._log.delete(session.life.epoch)
        self.forget(session, deleted, cause)

    def forget(
        self, session: Session, deleted: Deleted | None, cause: Attendant | None = None
    ) -> None:
        """Know that the log holds a session no more; fine for one that is forgotten already."""
        if self.by_epoch.pop(session.life.epoch, None) is None:
            return
        session.close(deleted, cause)
        self._places.ended(session)
        del self._by_key[session.life.key]
        self.version += 1
        self.shares.ended(session)
        if self.rooms.pop(session.life.key, None) is not None:
            self._looks.discard(session_name(session.life.name))
        self.lingering.stays(session)
        self._close_port(session.port)

    def _close_port(self, port: int | None) -> None:
        if port is not None and self._ports is not None:
            self._ports.close(port)

    def _run(self, flow: Coroutine[Deferred[object], object, None]) -> None:
        Deferred.fromCoroutine(flow).addErrback(
            lambda failure: self._logger.failure("A session could not end", failure)
        )

    def _note(self, event: str, user: Attendant, session: Session) -> None:
        self._diary.visitor(event + ",", user, session=session.life.name)
        self._changed()
