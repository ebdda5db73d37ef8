"""The client against the real daemon: on pipes, on terminals, and as a library."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TypeVar, cast

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThread

from tests.kit.command_line import COMMAND, environment
from tests.kit.daemon import PATIENCE, Daemon, RawClient
from tests.kit.documents import block, read
from twisted_chat.client import ChatClient, Event, Online, TextStream
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError

pytestmark = pytest.mark.slow


T = TypeVar("T")

USERS = "user,password,role\nalice,sesame,operator\nbot,secret,\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a users file and the bot's password."""
    with tempfile.TemporaryDirectory(prefix="twisted-chat-") as name:
        found = Path(name)
        (found / "users.csv").write_text(USERS)
        (found / "secret").write_text("secret\n")
        (found / "wrong").write_text("wrong\n")
        yield found


def make_daemon(folder: Path, *options: str) -> Daemon:
    users = ("--users", str(folder / "users.csv"), "--guests")
    return Daemon("--log", "sqlite:chat.db", *users, *options, directory=folder)


# --- on a pipe ---------------------------------------------------------------------------------


def pipe(
    folder: Path, daemon: Daemon, *words: str, given: str = "", password: str = "secret"
) -> subprocess.CompletedProcess[str]:
    """Run the client on pipes until it ends."""
    return subprocess.run(
        [
            *COMMAND,
            f"bot@127.0.0.1:{daemon.port}",
            "--password-file",
            str(folder / password),
            *words,
        ],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(folder),
        check=False,
    )


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
            "/history\n"
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
            [*COMMAND, f"bot@127.0.0.1:{daemon.port}", "--password-file", str(folder / "secret")],
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
        output, errors = client.communicate(timeout=60)
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


# --- on a terminal -----------------------------------------------------------------------------


class Terminal:
    """The client on a terminal of its own."""

    def __init__(self, folder: Path, *words: str, kind: str = "xterm") -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self._usual = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**environment(folder), "TERM": kind},
        )
        os.close(slave)
        self.raw = ""
        self._seen = 0

    def type(self, keys: str) -> None:
        """Press keys; a carriage return is Enter."""
        os.write(self.master, keys.encode())

    def expect(self, *texts: str) -> None:
        """Wait until these are shown, in this order, after what was expected before."""
        for text in texts:
            deadline = time.monotonic() + PATIENCE
            while (at := self.shown.find(text, self._seen)) < 0:
                self._read(deadline, text)
            self._seen = at + len(text)

    @property
    def shown(self) -> str:
        """What has been shown, without what moves the cursor and colours it.

        Where nothing changes the cursor moves on: over blanks, as far as these tests look.
        """
        moved = re.sub(r"\x1b\[(\d*)C", lambda found: " " * int(found[1] or 1), self.raw)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r", "", moved)

    def end(self) -> int:
        """Wait for its end, check that the terminal is as it was, and return its exit status."""
        deadline = time.monotonic() + PATIENCE
        try:
            while True:
                self._read(deadline, "the end")
        except OSError:  # Linux's way to say that the other side of a terminal is closed
            status = self.process.wait(PATIENCE)
            assert termios.tcgetattr(self.master) == self._usual
            return status

    def _read(self, deadline: float, wanted: str) -> None:
        if not select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"{wanted!r} is not in {self.shown[self._seen :]!r}")
        self.raw += os.read(self.master, 65_536).decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


def test_two_terminals(folder: Path) -> None:
    """Two people talk; the daemon is killed and started again; both come back by themselves."""
    with make_daemon(folder) as daemon:
        place = f"127.0.0.1:{daemon.port}"
        with Terminal(folder, f"alice@{place}") as alice, Terminal(folder, f"bob@{place}") as bob:
            alice.expect("Password for alice")
            alice.type("sesame\r")
            alice.expect("You are on", "alice (operator)", "lobby: ")
            bob.expect("You are on", "bob (guest)", "lobby: ")

            bob.type("half a li")  # in the middle of it somebody speaks
            bob.expect("half a li")
            alice.type("hello bob\r")
            bob.expect("alice: hello bob", "> half a li")
            bob.type("ne\r")
            alice.expect("bob: half a line")

            alice.type("/createsess\t ops\r")
            alice.expect("ops: 1 here (alice)")
            bob.type("/j ops\r")
            bob.expect("ops: 2 here")
            alice.expect("bob has come")
            bob.type("/s lobby\r")
            bob.expect("Now in lobby")
            alice.type("anybody?\r")
            bob.expect("[ops 1]")

            daemon.kill()
            alice.expect("Trying again until it is there")
            alice.type("still here\r")
            alice.expect(f"(waiting for {place}) alice: still here", "1 waiting")
            bob.expect("Trying again")
            daemon.start()
            alice.expect("is back", "alice: still here")
            bob.expect("is back")
            bob.type("/s ops\r")
            bob.expect("alice: anybody?", "alice: still here")
            bob.type("/m alice \x1b[200~psst\nhey\x1b[201~\r")  # pasted, with a line's end
            alice.expect("bob to you: psst", "      hey")

            alice.type("half\x03")  # Ctrl-C clears the line
            alice.expect("Ctrl-C again")
            alice.type("x\r")
            alice.expect("alice: x")
            alice.type("/quit\r")
            assert alice.end() == 0
            bob.expect("alice has gone")
            bob.type("\x04")
            assert bob.end() == 0
        assert "sesame" not in alice.shown
        assert "Traceback" not in alice.shown + bob.shown


