"""The lines door: telnet, netcat and scripts, through bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.daemon import Daemon, free_port
from tests.kit.hostile import anything, is_harmless
from tests.kit.lines import LinesCase
from tests.kit.pipe import FULL
from tests.kit.world import ChatCase
from twisted_chat.doors.lines.cutting import MAX_LINE, Cutter, TooLong
from twisted_chat.doors.lines.telnet import DO, DONT, ECHO, IAC, NAWS, SB, SE, WILL, WONT
from twisted_chat.doors.watch import LOGIN_SECONDS
from twisted_chat.vocabulary.messages import Bye

HIDDEN, SHOWN = bytes((IAC, WILL, ECHO)), bytes((IAC, WONT, ECHO))
ASKED = bytes((IAC, DO, NAWS))


class ComingTests(LinesCase):
    def test_a_name_and_lines(self) -> None:
        """Name yourself, and each line goes to everybody."""
        self.begin()
        alice = self.chat.come("alice")
        bob = self.connect()
        self.assertEqual(bob.raw(), b"Name: ")
        self.assertIn("* You are on twisted-chat as bob (guest).", bob.type("bob"))
        (said,) = bob.type("hello")
        self.assertTrue(said.endswith(" bob: hello"))
        self.assertEqual([text["data"] for text in alice.texts()], ["hello"])
        alice.say("hi")
        self.assertTrue(bob.shown()[-1].endswith(" alice: hi"))

    def test_a_script(self) -> None:
        """A script gets its acknowledgements before the close, and each line is done in turn."""
        self.begin()
        alice = self.chat.come("alice")
        script = self.connect()
        script.send(b"bob\n/createsession ops\none\n\n/joinsession lobby\ntwo")
        script.end()
        lines = script.shown()
        self.assertTrue(any(line.endswith(" bob: one") for line in lines), lines)
        self.assertTrue(lines[-1].endswith(" bob: two"), lines)
        self.assertEqual([text["data"] for text in alice.texts()], ["two"])
        self.chat.pass_time(3)
        script.settle()
        self.assertTrue(script.pipe.gone)

    def test_a_password(self) -> None:
        """An account's password is asked for, and a telnet does not show it."""
        self.begin(users=["alice"])
        alice = self.connect()
        alice.raw()
        alice.send(b"alice\r\n")
        self.assertEqual(alice.raw(), HIDDEN + b"Password: ")
        alice.send(bytes((IAC, DO, ECHO)))
        self.assertNotIn(HIDDEN, alice.raw())  # it is an answer, and not answered
        alice.send(b"secret\r\0")
        said = alice.raw()
        self.assertTrue(said.startswith(SHOWN + b"\r\n"), said)
        self.assertIn(b"You are on twisted-chat as alice.", said)

    def test_one_password_after_another(self) -> None:
        """What a telnet answers late is not taken for a wish to show the next password."""
        self.begin(users=["alice"])
        alice = self.connect()
        alice.send(b"alice\r\n")
        alice.send(bytes((IAC, DO, ECHO)))
        alice.send(b"secret\r\0")
        alice.send(bytes((IAC, DONT, ECHO)))
        alice.raw()
        alice.send(b"/passwd\r\0")
        self.assertTrue(alice.raw().endswith(HIDDEN + b"Password now: "))
        alice.send(bytes((IAC, DO, ECHO)))
        alice.send(b"secret\r\0")
        self.assertEqual(alice.raw(), SHOWN + b"\r\n" + HIDDEN + b"New password: ")
        alice.send(bytes((IAC, DONT, ECHO, IAC, DO, ECHO)))
        self.assertEqual(alice.raw(), b"")

    def test_a_program_is_not_negotiated_with(self) -> None:
        """Where name and password have come already, nothing but lines is sent."""
        self.begin(users=["alice"])
        alice = self.connect()
        lines = alice.type("alice", "secret", "hello")
        self.assertTrue(lines[-1].endswith(" alice: hello"), lines)

    def test_three_tries(self) -> None:
        """Who fails three times is let go; a name that is none is a try too."""
        self.begin(users=["alice"])
        alice = self.connect()
        self.assertIn("! ", alice.type("a b")[0])
        alice.send(b"alice\nwrong\nalice\nwrong\n")
        self.assertEqual(alice.raw().count(b"do not match"), 2)
        alice.settle()
        self.assertTrue(alice.pipe.gone)

    def test_a_name_that_is_taken(self) -> None:
        """A guest whose name somebody has is asked for another."""
        self.begin()
        self.chat.come("bob")
        bob = self.connect()
        self.assertIn("! ", bob.type("bob")[0])
        self.assertIn("* You are on twisted-chat as bob2 (guest).", bob.type("bob2"))

    def test_plain_text(self) -> None:
        """Who comes from elsewhere is warned before its password goes over the wire."""
        for local in (True, False):
            self.begin(users=["alice"])
            alice = self.connect(local)
            alice.send(b"alice\n")
            self.assertEqual(b"plain text" in alice.raw(), not local)

    def test_silence(self) -> None:
        """Who says no name is let go."""
        self.begin()
        bob = self.connect()
        self.chat.pass_time(LOGIN_SECONDS + 2)
        bob.settle()
        self.assertTrue(bob.pipe.gone)
        self.assertEqual(self.factory.turnstile.inside, 0)

    def test_guessing(self) -> None:
        """Passwords that are wrong here count as they do everywhere."""
        self.begin(users=["alice"])
        for _ in range(2):
            self.connect().type("alice", "wrong", "alice", "wrong", "alice", "wrong")
        self.assertIn("Too many wrong passwords", "".join(self.connect().type("alice", "secret")))

    def test_names_cost(self) -> None:
        """Five names of accounts are told to an address; who is one of them is asked on."""
        users = [f"u{number}" for number in range(5)]
        self.begin(users=users)
        for user in users:
            self.assertIn(b"Password: ", self.come_as(user))
        for user in ("free", users[0]):
            self.assertIn(b"Too many wrong passwords", self.come_as(user))

    def come_as(self, user: str) -> bytes:
        """Say a name and return what is asked then."""
        client = self.connect()
        client.send(user.encode() + b"\r\n")
        return client.raw()

    def test_farewell(self) -> None:
        """When the server stops it says so."""
        self.begin()
        bob = self.come()
        bob.raw()
        gone = self.factory.close(Bye(data="The server is stopping."))
        self.chat.pass_time(3)
        self.assertIn(b"! The server is stopping.\r\n", bob.raw())
        bob.settle()
        self.successResultOf(gone)

    def test_vanishing(self) -> None:
        """Who is gone without a word has left."""
        self.begin()
        alice, bob = self.chat.come("alice"), self.come()
        self.chat.quiet()
        bob.pipe.lose()
        bob.settle()
        self.assertEqual([event["type"] for event in alice.got()], ["left"])

    def test_quit(self) -> None:
        self.begin()
        bob = self.come()
        bob.type("/quit")
        self.chat.pass_time(3)
        bob.settle()
        self.assertTrue(bob.pipe.gone)


