"""Refusals: a stable code for programs, and a sentence for people."""

from __future__ import annotations

from typing import Literal

Code = Literal[
    "already-logged-in",
    "bad-credentials",
    "bad-password",
    "bad-request",
    "banned",
    "empty",
    "internal",
    "invalid-name",
    "invite-only",
    "muted",
    "name-in-use",
    "no-such-session",
    "no-such-text",
    "no-such-user",
    "not-allowed",
    "not-in-session",
    "not-logged-in",
    "not-stored",
    "server-full",
    "session-exists",
    "session-full",
    "too-large",
    "too-long",
    "too-many-attempts",
    "too-many-sessions",
]
"""Every code that an ``error`` can bear. A code, once released, keeps its meaning."""


class ChatError(Exception):
    """Something was asked for that can not be had.

    The only exception that crosses a door: it becomes an ``error`` with this code and sentence.
    The connection stays usable.
    """

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code: Code = code
