"""docs/architecture.md, "To add …": a request, a door, a log and an option, added to a copy.

Each of them changes the files that its section names, and no other, and works then.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tests.kit.daemon import Daemon, RawClient, free_port
from tests.kit.documents import ROOT, read
from tests.kit.waiting import eventually

pytestmark = pytest.mark.slow


class Copy:
    """A copy of the package that is changed as a section of docs/architecture.md says."""

    def __init__(self, folder: Path, section: str) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "twisted_chat", folder / "twisted_chat", ignore=ignored)
        (told,) = re.findall(
            rf"^## {section}\n(.*?)^## ", read("docs/architecture.md"), re.MULTILINE | re.DOTALL
        )
        self.named: list[str] = re.findall(r"`([\w/*.]+\.py)`", told)
        self.environment = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}

    def change(self, file: str, *changes: tuple[str, str]) -> None:
        """Put something before a place, in a file that the section names."""
        self._is_named(file)
        path = self.folder / "twisted_chat" / file
        text = path.read_text(encoding="utf-8")
        for place, what in changes:
            assert text.count(place) == 1, (file, place, text.count(place))
            text = text.replace(place, what + place)
        path.write_text(text, encoding="utf-8")

    def add(self, file: str, text: str) -> None:
        """Write a module of one's own."""
        self._is_named(file)
        (self.folder / "twisted_chat" / file).write_text(text, encoding="utf-8")

    def _is_named(self, file: str) -> None:
        assert any(fnmatch(file, one) or file.endswith(f"/{one}") for one in self.named), file

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python with it."""
        environment = {**os.environ, **self.environment}
        command = [sys.executable, *words]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120
        )

    def daemon(self, *options: str, **settings: Any) -> Daemon:
        """Return a daemon of it."""
        return Daemon("--log", "memory:", *options, environment=self.environment, **settings)


def said_by_lines(port: int, *lines: str) -> str:
    """Type lines at a door, and return all that was shown."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall("".join(f"{line}\n" for line in lines).encode())
        connection.shutdown(socket.SHUT_WR)
        shown = b""
        while found := connection.recv(4_096):
            shown += found
        return shown.decode()


def test_a_request(tmp_path: Path) -> None:
    """On the wire, by rank, in the schema, and as a command behind the doors for people."""
    copy = Copy(tmp_path, "To add a request")
    messages = "vocabulary/messages"
    copy.change(
        f"{messages}/requests/talking.py",
        ('    "Create",\n', '    "Census",\n'),
        (
            "class Place(Struct",
            'class Census(Message, frozen=True, tag="census"):\n'
            '    """Count who is in a session."""\n\n'
            "    session: NameField\n    id: Id | None = None\n\n\n",
        ),
    )
    copy.change(f"{messages}/requests/__init__.py", ("    | Create\n", "    | Census\n"))
    copy.change(
        f"{messages}/replies.py",
        ('    "Device",\n', '    "Counted",\n'),
        (
            "class Pong(Message",
            'class Counted(Message, frozen=True, tag="counted"):\n'
            '    """So many are there."""\n\n'
            "    session: str\n    count: int\n    id: str | None = None\n\n\n",
        ),
        ("    | Pong\n", "    | Counted\n"),
    )
    copy.change(
        "chat/requests/reading.py",
        (
            "@answers(Who)\n",
            "@answers(Census)\nasync def census(user: User, request: Census) -> Counted:\n"
            "    session = user.own(request.session)\n    check(user, session, Census)\n"
            "    return Counted(session=session.name, count=session.count)\n\n\n",
        ),
        ("    Found,\n", "    Census,\n    Counted,\n"),
        (
            "from twisted_chat.chat.session import",
            "from twisted_chat.chat.permissions import check\n",
        ),
    )
    copy.change(
        "chat/permissions.py",
        ("    Delete: Rank.OWNER,\n", "    Census: Rank.MODERATOR,\n"),
        ("    Delete,\n", "    Census,\n"),
    )
    copy.change(
        "client/requests.py",
        (
            "    def ping(self)",
            "    def census(self, session: str) -> Deferred[m.Counted]:\n"
            "        return self.ask(m.Census(session=session), m.Counted)\n\n",
        ),
    )
    copy.change(
        "client/words/commands/sessions.py",
        (
            '@command("createsession',
            '@command("census")\nasync def census(desk: Desk, given: Given) -> None:\n'
            '    """Count who is here."""\n    room = room_of(desk)\n'
            "    found = await room.server.client.census(room.session)\n"
            '    desk.view.info(f"{found.count} are here.")\n\n\n',
        ),
    )
    schema = copy.run("-m", "twisted_chat.vocabulary.schema")
    assert '"census"' in schema.stdout, schema.stderr
    lines = free_port()
    door = ("--lines", f"tcp:{lines}:interface=127.0.0.1")
    with copy.daemon(*door) as daemon, RawClient(daemon.port) as ann, RawClient(daemon.port) as ben:
        ann.login("ann")
        ann.ask("create", session="ops")
        ben.login("ben")
        assert ben.ask("census", session="ops")["code"] == "not-in-session"
        ben.ask("join", session="ops")
        assert ben.ask("census", session="ops")["code"] == "not-allowed"
        counted = ann.ask("census", session="ops")
        assert (counted["type"], counted["count"]) == ("counted", 2)
        assert "1 are here." in said_by_lines(lines, "eve", "/createsession den", "/census")


