"""The chat: who comes in, who is here, and who goes.

``Chat`` is the ``twisted.cred`` realm. A door logs in through the portal and gets a ``User``, the
avatar. Nothing here knows a socket or a frame.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from attrs import Factory, define, field
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import Interface, implementer

from twisted_chat.chat import requests  # noqa: F401  # every request has its handler
from twisted_chat.chat.acting import end_user
from twisted_chat.chat.audit import Audit
from twisted_chat.chat.claims import Claims
from twisted_chat.chat.crowd import Crowd
from twisted_chat.chat.direct import DirectSessions
from twisted_chat.chat.former import FormerNames
from twisted_chat.chat.home import AccountKeeper
from twisted_chat.chat.latch import Latch
from twisted_chat.chat.letting_in import LettingIn
from twisted_chat.chat.locks import Guesses, Passwords
from twisted_chat.chat.member import Mind
from twisted_chat.chat.notes import Came, Forgot, Went
from twisted_chat.chat.pace import Pace
from twisted_chat.chat.paging import Listings, SharedListing
from twisted_chat.chat.peers import ALONE, Peers
from twisted_chat.chat.people import Directory, Guest, People, Person
from twisted_chat.chat.permissions import role_in
from twisted_chat.chat.places import Places
from twisted_chat.chat.ports import Ports
from twisted_chat.chat.returning import Returning, founded
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.ruling import Ruling, load
from twisted_chat.chat.sessions import Sessions
from twisted_chat.chat.sparing import DIARY_LINES, SparingLog
from twisted_chat.chat.speaking import Speaking
from twisted_chat.chat.turn import AtEnd, Turn, delayed
from twisted_chat.chat.user import IUser, User
from twisted_chat.chat.webhooks import Webhooks
from twisted_chat.log.contract import AS_CLOCK, Log
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye
from twisted_chat.vocabulary.names import Name, user_name

RETRY_SECONDS = 1.0
"""After this long, what could not be read is read again."""

Avatar = tuple[type[Interface], object, Callable[[], None]]
"""What a realm answers: the interface, the avatar, and what to call when it goes."""


@implementer(IRealm)
@define(eq=False, repr=False)
class Chat:
    """The one object that knows who is here and which sessions exist.

    ``accounts`` knows who has an account; ``ports`` gives each session a port of its own.
    ``changed`` is called when somebody has come or gone, anywhere: for the operator's table.
    """

    log: Log
    clock: IReactorTime
    passwords: Passwords
    guesses: Guesses
    """Wrong passwords of locked sessions, by address."""
    rules: Rules = Factory(Rules)
    accounts: Directory | None = None
    ports: Ports | None = None
    changed: Callable[[], None] = field(default=lambda: None)
    at_end: AtEnd | None = field(default=None, kw_only=True)

    watchers: dict[Callable[[Name, bool], None], None] = field(init=False, factory=dict)
    """Who wants to hear that somebody is here now, or no more."""
    turn: Turn = field(init=False)
    searching: Claims = field(init=False, factory=Claims)
    people: People = field(init=False)
    sessions: Sessions = field(init=False)
    directs: DirectSessions = field(init=False)
    connections: int = field(init=False, default=0)
    _crowd: Crowd[User] = field(init=False, factory=Crowd)
    _leaving: dict[Person, IDelayedCall] = field(init=False, factory=dict)
    """Guests who may come back to their direct sessions for a while."""
    now: Callable[[], float] = field(default=AS_CLOCK, kw_only=True)
    """Seconds since 1970: the clock's where it is not given."""
    keeper: AccountKeeper | None = field(init=False, default=None)
    spared: User | None = field(init=False, default=None)
    """Who has just changed its password itself: its connection stays."""
    webhooks: Webhooks = field(init=False, default=Factory(Webhooks, takes_self=True))
    places: Places = field(init=False)
    ruling: Ruling = field(init=False, factory=lambda: Ruling(""))
    """What was decided for the server."""
    audit: Audit = field(init=False)
    inviting: Pace = field(init=False)
    """How often somebody may ask others in."""
    speaking: Speaking = field(init=False)
    former: FormerNames = field(init=False)
    """Names that accounts have or had: no guest's."""
    peers: Peers = field(init=False, default=ALONE)
    """The other nodes."""
    opened: Latch = field(init=False, factory=Latch)
    _letting_in: LettingIn = field(init=False)
    _returning: Returning = field(init=False)
    _diary: SparingLog = field(init=False)
    """Who comes and goes, here and in sessions: no storm of them fills the log."""
    _listings: Listings = field(init=False, factory=Listings)
    _stopping: bool = field(init=False, default=False)

    _logger = Logger()

    def __attrs_post_init__(self) -> None:
        self.turn = Turn(self.at_end or delayed(self.clock))
        self._letting_in = LettingIn(self.clock)
        self._diary = SparingLog(self.clock, self._logger, DIARY_LINES)
        self.people = People(self.accounts)
        self.former = FormerNames(self.log, self.clock)
        self.audit = Audit(self.log)
        self.places = Places(self.log, self.rules)
        self.inviting = Pace(self.clock, self.rules.invites_per_minute)
        self.speaking = Speaking(self.rules, self.clock)
        self.sessions = Sessions(
            self.log,
            self.turn,
            self.clock,
            self.passwords,
            self.rules,
            self.ports,
            lambda: self.changed(),
            self.places,
            self._diary,
        )
        self.sessions.role_of = lambda key, session: role_in(self, session, key)
        self.sessions.founded = partial(founded, self)
        self._returning = Returning(self.clock, self.rules)
        self.directs = DirectSessions(self.sessions, self.people, self.rules, self.clock)

    def be_one_of(self, peers: Peers) -> None:
        """Be one node of several: before the chat is opened."""
        self.peers = self.sessions.peers = peers

    # --- coming and going --------------------------------------------------------------------

    async def open(self) -> None:
        """Take up what the log holds, and make the lobby; logins wait until it is done."""
        await self.former.load()
        for life in self.log.lives():
            if life.direct is None:
                await self.sessions.revive(life)
            else:
                self.directs.revive(life)
        await self.sessions.open_lobby()
        await self._load_rules()
        self.opened.open()
        self._letting_in.open()

    async def _load_rules(self) -> None:
        """Take up what was decided; where it can not be read, by and by."""
        rulings = {session.life.epoch: session.ruling for session in self.sessions.values()}
        try:
            await load(self.log, {"": self.ruling, **rulings})
            await self.audit.load()
            await self.places.load({s.life.epoch: s for s in self.sessions.values()})
        except ChatError as problem:
            self._logger.warn("What was decided can not be read: {problem}", problem=problem)
            self.clock.callLater(RETRY_SECONDS, self._load_again)

    def _load_again(self) -> None:
        if not self._stopping:
            Deferred.fromCoroutine(self._load_rules())

    def millis(self) -> int:
        """See user.Home."""
        return int(self.now() * 1_000)

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: object) -> Deferred[Avatar]:
        """Let somebody in: see IRealm. ``avatarId`` is a Guest or an account's name in UTF-8.

        ``mind`` is a Mind. Fails with ChatError ``name-in-use``, ``server-full``, and with
        UnauthorizedLogin where a guest wants a name under which an account has direct messages.
        """
        if IUser not in interfaces:
            raise NotImplementedError("a chat has Users only")
        if self._letting_in.at_once():
            return self._come_in(avatarId, mind)
        return self._letting_in.wait().addCallback(lambda _: self._come_in(avatarId, mind))

    def _come_in(self, avatarId: Guest | bytes, mind: Mind) -> Deferred[Avatar]:
        if self.peers.is_alone or not isinstance(avatarId, Guest):
            return succeed(self._admit(avatarId, mind))
        return Deferred.fromCoroutine(self._claimed(avatarId, mind))

    async def _claimed(self, guest: Guest, mind: Mind) -> Avatar:
        """Let a guest in whose name is claimed for this node."""
        key = guest.name.key
        if key in self.people.here:
            self._check_is_same(self.people.here[key], guest)
        token = await self.peers.claim(key, guest.token)
        person = self.people.here.get(key)
        if person is not None and person.guest and person.token is None:
            person.token = token  # it was at another node alone
        try:
            return self._admit(Guest(guest.name, token), mind, token)
        except BaseException:
            if key not in self.people.here:
                self.peers.let_go(key)
            raise

    def _admit(self, avatarId: Guest | bytes, mind: Mind, token: str | None = None) -> Avatar:
        full = self.rules.max_connections
        if full and self.connections >= full:
            self._make_room(mind, for_guest=isinstance(avatarId, Guest))
        if isinstance(avatarId, Guest):
            person = self._guest(avatarId, token)
        else:
            person = self._account(user_name(avatarId.decode()))
        self._check_ban(person, mind)
        self._check_share(person, mind)
        user = User(self, person, mind, since=self.clock.seconds())
        if not person.is_here:
            self.tell_watchers(person.name, True)
        if not person.users:
            self.peers.tell(Came(person.name.text, person.guest, person.away))
        person.users[user] = None
        self._crowd.add(user, mind.host)
        self.sessions.version += 1
        self.connections += 1
        self._diary.visitor("{user} came", user)
        user.come_into(self.directs.seen_by(person.name))
        self.changed()
        return IUser, user, user.logout

    def _check_ban(self, person: Person, mind: Mind) -> None:
        ban = self.ruling.bans.fitting(person.name.key, mind.host, self.millis())
        is_operator = not person.guest and self.people.is_operator(person.name)
        if ban is not None and not is_operator:
            if not person.is_here and person.guest:
                self._forget_guest(person)
            elif not person.is_here:
                self.people.remove(person)
            because = f": {ban.reason}" if ban.reason else "."
            raise ChatError("banned", f"You are banned from this server{because}")

    def _check_share(self, person: Person, mind: Mind) -> None:
        most = self.rules.max_connections_per_user
        is_exempt = mind.host in self.rules.trusted or (
            not person.guest and self.people.is_operator(person.name)
        )
        if most and len(person.users) >= most and not is_exempt:
            raise ChatError("server-full", f"You are here {most} times already.")

    def _make_room(self, mind: Mind, *, for_guest: bool) -> None:
        """Let the address that is here most often give a place to one that is here less often.

        An account has its place before guests. Raises ChatError ``server-full``.
        """
        found = list(self._crowd.newest_of_busiest())
        guests = [user for user in found if user.is_guest]
        is_fairer = self._crowd.most() > self._crowd.count(mind.host) + 1
        if not is_fairer and (for_guest or not guests):
            raise ChatError("server-full", "The server has no room for one more; try again later.")
        given = guests[0] if guests else found[0]
        self._crowd.discard(given)
        given.mind.close(Bye(data="There is no room for so many from there.", retry=60_000))
        given.logout()

    def _guest(self, guest: Guest, token: str | None) -> Person:
        person = self.people.here.get(guest.name.key)
        if person is None:
            if guest.name.key in self.former or self.directs.are_kept_for(guest.name.key):
                raise UnauthorizedLogin  # whatever the users file says at the moment
            if self.people.resembling(guest.name) is not None:
                raise ChatError("name-in-use", f"{guest.name} looks too much like another's name.")
            person = Person(guest.name, guest=True, token=token or secrets.token_urlsafe(16))
            self._returning.back(person, guest.token)
            self.people.add(person)
            return person
        self._check_is_same(person, guest)
        if (call := self._leaving.pop(person, None)) is not None:
            call.cancel()
        return person

    def _check_is_same(self, person: Person, guest: Guest) -> None:
        """Refuse another's name; a guest of another node is known by its claim alone."""
        if person.guest and person.token is None and guest.token is not None:
            return
        if (
            person.token is None
            or guest.token is None
            or not secrets.compare_digest(person.token.encode(), guest.token.encode())
        ):
            raise ChatError("name-in-use", f"Somebody is here as {person.name.text} already.")

    def _account(self, name: Name) -> Person:
        person = self.people.here.get(name.key)
        if person is not None and person.guest:  # a guest had the name before it was an account's
            self.end_guest(person)
            person = None
        if person is None:
            person = Person(name, guest=False)
            self.people.add(person)
        self.former.remember(name)
        return person

    def end_guest(self, person: Person) -> None:
        """Let a guest go whose name an account has now."""
        end_user(person, Bye(data=f"{person.name.text} has an account now."))
        for node in tuple(person.elsewhere):
            del person.elsewhere[node]  # it is let go there when the account is known there
        self._forget_guest(person)

    def end_accounts(self, keys: Iterable[str]) -> None:
        """End the connections of accounts that are gone, or whose password is another now."""
        for key in keys:
            person = self.people.here.get(key)
            if person is not None and not person.guest:
                bye = Bye(data="This account was removed or has a new password.")
                end_user(person, bye, self.spared)

    def listing(self) -> SharedListing:
        """See user.Home."""
        return self._listings.of(self.sessions, self.people)

    def departed(self, user: User, *, for_good: bool) -> None:
        """See user.Home."""
        self.sessions.version += 1
        person = user.person
        del person.users[user]
        self._crowd.discard(user)
        self.connections -= 1
        if not person.users:
            self.peers.tell(Went(person.name.key))
            self.vanished(person, for_good=for_good)
        self._diary.visitor("{user} went,", user)
        self.changed()

    def arrived(self, person: Person) -> None:
        """Somebody is about to be at one more node."""
        if not person.is_here:
            self.tell_watchers(person.name, True)
        if (call := self._leaving.pop(person, None)) is not None:
            call.cancel()

    def vanished(self, person: Person, *, for_good: bool = False) -> None:
        """Somebody is gone from a node; it may be at another."""
        if person.is_here:
            return
        self.tell_watchers(person.name, False)
        if self.people.here.get(person.name.key) is person:
            if person.guest and not for_good and self.directs.of(person.name):
                # Its direct sessions, and so its name, wait for it: the connection may have broken.
                if not self._stopping:
                    linger = self.rules.linger
                    self._leaving[person] = self.clock.callLater(linger, self._forget_guest, person)
            elif person.guest:
                self._forget_guest(person)
            else:
                self.people.remove(person)

    def tell_watchers(self, name: Name, is_here: bool) -> None:
        """Tell who wants to hear it that somebody is here now, or no more."""
        for watcher in tuple(self.watchers):
            watcher(name, is_here)

    def _forget_guest(self, person: Person) -> None:
        if person.is_here or self.people.here.get(person.name.key) is not person:
            return
        self.forget_guest(person)
        self.peers.tell(Forgot(person.name.key))
        self.peers.let_go(person.name.key)

    def forget_guest(self, person: Person) -> None:
        """Know that a guest is gone for good, and that its name is anybody's."""
        self._returning.gone(person)
        self.people.remove(person)
        if (call := self._leaving.pop(person, None)) is not None and call.active():
            call.cancel()
        self.directs.forget_guest(person.name)

    def close(self) -> None:
        """Stop what waits for a time to come, and let nothing wait: the daemon is stopping."""
        self._stopping = True
        self.sessions.lingering.close()
        for call in self._leaving.values():
            call.cancel()
        self._leaving.clear()
