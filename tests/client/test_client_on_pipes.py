"""The client against the real daemon, on pipes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.kit.command_line import COMMAND, environment, make_daemon, pipe
from tests.kit.daemon import PATIENCE, RawClient

pytestmark = pytest.mark.slow


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that says why it failed."""
    assert done.returncode == 1, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_a_line_is_said(folder: Path) -> None:
    """It is said and acknowledged; nothing is printed, and the status is 0."""
    with make_daemon(folder) as daemon:
        done = pipe(folder, daemon, given="deployed 1.4\nand tested")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        heard = pipe(folder, daemon, "--json", given="third\n")
        events = [json.loads(line) for line in heard.stdout.splitlines()]
        (snapshot,) = (event for event in events if event["type"] == "session")
        assert snapshot["head"] == 2
        (text,) = (event for event in events if event["type"] == "text")
        assert (text["source"], text["data"], text["seq"]) == ("bot", "third", 3)


def test_failures_are_one_line(folder: Path) -> None:
    """Whatever goes wrong is one line on standard error and status 1."""
    with make_daemon(folder) as daemon:
        assert "password" in failure(pipe(folder, daemon, given="x\n", password="wrong"))
        line = failure(pipe(folder, daemon, "--session", "ops", given="x\n"))
        assert line.startswith("twisted-chat: ops: ")
        assert "too-long" not in failure(pipe(folder, daemon, given="x" * 20_000))
    line = failure(pipe(folder, daemon, "--timeout", "2", given="x\n"))
    assert line == f"twisted-chat: 127.0.0.1:{daemon.port}: connection refused, for 2 s"


def test_commands(folder: Path) -> None:
    """Commands wait for the lobby, and the first one that fails ends it, before the next text."""
    with make_daemon(folder) as daemon:
        done = pipe(folder, daemon, "--commands", given="hello\n/c vault sesame --keep\n/l\n")
        assert (done.returncode, done.stderr) == (0, ""), done
        assert "bot: hello" in done.stdout
        done = pipe(folder, daemon, "--commands", given="/j vault wrong\nnot for the lobby\n")
        assert (done.returncode, done.stderr) == (1, "twisted-chat: vault has another password.\n")
        done = pipe(folder, daemon, "--commands", given="x\n", password="wrong")
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done
        done = pipe(folder, daemon, "--commands", given="/history\n")
        assert "The last 1 of lobby" in done.stdout

        (folder / "session").write_text("sesame\n")
        assert "--session-password-file" in failure(pipe(folder, daemon, "--session", "vault"))
        locked = ("--session", "vault", "--session-password-file", str(folder / "session"))
        done = pipe(folder, daemon, *locked, given="x\n")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_commands_about_texts_and_rules(folder: Path) -> None:
    """Texts are answered, edited, taken back; sessions are ruled: all by what one types."""
    with make_daemon(folder) as daemon, RawClient(daemon.port) as eve:
        eve.login("eve")
        given = (
            "/c ops\nteh plan\n/edit ^ the plan\n/reply ^ indeed\n/react ^2 👍\n/me waves\n"
            "secret\n/redact ^ a slip\n/set moderated on\n/role eve voice\n/invite eve\n"
            "/mute eve 2h too loud\n/ban 198.51.100.0/24 30m\n/bans\n/unmute eve\n/ban eve spam\n"
            "/invite carl --always\n/uninvite carl\n/history\n"
        )
        done = pipe(folder, daemon, "--commands", given=given)
        assert (done.returncode, done.stderr) == (0, ""), done
        for words in (
            "bot edits “teh plan”: the plan",
            "bot (to bot: “the plan”): indeed",
            "bot reacts 👍 to “the plan”",
            "* bot waves",
            "bot takes back text 6 (a slip).",
            "bot has changed this session: moderated is on.",
            "bot makes eve voice.",
            "eve may come into ops.",
            "carl may come into ops whenever it likes.",
            "carl is not invited to ops any more.",
            "eve says nothing any more until",
            "198.51.100.0/24 is kept out until",
            "ban of 198.51.100.0/24, by bot until",
            "eve may speak again.",
            "eve is kept out.",
            "bot: the plan (edited)",
            "bot: (taken back)",
        ):
            assert words in done.stdout, (words, done.stdout)
        assert eve.receive_until("invited")["by"] == "bot"
        assert eve.ask("join", session="ops")["type"] == "session"  # past the ban, once
        for wrong in ("/edit ^9 x", "/role eve king", "/set colour on", "/ban 1.2.3.4.5/99 x"):
            failed = pipe(folder, daemon, "--commands", given=f"/j ops\n{wrong}\n")
            assert failed.returncode == 1, (wrong, failed)


def test_a_pipe_outlives_the_daemon(folder: Path) -> None:
    """What is said while the daemon is killed and started again is said once, in order."""
    with make_daemon(folder) as daemon:
        client = subprocess.Popen(
            [
                *(*COMMAND, f"bot@127.0.0.1:{daemon.port}"),
                *("--password-file", str(folder / "secret"), "--timeout", str(2 * PATIENCE)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(folder),
        )
        assert client.stdin is not None
        for n in range(600):
            if n in (200, 400):
                daemon.kill()
            if n in (300, 500):
                daemon.start()
            client.stdin.write(f"{n}\n")
            client.stdin.flush()
            time.sleep(0.001)
        output, errors = client.communicate(timeout=3 * PATIENCE)
        assert (client.returncode, output, errors) == (0, "", "")
        with RawClient(daemon.port) as raw:
            raw.login("carl")
            stored: list[str] = []
            while len(stored) < 600:
                page = raw.ask("history", session="lobby", after=len(stored), limit=200)["texts"]
                stored += [text["data"] for text in page]
            assert stored == [str(n) for n in range(600)]


def test_following(folder: Path) -> None:
    """--follow goes on after the input's end, until it is told to end."""
    with make_daemon(folder) as daemon:
        follower = subprocess.Popen(
            [*COMMAND, f"carl@127.0.0.1:{daemon.port}", "--follow", "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(folder),
        )
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["type"] == "online"
        assert json.loads(follower.stdout.readline())["type"] == "session"
        pipe(folder, daemon, given="\x1b[31mred\x07\n")
        lines = [follower.stdout.readline() for _ in range(3)]
        assert [json.loads(line)["type"] for line in lines] == ["joined", "text", "left"]
        assert json.loads(lines[1])["data"] == "\x1b[31mred\x07"
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(PATIENCE) == 0
        assert follower.communicate()[1] == ""
