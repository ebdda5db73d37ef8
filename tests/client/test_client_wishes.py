"""What a person wants, in its file."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.client.words.wishes import MAX_IGNORED, Kept, Wishes, in_file


class WishesTests(SynchronousTestCase):
    """Settings are kept in one file, which people may write themselves."""

    def setUp(self) -> None:
        self.path = Path(tempfile.mkdtemp()) / "twisted-chat" / "settings.json"
        self.patch(os, "environ", {**os.environ, "NO_COLOR": ""})

    def test_kept(self) -> None:
        """What is set is there again, and only for its owner to read."""
        kept = in_file(self.path)
        kept.set("bell", "none")
        kept.set("presence", "off")
        kept.ignore("bob", wanted=True)
        again = in_file(self.path).wishes
        self.assertEqual(again, Wishes(bell="none", presence=False, ignored=["bob"]))
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_by_hand(self) -> None:
        """What can not be read is as if it were not there."""
        self.path.parent.mkdir()
        for written in ("", "{", '{"bell": "loud"}', "[]", "\xff"):
            self.path.write_text(written)
            self.assertEqual(in_file(self.path).wishes, Wishes())
        self.path.write_text('{"times": "none", "later": 1}')
        self.assertEqual(in_file(self.path).wishes.times, "none")

    def test_nowhere(self) -> None:
        """A file that can not be written is no problem."""
        kept = in_file(Path("/proc/none/settings.json"))
        kept.set("colours", "off")
        self.assertFalse(kept.wishes.colours)

    def test_no_color(self) -> None:
        """NO_COLOR is heeded."""
        self.patch(os, "environ", {"NO_COLOR": "1"})
        self.assertFalse(in_file(self.path).wishes.colours)

    def test_bound(self) -> None:
        """Nobody ignores more than so many."""
        kept = Kept()
        for number in range(MAX_IGNORED):
            kept.ignore(f"u{number}", wanted=True)
        self.assertRaises(ValueError, kept.ignore, "one more", wanted=True)
        self.assertFalse(kept.ignore("u1", wanted=True))
