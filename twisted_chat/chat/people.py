"""Who is here, and who has an account."""

from __future__ import annotations

from typing import Any, Protocol

from attrs import Factory, define, field, frozen

from twisted_chat.chat.member import Attendant
from twisted_chat.chat.ruling import Role
from twisted_chat.vocabulary.lookalikes import Lookalikes
from twisted_chat.vocabulary.names import Name


@frozen
class Guest:
    """The avatar id of somebody without an account; ``token`` proves that it is the same one."""

    name: Name
    token: str | None = field(default=None, repr=False)


class Known(Protocol):
    """Somebody with an account."""

    @property
    def name(self) -> Name:
        """The account's name."""

    @property
    def operator(self) -> bool:
        """Whether it may do what operators may."""


class Directory(Protocol):
    """What knows the accounts."""

    def get(self, key: str) -> Known | None:
        """Return the account whose name has that compared form."""


class Present(Attendant, Protocol):
    """One connection of somebody who is here: a User."""

    since: float
    """When it came, by the clock."""
    device: str | None
    """Which of its account's devices it is, where it is one."""

    def logout(self, *, for_good: bool = False) -> None:
        """Leave everything."""


@define(eq=False)
class Person:
    """Somebody who is here: one name, by one or more connections; ``users`` are this node's."""

    name: Name
    guest: bool
    token: str | None = field(default=None, repr=False)
    users: dict[Present, None] = Factory(dict)
    away: str = ""
    """Why it is away, or nothing."""
    roles: dict[str, Role] = Factory(dict)
    """Of a guest: its roles in sessions, by their epochs."""
    invited: dict[str, str] = Factory(dict)
    """Of a guest: the sessions that it was invited to, by their epochs, and by whom."""
    rate: Any = None
    """What its doors have in common, to count how often it asks."""
    elsewhere: dict[str, dict[str, None]] = Factory(dict)
    """The other nodes at which it is, and the epochs of the sessions that it is in there."""

    @property
    def is_here(self) -> bool:
        """Whether it is connected, to this node or another."""
        return bool(self.users or self.elsewhere)


@define(eq=False)
class People:
    """Everybody who is here, by the compared forms of their names; and what the accounts say."""

    accounts: Directory | None = None
    here: dict[str, Person] = Factory(dict)
    _looks: Lookalikes = Factory(Lookalikes)

    def add(self, person: Person) -> None:
        """Somebody is here now."""
        self.here[person.name.key] = person
        self._looks.add(person.name)

    def remove(self, person: Person) -> None:
        """Somebody is here no more."""
        del self.here[person.name.key]
        self._looks.discard(person.name)

    def resembling(self, name: Name) -> Name | None:
        """Return the name of somebody here that looks like ``name`` and is another."""
        return self._looks.of(name)

    def known(self, key: str) -> Name | None:
        """Return the name of somebody who is here or has an account."""
        person = self.here.get(key)
        if person is not None:
            return person.name
        account = self.account(key)
        return account.name if account is not None else None

    def account(self, key: str) -> Known | None:
        """Return the account of that name."""
        return self.accounts.get(key) if self.accounts is not None else None

    def is_operator(self, name: Name) -> bool:
        """Whether that user is an operator now: a role that was taken away is gone at once."""
        account = self.account(name.key)
        return account is not None and account.operator
