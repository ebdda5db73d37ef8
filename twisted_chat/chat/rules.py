"""What the operator decided."""

from __future__ import annotations

from collections.abc import Container

from attrs import define, fields
from msgspec import UNSET

from twisted_chat.vocabulary.messages import MAX_TEXT, Limits


@define(kw_only=True, eq=False)
class Rules:
    """What the operator decided; every number is a limit, and 0 means none.

    All who ask have the same one: a new decision is taken over in place, and holds at once.
    """

    server: str = "twisted-chat"
    lobby: str = "lobby"
    linger: float = 60.0
    max_sessions: int = 1_000
    max_sessions_per_user: int = 100
    """Sessions of one owner, and twice as many of one address."""
    directs_per_minute: int = 30
    """Direct sessions that an account, or the guests of one address, may begin in a minute."""
    invites_per_minute: int = 20
    """Invitations of one user."""
    max_mentions: int = 50
    """Accounts that one text may mention: others are not told of it."""
    texts_per_second: float = 0.0
    """Texts of one user in one session."""
    max_members: int = 1_000
    max_connections: int = 0
    max_connections_per_user: int = 0
    trusted: Container[str] = ()
    """Addresses for which the limits of each user do not hold."""
    max_text: int = MAX_TEXT
    max_file: int = 0
    """Bytes of a file, where a door takes some."""
    webhooks: bool = False
    """Whether there is a door by which they come."""
    presence_limit: int = 200
    guests_keep: bool = True
    """Whether a guest may create a session that stays when it is empty."""
    greeting: str = ""
    """What everyone is told after login."""

    def limits(self) -> Limits:
        """Return what a client is told of them."""
        return Limits(text=self.max_text, file=self.max_file or UNSET)

    def take(self, others: Rules) -> None:
        """Decide as those have it."""
        for one in fields(Rules):
            setattr(self, one.name, getattr(others, one.name))
