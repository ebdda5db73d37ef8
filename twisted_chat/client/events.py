"""What a ChatClient tells those who listen: the server's events, and the connection's own.

All of them are one closed union, so that a listener is one ``match``.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen
from twisted.logger import Logger

from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    Bye,
    Changed,
    Chosen,
    Deleted,
    Edited,
    Error,
    Invited,
    IsTyping,
    Joined,
    Kicked,
    Left,
    Notice,
    Presence,
    Reacted,
    ReadTo,
    Redacted,
    RoleGiven,
    Snapshot,
    Text,
    TopicChanged,
    Welcome,
    WentAway,
)


@frozen
class Online:
    """The login is done. ``again``: it is not the first one of this client."""

    welcome: Welcome
    again: bool


@frozen
class Offline:
    """The connection went, or could not be made; the next attempt is in ``delay`` seconds.

    ``hopeless``: no further attempt is likely to go better (a certificate that does not verify,
    something else on that port); a program had better give up.
    """

    reason: str
    delay: float
    hopeless: bool = False


@frozen
class Ended:
    """There will be no further attempt: after a logout, or because the login was refused."""

    error: ChatError | None


Event = (
    Text
    | Edited
    | Redacted
    | Reacted
    | Snapshot
    | Joined
    | Left
    | Presence
    | TopicChanged
    | Deleted
    | Changed
    | RoleGiven
    | Chosen
    | Kicked
    | Invited
    | ReadTo
    | WentAway
    | IsTyping
    | Notice
    | Bye
    | Error
    | Online
    | Offline
    | Ended
)
"""Everything that is told.

A ``Text`` is told once, in the order of its session, and so is what changes one: ``Edited``,
``Redacted``, ``Reacted``. A ``Snapshot`` comes for each session that
one is in after each login, and for a join; with ``reset`` the texts before it are not those that
were seen. An ``Error`` has no ``id``: those that answer a request fail its Deferred instead.
"""


@define(eq=False)
class Listeners:
    """Those who are told. One that raises is logged, and harms nobody else."""

    _listeners: list[Callable[[Event], object]] = field(factory=list)
    _log = Logger()

    def add(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Tell ``listener`` everything from now on, until what is returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, event: Event) -> None:
        """Tell everybody."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # (a context manager would cost more than most listeners)
                self._log.failure("while telling {listener}", listener=listener)
