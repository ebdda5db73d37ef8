"""What is printed: in the terminal's own encoding, and nothing that harms it."""

from __future__ import annotations

import codecs
import sys
from typing import Final

from twisted_chat.client.words.render import harmless

UTF_8: Final = "utf-8"


def lenient() -> None:
    """Let ``print`` escape what the terminal can't show, where it would raise.

    An error would come after what was done (an account is added, a text said), and look as if it
    had not been.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # not a file of a test's
            reconfigure(errors="backslashreplace")


def encoding() -> str:
    """Return the encoding of standard output, as ``PYTHONIOENCODING`` or the locale says."""
    try:
        return codecs.lookup(sys.stdout.encoding or UTF_8).name
    except (AttributeError, LookupError):
        return UTF_8


def complain(sentence: str) -> None:
    """Say on standard error what went wrong: servers and other people have written some of it."""
    print(f"twisted-chat: {harmless(sentence)}", file=sys.stderr)
