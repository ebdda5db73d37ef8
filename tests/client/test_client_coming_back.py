"""The client away from a server, and back: after a connection, and after a run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.kit.desks import DeskCase
from tests.kit.fake_server import echo, snapshot, text
from twisted_chat.client.memory import Memory
from twisted_chat.vocabulary import messages as m


class ComingBackTests(DeskCase):
    def test_waiting(self) -> None:
        """What is typed while the server is away waits, is seen to wait, and is said once."""
        self.connect().lose()
        self.assertEqual(
            self.shown(), ["! home: the connection was lost. Trying again until it is there."]
        )
        self.type("hello\nthere")
        self.assertEqual(self.shown(), ["(waiting for home) alice: hello", "      there"])
        self.assertEqual(self.prompt(), "home/lobby (offline, 1 waiting)> ")
        connection = self.back()
        connection.welcome()
        (say,) = connection.sent()
        connection.say(echo(say, 1))
        self.assertEqual(
            self.shown(),
            ["* home is back, and says what waited (1).", "00:00 alice: hello", "      there"],
        )
        self.assertEqual(self.prompt(), "home/lobby> ")

    def test_slow(self) -> None:
        """A text that has no answer for 2 s is seen to wait, though nothing else is wrong."""
        connection = self.connect()
        self.type("one")
        self.clock.advance(1.9)
        self.type("/m bob two")
        self.assertEqual(self.shown(), [])
        self.clock.advance(0.1)
        self.assertEqual(self.shown(), ["(waiting for home) alice: one"])
        connection.lose()
        self.clock.advance(1.9)
        self.assertEqual(self.shown()[1:], ["(waiting for home) you to bob: two"])

    def test_never_there(self) -> None:
        """A server that was never there is told with the way to give it up."""
        self.type("/connect home")
        self.servers["home"].refuse = True
        self.servers["home"].last.lose()
        (line,) = self.shown()
        self.assertIn("Trying again until it is there; /disconnect home ends that.", line)
        self.type("/disconnect home")
        self.assertEqual(self.prompt(), "> ")

    def test_one_line(self) -> None:
        """However long a server is away, it is said once."""
        connection = self.connect()
        connection.lose()
        self.servers["home"].refuse = True
        self.clock.pump([5] * 50)
        self.assertEqual(len(self.shown()), 1)
        self.type("/list")
        self.assertEqual(self.shown(), ["* home is not there; this waits until it is."])
        self.type("/servers")
        self.assertEqual(self.shown(), ["* home: connection refused; in lobby"])

    def test_reset(self) -> None:
        """Where the server has lost what was said, one is told, and sees what it has."""
        connection = self.connect()
        connection.say(text(1), text(2))
        connection.lose()
        self.shown()
        connection = self.back()
        (login,) = connection.sent()
        connection.say(
            m.Welcome(
                user="alice",
                server="x",
                limits=m.Limits(text=1),
                protocol=1,
                lobby="lobby",
                id=login.id,
            ),
            snapshot("lobby", 1, epoch="e-2", reset=True),
        )
        (history,) = connection.sent()
        self.assertIsInstance(history, m.History)
        connection.say(
            m.Texts(session="lobby", texts=[text(1, "all")], more=False, epoch="e-2", id=history.id)
        )
        self.assertEqual(
            self.shown(),
            [
                "* home is back.",
                "* home/lobby begins anew: this is what the server has of it.",
                "00:00 bob: all",
            ],
        )

    def test_chosen_elsewhere(self) -> None:
        """What was taken back on another device while one was away does not hold any more."""
        connection = self.connect()
        connection.say(m.Chosen(ignored=["bob"], levels=[]), text(1))
        self.assertEqual(self.shown(), [])
        connection.lose()
        connection = self.back()
        connection.welcome()
        self.shown()
        connection.say(text(2))
        self.assertEqual(len(self.shown()), 1)

    def test_gone(self) -> None:
        """A session that is no more is told, and one is somewhere else."""
        connection = self.connect()
        self.join(connection, "ops")
        connection.lose()
        connection = self.back()
        connection.welcome()
        self.shown()
        connection.say(m.Error(code="no-such-session", data="It has closed.", session="ops"))
        self.assertEqual(self.shown(), ["! home/ops: It has closed.", "* Now in lobby."])


class MemoryTests(DeskCase):
    def test_from_one_run_to_the_next(self) -> None:
        """The same guest comes again, and reads the direct messages that it missed."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state" / "memory.json"
            self.desk = self.make_desk(Memory(path))
            direct = [m.Direct(session="@alice,bob", epoch="d", head=3)]
            connection = self.connect(token="proof", direct=direct)
            connection.say(text(4, session="@alice,bob"))
            self.type("/quit")
            connection.lose()
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)

            self.desk = self.make_desk(Memory(path))
            self.shown()
            self.type("/connect home")
            connection = self.servers["home"].last
            direct = [m.Direct(session="@alice,bob", epoch="d", head=5)]
            login = connection.welcome(direct=direct)
            self.assertEqual(login.token, "proof")
            self.assertEqual(login.resume, [m.Place(session="@alice,bob", after=4, epoch="d")])
            connection.say(snapshot("@alice,bob", 5, epoch="d"), text(5, session="@alice,bob"))
            self.assertEqual(
                self.shown()[1:],
                [
                    "* Direct messages: @bob (5). /switch @user goes there.",
                    "* lobby: 1 here (alice)",
                    "00:00 bob to you: hello",
                ],
            )

    def test_a_device(self) -> None:
        """An account's password is asked for once: from then on its token does, and it is kept."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "memory.json"
            self.desk = self.make_desk(Memory(path))
            self.type("/login alice secret home 1234")
            login = self.servers["home"].last.welcome(token="device.proof", guest=False)
            self.assertEqual((login.password, login.remember), ("secret", True))
            self.assertIsNone(self.desk.where.servers["home"].client.password)
            self.assertNotIn("secret", path.read_text())

            self.desk = self.make_desk(Memory(path))
            self.type("/connect home")
            login = self.servers["home"].last.welcome(token=None, guest=False)
            self.assertEqual((login.password, login.token), (None, "device.proof"))
            self.assertEqual(self.desk.where.servers["home"].client.token, "device.proof")

    def test_no_file(self) -> None:
        """A file that can not be read or written is no problem."""
        with tempfile.TemporaryDirectory() as folder:
            broken = Path(folder) / "broken"
            for content in (b"", b"[1]", b"\xff", b'{"alice@home":{"direct":5}}'):
                broken.write_bytes(content)
                self.assertIsNone(Memory(broken).of("alice@home"))
            self.assertIsNone(Memory(broken / "below").of("x"))
            Memory(broken / "below").keep("x", None, [])
        memory = Memory(None)
        for n in range(200):
            memory.keep(str(n), None, [])
        self.assertIsNone(memory.of("0"))
        self.assertIsNotNone(memory.of("199"))
