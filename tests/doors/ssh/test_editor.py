"""What is typed over SSH, and what a terminal shows of it: pyte holds the screen."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.terminals import PROMPT, TYPED, Screen, typed, without_marks
from twisted_chat.client.words import render
from twisted_chat.doors.ssh.display import Display
from twisted_chat.doors.ssh.editor import MAX_LINE, Editor
from twisted_chat.doors.ssh.keys import Key, Keys


class KeysTests(SynchronousTestCase):
    """Bytes of a terminal become keys."""

    def test_pieces(self) -> None:
        """Characters and sequences may come in any pieces."""
        data = "é日\x1b[1;5D\x1bOA\r\nx".encode()
        expected = [Key("", "é"), Key("", "日"), Key("word-left"), Key("up"), Key("enter")]
        for size in range(1, 5):
            keys = Keys()
            found = [
                key for at in range(0, len(data), size) for key in keys.read(data[at : at + size])
            ]
            letters = "".join(key.text for key in found)
            self.assertEqual(letters, "é日x")
            self.assertEqual(
                [key.name for key in found if key.name], [one.name for one in expected if one.name]
            )

    def test_pasted(self) -> None:
        """What is pasted is text, its line ends too, and its escape sequences are none."""
        editor = Editor()
        done = typed(editor, b"\x1b[200~one\rtwo\x1b[A\x03\x1b[201~ three\r")
        self.assertEqual(done, ["one\ntwo three"])

    @given(st.binary(max_size=200))
    def test_anything(self, data: bytes) -> None:
        """Whatever is sent is read, and what follows an Enter is a line again."""
        keys, editor = Keys(), Editor()
        typed(editor, data, keys)
        list(keys.read(b"\x1b[201~"))
        typed(editor, b"\x07\r", keys)
        editor.set("")
        self.assertEqual(typed(editor, b"ok\r", keys)[-1:], ["ok"])


class EditorTests(SynchronousTestCase):
    """A line is edited as in a shell."""

    def test_moving_and_cutting(self) -> None:
        """Words, home and end, kill and yank."""
        for keys, expected in (
            (b"one two\x1bbX\r", "one Xtwo"),
            (b"one two\x01X\x05Y\r", "Xone twoY"),
            (b"one two\x17three\r", "one three"),
            (b"one two\x15\x19\x19\r", "one twoone two"),
            (b"one\x01\x0bx\x19\r", "xone"),
            (b"one two\x01\x1bd\r", " two"),
            (b"ab\x14\r", "ba"),
            (b"abc\x02\x02\x1b[3~\r", "ac"),
            (b"abc\x7f\x7f\r", "a"),
        ):
            self.assertEqual(typed(Editor(), keys), [expected], keys)

    def test_marks(self) -> None:
        """A character is taken away with what belongs to it."""
        editor = Editor()
        self.assertEqual(typed(editor, "ae\u0301\x7f!\r".encode()), ["a!"])
        self.assertEqual(typed(editor, "a\U0001f468\u200d\U0001f469\x7f!\r".encode()), ["a!"])

    def test_history(self) -> None:
        """What was entered comes back, and what was being typed too."""
        editor = Editor()
        typed(editor, b"one\rtwo\rthr")
        typed(editor, b"\x1b[A\x1b[A")
        self.assertEqual(editor.text, "one")
        typed(editor, b"\x1b[B\x1b[B")
        self.assertEqual(editor.text, "thr")

    def test_search(self) -> None:
        """Ctrl-R finds what was entered before; again, what was before that."""
        editor = Editor()
        typed(editor, b"red one\rblue\rred two\r")
        typed(editor, b"\x12red")
        self.assertEqual(editor.text, "red two")
        typed(editor, b"\x12")
        self.assertEqual(editor.text, "red one")
        self.assertEqual(typed(editor, b"\r"), ["red one"])

    def test_search_given_up(self) -> None:
        """Ctrl-G brings back what was being typed."""
        for before in (b"", b"\x1b[A", b"\x1b[A\x1b[B"):
            editor = Editor()
            typed(editor, b"red one\rblue\rhalf" + before + b"\x12red\x07")
            self.assertEqual((editor.text, editor.sought), ("half", None))
            self.assertEqual(typed(editor, b" more\r"), ["half more"])

    def test_completion(self) -> None:
        """One candidate is put in, several as far as they agree; then they are shown."""
        editor = Editor(lambda _: ["/join", "/joinsession"])
        typed(editor, b"/j\t")
        self.assertEqual((editor.text, list(editor.candidates)), ("/join", []))
        typed(editor, b"\t")
        self.assertEqual(list(editor.candidates), ["/join", "/joinsession"])
        editor.complete = lambda _: ["alice"]
        typed(editor, b"\x15al\t")
        self.assertEqual(editor.text, "alice ")

    def test_bounded(self) -> None:
        """A line is no longer than a text may be."""
        editor = Editor()
        typed(editor, b"x" * (2 * MAX_LINE))
        self.assertEqual(len(editor.text), MAX_LINE)


SAID = st.text("xyz wq", min_size=1, max_size=30).map(str.strip).filter(bool)


class DisplayTests(SynchronousTestCase):
    """What a terminal shows is what there is."""

    @settings(deadline=None)
    @given(
        st.integers(16, 40),
        st.lists(st.one_of(TYPED, SAID.map(lambda text: text)), max_size=20),
    )
    def test_screen(self, columns: int, events: list[bytes | str]) -> None:
        """Whatever is typed and said, the lines stand above in order, the line below, once each."""
        window, keys = Screen(columns, 30), Keys()
        said: list[str] = []
        window.display.draw(PROMPT, window.editor)
        for event in events:
            if isinstance(event, bytes):
                typed(window.editor, event, keys)
                window.display.draw(PROMPT, window.editor)
            else:
                said.append(event)
                window.display.show([[("", event)]], PROMPT, window.editor)
        shown = [row for row in window.rows() if row]
        folded = [
            render.plain(row).rstrip()
            for one in said
            for row in render.folded([("", one)], columns)
        ]
        self.assertEqual(shown[: len(folded)], folded)
        below = "".join(row for row in window.rows()[len(folded) :])
        text = "lobby> " + window.editor.text
        self.assertEqual(without_marks(below), without_marks(text))

    def test_cursor(self) -> None:
        """The cursor stands where the next character comes, behind wide ones and wrapped rows."""
        window = Screen(20)
        for keys, place in (("日本", (0, 11)), ("x" * 12, (1, 3)), ("\x1b[D\x1b[D", (1, 1))):
            typed(window.editor, keys.encode())
            window.display.draw(PROMPT, window.editor)
            self.assertEqual((window.screen.cursor.y, window.screen.cursor.x), place, keys)

    def test_password(self) -> None:
        """What is unseen is not shown."""
        window = Screen(40)
        window.editor.unseen = True
        typed(window.editor, b"secret")
        window.display.draw([("prompt", "Password: ")], window.editor)
        self.assertNotIn("secret", "\n".join(window.rows()))

    def test_dumb(self) -> None:
        """A terminal that can do nothing gets lines, and no escape sequence."""
        written: list[str] = []
        display = Display(written.append, dumb=True)
        display.show([[("error", "one")]], PROMPT, Editor())
        display.draw(PROMPT, Editor())
        self.assertEqual("".join(written), "one\r\n")
