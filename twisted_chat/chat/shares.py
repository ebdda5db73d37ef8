"""Whether one more session may begin: its name, and how many one user or address may have."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from twisted_chat.chat.member import Attendant
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.session import Session
from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.lookalikes import Lookalikes, is_mixed
from twisted_chat.vocabulary.names import Name


def check_looks(name: Name, taken: Lookalikes) -> None:
    """Refuse a name that people would take for another session's.

    Raises ChatError ``invalid-name``, ``session-exists``.
    """
    if is_mixed(name.text):
        raise ChatError("invalid-name", "A session name is written in one script.")
    other = taken.of(name)
    if other is not None:
        raise ChatError("session-exists", f"{name} looks too much like {other}.")


@define(eq=False)
class Shares:
    """Which rooms were created from where, at this node, since the start."""

    _rules: Rules
    _rooms: Mapping[str, Session]
    _made_at: dict[str, dict[Session, None]] = field(init=False, factory=dict)
    """By address (a ``network``)."""

    def check(self, user: Attendant) -> None:
        """Refuse more than a share. Raises ChatError ``too-many-sessions``."""
        share = self._rules.max_sessions_per_user
        if not share or user.is_operator or user.mind.host in self._rules.trusted:
            return
        mine = sum(room.life.is_owned_by(user.name.key) for room in self._rooms.values())
        here = len(self._made_at.get(network(user.mind.host), ()))
        if mine >= share or here >= 2 * share:
            raise ChatError("too-many-sessions", "You have created too many sessions already.")

    def made(self, host: str, session: Session) -> None:
        """A session was created from there."""
        self._made_at.setdefault(network(host), {})[session] = None

    def ended(self, session: Session) -> None:
        """A session is no more."""
        for where, made in tuple(self._made_at.items()):
            made.pop(session, None)
            if not made:
                del self._made_at[where]
