"""The example accounts of etc/users.csv, whose passwords everybody can read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from twisted_chat.accounts.passwords import is_hash, verify_password
from twisted_chat.accounts.users_file import Account

EXAMPLES: Final = {name: f"{name}-changeme" for name in ("alice", "bob", "carol")}
"""Passwords that everybody knows, by the compared forms of their users' names."""


def known_to_all(accounts: Iterable[Account]) -> list[str]:
    """Return whose passwords are the public ones; verifies three hashes at most."""
    return [
        one.name.text for one in accounts if _is_public(one.password, EXAMPLES.get(one.name.key))
    ]


def _is_public(kept: str, example: str | None) -> bool:
    if example is None:
        return False
    return verify_password(kept, example) if is_hash(kept) else kept == example
