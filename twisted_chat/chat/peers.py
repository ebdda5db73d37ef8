"""The seam between this node and the others: what they must hear goes through it.

What outlives a connection is kept through the log's contract, and the log itself tells the other
nodes of it. The rest is a note: who is here, who was taken out, what an operator says. A server of
one process is ``Alone``, and the seam does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted_chat.chat.notes import Hint, Note
from twisted_chat.chat.roster import Roster
from twisted_chat.log.contract import Life
from twisted_chat.vocabulary.messages import AnyEntry


class Told(Protocol):
    """A session, as its peers know it."""

    life: Life
    roster: Roster


class Peers(Protocol):
    """The other nodes, as the chat sees them."""

    is_alone: bool
    """Whether there are none, and never will be."""

    def tell(self, note: Note) -> None:
        """Let every other node know something; it is written by and by, in order."""

    async def write(self, note: Note) -> None:
        """Let them know it, and wait until it is written. Raises ChatError ``not-stored``."""

    def stored(self, session: Told, entries: Sequence[AnyEntry]) -> None:
        """Entries were stored here: the others may be told at once, and find out anyway."""

    def hint(self, session: Told, hint: Hint) -> None:
        """Let nodes that have users in a session know something that may be lost."""

    def follow(self, session: Told) -> None:
        """Somebody at this node is in a session: what is said there is wanted at once."""

    def unfollow(self, session: Told) -> None:
        """Nobody at this node is there any more."""

    async def claim(self, key: str, token: str | None) -> str:
        """Claim a guest's name for this node; return its token, where need be a new one.

        It is free, or the token is the one that it is claimed with. Raises ChatError
        ``name-in-use``, ``not-stored``.
        """

    async def proves(self, key: str, token: str) -> bool:
        """Whether a guest's name is claimed with that token, by whichever node.

        Raises ChatError ``not-stored``.
        """

    def let_go(self, key: str) -> None:
        """A guest's name is anybody's again."""

    async def look(self) -> None:
        """Know what the others have written up to now; where the log can not be read, not all."""

    async def catch_up(self, session: Told, seq: int) -> None:
        """Let a session have given out what is stored up to ``seq``, if so much is.

        Raises ChatError ``not-stored`` where the log can not be read.
        """


class Alone:
    """There are no other nodes."""

    is_alone = True

    def tell(self, note: Note) -> None:
        """See Peers."""

    async def write(self, note: Note) -> None:
        """See Peers."""

    def stored(self, session: Told, entries: Sequence[AnyEntry]) -> None:
        """See Peers."""

    def hint(self, session: Told, hint: Hint) -> None:
        """See Peers."""

    def follow(self, session: Told) -> None:
        """See Peers."""

    def unfollow(self, session: Told) -> None:
        """See Peers."""

    async def claim(self, key: str, token: str | None) -> str:
        """See Peers: nobody asks."""
        raise NotImplementedError

    async def proves(self, key: str, token: str) -> bool:
        """See Peers: nobody is elsewhere."""
        return False

    def let_go(self, key: str) -> None:
        """See Peers."""

    async def look(self) -> None:
        """See Peers."""

    async def catch_up(self, session: Told, seq: int) -> None:
        """See Peers."""


ALONE = Alone()
