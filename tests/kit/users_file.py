"""Accounts in a file that a test writes; alice's password is ``wonderland``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.accounts.accounts import Accounts
from twisted_chat.accounts.passwords import hash_password
from twisted_chat.chat.people import People
from twisted_chat.vocabulary.names import user_name

HASH = hash_password("wonderland")  # once: it costs time on purpose


def is_operator(accounts: Accounts, user: str) -> bool:
    """Whether the user of that name is an operator now."""
    return People(accounts).is_operator(user_name(user))


class FileCase(SynchronousTestCase):
    """A test with a users file."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "users.csv"

    def write(self, text: str | bytes) -> None:
        """Replace the file, as an editor does: it is another file."""
        new = self.folder / "new"
        new.write_bytes(text.encode() if isinstance(text, str) else text)
        new.replace(self.file)

    def accounts(self, text: str | bytes = f"user,password\nalice,{HASH!r}\n") -> Accounts:
        """Return the accounts of a file with these lines; ``logged`` is what that said."""
        self.write(text if isinstance(text, bytes) else text.replace("'", '"'))
        with capturedLogs() as self.logged:
            return Accounts(self.file)
