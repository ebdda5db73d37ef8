"""Which numerics say what the chat refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted_chat.doors.irc.names import channel
from twisted_chat.vocabulary.messages import Error

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

ABOUT_NOTHING: Final = {"464", "451", "417", "412"}
"""Those that name neither a channel nor a nick."""


def refusal(error: Error, where: str) -> Sequence[str]:
    """Return a numeric and its parameters; nothing where no numeric says it.

    ``where`` is what it is about, where it does not say so itself.
    """
    numeric = CODES.get(error.code)
    about = (error.session and channel(error.session)) or where or "*"
    if numeric in ABOUT_NOTHING:
        return numeric, error.data
    return (numeric, about, error.data) if numeric else ()
