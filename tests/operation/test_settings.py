"""Settings: one rule for the command line and the file, and one sentence for what is wrong."""

from __future__ import annotations

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.operation.settings import Settings, SettingsError, option, read, table


class SettingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "chat.toml"

    def given(self, **values: str | list[str]) -> Settings:
        """Read a command line."""
        return read({k: v if isinstance(v, list) else [v] for k, v in values.items()}, None)

    def configured(self, toml: str, **values: str) -> Settings:
        """Read a file, and a command line beside it."""
        self.file.write_text(toml)
        return read({name: [value] for name, value in values.items()}, str(self.file))

    def refused(self, **values: str | list[str]) -> str:
        """Return the sentence about a command line that is wrong: one line, with the option."""
        problem = str(self.assertRaises(SettingsError, lambda: self.given(**values)))
        for name in values:
            self.assertIn(f"--{option(name)}", problem)
        self.assertNotIn("\n", problem)
        return problem

    def test_defaults(self) -> None:
        """Without anything: port 1234, a lobby, a minute, and a file for the texts."""
        found = read({}, None)
        self.assertEqual(found, Settings())
        self.assertEqual(found.port, ("tcp:1234:backlog=1024",))
        self.assertEqual((found.lobby, found.linger, found.web), ("lobby", 60.0, ()))
        self.assertEqual(
            (found.log, found.guests, found.session_ports), ("sqlite:chat.db", False, None)
        )

    def test_help(self) -> None:
        """Every setting has a help."""
        for setting in table():
            self.assertTrue(setting.metadata["help"], setting.name)

    def test_ports(self) -> None:
        """A port is a number or an endpoint; several may be given."""
        self.assertEqual(self.given(port="0").port, ("tcp:0:backlog=1024",))
        several = ["1234", "tcp:1:interface=::1", "unix:/x"]
        self.assertEqual(self.given(port=several).port[1:], tuple(several[1:]))
        for wrong in ("", "x", "65536", "-1", "1.5", "１２３４", "99999999999999"):
            self.refused(port=wrong)

    def test_numbers(self) -> None:
        """Limits are whole numbers in their range; times and rates may have a fraction."""
        self.assertEqual(self.given(max_members="256").max_members, 256)
        self.assertEqual(self.given(linger="0").linger, 0.0)
        self.assertEqual(self.given(linger="1.5", rate="0").linger, 1.5)
        self.assertEqual(self.given(max_text="61440").max_text, 61_440)
        for wrong in ("", "x", "-1", "0", "1.5", "1e3", "0x10", "9" * 20, " 1", "nan", "٣"):
            self.refused(max_members=wrong)
        for wrong in ("", "x", "-1", "1e3", "inf", "nan", "9" * 20, "1."):
            self.refused(linger=wrong)
            self.refused(rate=wrong)
        self.refused(max_text="61441")

    def test_lobby(self) -> None:
        """The lobby is a session's name, or nothing."""
        self.assertEqual(self.given(lobby="").lobby, "")
        self.assertEqual(self.given(lobby="Haupthalle").lobby, "Haupthalle")
        for wrong in ("a b", "#x", "x" * 65):
            self.refused(lobby=wrong)

    def test_session_ports(self) -> None:
        """Two ports, the lower one first."""
        self.assertEqual(self.given(session_ports="4000-4063").session_ports, (4_000, 4_063))
        self.assertEqual(self.given(session_ports="1-65535").session_ports, (1, 65_535))
        for wrong in ("", "4000", "5-4", "0-5", "1-65536", "a-b", "1-2-3"):
            self.refused(session_ports=wrong)

    def test_file(self) -> None:
        """A file has the same names; numbers, truths and lists are what they are in TOML."""
        found = self.configured(
            'port = [1234, "tcp:99:interface=127.0.0.1"]\nlinger = 0.5\nguests = true\n'
            'lobby = ""\nmax-members = 64\nsession-ports = "4000-4001"\nname = "Ours"\n'
        )
        self.assertEqual(found.port, ("tcp:1234:backlog=1024", "tcp:99:interface=127.0.0.1"))
        self.assertEqual((found.linger, found.guests, found.lobby), (0.5, True, ""))
        self.assertEqual((found.max_members, found.session_ports), (64, (4_000, 4_001)))
        self.assertEqual(self.configured("port = 99").port, ("tcp:99:backlog=1024",))

    def test_the_command_line_wins(self) -> None:
        """What is given on the command line replaces what the file says, lists too."""
        found = self.configured("port = [1, 2]\nlinger = 5\nmax-text = 99", port="3", linger="7")
        self.assertEqual((found.port, found.linger), (("tcp:3:backlog=1024",), 7.0))
        self.assertEqual(found.max_text, 99)

    def test_a_wrong_file(self) -> None:
        """What is wrong in a file is one sentence with the file and the name."""
        for toml, word in (
            ("nonsense = 1", "nonsense"),
            ("max_members = 1", "max_members"),
            ("max-members = 0", "max-members"),
            ("max-members = [1]", "max-members"),
            ("linger = true", "linger"),
            ("guests = 1", "guests"),
            ("lobby = {}", "lobby"),
            ("linger = 1979-05-27", "linger"),
            ("port = [[1]]", "port"),
            ("= 1", "line 1"),
            ("linger = nan", "linger"),
            ("config = 'x'", "config"),
        ):
            problem = str(self.assertRaises(SettingsError, self.configured, toml))
            self.assertIn("chat.toml", problem)
            self.assertIn(word, problem)
            self.assertNotIn("\n", problem)

    def test_no_file(self) -> None:
        """A file that is not there, or is none, is one sentence."""
        for path in ("/nonexistent/chat.toml", "/"):
            self.assertIn(path, str(self.assertRaises(SettingsError, read, {}, path)))
        self.file.write_bytes(b"\xff")
        self.assertRaises(SettingsError, read, {}, str(self.file))
