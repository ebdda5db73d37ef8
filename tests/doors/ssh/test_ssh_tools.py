"""Commands by SSH, through bytes: what they say, what they read, and their exit statuses."""

from __future__ import annotations

import re
import struct

from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
)

from tests.kit.ssh_client import Message, SshClient, shown, ssh_factory, status
from tests.kit.world import ChatCase, Client


def complaints(messages: list[Message]) -> str:
    """Return what was written to standard error."""
    found = [getNS(p[8:])[0] for message, p in messages if message == MSG_CHANNEL_EXTENDED_DATA]
    return b"".join(found).decode()


class ToolCase(ChatCase):
    def setUp(self) -> None:
        self.chat = self.world()
        self.factory = ssh_factory(self.chat)
        self.alice: Client = self.chat.come("alice")

    def run_it(self, command: str, given: bytes | None = None, user: str = "bot") -> SshClient:
        """Run a command; ``given`` is all of its standard input, None where it is left open."""
        client = SshClient(self.chat, self.factory)
        client.come(user)
        client.open()
        client.run(command)
        if given is not None:
            client.send(MSG_CHANNEL_DATA, struct.pack(">L", 0) + NS(given))
            client.send(MSG_CHANNEL_EOF, struct.pack(">L", 0))
        return client

    def lines(self, client: SshClient) -> list[str]:
        """Return what is shown, without the times."""
        return [line.split(" ", 1)[1] for line in shown(client.take()).splitlines()]


class SayingTests(ToolCase):
    def test_words(self) -> None:
        """Words are said, and it ends when they are stored."""
        self.chat.log.hold = True
        client = self.run_it("say lobby one 'and two'")
        self.assertIsNone(status(client.take()))
        self.chat.log.let_go()
        self.assertEqual(status(client.take()), 0)
        self.assertEqual([text["data"] for text in self.alice.texts()], ["one and two"])

    def test_input(self) -> None:
        """Standard input is said line by line; the exit waits for all of it to be stored."""
        self.chat.log.hold = True
        client = self.run_it("say lobby", b"one\n\ntwo\r\nthree")
        self.assertIsNone(status(client.take()))
        self.chat.log.let_go()
        self.assertEqual(status(client.take()), 0)
        self.assertEqual([text["data"] for text in self.alice.texts()], ["one", "two", "three"])

    def test_refused(self) -> None:
        """What can not be said is told on standard error, with status 1."""
        for given, words in (
            (b"\xff\n", "UTF-8"),
            (b"x" * 20_000 + b"\n", "at most"),
            (b"x" * 70_000, "too long"),
        ):
            client = self.run_it("say lobby")
            for at in range(0, len(given), 30_000):
                client.type(given[at : at + 30_000])
            client.send(MSG_CHANNEL_EOF, struct.pack(">L", 0))
            got = client.take()
            self.assertEqual(status(got), 1)
            self.assertIn(words, complaints(got))
        self.assertEqual(status(self.run_it("say nowhere hi").take()), 1)

    def test_json(self) -> None:
        """What was stored is a line of JSON each."""
        client = self.run_it("say lobby --json", b"one\ntwo\n")
        lines = shown(client.take()).splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn('"data":"one"', lines[0])

    def test_direct(self) -> None:
        """A user is a session too."""
        self.assertEqual(status(self.run_it("say @alice 'for you alone'").take()), 0)
        self.assertIn("for you alone", [text["data"] for text in self.alice.texts()])


class ReadingTests(ToolCase):
    def test_statuses(self) -> None:
        """0; 1 where nothing is found or something refused; 2 for words that are no command."""
        self.alice.say("here it is")
        for command, expected in (
            ("search lobby it", 0),
            ("search lobby nothing-like-it", 1),
            ("tail nowhere", 1),
            ("who lobby", 0),
            ("list", 0),
            ("list --json", 0),
            ("history lobby", 0),
            ("help", 0),
            ("", 2),
            ("fly", 2),
            ("tail lobby -n many", 2),
            ("tail 'lobby", 2),
            ("/bin/sh", 2),
        ):
            self.assertEqual(status(self.run_it(command).take()), expected, command)

    def test_tail(self) -> None:
        """The last texts, as many as are wanted, over as many pages as it takes."""
        for number in range(450):
            self.alice.say(f"{number:03d}")
        for count, first in ((10, 440), (3, 447), (420, 30), (1_000, 0), (0, 450)):
            lines = self.lines(self.run_it(f"tail lobby -n {count}"))
            self.assertEqual(lines, [f"alice: {n:03d}" for n in range(first, 450)], count)

    def test_no_gap(self) -> None:
        """What is said while ``tail -f`` reads what was said before comes once."""
        for number in range(5):
            self.alice.say(f"before {number}")
        self.chat.log.hold = self.chat.log.late = True
        client = self.run_it("tail lobby -n 3 -f")
        got: list[str] = []
        for number in range(8):  # at each step of it
            client.settle()
            self.alice.send("text", data=f"meanwhile {number}")
            self.chat.settle()
            while self.chat.log.commits:
                self.chat.log.commit()
                self.chat.settle()
            if self.chat.log.reads:
                self.chat.log.answer()
            got += self.lines(client)
        self.chat.log.let_go()
        self.alice.say("after")
        got += self.lines(client)
        first = got.index("alice: meanwhile 7") - 7
        self.assertEqual(got[first:-1], [f"alice: meanwhile {number}" for number in range(8)])
        self.assertEqual(got[-1], "alice: after")
        self.assertEqual(len(got), len(set(got)))

    def test_slow_reader(self) -> None:
        """``tail -f`` whose window stays shut goes on from the log, with nothing lost."""
        client = self.run_it("tail lobby -n 0 -f")
        client.take()
        slow = SshClient(self.chat, self.factory)
        slow.come("slow")
        slow.open(window=2_000)
        slow.run("tail lobby -n 0 -f")
        slow.take()
        got: list[Message] = []
        for number in range(300):
            self.alice.say(f"{number:03d} {'x' * 1_000}")
        for _ in range(400):
            slow.widen(1_000)
            got += slow.take()
        lines = [line.split(" ")[2] for line in shown(got).splitlines()]
        self.assertEqual(lines, [f"{number:03d}" for number in range(300)])
        self.assertEqual(len(self.lines(client)), 300)

    def test_never_reads(self) -> None:
        """Who reads nothing costs less than 1 MiB, as a window too, and has every text later."""
        clients = []
        for user, terminal in (("lazy", b""), ("idle", b"xterm")):
            client = SshClient(self.chat, self.factory)
            client.come(user)
            client.open(window=2**30)
            if terminal:
                client.terminal(terminal)
                client.shell()
            else:
                client.run("tail lobby -n 0 -f")
            client.take()
            client.pipe.reading = False
            clients.append(client)
        for number in range(600):
            self.alice.say(f"t{number:03d}t {'x' * 8_000}")
        for client in clients:
            client.settle()
            self.assertLess(client.pipe.most_unread, 2**19)
            client.pipe.reading = True
            found = re.findall(r"t(\d{3})t", shown(client.take()))
            self.assertEqual(found, [f"{number:03d}" for number in range(600)])
