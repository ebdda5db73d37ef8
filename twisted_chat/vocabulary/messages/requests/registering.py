"""Accounts: made, kept, and the devices that may use them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from twisted_chat.vocabulary.messages.limits import (
    MAX_IGNORED,
    MAX_LEVELS,
    Id,
    Level,
    Message,
    NameField,
    Password,
)

__all__ = [
    "ChangePassword",
    "Choose",
    "Devices",
    "Forget",
    "NewLevel",
    "Register",
]


class Register(Message, frozen=True, tag="register"):
    """Make an account, before login, where the server takes them."""

    user: NameField
    password: Password
    invite: Annotated[str, Meta(max_length=128)] | None = None
    id: Id | None = None


class NewLevel(Struct, frozen=True, kw_only=True, gc=False):
    """Of what one is to be told in a session; ``usual`` takes back what was said before."""

    session: NameField
    level: Literal[Level, "usual"]


class ChangePassword(Message, frozen=True, tag="passwd"):
    """Change one's own password; all other connections and devices of the account end."""

    old: Password
    new: Password
    id: Id | None = None


class Choose(Message, frozen=True, tag="settings"):
    """Ask what one has set for oneself, and change some of it first: for accounts."""

    ignore: Annotated[list[NameField], Meta(max_length=MAX_IGNORED)] = []
    unignore: Annotated[list[NameField], Meta(max_length=MAX_IGNORED)] = []
    levels: Annotated[list[NewLevel], Meta(max_length=MAX_LEVELS)] = []
    id: Id | None = None


class Devices(Message, frozen=True, tag="devices"):
    """Ask for the devices that may log in without the password."""

    id: Id | None = None


class Forget(Message, frozen=True, tag="forget"):
    """Let a device log in no more, and end its connections."""

    device: Annotated[str, Meta(max_length=64)]
    id: Id | None = None
