"""etc/Containerfile: what it starts, it could start."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.operation.options import Options

FILE = Path(__file__).parent.parent.parent / "etc" / "Containerfile"


class ContainerTests(SynchronousTestCase):
    """There need be nothing here that builds containers."""

    def text(self) -> str:
        """Return the file, a line an instruction."""
        return FILE.read_text().replace("\\\n", " ")

    def test_what_is_started(self) -> None:
        """The daemon takes the options that it is given, and the health check asks its door."""
        pytest.importorskip("autobahn")
        found = re.search(r"^ENTRYPOINT (\[.*\])$", self.text(), re.MULTILINE)
        assert found is not None
        words = json.loads(found[1])
        options = Options()
        options.understand(words[words.index("chat") + 1 :])
        self.assertEqual(options.settings.admin, "/data/admin.sock")
        (web,) = options.settings.web
        self.assertIn(f"127.0.0.1:{web.split(':')[1]}/health", self.text())

    def test_no_root(self) -> None:
        """It runs as somebody with a number, which needs no look into the image's own users."""
        users = re.findall(r"^USER (.*)$", self.text(), re.MULTILINE)
        self.assertEqual(len(users), 1)
        self.assertGreater(int(users[0]), 0)
        self.assertIn("HEALTHCHECK", self.text())