def test_locked_session_on_a_terminal(folder: Path) -> None:
    """A wrong password is asked for again, and never said or shown."""
    with make_daemon(folder) as daemon:
        pipe(folder, daemon, "--commands", given="/c vault sesame --keep\n")
        with Terminal(folder, f"carl@127.0.0.1:{daemon.port}") as carl:
            carl.expect("lobby: ")
            for keys in ("fir\x03", "\x04"):  # Ctrl-C and Ctrl-D are no answer, and end nothing
                carl.type("/j vault\r")
                carl.expect("Password of vault: ")
                carl.type(keys)
                carl.expect("vault needs a password.")
            carl.type("/j vault\r")
            carl.expect("Password of vault: ")
            carl.type("first\r")
            carl.expect("another password", "Password of vault: ")
            carl.type("sesame\r")
            carl.expect("vault: 1 here (carl)")
            carl.type("/quit\r")
            assert carl.end() == 0
        assert "first" not in carl.shown
        assert "sesame" not in carl.shown


def test_a_terminal_that_can_do_little(folder: Path) -> None:
    """There is no prompt on it, but a password is not shown there either."""
    with (
        make_daemon(folder) as daemon,
        Terminal(folder, f"alice@127.0.0.1:{daemon.port}", kind="dumb") as alice,
    ):
        alice.expect("Password for alice")
        alice.type("wrong\r")
        alice.expect("do not match", "Password for alice")
        alice.type("sesame\r")
        alice.expect("lobby: ")
        alice.type("hello\r")
        alice.expect("hello", "alice: hello")
        alice.type("/c vault --password\r")
        alice.expect("Password to lock vault with: ")
        alice.process.send_signal(signal.SIGINT)  # in the middle of it
        alice.end()
        assert "sesame" not in alice.shown
        assert "wrong" not in alice.shown


def test_harmless_on_a_terminal(folder: Path) -> None:
    """What others write does not reach the terminal as it is."""
    with (
        make_daemon(folder) as daemon,
        Terminal(folder, f"carl@127.0.0.1:{daemon.port}") as carl,
    ):
        carl.expect("lobby: ")
        pipe(folder, daemon, given="\x1b]0;owned\x07\x1b[2J \u202eevil\n")
        carl.expect(r"bot: \x1b]0;owned\x07\x1b[2J \u202eevil")
        assert "\x1b]0;owned" not in carl.raw
        assert "\u202e" not in carl.raw
        carl.type("dra\x1aft\r")  # Ctrl-Z is for the shell, where there is one
        carl.expect("carl: draft")
        carl.type("\x03\x03")  # twice leaves
        assert carl.end() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_on_a_terminal(folder: Path, number: signal.Signals) -> None:
    """A signal is a way to leave like any other: properly, and with the terminal as it was."""
    with (
        make_daemon(folder) as daemon,
        RawClient(daemon.port) as bob,
        Terminal(folder, f"carl@127.0.0.1:{daemon.port}") as carl,
    ):
        bob.login("bob")
        carl.expect("lobby: ")
        carl.type("half")
        carl.expect("half")
        carl.process.send_signal(number)
        assert bob.receive_until("left")["user"] == "carl"
        carl.end()
        assert "Traceback" not in carl.shown


# --- as a library ------------------------------------------------------------------------------


def library(daemon: Daemon, user: str, password: str | None = None) -> ChatClient:
    return ChatClient.to(reactor, f"tcp:127.0.0.1:{daemon.port}", user, password)