def test_a_door(tmp_path: Path) -> None:
    """The smallest one, from the tests: it listens, and what is said there is said everywhere."""
    copy = Copy(tmp_path, "To add a door")
    assert "tests/doors/plain_door.py" in copy.named
    copy.add("doors/plain.py", read("tests/doors/plain_door.py"))
    copy.change(
        "operation/settings.py",
        (
            "    irc: tuple[str, ...] = _setting(\n",
            '    plain: tuple[str, ...] = _setting(\n        values.endpoint, "plain [off]",'
            " (), many=True\n    )\n",
        ),
    )
    copy.change(
        "operation/entrances.py",
        (
            "        if chosen.ssh:\n",
            "        if chosen.plain:\n            plain = PlainFactory(\n"
            "                parts.admission, self.reactor, self._entry, chosen.rate,"
            " parts.turnstile\n            )\n"
            '            self._open("plain", plain, chosen.plain)\n',
        ),
        (
            "from twisted_chat.doors.ports import",
            "from twisted_chat.doors.plain import PlainFactory\n",
        ),
    )
    plain = free_port()
    door = ("--plain", f"tcp:{plain}:interface=127.0.0.1")
    with copy.daemon(*door) as daemon, RawClient(daemon.port) as ann:
        ann.login("ann")
        with socket.create_connection(("127.0.0.1", plain), 10) as ben:
            ben.sendall(b"ben\n")
            eventually(lambda: "ben" in ann.ask("who", session="lobby")["users"])
            ben.sendall(b"hello\n")
            assert ben.recv(4_096) == b"1 ben: hello\n"
        assert ann.receive_until("text")["source"] == "ben"


def test_a_log(tmp_path: Path) -> None:
    """A module and a URL; the suite is told of it by a class, and holds; a daemon uses it."""
    copy = Copy(tmp_path, "To add a log")
    copy.add(
        "log/noted.py",
        '"""A log in memory that notes what it was asked for."""\n\n'
        "from twisted_chat.log.memory import MemoryLog\n\n\n"
        "class NotedLog(MemoryLog):\n    noted = 0\n\n"
        "    def append(self, epoch, entries):\n        self.noted += 1\n"
        "        return super().append(epoch, entries)\n",
    )
    copy.change(
        "log/urls.py",
        (
            '    if kind in ("postgresql"',
            '    if url == "noted:":\n        return NotedLog(clock, now=now)\n',
        ),
        ("from twisted_chat.log.sqlite import", "from twisted_chat.log.noted import NotedLog\n"),
    )
    (tmp_path / "test_noted.py").write_text(
        "from twisted.trial.unittest import SynchronousTestCase\n"
        "from tests.log.suite import LogTests\n"
        "from twisted_chat.log.urls import open_log\n"
        "from tests.kit.logs import NoThreads\n\n\n"
        "class NotedLogTests(LogTests, SynchronousTestCase):\n"
        "    def make_log(self):\n"
        '        return open_log("noted:", self.clock, NoThreads(), self.clock.seconds)\n\n'
        "    def got(self, deferred):\n"
        "        self.clock.advance(0)\n"
        "        return super().got(deferred)\n\n"
        "    def tearDown(self):\n"
        '        assert type(self.log).__name__ == "NotedLog"\n'
    )
    suite = copy.run("-m", "twisted.trial", "test_noted")
    assert suite.returncode == 0, suite.stdout + suite.stderr
    with (
        Daemon("--log", "noted:", environment=copy.environment) as daemon,
        RawClient(daemon.port) as ann,
    ):
        ann.login("ann")
        assert ann.ask("text", data="hello")["seq"] == 1


def test_an_option(tmp_path: Path) -> None:
    """On the command line, in the file, after a reload; and a test wants it in the README."""
    copy = Copy(tmp_path, "To add an option")
    copy.change(
        "operation/settings.py",
        (
            "    welcome: str | None = _setting(\n",
            '    motto: str = _setting(values.text, "what everybody is told at login [nothing]",'
            ' "")\n',
        ),
    )
    copy.change(
        "operation/parts.py",
        ("_welcome(chosen.welcome),\n", "chosen.motto or "),
    )
    copy.change("operation/reloading.py", ('"welcome"),\n', '"motto", '))
    config = tmp_path / "chat.toml"
    config.write_text('motto = "Be kind."\n')

    def told(daemon: Daemon, name: str) -> str:
        with RawClient(daemon.port) as client:
            client.send({"type": "login", "user": name})
            return str(client.receive_until("notice")["data"])

    with copy.daemon("--motto", "Be brief.") as daemon:
        assert told(daemon, "ann") == "Be brief."
    with copy.daemon("--config", str(config)) as daemon:
        assert told(daemon, "ben") == "Be kind."
        config.write_text('motto = "Be bold."\n')
        daemon.signal(signal.SIGHUP)
        eventually(lambda: told(daemon, "eve") == "Be bold.")
    wanted = copy.run("-m", "twisted.trial", "tests.operation.test_readme")
    assert wanted.returncode != 0
    assert "motto" in wanted.stdout + wanted.stderr
