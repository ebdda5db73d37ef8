"""Channels of an SSH connection, through bytes: windows, ends, and what is no channel."""

from __future__ import annotations

import struct

from twisted.conch.ssh.common import NS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_REQUEST_SUCCESS,
)

from tests.kit.ssh_client import SshClient, shown, ssh_factory, status
from tests.kit.world import ChatCase
from twisted_chat.doors.ssh.visitor import MAX_CHANNELS, MIN_CHANNEL_PACKET


class ChannelCase(ChatCase):
    def come(self) -> SshClient:
        self.chat = self.world()
        client = SshClient(self.chat, ssh_factory(self.chat))
        client.come("gus")
        client.take()
        return client


class EndTests(ChannelCase):
    """How a command ends."""

    def test_order(self) -> None:
        """That it was taken, what it says, its status, the end of it, and the close."""
        client = self.come()
        client.open()
        client.run("list --json")
        got = client.take()
        self.assertEqual(status(got), 0)
        self.assertEqual(
            [message for message, _ in got],
            [
                *(MSG_CHANNEL_OPEN_CONFIRMATION, MSG_CHANNEL_SUCCESS, MSG_CHANNEL_DATA),
                *(MSG_CHANNEL_REQUEST, MSG_CHANNEL_EOF, MSG_CHANNEL_CLOSE),
            ],
        )

    def test_wrong_words(self) -> None:
        """The same order where it ends at once."""
        client = self.come()
        client.open()
        client.run("fly")
        got = client.take()
        self.assertEqual(status(got), 2)
        self.assertEqual(got[1][0], MSG_CHANNEL_SUCCESS)
        self.assertEqual(got[-1][0], MSG_CHANNEL_CLOSE)

    def test_behind_the_window(self) -> None:
        """Who takes little at a time has all of it before the status and the end."""
        client = self.come()
        alice = self.chat.come("alice")
        for number in range(20):
            alice.say(f"{number:02d} {'x' * 5_000}")
        client.open(window=1_000)
        client.run("history lobby")
        got = client.take()
        self.assertIsNone(status(got))
        for _ in range(200):
            client.widen(1_000)
            more = client.take()
            got += more
            if status(more) is not None:
                break
        self.assertEqual(shown(got).count("alice: "), 20)
        self.assertEqual(shown(got).count("x"), 100_000)
        self.assertEqual([m for m, _ in got[-3:]], [98, MSG_CHANNEL_EOF, MSG_CHANNEL_CLOSE])

    def test_at_once_behind_the_window(self) -> None:
        """The same where a command ends at once, and asks nobody."""
        client = self.come()
        client.open(window=10)
        client.run("help")
        got = client.take()
        self.assertIsNone(status(got))
        client.widen(2**20)
        got += client.take()
        self.assertIn("standard input", shown(got))
        self.assertEqual([m for m, _ in got[-3:]], [98, MSG_CHANNEL_EOF, MSG_CHANNEL_CLOSE])

    def test_closed_in_between(self) -> None:
        """A client that closes a channel with much to come is answered, and the channel is gone."""
        client = self.come()
        alice = self.chat.come("alice")
        alice.say("x" * 10_000)
        for number in range(2 * MAX_CHANNELS):
            client.open(window=100)
            client.run("history lobby", channel=number)
            client.settle()
            client.close(channel=number)
            self.assertIn(MSG_CHANNEL_CLOSE, client.numbers())


class RefusalTests(ChannelCase):
    """What is no channel."""

    def test_kinds(self) -> None:
        """Forwarding, agent and X11 are refused, and nothing is logged of it."""
        client = self.come()
        for kind in (b"direct-tcpip", b"direct-streamlocal@openssh.com", b"x11", b"auth-agent"):
            client.open(kind=kind)
            self.assertEqual(client.numbers(), [MSG_CHANNEL_OPEN_FAILURE], kind)

    def test_too_many(self) -> None:
        """There are not more than so many at once."""
        client = self.come()
        for _ in range(MAX_CHANNELS):
            client.open()
        client.take()
        client.open()
        self.assertEqual(client.numbers(), [MSG_CHANNEL_OPEN_FAILURE])

    def test_short_packets(self) -> None:
        """Packets of nothing, or of so little that each text would be thousands."""
        client = self.come()
        for size in (0, 1, MIN_CHANNEL_PACKET - 1):
            client.open(packet=size)
            self.assertEqual(client.numbers(), [MSG_CHANNEL_OPEN_FAILURE])
        client.open(packet=MIN_CHANNEL_PACKET)
        client.run("fly")
        self.assertEqual(status(client.take()), 2)

    def test_answers_to_nothing(self) -> None:
        """What answers no question ends the connection."""
        for message in (MSG_CHANNEL_OPEN_CONFIRMATION, MSG_CHANNEL_OPEN_FAILURE):
            client = self.come()
            client.open()
            client.send(message, struct.pack(">4L", 0, 0, 0, 0) + NS(b""))
            self.assertEqual(client.farewell, b"a message can not be read")
        client = self.come()
        client.send(MSG_REQUEST_SUCCESS)
        self.assertEqual(client.farewell, b"a message can not be read")

    def test_no_such_channel(self) -> None:
        """Data, requests and ends of a channel that there is not."""
        for message in range(93, 99):
            client = self.come()
            client.send(message, struct.pack(">2L", 5, 0) + NS(b"x") + b"\1")
            self.assertEqual(client.farewell, b"a message can not be read", message)


