"""A window whose size changes while a line is typed and others talk: pyte cuts off, tmux breaks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.terminals import PROMPT, TYPED, Screen, typed, without_marks
from twisted_chat.doors.ssh.keys import Keys

SAID = st.text("xyz wq", min_size=1, max_size=12).map(str.strip).filter(bool)
LETTERS = st.text("a 日é\U0001f44d", min_size=1, max_size=12).map(str.encode)
COLUMNS = st.integers(16, 60)


class Resizable(Screen):
    """A window that cuts off what is too wide for it, and says where its cursor is."""

    def __init__(self, columns: int) -> None:
        super().__init__(columns, 40)
        self.keys = Keys()
        self.screen.write_process_input = self._answer  # type: ignore[method-assign]
        self.answers: list[str] = []
        self.display.draw(PROMPT, self.editor)

    def _answer(self, data: str) -> None:
        self.answers.append(data)

    def type(self, data: bytes) -> None:
        """Type something."""
        typed(self.editor, data, self.keys)
        self.display.draw(PROMPT, self.editor)

    def say(self, text: str) -> None:
        """Let somebody say something."""
        self.display.show([[("", text)]], PROMPT, self.editor)

    def tells(self, columns: int) -> bool:
        """Whether its answer, if it becomes so narrow, can come of its cutting off alone."""
        display = self.display
        return columns >= display.columns or not display._above or display._column >= columns

    def resize(self, columns: int) -> None:
        """Be another window; what it answers comes through the same wire as keys."""
        self.screen.resize(columns=columns)
        self.screen.cursor.x = min(self.screen.cursor.x, columns - 1)
        if not self.display.resized(columns, 40):
            self.display.draw(PROMPT, self.editor)
        answers, self.answers = self.answers, []
        for answer in answers:
            for key in self.keys.read(answer.encode()):
                self.display.placed(int(key.text) - 1)
        self.display.draw(PROMPT, self.editor)


class ResizedTests(SynchronousTestCase):
    """What a terminal shows is what there is."""

    @settings(deadline=None, max_examples=300)
    @given(COLUMNS, st.lists(st.one_of(TYPED, LETTERS, SAID, COLUMNS), max_size=25))
    def test_screen(self, columns: int, events: list[bytes | str | int]) -> None:
        """Whatever comes in whatever order: all that was said above, the line below, once."""
        window, said = Resizable(columns), []
        for event in events:
            match event:
                case bytes():
                    window.type(event)
                case int() if window.tells(event):
                    window.resize(event)
                case int():
                    pass  # it is taken for one that breaks: see Display.placed
                case _:
                    said.append(event)
                    window.say(event)
        shown = [row for row in window.rows() if row]
        self.assertEqual(shown[: len(said)], said)
        below = "".join(shown[len(said) :])
        self.assertEqual(without_marks(below), without_marks("lobby> " + window.editor.text))
