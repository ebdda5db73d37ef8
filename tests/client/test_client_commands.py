"""The line client's commands: which there are, how they are read and completed, and their page."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.desks import DeskCase
from twisted_chat.client.words import complete
from twisted_chat.client.words.commands import Usage, command_of, commands
from twisted_chat.vocabulary import messages as m


class TableTests(SynchronousTestCase):
    def test_names(self) -> None:
        """No two commands have the same name or short form, and each says what it does."""
        names = [name for command in commands() for name in (command.name, command.short) if name]
        self.assertEqual(len(names), len(set(names)))
        for command in commands():
            self.assertTrue(command.help.endswith("."), command.name)

    def test_the_ones_that_are_promised(self) -> None:
        """Every command has the name and the arguments that it was given in the beginning."""
        usages = {command.usage for command in commands()}
        for usage in (
            "/login USER [PASSWORD] HOST PORT",
            "/logout",
            "/leavesession [NAME]",
            "/deletesession NAME",
            "/list",
            "/who",
            "/history [N]",
            "/switch NAME",
            "/connect HOST[:PORT]",
            "/servers",
            "/quit",
            "/msg USER TEXT...",
            "/search QUERY...",
        ):
            self.assertIn(usage, usages)

    def test_reading(self) -> None:
        """Arguments are told apart by their number; the last may be the rest of the line."""
        login = command_of("login")
        self.assertEqual(
            login.read("alice secret home 1234").arguments,
            {"USER": "alice", "PASSWORD": "secret", "HOST": "home", "PORT": "1234"},
        )
        self.assertNotIn("PASSWORD", login.read("alice home 1234").arguments)
        self.assertEqual(command_of("m").read("bob  how  are you ")["TEXT"], "how  are you")
        create = command_of("c").read("--keep ops --password")
        self.assertEqual(create.arguments, {"NAME": "ops"})
        self.assertEqual(create.flags, {"--keep", "--password"})
        self.assertIsNone(command_of("topic").read("").get("TEXT"))
        for name, rest in (
            ("login", "a b"),
            ("login", "a b c d e"),
            ("quit", "now"),
            ("msg", "bob"),
        ):
            self.assertRaises(Usage, command_of(name).read, rest)

    def test_beginnings(self) -> None:
        """A beginning that only one command has is enough."""
        self.assertEqual(command_of("DISC").name, "disconnect")
        self.assertEqual(command_of("l").name, "leavesession")
        for name in ("lo", "", "nothing"):
            self.assertRaises(Usage, command_of, name)


class CompletionTests(DeskCase):
    def complete(self, line: str) -> list[str]:
        return list(complete(self.desk, line))

    def test_completion(self) -> None:
        """Commands, sessions and users are completed, by what is there."""
        self.assertEqual(self.complete("/hi"), ["/history"])
        self.assertEqual(self.complete("hel"), [])
        connection = self.connect()
        connection.say(m.Joined(session="lobby", user="bob", count=2))
        self.join(connection, "ops", users=["alice", "Carol"])
        self.assertEqual(self.complete("/s lo"), ["lobby"])
        self.assertEqual(self.complete("/switch "), ["lobby", "ops"])
        self.assertEqual(self.complete("/j o"), ["ops"])
        self.type("/list")
        listed = [
            m.ListedSession(session=name, users=1, topic="", owner=None, locked=False)
            for name in ("ops", "office")
        ]
        (request,) = connection.sent()
        connection.say(m.Listing(sessions=listed, users=[], id=request.id))
        self.assertEqual(self.complete("/j o"), ["ops", "office"])
        self.assertEqual(self.complete("/switch o"), ["ops"])
        self.assertEqual(self.complete("/m b"), ["bob"])
        self.assertEqual(self.complete("/m bob c"), ["Carol"])
        self.assertEqual(self.complete("/m bob hello c"), ["Carol"])
        self.assertEqual(self.complete("what does c"), ["Carol"])
        self.assertEqual(self.complete("/disconnect "), ["home"])
        self.assertEqual(self.complete("/help sw"), ["switch"])
        self.assertEqual(self.complete("/c ops --k"), ["--keep"])
        self.assertEqual(self.complete("/quit x"), [])
        self.assertEqual(self.complete("/nothing x"), [])

    @given(st.text(max_size=20))
    def test_anything(self, line: str) -> None:
        """Whatever is typed, Tab does no harm."""
        self.complete(line)
        self.complete(f"/{line}")


class DocumentTests(SynchronousTestCase):
    def test_commands(self) -> None:
        """docs/client.md lists every command as it is."""
        page = Path(__file__).parent.parent.parent / "docs" / "client.md"
        text = page.read_text(encoding="utf-8")
        listed = text.partition("<!-- commands -->")[2].partition("<!-- /commands -->")[0]
        rows = [line for line in listed.splitlines() if line.startswith("| `/")]
        expected = []
        for command in commands():
            short = f"`/{command.short}`" if command.short else ""
            expected.append(f"| `{command.usage}` | {short} | {command.help} |")
        self.assertEqual(rows, expected)
