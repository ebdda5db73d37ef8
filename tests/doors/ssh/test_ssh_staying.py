"""An SSH connection that stays: new keys, whether somebody is there, and windows that change."""

from __future__ import annotations

import shutil
import time
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.ssh_daemon import SshDaemon
from tests.kit.terminals import PROMPT, Screen, typed
from tests.kit.tmux import Tmux
from twisted_chat.doors.ssh.display import WHERE
from twisted_chat.doors.ssh.door import (
    ALIVE_SECONDS,
    MAX_UNANSWERED,
    SshTransport,
)
from twisted_chat.doors.ssh.keys import Key, Keys
from twisted_chat.doors.ssh.visitor import Channels


@pytest.mark.slow
def test_new_keys(daemon: SshDaemon) -> None:
    """A client that wants new keys again and again has them, and loses nothing in either way."""
    options = ("-oRekeyLimit=16K", "-v")
    lines = [f"{number:04d} {'x' * 500}" for number in range(300)]
    said = daemon.run("gina", "say", "lobby", given="\n".join(lines), options=options)
    assert said.returncode == 0
    assert said.stderr.count("SSH2_MSG_NEWKEYS received") > 3
    read = daemon.run("gina", "history", "lobby", "-n", "300", options=options)
    assert [line.split(" ")[2] for line in read.stdout.splitlines()][-300:] == [
        line.split(" ")[0] for line in lines
    ]
    assert read.stderr.count("SSH2_MSG_NEWKEYS received") > 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux here")
def test_narrower(daemon: SshDaemon) -> None:
    """Nothing of the prompt is left above it when the window is made narrower, and wider."""
    # The window is full: of one that is not, tmux lets go of rows when it is made narrower.
    filling = "\n".join(str(number) for number in range(40))
    assert daemon.run("gina", "say", "lobby", given=filling).returncode == 0
    terminal = Tmux(daemon.client("hugo", options=("-oBatchMode=yes",)))
    try:
        terminal.wait(lambda rows: any(row.startswith("lobby>") for row in rows))
        words = "what is being typed is longer than the window is going to be wide"
        terminal.run("send-keys", "-l", words)
        terminal.wait(lambda rows: any(row.endswith("going to be wide") for row in rows))
        for columns in (40, 30, 20, 33, 70, 25):
            terminal.run("resize-window", "-x", str(columns), "-y", "24")

            def is_whole(rows: list[str]) -> bool:
                after = "".join(rows).replace(" ", "").rpartition("lobby>")[2]
                prompts = sum("lobby>" in row for row in rows)
                return after == words.replace(" ", "") and prompts == 1

            terminal.wait(is_whole)
            time.sleep(0.3)  # it may be so before the window was drawn anew, and has to be then
            terminal.wait(is_whole)
    finally:
        terminal.end()


class NarrowerTests(SynchronousTestCase):
    """A terminal that cuts off what is too wide."""

    def test_cut_off(self) -> None:
        """What others said above the prompt stays, once the terminal has said where it is."""
        window = Screen(40)
        window.display.show([[("", "first")], [("", "second")]], PROMPT, window.editor)
        typed(window.editor, b"x" * 30)
        window.display.draw(PROMPT, window.editor)
        asked: list[str] = []
        write, window.display.write = window.display.write, asked.append
        window.screen.resize(columns=20)
        self.assertTrue(window.display.resized(20, 10))
        self.assertEqual(asked, [WHERE])
        window.display.write = write
        window.screen.cursor.x = 19
        window.display.placed(19)
        window.display.draw(PROMPT, window.editor)
        rows = [row for row in window.rows() if row]
        self.assertEqual(rows, ["first", "second", "lobby> " + "x" * 13, "x" * 17])

    def test_not_asked(self) -> None:
        """Where it makes no difference nothing is asked."""
        window = Screen(40)
        window.display.draw(PROMPT, window.editor)
        self.assertFalse(window.display.resized(20, 10))
        self.assertFalse(window.display.resized(80, 10))

    def test_answer(self) -> None:
        """Where the cursor is is an answer, and nothing that was typed."""
        self.assertEqual(
            list(Keys().read(b"a\x1b[12;40Rb")), [Key("", "a"), Key("place", "40"), Key("", "b")]
        )


class Asked(Channels):
    """Channels that remember what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Deferred[Any]] = []

    def sendGlobalRequest(self, request: bytes, data: bytes, wantReply: int = 0) -> Any:
        """See SSHConnection."""
        assert wantReply
        answer: Deferred[Any] = Deferred()
        self.answers.append(answer)
        return answer


class AliveTests(SynchronousTestCase):
    """A client is asked whether it is there."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.ssh = SshTransport()
        self.transport = StringTransport()
        self.gone: list[bool] = []
        self.transport.abortConnection = lambda: self.gone.append(True)  # type: ignore[method-assign]
        ssh = cast(Any, self.ssh)
        ssh.transport, ssh.service = self.transport, Asked()
        ssh.factory = type("Factory", (), {"clock": self.clock})
        ssh._ask_later()

    def test_there(self) -> None:
        """Who answers, if only that it does not know what that is, stays."""
        for _ in range(3 * MAX_UNANSWERED):
            self.clock.advance(ALIVE_SECONDS)
            cast(Asked, self.ssh.service).answers[-1].errback(RuntimeError("no such request"))
        self.assertEqual(self.gone, [])

    def test_not_there(self) -> None:
        """Who answers nothing is gone after some questions."""
        for _ in range(MAX_UNANSWERED):
            self.clock.advance(ALIVE_SECONDS)
        self.assertEqual(self.gone, [])
        self.clock.advance(ALIVE_SECONDS)
        self.assertEqual(self.gone, [True])
        self.assertEqual(self.clock.calls, [])