class ShellTests(ChannelCase):
    """Where nothing can be drawn on."""

    def lines(self, client: SshClient) -> list[str]:
        """Return the lines of others and one's own, without the times."""
        found = shown(client.take()).split("\n")
        return [line.split(" ", 1)[1] for line in found if line[:2].isdigit()]

    def test_no_terminal(self) -> None:
        """Lines that are piped in are done in turn, and it ends behind the last of them."""
        client = self.come()
        client.open()
        client.shell()
        said = [f"line\t{number}" for number in range(100)]
        client.type("\n".join(["/createsession ops", *said, "/list", "the last"]).encode())
        client.send(MSG_CHANNEL_EOF, struct.pack(">L", 0))
        got = client.take()
        self.assertEqual(status(got), 0)
        whole = shown(got)
        self.assertNotIn("\x1b", whole)
        self.assertNotIn("\r", whole)
        lines = [line.split(" ", 1)[1] for line in whole.split("\n") if line[:2].isdigit()]
        texts = [line.removeprefix("gus: ") for line in lines if line.startswith("gus: ")]
        self.assertEqual(texts, [*(one.replace("\t", "    ") for one in said), "the last"])

    def test_no_terminal_refused(self) -> None:
        """What is no line is passed over whole, and the next one is said."""
        client = self.come()
        client.open()
        client.shell()
        for piece in (b"\xff\n", b"x" * 30_000, b"x" * 30_000, b"x" * 30_000, b"\nfine\n"):
            client.type(piece)
        client.send(MSG_CHANNEL_EOF, struct.pack(">L", 0))
        found = shown(client.take())
        self.assertIn("not in UTF-8", found)
        self.assertIn("at most 65,536 bytes", found)
        self.assertIn("gus: fine", found)
        self.assertNotIn("xxx", found)

    def test_too_long_at_the_end(self) -> None:
        """So is the last line, where nothing is left of it."""
        client = self.come()
        client.open()
        client.shell()
        for _ in range(3):
            client.type(b"x" * 30_000)
        client.send(MSG_CHANNEL_EOF, struct.pack(">L", 0))
        got = client.take()
        self.assertIn("at most 65,536 bytes", shown(got))
        self.assertIsNotNone(status(got))

    def test_more_behind_the_end(self) -> None:
        """What is piped in behind /quit is passed over, and the connection is read on."""
        client = self.come()
        client.open()
        client.shell()
        client.type(b"/quit\n" + b"more\n" * 200)
        got = client.take()
        self.assertEqual(status(got), 0)
        self.assertNotIn("gus: more", shown(got))
        client.type(b"more\n" * 200)
        self.assertTrue(client.pipe.read_from)

    def test_not_let_in(self) -> None:
        """Who is banned from the lobby is told so, and its lines do not wait for ever."""
        self.chat = self.world(users=[], operators=["carol"])
        carol = self.chat.come("carol", password="secret")
        self.assertEqual(carol.ask("ban", session="lobby", user="gus")["type"], "banned")
        client = SshClient(self.chat, ssh_factory(self.chat))
        client.come("gus")
        client.open()
        client.shell()
        client.type(b"/quit\n")
        got = client.take()
        self.assertIn("kept out of lobby", shown(got))
        self.assertIsNotNone(status(got))

    def test_dumb(self) -> None:
        """A terminal that says that it is dumb has what is typed shown, and no escape sequence."""
        client = self.come()
        client.open()
        client.terminal(b"dumb")
        client.shell()
        client.take()
        client.type(b"helo\x7flo\r")
        found = shown(client.take())
        self.assertTrue(found.startswith("helo\b \blo\r\n"), found)
        self.assertIn("gus: hello\r\n", found)
        self.assertNotIn("\x1b", found)
        client.type(b"/j\t one\r\x04")
        got = client.take()
        self.assertEqual(status(got), 0)
        self.assertNotIn("\x1b", shown(got))

    def test_behind_what_was_typed(self) -> None:
        """Ctrl-D leaves behind the lines before it; Ctrl-C twice leaves at once."""
        alice = None
        for keys, said in ((b"one\rtwo\rthree\r\x04", 3), (b"one\rtwo\rthree\r\x03\x03", 0)):
            client = self.come()
            alice = self.chat.come("alice")
            self.chat.log.hold = True
            client.open()
            client.terminal(b"xterm")
            client.shell()
            client.type(keys)
            client.settle()
            self.chat.log.let_go()
            self.assertEqual(status(client.take()), 0)
            self.assertEqual(len(alice.texts()), said)

    def test_typed_at_once(self) -> None:
        """What is typed before one is in the lobby is said there."""
        client = self.come()
        client.open()
        client.terminal(b"xterm")
        client.shell()
        client.type(b"early\r")
        self.assertIn("early", shown(client.take()).split("\x1b[m: ")[-1])

    def test_unfinished(self) -> None:
        """A window that is closed with a line half typed: it is not said."""
        client = self.come()
        alice = self.chat.come("alice")
        client.open()
        client.terminal(b"xterm")
        client.shell()
        client.type(b"half a line")
        client.send(MSG_CHANNEL_EOF, struct.pack(">L", 0))
        self.assertEqual(status(client.take()), 0)
        self.assertEqual(alice.texts(), [])
