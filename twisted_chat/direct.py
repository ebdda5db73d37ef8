"""Direct sessions: a direct session is an ordinary session of two users, whom it begins for."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from attrs import define, field

from twisted_chat.errors import ChatError
from twisted_chat.log.contract import Life, Log
from twisted_chat.messages import Deleted
from twisted_chat.names import Name, direct_key, key_of
from twisted_chat.people import People
from twisted_chat.session import Attendant, Session
from twisted_chat.sessions import Sessions

MAX_DIRECTS = 1_000
"""Direct sessions of one user, at most."""


@define(eq=False)
class DirectSessions:
    """Which direct sessions each user may see, and how they begin.

    Both of its users may, for as long as they have their names. An account has its name for good;
    a guest's is anybody's once it has gone, and then the session is the other user's alone.
    """

    _sessions: Sessions
    _people: People
    _log: Log
    _of: dict[str, dict[Session, None]] = field(init=False, factory=dict)

    def of(self, name: Name) -> Sequence[Session]:
        """Return what somebody may see, in the order in which it began."""
        return tuple(self._of.get(name.key, ()))

    def shows(self, session: Session, key: str) -> bool:
        """Whether the user with that key may see ``session``."""
        return session in self._of.get(key, ())

    def forget_user(self, name: Name) -> None:
        """Let whoever has that name next see nothing of what it was told before."""
        for session in self._of.pop(name.key, ()):
            if not any(self.shows(session, key) for key in session.life.direct or ()):
                self._sessions.end_soon(session, name)

    def _add(self, session: Session, keys: Iterable[str]) -> None:
        for key in keys:
            self._of.setdefault(key, {})[session] = None

    def _forget(self, session: Session) -> None:
        for key in session.life.direct or ():
            mine = self._of.get(key, {})
            mine.pop(session, None)
            if not mine:
                self._of.pop(key, None)

    # --- how they begin ----------------------------------------------------------------------

    async def revive(self, life: Life) -> None:
        """Take up what the log held, where somebody may still see it."""
        # A guest's name is anybody's after a restart: accounts alone see their direct sessions.
        seen_by = [
            key
            for key in life.direct or ()
            if life.keep
            or (key == key_of(life.owner or "") and self._people.account(key) is not None)
        ]
        if seen_by:
            self._add(self._sessions.add(life), seen_by)
        else:
            await self._log.delete(life.epoch)

    async def between(self, user: Attendant, to: str) -> Session:
        """Return the direct session of ``user`` and another, where need be a new one.

        Raises ChatError ``no-such-user``, ``too-many-sessions``, ``not-stored``.
        """
        other = self._people.known(key_of(to) or "")
        if other is None or other.key == user.name.key:
            raise ChatError("no-such-user", "There is no such user to send that to.")
        one, two = sorted((user.name, other), key=lambda name: name.key)
        key = direct_key(one.key, two.key)
        people = self._people.here
        async with self._sessions.claims.of(key):
            if (session := self._sessions.get(key)) is not None:
                if all(self.shows(session, name.key) for name in (one, two)):
                    return session
                # It was with another guest of that name, who has gone.
                deleted = Deleted(session=session.life.name, user=other.text)
                await self._sessions.finish(session, deleted)
                self._forget(session)
            for name in (one, two):
                self._make_room(name)
            here = [people[name.key] for name in (one, two) if name.key in people]
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
            session = await self._sessions.begin(life)
            self._add(session, (one.key, two.key))
        if any(people.get(person.name.key) is not person for person in here if person.guest):
            self._end(session, other)  # a guest went before this had begun
            raise ChatError("no-such-user", "There is no such user any more.")
        # Who is here now: somebody may have come, or come back, while it was stored.
        now = [people[name.key] for name in (one, two) if name.key in people]
        users = [user for person in now for user in person.users]
        for one_of_them in users:
            session.join(one_of_them)
        for one_of_them in users:
            one_of_them.mind.deliver(one_of_them.mind.encode(session.snapshot()))
        return session

    def _make_room(self, name: Name) -> None:
        """Let somebody have one more; those with guests who are gone make room.

        Raises ChatError ``too-many-sessions``.
        """
        mine = self.of(name)
        if len(mine) < MAX_DIRECTS:
            return
        for session in mine:
            if not all(self.shows(session, key) for key in session.life.direct or ()):
                self._end(session, name)
                return
        raise ChatError("too-many-sessions", "One of you has too many direct sessions.")

    def _end(self, session: Session, by: Name) -> None:
        self._forget(session)
        self._sessions.end_soon(session, by)
