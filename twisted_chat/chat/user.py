"""The avatar: one connection of somebody, and all that it may do.

What its client asks for becomes calls on the ``User``; what happens in the chat becomes calls on
the door's ``Mind``. Every rule about who may do what is here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Sequence

from attrs import Factory, define, evolve, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from twisted_chat.chat.asking import HANDLERS, Answer
from twisted_chat.chat.fitting import ROOM, fitting
from twisted_chat.chat.home import Home
from twisted_chat.chat.member import Mind
from twisted_chat.chat.paging import hidden
from twisted_chat.chat.people import Person
from twisted_chat.chat.permissions import (
    Rank,
    check,
    check_muted,
    check_speech,
    check_topic,
    rank_of,
)
from twisted_chat.chat.session import Member, Session
from twisted_chat.chat.speaking import check_text
from twisted_chat.chat.ways_in import may_come_in, unlock
from twisted_chat.log.contract import TextPage
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    PROTOCOL,
    AwayUser,
    Bye,
    Delete,
    Deleted,
    Direct,
    KeptPlace,
    Left,
    Listing,
    Members,
    Message,
    Place,
    Snapshot,
    TopicChanged,
    Welcome,
    encode,
)
from twisted_chat.vocabulary.names import Name, key_of, session_name

MAX_DIRECT = 150
"""Direct sessions that a ``welcome`` names, at most: those begun last."""

BESIDE = 2_048
"""Bytes of a ``welcome`` besides its lists, at most."""

MAX_PLACES = 1_000
"""Sessions that one connection is a member of, at most, besides direct ones."""

MAX_NOTED = 10
"""Sessions whose leaving is a line each in the log when a connection goes: more are one in all."""


class IUser(Interface):
    """The avatar's interface, for ``portal.login``: a User."""