class TelnetTests(LinesCase):
    def test_quiet_until_it_matters(self) -> None:
        """Who says nothing for a second is asked for its window, and no one else is."""
        self.begin()
        person, program = self.connect(), self.connect()
        program.type("bob")
        person.raw()
        self.chat.pass_time(1)
        self.assertEqual(person.raw(), ASKED + b"\rName:    \rName: ")
        self.chat.pass_time(2)
        self.assertNotIn(bytes((IAC,)), program.raw())

    def test_window(self) -> None:
        """Lines are broken for the window, as wide as it is now."""
        self.begin()
        bob = self.come()
        bob.send(bytes((IAC, WILL, NAWS, IAC, SB, NAWS, 0, 30, 0, 24, IAC, SE)))
        bob.raw()
        words = "one two three four five six seven"
        self.assertTrue(all(len(line) <= 30 for line in bob.type(words)))
        bob.send(bytes((IAC, SB, NAWS, 0)))  # it may come in pieces
        bob.send(bytes((IAC, IAC, 0, 24, IAC, SE)))
        (line,) = bob.type(words)
        self.assertTrue(line.endswith(words))

    def test_within_a_letter(self) -> None:
        """A command in the middle of UTF-8 is no part of it."""
        self.begin()
        bob = self.come()
        bob.raw()
        one, two = "é".encode()[:1], "é".encode()[1:]
        bob.send(b"caf" + one + bytes((IAC, 241)) + two)
        bob.raw()
        bob.send(b"\r\n")
        self.assertTrue(bob.shown()[-1].endswith(" bob: café"))

    def test_what_is_no_letter(self) -> None:
        """What is not UTF-8 is refused, and the next line is said."""
        self.begin()
        bob = self.come()
        bob.send(bytes((IAC, IAC)) + b"\n\xe9\nfine\n")
        lines = bob.raw().decode()
        self.assertEqual(lines.count("Not said: the line is not in UTF-8."), 2)
        self.assertIn(" bob: fine", lines)

    def test_are_you_there(self) -> None:
        self.begin()
        bob = self.come()
        bob.send(bytes((IAC, 246)))
        self.assertIn(b"* yes", bob.raw())

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever comes, nothing breaks, and what is answered is bounded."""
        self.begin()
        bob = self.connect()
        bob.send(b"bob\n" + data)
        bob.send(b"\n/quit\n")
        self.assertLess(len(bob.raw()), 20_000)
        self.chat.pass_time(3)
        self.flushLoggedErrors()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_answers_are_bounded(self) -> None:
        self.begin()
        bob = self.come()
        bob.raw()
        bob.send(bytes((IAC, DO, 99)) * 10_000)
        self.assertLess(len(bob.raw()), 1_000)


class ShownTests(LinesCase):
    @given(anything)
    def test_harmless(self, data: str) -> None:
        """What others write moves no cursor."""
        self.begin()
        alice, bob = self.chat.come("alice"), self.come()
        bob.raw()
        alice.send("text", data=f"x{data}")
        for line in bob.raw().decode().split("\r\n"):
            self.assertTrue(is_harmless(line), line)

    def test_a_reader_that_stops(self) -> None:
        """Who reads nothing costs a bounded buffer, and later gets every text, in order."""
        self.begin()
        alice, bob = self.chat.come("alice"), self.come()
        bob.raw()
        bob.pipe.reading = False
        for number in range(600):
            alice.say(f"{number} " + "x" * 1_000)
        bob.settle()
        self.assertLess(bob.pipe.most_unread, 4 * FULL)
        bob.pipe.reading = True
        said: list[int] = []
        for _ in range(100):
            for line in bob.raw().decode().split("\r\n"):
                if " alice: " in line:
                    said.append(int(line.partition(" alice: ")[2].split()[0]))
        self.assertEqual(said, list(range(600)))


class CutterTests(ChatCase):
    @given(st.lists(st.sampled_from([b"a", b"\r\n", b"\n", b"\r", b"\r\0", "é".encode()])))
    def test_any_cut(self, pieces: list[bytes]) -> None:
        """However bytes arrive, the same lines come of them."""
        data = b"".join(pieces)
        whole, slow = Cutter(), Cutter()
        expected = list(whole.cut(data))
        found = [line for at in range(len(data)) for line in slow.cut(data[at : at + 1])]
        self.assertEqual((found, slow.end()), (expected, whole.end()))

    def test_erasing(self) -> None:
        """A backspace takes a whole letter, and Ctrl-U all of the line."""
        self.assertEqual(list(Cutter().cut("aé\bb\x7f\x7fc\n".encode())), [b"c"])
        self.assertEqual(list(Cutter().cut(b"\b\babc\x15d\n")), [b"d"])

    def test_too_long(self) -> None:
        """A line that no text could hold is passed over whole; the next one is fine."""
        cutter = Cutter()
        lines = list(cutter.cut(b"x" * MAX_LINE + b"\n" + b"x" * (MAX_LINE + 1)))
        self.assertEqual(lines, [b"x" * MAX_LINE])
        long, fine = cutter.cut(b"yy\nfine\n")
        self.assertIsInstance(long, TooLong)
        self.assertEqual(fine, b"fine")


# --- the programs that people have ---------------------------------------------------------------


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon with a lines door."""
    lines = free_port()
    options = ("--lines", f"tcp:{lines}:interface=127.0.0.1", "--log", "memory:")
    with Daemon(*options, "--guests", users=["alice,sesame,"]) as running:
        running.lines = lines  # type: ignore[attr-defined]
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("who", ["bob", "alice\nsesame"])
def test_netcat(daemon: Daemon, who: str) -> None:
    r"""``printf 'name\\nhello\\n' | nc`` has its acknowledgement before it ends."""
    done = subprocess.run(
        ["nc", "-N", "127.0.0.1", str(daemon.lines)],  # type: ignore[attr-defined]
        input=f"{who}\nhello\n".encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.decode().endswith(f" {who.split()[0]}: hello\r\n"), done.stdout