def bounded(deferred: Deferred[T]) -> Deferred[T]:
    """Wait for something, but not for ever."""
    return deferred.addTimeout(PATIENCE, cast(IReactorTime, reactor))


def following(texts: TextStream) -> Deferred[m.Text]:
    """Return the next text."""
    return bounded(Deferred.fromCoroutine(texts.__anext__()))


@ensureDeferred
async def test_a_bot(folder: Path) -> None:
    """The bot of docs/client.md answers as it is printed, in the lobby and to who writes to it."""
    source = block(read("docs/client.md"), "bot")
    assert len(source.splitlines()) <= 15
    async with make_daemon(folder) as daemon, library(daemon, "alice", "sesame") as alice:
        came: Deferred[None] = Deferred()

        def listen(event: Event) -> None:
            if isinstance(event, m.Joined):
                came.callback(None)

        alice.listen(listen)
        texts = alice.texts()
        bot = subprocess.Popen(
            [sys.executable, "-c", source, f"tcp:127.0.0.1:{daemon.port}"], stderr=subprocess.PIPE
        )
        try:
            await bounded(came)
            for ask in (alice.say("lobby", "!time"), alice.message("clock", "!time")):
                asked = await bounded(ask)
                answer = await following(texts)
                assert (answer.session, answer.seq) == (asked.session, asked.seq + 1)
                assert re.fullmatch("alice: [0-9]{2}:[0-9]{2}", answer.data)
        finally:
            bot.terminate()
            _, errors = await deferToThread(bot.communicate, timeout=PATIENCE)
        assert errors == b""


@ensureDeferred
async def test_once_and_in_order(folder: Path) -> None:
    """Two clients talk while the daemon is killed, twice: each text once, for both, in order."""
    async with (
        make_daemon(folder) as daemon,
        library(daemon, "alice", "sesame") as alice,
        library(daemon, "bob") as bob,
    ):
        heard: dict[str, list[Event]] = {"alice": [], "bob": []}
        alice.listen(heard["alice"].append)
        bob.listen(heard["bob"].append)
        said = []
        for n in range(2):
            for i in range(150):
                said += [client.say("lobby", f"{n} {i}") for client in (alice, bob)]
            await deferToThread(daemon.kill)
            said += [alice.say("lobby", f"down {i}") for i in range(10)]
            await deferToThread(daemon.start)
            await bounded(gatherResults([alice.arrival(), bob.arrival()]))
        stored = await bounded(gatherResults(said))
        last = await bounded(bob.say("lobby", "last"))
        await bounded(alice.ping())
        assert last.seq == len(said) + 1
        assert sorted(text.seq for text in stored) == list(range(1, len(said) + 1))
        for events in heard.values():
            assert [type(event) for event in events].count(Online) == 2
            texts = [event for event in events if isinstance(event, m.Text)]
            assert [text.seq for text in texts] == list(range(1, last.seq + 1))
            mine = [text.data for text in texts if text.source == "alice"]
            assert mine == [text.data for text in stored if text.source == "alice"]


@ensureDeferred
async def test_refused(folder: Path) -> None:
    """A refusal raises ChatError with its code, and the client has ended."""
    async with make_daemon(folder) as daemon:
        wrong = library(daemon, "alice", "wrong")
        with pytest.raises(ChatError) as refused:
            await wrong.start()
        assert refused.value.code == "bad-credentials"
        async with library(daemon, "carl") as carl:
            with pytest.raises(ChatError) as refused:
                await carl.join("nowhere")
            assert refused.value.code == "no-such-session"
            with pytest.raises(ChatError) as refused:
                await carl.say("lobby", "")
            assert refused.value.code == "empty"


@ensureDeferred
async def test_direct_messages_from_afar(folder: Path) -> None:
    """A direct message that began while one was away is told after coming back."""
    async with make_daemon(folder) as daemon:
        async with (
            library(daemon, "alice", "sesame") as alice,
            library(daemon, "bot", "secret") as bot,
        ):
            texts = alice.texts()
            await bounded(bot.message("alice", "before"))
            assert (await following(texts)).data == "before"
            places = [place for place in alice.sessions.values() if place.direct]
            await alice.logout()
            await bounded(bot.message("alice", "meanwhile"))
        again = library(daemon, "alice", "sesame")
        again.come_back_to(places)
        texts = again.texts()
        async with again:
            found = await following(texts)
            assert (found.session, found.seq, found.data) == ("@alice,bot", 2, "meanwhile")
