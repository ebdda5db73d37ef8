"""How far users have read, as IRC knows it: by itself."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.doors.irc.marks import MAX_SESSIONS, Marks
from twisted_chat.vocabulary.messages import ReadTo, Text


class MarksTests(SynchronousTestCase):
    """``MARKREAD`` for what was read by another door."""

    def test_the_last_entries(self) -> None:
        """They are known of the sessions that had one last, and of no more than there is room."""
        marks = Marks("chat.example.org")

        def seen(session: str, seq: int = 1) -> None:
            marks.seen(Text(session=session, seq=seq, time=seq * 1_000, source="ann", data="x"))

        for number in range(MAX_SESSIONS):
            seen(f"s{number}")
        seen("s0", 2)
        seen("one more")
        self.assertIn(b"MARKREAD #s0 ", marks.told(ReadTo(session="s0", seq=2), "ann"))
        self.assertEqual(marks.told(ReadTo(session="s1", seq=1), "ann"), b"")
