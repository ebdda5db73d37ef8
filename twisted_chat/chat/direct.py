"""Direct sessions: a direct session is an ordinary session of two users, whom it begins for.

An account may be both of them: what it says there are its notes.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from twisted_chat.chat.blocking import blocks
from twisted_chat.chat.member import Attendant
from twisted_chat.chat.pace import Pace
from twisted_chat.chat.people import People, Person
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.session import Session
from twisted_chat.chat.sessions import Sessions
from twisted_chat.log.contract import Life
from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Deleted
from twisted_chat.vocabulary.names import Name, direct_key, key_of

MAX_DIRECTS = 1_000
"""Direct sessions of one user, at most."""

PACE_SECONDS = 60.0
"""For how long it is remembered how many names were nobody's."""

MAX_TRIES = 20
"""Names of nobody to which one address may write in that time."""

MAX_ADDRESSES = 10_000
"""Addresses of which that is remembered, at most."""

Guests = Mapping[str, Person]
"""Those of two users who are guests: one of that name may be another a moment later."""


@define(eq=False)
class DirectSessions:
    """Which direct sessions each user may see, and how they begin.

    Both of its users may, for as long as they have their names. An account has its name for good,
    whatever the users file says at the moment; a guest's is anybody's once it has gone, and then
    the session is the other user's alone.
    """

    _sessions: Sessions
    _people: People
    _rules: Rules
    _clock: IReactorTime
    _beginning: Pace = field(init=False)
    """How many were begun lately: by the guests of an address, by an account."""
    _tries: OrderedDict[str, deque[float]] = field(init=False, factory=OrderedDict)
    """When somebody named nobody lately, by address."""
    _of: dict[str, dict[Session, None]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._beginning = Pace(self._clock, self._rules.directs_per_minute)

    def of(self, name: Name) -> Sequence[Session]:
        """Return what somebody may see, in the order in which it began."""
        return tuple(self._of.get(name.key, ()))

    def seen_by(self, name: Name) -> Sequence[Session]:
        """Return those that somebody is in: it may see them, and has not blocked the other one."""
        return [session for session in self.of(name) if not blocks(session, name.key)]

    def is_in(self, session: Session, key: str) -> bool:
        """Whether the user with that key is in ``session``, by all its connections."""
        return self.shows(session, key) and not blocks(session, key)

    def settle(self, session: Session) -> None:
        """Let who has blocked the other one be in their session no more, or be in it again."""
        for key in session.life.direct or ():
            person = self._people.here.get(key)
            for user in tuple(person.users) if person is not None else ():
                if user.gone or not self.shows(session, key):
                    continue
                is_in, was_in = self.is_in(session, key), session.life.key in user.members
                if was_in and not is_in:
                    self._sessions.leave(user, session, quietly=True)
                elif is_in and not was_in:
                    session.join(user)
                    user.mind.deliver(user.mind.encode(session.snapshot(user)))

    def shows(self, session: Session, key: str) -> bool:
        """Whether the user with that key may see ``session``."""
        return session in self._of.get(key, ())

    def are_kept_for(self, key: str) -> bool:
        """Whether an account of that name has something here: then the name is no guest's."""
        return any(_is_kept_for(key, session.life) for session in self._of.get(key, ()))

    def forget_guest(self, name: Name) -> None:
        """Let whoever has that name next see nothing of what it was told before."""
        for session in self.of(name):
            if not _is_kept_for(name.key, session.life):
                self._hide(session, name.key)
                if not any(self.shows(session, key) for key in session.life.direct or ()):
                    self._sessions.end_soon(session, name)

    # --- how they begin ----------------------------------------------------------------------

    def revive(self, life: Life) -> None:
        """Take up what the log held; what two guests said ends, as their names are anybody's."""
        session = self._sessions.add(life)
        seen_by = [key for key in life.direct or () if _is_kept_for(key, life)]
        self._show(session, seen_by)
        if not seen_by:
            self._sessions.end_soon(session)

    def named(self, user: Attendant, name: str) -> Name:
        """Return the name of somebody whom ``user`` names, who is here or has an account.

        Raises ChatError ``no-such-user``, ``too-many-attempts``.
        """
        other = self._people.known(key_of(name) or "")
        if other is None or other.key == user.name.key:
            self._tried(user)
            raise _no_such_user()
        self._check_tries(user)
        return other

    async def between(self, user: Attendant, to: str) -> Session:
        """Return the direct session of ``user`` and another, where need be a new one.

        An account's with itself is its notes.

        Raises ChatError ``no-such-user``, ``too-many-sessions``, ``not-stored``.
        """
        other = self._people.known(key_of(to) or "")
        if other is None or (other.key == user.name.key and self._guests([other])):
            self._tried(user)
            raise _no_such_user()
        two = sorted((user.name, other), key=lambda name: name.key)
        guests = self._guests(two)
        key = direct_key(*(name.key for name in two))
        if key not in self._sessions:
            self._check_tries(user)
        async with self._sessions.claims.of(key):
            self._check(two, guests)
            if (session := self._sessions.get(key)) is not None:
                if all(self.shows(session, name.key) for name in two):
                    return session
                # It was with another guest of that name, who has gone.
                deleted = Deleted(session=session.life.name, user=other.text)
                await self._sessions.finish(session, deleted)
                self._forget(session)
                self._check(two, guests)
            self._check_pace(user)
            try:
                return await self._begin(key, two, guests)
            except ChatError:
                found = self._sessions.get(key)  # it has begun at another node
                if found is None or not all(self.shows(found, name.key) for name in two):
                    raise
                return found

    async def _begin(self, key: str, two: Sequence[Name], guests: Guests) -> Session:
        """Begin one, whose name is claimed, and let both be in it by all their connections."""
        for name in two:
            self._check_room(name)
        accounts = [name for name in two if name.key not in guests]
        life = Life(
            epoch=secrets.token_hex(8),
            key=key,
            name=f"@{two[0].text},{two[1].text}",
            # With a guest it is the account's: who has the guest's name next sees nothing.
            keep=not guests,
            owner=accounts[0].text if guests and accounts else None,
            direct=(two[0].key, two[1].key),
        )
        session = await self._sessions.begin(life)
        try:
            self._check(two, guests)
        except ChatError:
            self._sessions.end_soon(session, two[0])
            raise
        self._bring_in(session)
        return session

    def take_up(self, life: Life) -> None:
        """Let in who is here, of one that has begun at another node."""
        self._bring_in(self._sessions.add(life))

    def _bring_in(self, session: Session) -> None:
        self._show(session, session.life.direct or ())
        # Who is here now: somebody may have come, or come back, while it was stored.
        two = dict.fromkeys(session.life.direct or ())
        here = [self._people.here[key] for key in two if key in self._people.here]
        users = [user for person in here for user in person.users if not user.gone]
        for user in users:
            session.join(user)
            self._sessions.keeps(user, session)
        for user in users:
            user.mind.deliver(user.mind.encode(session.snapshot(user)))

    def _guests(self, names: Iterable[Name]) -> Guests:
        here = (self._people.here.get(name.key) for name in names)
        return {person.name.key: person for person in here if person is not None and person.guest}

    def _check(self, names: Iterable[Name], guests: Guests) -> None:
        """Refuse where a guest has gone, or another one has its name, while something waited."""
        if self._guests(names) != guests:
            raise _no_such_user()

    # --- within ------------------------------------------------------------------------------

    def _check_room(self, name: Name) -> None:
        """Refuse one more than somebody may have: what was said to it is nobody else's to end.

        Raises ChatError ``too-many-sessions``.
        """
        if len(self.of(name)) >= MAX_DIRECTS:
            raise ChatError("too-many-sessions", "One of you has too many direct sessions.")

    def _check_pace(self, user: Attendant) -> None:
        """Refuse who begins too many in a minute: a guest with all of its address, or an account.

        Raises ChatError ``too-many-sessions``.
        """
        if user.is_operator or user.mind.host in self._rules.trusted:
            return
        self._beginning.most = self._rules.directs_per_minute
        who = f"from {network(user.mind.host)}" if user.is_guest else user.name.key
        if not self._beginning.takes(who):
            raise ChatError("too-many-sessions", "Too many direct sessions are begun from here.")

    def _tried(self, user: Attendant) -> None:
        """Take note that somebody named nobody: many of them are tries, which names there are."""
        self._check_tries(user)
        where, now = network(user.mind.host), self._clock.seconds()
        tries = self._tries.setdefault(where, deque(maxlen=MAX_TRIES))
        tries.append(now)
        self._tries.move_to_end(where)
        if len(self._tries) > MAX_ADDRESSES:
            self._tries.popitem(last=False)

    def _check_tries(self, user: Attendant) -> None:
        """Answer nothing more about names while an address has tried too many.

        Raises ChatError ``too-many-attempts``.
        """
        tries = self._tries.get(network(user.mind.host), deque())
        if len(tries) == MAX_TRIES and tries[0] > self._clock.seconds() - PACE_SECONDS:
            raise ChatError("too-many-attempts", "Too many names that nobody has; wait a minute.")

    def may_end(self, session: Session, key: str) -> bool:
        """Whether that user may let go of a direct session: the other one is a guest who has gone.

        What is theirs together stays until both are gone, or an operator ends it.
        """
        others = [other for other in session.life.direct or () if other != key]
        return self.shows(session, key) and not any(self.shows(session, one) for one in others)

    def _show(self, session: Session, keys: Iterable[str]) -> None:
        for key in keys:
            self._of.setdefault(key, {})[session] = None
        session.roster.besides = partial(self._blockers, session)

    def _blockers(self, session: Session) -> Sequence[Name]:
        """Return who is here and has blocked the other one: that one is not to notice it."""
        if not session.ruling.mutes:
            return ()
        two = (self._people.here.get(key) for key in session.life.direct or ())
        return [
            one.name
            for one in two
            if one is not None and one.is_here and self.shows(session, one.name.key)
            if blocks(session, one.name.key) and one.name.key not in session.roster
        ]

    def _hide(self, session: Session, key: str) -> None:
        mine = self._of.get(key, {})
        mine.pop(session, None)
        if not mine:
            self._of.pop(key, None)

    def ended(self, session: Session) -> None:
        """Nobody sees a session any more; fine for one that is no direct one."""
        self._forget(session)

    def _forget(self, session: Session) -> None:
        for key in session.life.direct or ():
            self._hide(session, key)


def _is_kept_for(key: str, life: Life) -> bool:
    """Whether a direct session stays with the user of that key: with an account, for good."""
    return life.keep or life.is_owned_by(key)


def _no_such_user() -> ChatError:
    return ChatError("no-such-user", "There is no such user to send that to.")
