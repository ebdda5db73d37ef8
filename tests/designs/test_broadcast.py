"""Plain broadcast chat: name yourself, and every line goes to everybody.

The first of the older designs: a select() server with USERNAME and MESSAGE, a table of connected
clients on its console, and a word to everybody when somebody goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.kit.daemon import Daemon, RawClient, free_port, tables
from tests.kit.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon that shows its table, with guests only."""
    with Daemon("--log", "memory:", "--table") as running:
        yield running


def test_a_port_on_the_command_line() -> None:
    """The port is the one that the command line says, and can be used again at once."""
    port = free_port()
    for _ in range(2):
        with Daemon("--log", "memory:", port=port) as daemon, RawClient(port) as alice:
            assert alice.login("alice")["user"] == "alice"
            assert daemon.port == port


def test_username_and_message(daemon: Daemon) -> None:
    """Whoever says who they are may talk, and everybody hears it, in one order."""
    with RawClient(daemon.port) as a, RawClient(daemon.port) as b, RawClient(daemon.port) as c:
        clients = {"ann": a, "ben": b, "cat": c}
        for name, client in clients.items():
            assert client.login(name)["lobby"] == "lobby"
        for name, client in clients.items():
            client.send({"type": "text", "data": f"hello from {name}"})
        said = [
            [(text["source"], text["data"]) for text in (c.receive_until("text") for _ in clients)]
            for c in clients.values()
        ]
        assert said[0] == said[1] == said[2]
        assert sorted(said[0]) == [(name, f"hello from {name}") for name in clients]


def test_nobody_talks_without_a_name(daemon: Daemon) -> None:
    """Before one has a name one says nothing, and hears nothing."""
    with RawClient(daemon.port) as nobody, RawClient(daemon.port) as ann:
        ann.login("ann")
        assert nobody.ask("text", data="boo")["code"] == "not-logged-in"
        ann.ask("text", data="private enough")
        assert nobody.is_silent()


def test_the_table_of_clients(daemon: Daemon) -> None:
    """At each coming and going the console shows who is connected, with address, port and door."""
    with RawClient(daemon.port) as ann, RawClient(daemon.port) as ben:
        ann.login("ann")
        ben.login("ben")
        ann_port, ben_port = ann.socket.getsockname()[1], ben.socket.getsockname()[1]
        eventually(lambda: str(ben_port) in tables(daemon)[-1] if tables(daemon) else False)
        table = tables(daemon)[-1]
        assert table.startswith("2 connected\n")
        for heading in ("user", "address", "port", "door", "sessions", "since"):
            assert heading in table.splitlines()[1]
        assert re.search(rf"^ann +127\.0\.0\.1 +{ann_port} +native +lobby +0:00:\d\d$", table, re.M)
        ben.close()
        eventually(lambda: str(ben_port) not in tables(daemon)[-1])
        table = tables(daemon)[-1]
        assert table.startswith("1 connected\n")
        assert str(ann_port) in table
    eventually(lambda: tables(daemon)[-1].startswith("0 connected\n"))


def test_a_line_for_each_coming_and_going(daemon: Daemon) -> None:
    """The console has a line for each, too, with user, address, port, door and session."""
    with RawClient(daemon.port) as dan:
        dan.login("dan")
        where = f"from 127.0.0.1:{dan.socket.getsockname()[1]} by the native door"
        eventually(lambda: f"dan joined lobby, {where}" in daemon.output)
        assert f"dan came {where}" in daemon.output
    eventually(lambda: f"dan left lobby, {where}" in daemon.output)
    eventually(lambda: f"dan went, {where}" in daemon.output)


def test_a_leaver_is_named(daemon: Daemon) -> None:
    """Whoever goes, in whatever way, is named to everybody, with how many are left."""
    with RawClient(daemon.port) as ann:
        ann.login("ann")
        for polite in (True, False):
            with RawClient(daemon.port) as ben:
                ben.login("ben")
                joined = {"type": "joined", "session": "lobby", "user": "ben", "count": 2}
                assert ann.receive_until("joined") == joined
                if polite:
                    assert ben.ask("logout")["type"] == "bye"
                    assert ben.at_end()
            left = ann.receive_until("left")
            assert left == {"type": "left", "session": "lobby", "user": "ben", "count": 1}
        assert [one["user"] for one in ann.ask("list")["users"]] == ["ann"]


def test_no_text_and_no_password_on_the_console(daemon: Daemon) -> None:
    """What is said is nobody's business who reads the console."""
    with RawClient(daemon.port) as ann:
        ann.login("ann", password="hunter2secret")
        ann.ask("text", data="my secret plan")
    assert "secret" not in daemon.output
