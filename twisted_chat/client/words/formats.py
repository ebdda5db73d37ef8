"""What clients of IRC make a text bold, or coloured, with: it is no part of what is said."""

from __future__ import annotations

import re
from typing import Final

_FORMATS: Final = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"
    "|\x04(?:[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?)?"
    "|[\x02\x0f\x11\x16\x1d-\x1f]"
)


def unformatted(text: str) -> str:
    """Return a text without its formats."""
    return _FORMATS.sub("", text)
