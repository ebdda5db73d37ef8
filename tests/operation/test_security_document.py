"""docs/security.md against the tests: what it says is shown somewhere is shown there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"

ATTACKS = (
    *("login sent byte by byte", "half-open connections by the thousand", "frames without an end"),
    *("passwords guessed from one address, or from many", "look-alike names", "terminal escapes"),
    *("log injection", "WebSocket from another site", "DNS rebinding", "WebSocket fragments"),
    *("compression bombs", "ping floods", "comings and goings", "lists asked for"),
    *("members that never read", "another spelling of a name", "no descriptors left"),
)
"""What the table has to be about, at least."""


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the table of attacks: what, what comes of it, and where it is shown."""
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    table = text.partition("## The table of attacks")[2].partition("\n## ")[0]
    for line in table.splitlines():
        if line.startswith("| ") and not line.startswith("| attack |"):
            what, outcome, test = re.split(r" \| ", line.strip("| "))
            yield what, outcome, test


class TableTests(SynchronousTestCase):
    """Each row."""

    def test_every_attack(self) -> None:
        """Those that everybody asks about are there, with what comes of them."""
        whats = [what for what, _, _ in rows()]
        self.assertEqual([one for one in ATTACKS if not any(one in what for what in whats)], [])
        self.assertTrue(all(outcome for _, outcome, _ in rows()))

    def test_every_test_is_there(self) -> None:
        """Each row names a file of tests, and what is named in it is in it."""
        for what, _, shown in rows():
            named = re.findall(r"`([\w/]+\.py)`(?: \((\w+)\))?", shown)
            self.assertTrue(named, what)
            for path, within in named:
                found = [ROOT / path] if "/" in path else list(TESTS.rglob(path))
                self.assertEqual(len(found), 1, path)
                self.assertTrue(found[0].is_file(), path)
                if within.startswith("test_") or within.endswith("Tests"):
                    source = found[0].read_text("utf-8")
                    self.assertRegex(source, rf"(def|class) {within}\b", f"{path}: {within}")
