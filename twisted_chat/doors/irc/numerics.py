"""Which numerics say what the chat refuses."""

from __future__ import annotations

from typing import Final

CODES: Final = {
    "bad-credentials": "464",
    "not-in-session": "442",
    "no-such-session": "403",
    "no-such-user": "401",
    "session-full": "471",
    "bad-password": "475",
    "invite-only": "473",
    "banned": "474",
    "muted": "404",
    "not-allowed": "482",
    "too-many-sessions": "405",
    "not-logged-in": "451",
    "too-large": "417",
    "empty": "412",
}
"""Which numeric says what the chat refuses; what has none is a NOTICE, or a FAIL."""
