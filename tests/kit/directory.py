"""Accounts and passwords as a chat sees them: everybody's is ``secret``, and hashes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.defer import Deferred, succeed

from twisted_chat.vocabulary.lookalikes import Lookalikes
from twisted_chat.vocabulary.names import Name, user_name


class KnownUser:
    """An account, as the chat sees one."""

    def __init__(self, name: str, operator: bool) -> None:
        self.name: Name = user_name(name)
        self.operator = operator


class Directory:
    """Some accounts; everybody's password is ``secret``."""

    def __init__(self, users: Sequence[str], operators: Sequence[str]) -> None:
        self.known: dict[str, KnownUser] = {}
        for name in (*users, *operators):
            self.add(name, name in operators)

    def add(self, name: str, operator: bool = False) -> None:
        """Make an account."""
        account = KnownUser(name, operator)
        self.known[account.name.key] = account

    def get(self, key: str) -> KnownUser | None:
        return self.known.get(key)

    def is_taken(self, key: str) -> bool:
        return key in self.known

    def resembling(self, name: Name) -> Name | None:
        looks = Lookalikes()
        for account in self.known.values():
            looks.add(account.name)
        return looks.of(name)

    def refresh(self) -> None:
        """Nothing to read."""

    def checker(self) -> InMemoryUsernamePasswordDatabaseDontUse:
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        for account in self.known.values():
            checker.addUser(account.name.text.encode(), b"secret")
        return checker


class PlainPasswords:
    """Hashes nothing, and answers at once, or when ``release`` says so."""

    def __init__(self) -> None:
        self.held: list[Deferred[Any]] | None = None

    def hash(self, password: str) -> Deferred[str]:
        return self._answer("hash of " + password)

    def verify(self, hash: str, password: str) -> Deferred[bool]:
        return self._answer(hash == "hash of " + password)

    def _answer(self, answer: Any) -> Deferred[Any]:
        if self.held is None:
            return succeed(answer)
        done: Deferred[Any] = Deferred()
        self.held.append(done)
        return done.addCallback(lambda _: answer)

    def release(self) -> None:
        """Give the answers that were held, and hold no more."""
        held, self.held = self.held or [], None
        for done in held:
            done.callback(None)
