"""What tests of the client share: a folder for it, and for its daemon."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.command_line import USERS


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a users file and the bot's password."""
    with tempfile.TemporaryDirectory(prefix="twisted-chat-") as name:
        found = Path(name)
        (found / "users.csv").write_text(USERS)
        (found / "secret").write_text("secret\n")
        (found / "wrong").write_text("wrong\n")
        yield found
