"""Terminals at the SSH door: one in a chat, and a screen that pyte holds, with an editor on it."""

from __future__ import annotations

from unicodedata import category, normalize

import pyte
from hypothesis import strategies as st

from tests.kit.world import World
from twisted_chat.accounts.proof import Proof
from twisted_chat.accounts.proofs import Prover
from twisted_chat.client.words.render import Line
from twisted_chat.doors.ssh.display import Display
from twisted_chat.doors.ssh.editor import Editor
from twisted_chat.doors.ssh.keys import SEQUENCES, Keys
from twisted_chat.doors.ssh.terminal import Terminal
from twisted_chat.doors.visit import seat, way_in
from twisted_chat.vocabulary.names import user_name


class Window:
    """Somebody in a chat at a terminal, which takes what is written."""

    def __init__(self, world: World, prover: Prover, name: str, columns: int) -> None:
        self.shown = ""
        proof = prover.guest(name, "192.0.2.1") or Proof(user_name(name), account=True)
        address = ("192.0.2.1", 50_000)
        way = way_in("ssh", address, world.clock, prover, proof, lambda: "lobby", 0.0)
        self.terminal = Terminal(self, world.clock, lambda one: seat(one, way, proof))
        self.terminal.display.resized(columns, 24)
        self.terminal.start()

    def write(self, data: bytes) -> None:
        """Be shown something."""
        self.shown += data.decode()

    def close(self, status: int) -> None:
        """End."""


PROMPT: Line = [("prompt", "lobby> ")]


def typed(editor: Editor, data: bytes, keys: Keys | None = None) -> list[str]:
    """Type bytes; return the lines that were done."""
    done = [editor.key(key) for key in (keys or Keys()).read(data)]
    return [line for line in done if line is not None]


class Screen:
    """A terminal that shows what a Display writes."""

    def __init__(self, columns: int, rows: int = 10) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=1_000)
        self.stream = pyte.Stream(self.screen)
        self.display = Display(self.stream.feed)
        self.display.resized(columns, rows)
        self.editor = Editor()

    def rows(self) -> list[str]:
        """All that was shown, and scrolled away too."""
        above = [
            "".join(row[at].data for at in range(self.screen.columns))
            for row in self.screen.history.top
        ]
        return [row.rstrip() for row in [*above, *self.screen.display]]


TYPED = st.one_of(
    st.text("ab 日é", min_size=1, max_size=12).map(str.encode),
    st.sampled_from([b"\x1b" + one.encode() for one in SEQUENCES if "20" not in one]),
    st.sampled_from([b"\x01", b"\x05", b"\x7f", b"\x0b", b"\x15", b"\x17", b"\x19", b"\x14"]),
)


def without_marks(text: str) -> str:
    """Return a text without spaces, which rows end with, and marks, which pyte puts together."""
    return "".join(one for one in normalize("NFD", text) if one != " " and category(one) != "Mn")
