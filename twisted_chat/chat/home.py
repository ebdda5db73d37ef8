"""What a User needs of the chat that it is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from twisted_chat.chat.audit import Audit
from twisted_chat.chat.claims import Claims
from twisted_chat.chat.direct import DirectSessions
from twisted_chat.chat.former import FormerNames
from twisted_chat.chat.latch import Latch
from twisted_chat.chat.locks import Guesses, Passwords
from twisted_chat.chat.pace import Pace
from twisted_chat.chat.paging import SharedListing
from twisted_chat.chat.peers import Peers
from twisted_chat.chat.people import People
from twisted_chat.chat.places import Places
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.ruling import Ruling
from twisted_chat.chat.session import Session
from twisted_chat.chat.sessions import Sessions
from twisted_chat.chat.speaking import Speaking
from twisted_chat.chat.turn import Turn
from twisted_chat.log.contract import Log
from twisted_chat.vocabulary.messages import Device
from twisted_chat.vocabulary.names import Name


class AccountKeeper(Protocol):
    """What keeps accounts, for their users: see accounts/keeper.py."""

    async def change_password(self, user: Any, old: str, new: str) -> None:
        """Change one's own password."""

    def devices_of(self, user: Any) -> Sequence[Device]:
        """Return one's devices."""

    async def forget(self, user: Any, device: str) -> None:
        """Forget one of them, and end its connections."""


class WebhookKeeper(Protocol):
    """What keeps webhooks: see webhooks.py."""

    async def make(self, session: Session, by: str, name: str) -> tuple[Name, str]:
        """Make one; return its name and its secret."""

    async def of(self, session: Session) -> Sequence[Any]:
        """Return those of a session."""

    async def revoke(self, session: Session, name: str) -> str:
        """Let one say no more; return its name."""


class Home(Protocol):
    """The chat, as its Users see it."""

    rules: Rules
    log: Log
    passwords: Passwords
    people: People
    sessions: Sessions
    directs: DirectSessions
    turn: Turn
    searching: Claims
    """Who is searching: one search at a time for each."""
    keeper: AccountKeeper | None
    places: Places
    peers: Peers
    ruling: Ruling
    """What was decided for the server."""
    audit: Audit
    inviting: Pace
    """How often somebody may ask others in."""
    speaking: Speaking
    """How fast each user may say things in each session."""
    former: FormerNames
    """Names that accounts have or had."""
    guesses: Guesses
    """Wrong passwords of locked sessions, by address."""
    opened: Latch
    """Is open when what the log holds is known."""

    @property
    def webhooks(self) -> WebhookKeeper:
        """What keeps webhooks."""

    def millis(self) -> int:
        """Return the time of day, in milliseconds since 1970."""

    def listing(self) -> SharedListing:
        """Return who is here and which sessions there are, as it is now."""

    def departed(self, user: Any, *, for_good: bool) -> None:
        """Forget a User, which is in no session any more; ``for_good``: it said goodbye."""
