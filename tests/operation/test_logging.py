"""Where the daemon's own log goes."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.operation import logging


class FileTests(SynchronousTestCase):
    """A file, which is begun anew."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "chat.log"

    def test_so_many_are_kept(self) -> None:
        """However long the daemon runs, its log takes a bounded room; the oldest goes."""
        self.patch(logging, "KEPT_FILES", 3)
        out, rotate = logging.opened(str(self.path), foreground=True)
        assert rotate is not None
        self.addCleanup(cast(Any, out).close)
        for number in range(9):
            out.write(f"{number}\n")
            rotate()
        found = sorted(one.name for one in self.path.parent.iterdir())
        self.assertEqual(found, ["chat.log", "chat.log.1", "chat.log.2", "chat.log.3"])
        self.assertEqual(self.path.with_name("chat.log.3").read_text(), "6\n")

    def test_standard_output(self) -> None:
        """In the foreground it is for whoever collects it, unless a file is named."""
        for named in (None, "-"):
            self.assertEqual(logging.opened(named, foreground=True), (sys.stdout, None))
