"""IRC's lines, read and written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.doors.irc.lines import format_line, format_tags, parse, parse_tags, pieces
from twisted_chat.vocabulary.errors import ChatError


class LineTests(SynchronousTestCase):
    """Lines, read and written."""

    @given(st.binary(max_size=600))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are a line, nothing, or refused."""
        try:
            parse(data)
        except ChatError as refused:
            self.assertIn(refused.code, {"bad-request", "too-large"})

    @given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=20)))
    def test_tags(self, tags: dict[str, str]) -> None:
        """Tags that are written are read again."""
        self.assertEqual(parse_tags(format_tags(tags)[1:-1]), tags)

    @given(st.text(max_size=600), st.integers(8, 60))
    def test_pieces(self, text: str, room: int) -> None:
        """Of a text that is cut nothing is lost, and each piece fits."""
        text = text.replace("\r", "").replace("\n", "").replace("\0", "")
        found = pieces(text, room)
        self.assertEqual("".join(found), text)
        self.assertTrue(all(len(piece.encode()) <= room for piece in found))

    def test_format(self) -> None:
        """The last parameter has a colon where it needs one."""
        self.assertEqual(format_line("a", "B", "c", "d e"), b":a B c :d e\r\n")
        self.assertEqual(format_line("", "B", ""), b"B :\r\n")
