"""Accounts: made, kept, and the devices that may use them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from twisted_chat.vocabulary.messages.limits import (
    Id,
    Message,
    NameField,
    Password,
)

__all__ = [
    "ChangePassword",
    "Devices",
    "Forget",
    "Register",
]


class Register(Message, frozen=True, tag="register"):
    """Make an account, before login, where the server takes them."""

    user: NameField
    password: Password
    invite: Annotated[str, Meta(max_length=128)] | None = None
    id: Id | None = None


class ChangePassword(Message, frozen=True, tag="passwd"):
    """Change one's own password; all other connections and devices of the account end."""

    old: Password
    new: Password
    id: Id | None = None


class Devices(Message, frozen=True, tag="devices"):
    """Ask for the devices that may log in without the password."""

    id: Id | None = None


class Forget(Message, frozen=True, tag="forget"):
    """Let a device log in no more, and end its connections."""

    device: Annotated[str, Meta(max_length=64)]
    id: Id | None = None
