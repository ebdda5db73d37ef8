"""Direct sessions: who may see which. A direct session is an ordinary session of two users."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import Factory, define

from twisted_chat.names import Name
from twisted_chat.session import Session


@define(eq=False)
class DirectSessions:
    """Which direct sessions each user may see.

    Both of its users may, for as long as they have their names. An account has its name for good;
    a guest's is anybody's once it has gone, and then the session is the other user's alone.
    """

    _of: dict[str, dict[Session, None]] = Factory(dict)

    def add(self, session: Session, keys: Iterable[str]) -> None:
        """Let the users with these keys see ``session``."""
        for key in keys:
            self._of.setdefault(key, {})[session] = None

    def of(self, name: Name) -> Sequence[Session]:
        """Return what somebody may see, in the order in which it began."""
        return tuple(self._of.get(name.key, ()))

    def shows(self, session: Session, key: str) -> bool:
        """Whether the user with that key may see ``session``."""
        return session in self._of.get(key, ())

    def forget_user(self, key: str) -> Sequence[Session]:
        """Forget a guest; return what nobody may see now."""
        return [
            session
            for session in self._of.pop(key, ())
            if not any(self.shows(session, other) for other in session.life.direct or ())
        ]

    def forget(self, session: Session) -> None:
        """Let nobody see ``session``: it has ended."""
        for key in session.life.direct or ():
            mine = self._of.get(key, {})
            mine.pop(session, None)
            if not mine:
                self._of.pop(key, None)
