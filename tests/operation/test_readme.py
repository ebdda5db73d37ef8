"""README.md and etc/ say what is so: the options, the commands, the bot, the configuration."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from tempfile import NamedTemporaryFile

import pytest
from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.daemon import Daemon, RawClient
from tests.kit.documents import ROOT, block, read
from tests.kit.waiting import eventually
from twisted_chat.operation import settings
from twisted_chat.operation.settings import Settings

pytestmark = pytest.mark.slow

README = read("README.md")
EXAMPLE = ROOT / "etc" / "chat.toml"

OPTIONS = {settings.option(setting.name) for setting in settings.table()}


class ReadmeTests(SynchronousTestCase):
    def test_options(self) -> None:
        """The table has every option of the daemon, and no other."""
        shown = re.findall(r"^\| `--([a-z-]+)", block(README, "options"), flags=re.MULTILINE)
        self.assertEqual(sorted(shown), sorted({*OPTIONS, "config"}))

    def test_links(self) -> None:
        """Links to files of the project lead somewhere."""
        for target in re.findall(r"\]\(([^)#:]+)\)", README):
            self.assertTrue((ROOT / target).exists(), target)

    def test_commands(self) -> None:
        """The two commands are one line each: they are what .ci/run runs and people paste."""
        for name, last in (
            ("run", ".venv/bin/twistd -n chat --port 1234"),
            ("test", "pytest -n auto --dist worksteal"),
        ):
            command = block(README, name).strip()
            self.assertNotIn("\n", command)
            self.assertTrue(command.startswith("python3 -m venv .venv && "), command)
            self.assertTrue(command.endswith(last), command)


class ExampleTests(SynchronousTestCase):
    def test_config(self) -> None:
        """etc/chat.toml works as it is, and changes nothing."""
        self.assertEqual(settings.read({}, str(EXAMPLE)), Settings())

    def test_config_is_complete(self) -> None:
        """It shows every setting, and what holds without it."""
        lines = re.findall(r"^(?:# )?([a-z-]+ = .*)$", EXAMPLE.read_text(), flags=re.MULTILINE)
        shown = tomllib.loads("\n".join(lines))
        self.assertEqual(set(shown), OPTIONS)
        with NamedTemporaryFile("w", encoding="utf-8") as everything:
            everything.write("\n".join(lines))
            everything.flush()
            found = settings.read({}, everything.name)
        # These have no value that means what is so without them.
        found = evolve(
            found,
            users=None,
            session_ports=None,
            max_connections=0,
            log=settings.LOG,
            welcome=None,
            hints=None,
            admin=None,
            files=None,
        )
        self.assertEqual(found, Settings())


def test_bot() -> None:
    """The bot works as it is printed: it answers once, and not itself."""
    with Daemon("--log", "memory:") as daemon, RawClient(daemon.port) as alice:
        bot = subprocess.Popen(
            [sys.executable, "-c", block(README, "bot"), f"tcp:127.0.0.1:{daemon.port}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            alice.login("alice")
            eventually(lambda: "pinger" in alice.ask("who", session="lobby")["users"])
            seq = 0
            for _ in range(20):  # until the bot listens, and the answer is to this one
                stored = alice.ask("text", session="lobby", data="!ping")
                try:
                    answer = alice.receive(timeout=5)
                    while answer.get("source") != "pinger":
                        answer = alice.receive(timeout=5)
                except TimeoutError:
                    continue
                assert answer["data"] == "pong, alice"
                seq = answer["seq"]
                if seq == stored["seq"] + 1:
                    break
            assert seq == stored["seq"] + 1
            assert bot.stdout is not None
            assert f"answered with number {seq}\n" in iter(bot.stdout.readline, "")
        finally:
            bot.kill()
            bot.communicate()