@implementer(IUser)
@define(eq=False, repr=False)
class User:
    """One connection of somebody, and all that it may do.

    Methods raise ChatError and have then changed nothing. Whoever feeds it requests stops at some
    number of texts that are ``unsettled``: see session.Attendant.
    """

    chat: Home
    person: Person
    mind: Mind
    full: bool = False
    reading: bool = False
    gone: bool = False
    members: dict[str, Member] = Factory(dict)
    behind: dict[Member, None] = Factory(dict)
    unsettled: int = 0
    unsettled_size: int = 0
    coming: dict[str, tuple[Session, int]] = Factory(dict)
    """Direct sessions that it is about to be in, and from which place on."""
    searching: Deferred[TextPage] | None = None
    since: float = 0.0
    device: str | None = None
    operator: Name | None = None  # an operator's account that it has proved, beside its own name
    is_guest: bool = field(
        init=False, default=Factory(lambda self: self.person.guest, takes_self=True)
    )
    name: Name = field(init=False, default=Factory(lambda self: self.person.name, takes_self=True))

    @property
    def is_operator(self) -> bool:
        """Whether it may do what operators may: a guest is none, whatever its name is by now."""
        account = self.operator or (None if self.person.guest else self.name)
        return account is not None and self.chat.people.is_operator(account)

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

    def logout(self, *, for_good: bool = False) -> None:
        """Leave everything: the connection is gone, or is about to be.

        A guest that goes ``for_good`` is not waited for.
        """
        if not self.gone:
            self.gone = True
            if self.searching is not None:
                self.searching.cancel()  # nobody waits for what it finds
            self.chat.turn.work(self._going(for_good))

    def _going(self, for_good: bool) -> Iterator[None]:
        quietly = len(self.members) > MAX_NOTED
        while self.members:
            member = next(iter(self.members.values()))
            self.chat.sessions.leave(self, member.session, quietly=quietly)
            yield
        self.chat.departed(self, for_good=for_good)

    def come_into(self, directs: Iterable[Session]) -> None:
        """Be in one's direct sessions: in a while, and then with all that was said meanwhile."""
        self.coming = {session.life.key: (session, session.head) for session in directs}
        self.chat.turn.work(self._coming())

    def _coming(self) -> Iterator[None]:
        while self.coming and not self.gone:
            self._come(next(iter(self.coming)))
            yield
        self.coming.clear()

    def _come(self, key: str) -> None:
        session, head = self.coming.pop(key)
        if key not in self.members and self.chat.directs.is_in(session, self.name.key):
            session.join(self, head)
            self.chat.sessions.keeps(self, session)

    # --- what a client may ask for -----------------------------------------------------------

    def ask(self, request: Message) -> Awaitable[Answer]:
        """Answer a request, whatever it is: see asking.py. Raises ChatError, sooner or later."""
        self.chat.speaking.asked(self, request)
        return HANDLERS[type(request)](self, request)

    def welcome(self, id: str | None) -> Welcome:
        """Return the answer to a login."""
        direct = [
            Direct(session=of.life.name, epoch=of.life.epoch, head=of.head)
            for of in self.chat.directs.seen_by(self.name)[-MAX_DIRECT:]
        ]
        return Welcome(
            user=self.name.text,
            server=self.chat.rules.server,
            protocol=PROTOCOL,
            lobby=self.chat.rules.lobby or None,
            limits=self.chat.rules.limits(),
            token=self.person.token,
            operator=self.is_operator,
            guest=self.person.guest,
            direct=direct,
            places=self._places(direct),
            id=id,
        )

    def away_from(self) -> list[Place]:
        """Return the sessions that one has joined and not left; direct ones come by themselves."""
        if self.is_guest:
            return []
        found = self.chat.places.of(self.name.key)
        return [Place(session=one.session.name) for one in found if not one.session.life.direct]

    def _places(self, direct: Sequence[Direct]) -> list[KeptPlace]:
        """Return one's places: as many as a ``welcome`` holds, what is unread first."""
        room = ROOM - len(encode(direct)) - BESIDE
        if self.is_guest or room < BESIDE:
            return []
        kept = [place.as_kept() for place in self.chat.places.of(self.name.key)]
        kept.sort(key=lambda place: not place.unread)
        return list(fitting(kept, room=room))

    def say(
        self,
        data: str,
        session: str | None = None,
        id: str | None = None,
        reply: int | None = None,
    ) -> None:
        """Say a text: its echo, or an ``error``, follows when the log has answered.

        Raises ChatError ``not-in-session``, ``empty``, ``too-long``.
        """
        member = self.members.get(session or "") or self.member(session)
        if not data or 6 * len(data) > self.chat.rules.max_text:  # else it fits, whatever it is
            check_text(data, self.chat.rules.max_text)
        if member.session.is_ruled or self.chat.ruling.mutes:
            check_speech(self, member.session)
        member.session.say(self, data, id, reply)
        self.chat.speaking.spoke(self, member.session)

    async def message(
        self, to: str, data: str, id: str | None = None, reply: int | None = None
    ) -> None:
        """Say a text to one user alone, in the direct session of the two.

        Raises ChatError ``no-such-user``, ``empty``, ``too-long``, ``not-stored``.
        """
        check_text(data, self.chat.rules.max_text)
        check_muted(self)
        session = await self.chat.directs.between(self, to)
        check_speech(self, session)
        session.say(self, data, id, reply)
        self.chat.speaking.spoke(self, session)

    async def create(
        self, session: str, password: str | None = None, keep: bool = False, topic: str = ""
    ) -> Snapshot:
        """Create a session, own it and be its first member.

        Raises ChatError ``session-exists``, ``too-many-sessions``, ``invalid-name``,
        ``not-allowed``, ``not-stored``, ``session-full`` (one is in too many).
        """
        self._check_places()
        if keep and self.person.guest and not self.chat.rules.guests_keep:
            raise ChatError("not-allowed", "Guests do not create sessions that are kept.")
        return await self.chat.sessions.create(self, session_name(session), password, keep, topic)

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
        found = await self._way_in(session, password)
        await self._have_heard(found, after, epoch)
        return self.chat.sessions.join(self, found, after, epoch)

    async def resume(self, place: Place) -> None:
        """Become a member, as with ``join``; the snapshot comes by itself: see Session.resume."""
        found = await self._way_in(place.session, place.password)
        await self._have_heard(found, place.after, place.epoch)
        self.chat.sessions.resume(self, found, place.after, place.epoch)

    async def _way_in(self, session: str, password: str | None) -> Session:
        """Return a session that one may join: see join."""
        found = await self._reach(session)
        if found.life.key not in self.members:
            self._check_places()
            invited = await may_come_in(self, found)
            if found.life.password is not None and not invited:
                await unlock(self, found, password)
            if await self._reach(session) is not found:  # another has its name
                raise ChatError("no-such-session", "There is no such session any more.")
        return found

    async def _have_heard(self, session: Session, after: int | None, epoch: str | None) -> None:
        """Let the session be where the client has been already, at another node."""
        if after is not None and after > session.head and epoch in (None, session.life.epoch):
            try:
                await self.chat.peers.catch_up(session, after)
            except ChatError:  # another node knows more: the client goes there, or comes back
                self.mind.close(Bye(data="The log can not be read now.", retry=5_000))
                raise
            if session.life.epoch not in self.chat.sessions.by_epoch:
                raise ChatError("no-such-session", "There is no such session any more.")

    def leave(self, session: str | None = None) -> Left:
        """Stop being a member. Raises ChatError ``not-in-session``, ``not-allowed``."""
        member = self.member(session)
        if member.session.life.direct is not None:
            raise ChatError("not-allowed", "A direct session is not left.")
        self.chat.places.left(self.name.key, member.session)
        return self.chat.sessions.leave(self, member.session)

    async def delete(self, session: str) -> Deleted:
        """End a session and its log. Raises ChatError ``no-such-session``, ``not-allowed``."""
        found = self.find(session)
        if found is self.chat.sessions.lobby:
            raise ChatError("not-allowed", "The lobby is not deleted.")
        if not self.chat.directs.may_end(found, self.name.key):
            check(self, found, Delete)
        deleted = await self.chat.sessions.delete(self, found)
        self.chat.directs.ended(found)
        return deleted

    async def set_topic(self, topic: str, session: str | None = None) -> TopicChanged:
        """Change a topic. Raises ChatError ``not-in-session``, ``not-allowed``, ``not-stored``."""
        found = self.member(session).session
        check_topic(self, found)
        await self.chat.log.amend(found.life.epoch, topic=topic)
        self.chat.sessions.version += 1
        changed = TopicChanged(session=found.name, user=self.name.text, topic=topic)
        return found.changed(self, evolve(found.life, topic=topic), changed)

    def list(self) -> Iterator[Listing]:
        """Yield who is here and which sessions there are, a frame at a time."""
        rooms = self.chat.sessions.rooms
        mine = [member.session for member in self.members.values()]
        yield from hidden(rooms.values() if self.is_operator else mine)
        yield from self.chat.listing()

    def who(self, session: str, after: str | None = None) -> Members:
        """Return who is in a session. Raises ChatError ``no-such-session``."""
        found = self.find(session).who((after and key_of(after)) or "")
        users = fitting(found.users)
        more = found.more or len(users) < len(found.users)
        here = self.chat.people.here
        persons = [(name, here.get(key_of(name) or "")) for name in users]
        away = [
            AwayUser(user=name, data=one.away)
            for name, one in persons
            if one is not None and one.away
        ]
        return replace(found, users=list(users), more=more, away=away)

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
        key = key_of(session) or ""
        if key in self.coming:
            self._come(key)
        member = self.members.get(session) or self.members.get(key)
        if member is None:
            raise ChatError("not-in-session", "You are not in that session.")
        return member

    def find(self, session: str, *, by_name: bool = False) -> Session:
        """Return a session that one may know of; a hidden one also who knows its name.

        Raises ChatError ``no-such-session``.
        """
        found = self.chat.sessions.find(session)
        life = found.life
        if life.direct is not None:  # operators are no exception
            is_known = self.chat.directs.shows(found, self.name.key)
        else:
            is_known = by_name or not life.hidden or life.key in self.members
            is_known = is_known or rank_of(self, found) > Rank.NONE
        if not is_known:
            raise ChatError("no-such-session", "There is no such session.")
        return found

    def ruled(self, session: str | None) -> Session:
        """Return a session that one is in, or has a role in. Raises ChatError as ``own``."""
        if session is not None:
            found = self.find(session)
            if rank_of(self, found) > Rank.NONE:
                return found
        return self.own(session)

    async def _reach(self, session: str) -> Session:
        """Find a session once it is neither beginning nor ending."""
        await self.chat.sessions.settled(session)
        return self.find(session, by_name=True)

    def own(self, session: str | None) -> Session:
        """Return a session that one is in; say which of the two is wrong where it is not so."""
        if session is not None:
            self.find(session)
        return self.member(session).session

    def _check_places(self) -> None:
        rooms = sum(member.session.life.direct is None for member in self.members.values())
        if rooms >= MAX_PLACES:
            raise ChatError("session-full", f"You are in {MAX_PLACES} sessions already.")
