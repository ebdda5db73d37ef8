"""A conference server: accounts in a file, and sessions that one creates, joins and leaves.

The second of the older designs: /login /logout /createsession /joinsession /leavesession /list
/quit and text, with the users and their passwords in a csv file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.command_line import assert_shown, by_lines
from tests.kit.daemon import Daemon, RawClient, tables
from tests.kit.waiting import eventually

pytestmark = pytest.mark.slow

USERS = ["ann,pw-ann,", "ben,pw-ben,", "cat,pw-cat,operator"]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with three accounts; sessions of two, which close at once when empty."""
    options = ("--max-members", "2", "--linger", "0", "--table")
    with Daemon(*options, "--log", "memory:", users=USERS) as running:
        yield running


def login(daemon: Daemon, name: str) -> RawClient:
    """Return a client that has logged in."""
    client = RawClient(daemon.port)
    client.login(name, password=f"pw-{name}")
    return client


def test_login(daemon: Daemon) -> None:
    """Name and password are compared with the file, and the answer says which it is."""
    with RawClient(daemon.port) as ann:
        assert ann.ask("login", user="ann", password="pw-ben")["code"] == "bad-credentials"
        assert ann.ask("login", user="eve", password="pw-ann")["code"] == "bad-credentials"
        assert ann.ask("login", user="ann")["code"] == "bad-credentials"
        assert ann.ask("login", user="ann", password="pw-ann")["type"] == "welcome"
        assert ann.ask("login", user="ben", password="pw-ben")["code"] == "already-logged-in"


def test_logout(daemon: Daemon) -> None:
    """Logging out is answered, ends the connection, and leaves everything."""
    with login(daemon, "ben") as ben, login(daemon, "ann") as ann:
        ann.ask("create", session="meeting")
        ben.ask("join", session="meeting")
        assert ann.ask("logout")["type"] == "bye"
        assert ann.at_end()
        assert ben.receive_until("left", session="meeting")["user"] == "ann"
        assert [one["user"] for one in ben.ask("list")["users"]] == ["ben"]


def test_sessions(daemon: Daemon) -> None:
    """Create, join, talk, leave: texts reach those who are in the session, and nobody else."""
    with login(daemon, "ann") as ann, login(daemon, "ben") as ben, login(daemon, "cat") as cat:
        assert ann.ask("create", session="meeting")["users"] == ["ann"]
        assert ben.ask("create", session="Meeting")["code"] == "session-exists"
        assert ben.ask("join", session="nothing")["code"] == "no-such-session"
        assert ben.ask("join", session="meeting")["users"] == ["ann", "ben"]
        text = ann.ask("text", session="meeting", data="to order")
        assert (text["source"], text["data"], text["seq"]) == ("ann", "to order", 1)
        assert ben.receive_until("text") == text
        assert cat.ask("text", session="meeting", data="me too")["code"] == "not-in-session"
        assert cat.ask("join", session="meeting")["code"] == "session-full"
        assert ben.ask("leave", session="meeting")["type"] == "left"
        assert cat.ask("join", session="meeting")["count"] == 2
        assert ben.ask("text", session="meeting", data="still?")["code"] == "not-in-session"
        ann.ask("text", session="meeting", data="second")
        assert cat.receive_until("text")["seq"] == 2
        assert ben.ask("ping")["type"] == "pong"
        assert ben.is_silent()


def test_a_session_with_nobody_in_it_closes(daemon: Daemon) -> None:
    """The last one to leave closes it, also by vanishing."""
    with login(daemon, "ann") as ann:
        ann.ask("create", session="brief")
        assert "brief" in [one["session"] for one in ann.ask("list")["sessions"]]
        ann.ask("leave", session="brief")
        assert [one["session"] for one in ann.ask("list")["sessions"]] == ["lobby"]
        with login(daemon, "ben") as ben:
            ben.ask("create", session="brief")
        eventually(lambda: [one["session"] for one in ann.ask("list")["sessions"]] == ["lobby"])
        assert ann.ask("create", session="brief")["head"] == 0


