"""What the operator decided."""

from __future__ import annotations

from attrs import frozen

from twisted_chat.vocabulary.messages import MAX_TEXT


@frozen(kw_only=True)
class Rules:
    """What the operator decided; every number is a limit, and 0 means none."""

    server: str = "twisted-chat"
    lobby: str = "lobby"
    linger: float = 60.0
    max_sessions: int = 1_000
    max_members: int = 1_000
    max_connections: int = 0
    max_text: int = MAX_TEXT
    presence_limit: int = 200
    guests_keep: bool = True
    """Whether a guest may create a session that stays when it is empty."""