def test_list(daemon: Daemon) -> None:
    """A list has the sessions, and who is active in which."""
    with login(daemon, "ann") as ann, login(daemon, "ben") as ben:
        ann.ask("create", session="one", topic="First")
        ben.ask("create", session="two")
        found = ann.ask("list")
        sessions = {one["session"]: (one["users"], one["owner"]) for one in found["sessions"]}
        assert sessions == {"lobby": (2, None), "one": (1, "ann"), "two": (1, "ben")}
        users = {one["user"]: one["sessions"] for one in found["users"]}
        assert users == {"ann": ["lobby", "one"], "ben": ["lobby", "two"]}
        assert ann.ask("who", session="two")["users"] == ["ben"]


def test_who_is_active_and_from_where(daemon: Daemon) -> None:
    """The operator sees who is active, from which address and port, in which session."""
    with login(daemon, "ann") as ann:
        ann.ask("create", session="meeting")
        port = ann.socket.getsockname()[1]
        row = re.compile(rf"^ann +127\.0\.0\.1 +{port} +native +lobby, meeting ", re.MULTILINE)
        eventually(lambda: tables(daemon) and row.search(tables(daemon)[-1]))
        assert f"ann created meeting, from 127.0.0.1:{port} by the native door" in daemon.output


def test_the_file_is_read_again(daemon: Daemon) -> None:
    """A new account can log in without a restart; a broken file changes nothing."""
    path = daemon.directory / "users.csv"
    before = path.read_text()
    try:
        path.write_text(before + "dan,pw-dan,\n")
        login(daemon, "dan").close()
        path.write_text("nonsense")
        login(daemon, "dan").close()
        eventually(lambda: "nonsense" in daemon.output or "stay in force" in daemon.output)
    finally:
        path.write_text(before)
    assert "pw-" not in daemon.output


def test_leaving_properly(daemon: Daemon) -> None:
    """Leave, log out, and only then hang up: each step is answered, so a client can wait for it."""
    with login(daemon, "ann") as ann:
        ann.ask("create", session="meeting")
        ann.send({"type": "text", "session": "meeting", "data": "last words", "id": "1"})
        ann.send({"type": "leave", "session": "meeting", "id": "2"})
        ann.send({"type": "leave", "id": "3"})
        ann.send({"type": "logout", "id": "4"})
        answers: list[tuple[str, str]] = []
        while len(answers) < 4:
            found = ann.receive()
            if found.get("id") in {"1", "2", "3", "4"}:
                answers.append((found["id"], found["type"]))
        assert answers == [("1", "text"), ("2", "left"), ("3", "left"), ("4", "bye")]
        assert ann.at_end()


def test_the_line_client(daemon: Daemon, tmp_path: Path) -> None:
    """Each command of the client does its work and shows the answer; /quit leaves properly."""
    place = f"127.0.0.1:{daemon.port}"
    done = by_lines(
        tmp_path,
        f"/login ann pw-ann 127.0.0.1 {daemon.port}",
        "/createsession meeting",
        "to order",
        "/leavesession",
        "/createsession meeting",
        "/list",
        "/logout",
        f"/login ben pw-ben 127.0.0.1 {daemon.port}",
        "/createsession two",
        "/quit",
        "not said any more",
    )
    assert_shown(
        done,
        f"You are on {place} as ann.",
        "meeting: 1 here (ann)",
        "ann: to order",
        "You have left meeting.",
        "2 sessions, 1 user",
        "lobby    1 here",
        "meeting  1 here, owner ann",
        "ann  lobby, meeting",
        f"You have left {place}.",
        f"You are on {place} as ben.",
        "two: 1 here (ben)",
    )
    assert "pw-" not in done.stdout
    came = daemon.output.rindex("ben came from")
    eventually(lambda: "ben went" in daemon.output[came:])
    gone = daemon.output.index("ben went", came)
    for session in ("lobby", "two"):
        assert came < daemon.output.index(f"ben left {session}, from", came) < gone


def test_nothing_is_sent_in_vain(daemon: Daemon, tmp_path: Path) -> None:
    """What the client knows to be impossible it says itself, and goes no further."""
    login = f"/login ann pw-ann 127.0.0.1 {daemon.port}"
    for lines, why in (
        (("hello",), "You are in no session"),
        (("/list",), "You are on no server"),
        ((login, "/switch elsewhere"), "You are not in elsewhere"),
        ((login, "/leavesession elsewhere"), "You are not in elsewhere"),
    ):
        done = by_lines(tmp_path, *lines)
        assert done.returncode == 1
        assert done.stderr.startswith(f"twisted-chat: {why}"), done
