"""Rooms with a port each: CREATE, JOIN, DELETE, LIST.

The third of the older designs: a room has its own port, JOIN tells it and how many are there, and
DELETE warns the members and closes their sockets.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.kit.daemon import Daemon, RawClient, free_ports
from tests.kit.frames import wire
from tests.kit.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ports() -> range:
    """Three ports in a row that nobody uses."""
    return free_ports(3)


@pytest.fixture(scope="module")
def daemon(ports: range) -> Iterator[Daemon]:
    """A daemon with three ports for sessions, and sessions of three."""
    options = ("--session-ports", f"{ports[0]}-{ports[2]}", "--max-members", "3", "--linger", "0")
    with Daemon(*options, "--log", "memory:") as running:
        yield running


def closed(port: int) -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    except (ConnectionResetError, TimeoutError):
        return False  # just about to be
    return False


def test_a_port_for_each(daemon: Daemon, ports: range) -> None:
    """CREATE opens a port, JOIN and LIST tell it, and no free port is a clear refusal."""
    with RawClient(daemon.port) as ann, RawClient(daemon.port) as ben:
        ann.login("ann")
        ben.login("ben")
        found = [ann.ask("create", session=f"room{number}")["port"] for number in range(3)]
        assert sorted(found) == list(ports)
        refused = ben.ask("create", session="room3")
        assert refused["code"] == "too-many-sessions"
        assert str(ports[0]) in refused["data"]
        joined = ben.ask("join", session="room1")
        assert (joined["port"], joined["count"]) == (found[1], 2)
        listed = {one["session"]: one for one in ben.ask("list")["sessions"]}
        assert listed["room1"]["port"] == found[1]
        assert listed["room1"]["users"] == 2
        assert "port" not in listed["lobby"]
        ann.ask("delete", session="room0")
        eventually(lambda: closed(found[0]))
        assert ben.ask("create", session="room3")["port"] == found[0]
        # In one write: the port that is being closed is the next session's.
        delete, create = wire("delete", session="room1"), wire("create", session="room4")
        ann.socket.sendall(delete + create)
        assert ann.receive_until("deleted")["session"] == "room1"
        assert ann.receive()["port"] == found[1]
    eventually(lambda: all(map(closed, ports)))


def test_refusals(daemon: Daemon, ports: range) -> None:
    """CREATE of what is there, JOIN and DELETE of what is not: refused, and no port is taken."""
    with RawClient(daemon.port) as ann:
        ann.login("ann")
        assert [one["session"] for one in ann.ask("list")["sessions"]] == ["lobby"]
        assert ann.ask("create", session="room")["port"] in ports
        assert ann.ask("create", session="Room")["code"] == "session-exists"
        assert ann.ask("join", session="nothing")["code"] == "no-such-session"
        assert ann.ask("delete", session="nothing")["code"] == "no-such-session"
        assert sorted(map(closed, ports)) == [False, True, True]
        ann.ask("delete", session="room")
    eventually(lambda: all(map(closed, ports)))


def test_who_connects_there_is_in_it(daemon: Daemon) -> None:
    """Who connects to a session's port and logs in is in it without a join; it is one chat."""
    with RawClient(daemon.port) as ann:
        ann.login("ann")
        port = ann.ask("create", session="room")["port"]
        with RawClient(port) as ben:
            welcome = ben.ask("login", user="ben")
            assert welcome["type"] == "welcome"
            snapshot = ben.receive()
            assert (snapshot["session"], snapshot["users"]) == ("room", ["ann", "ben"])
            assert ann.receive_until("joined")["user"] == "ben"
            assert ben.ask("text", data="hi")["session"] == "room"
            assert ann.receive_until("text")["data"] == "hi"
            assert ben.ask("who", session="lobby")["users"] == ["ann"]
            assert ben.ask("join", session="lobby")["count"] == 2
        assert ann.receive_until("left", session="room")["user"] == "ben"


def test_back_to_a_place_by_its_port(daemon: Daemon) -> None:
    """A client that comes back by the session's port gets what it missed."""
    with RawClient(daemon.port) as ann:
        ann.login("ann")
        created = ann.ask("create", session="room")
        for number in range(5):
            ann.ask("text", session="room", data=str(number))
        with RawClient(created["port"]) as ben:
            place = {"session": "room", "after": 2, "epoch": created["epoch"]}
            ben.ask("login", user="ben", resume=[place])
            assert ben.receive()["head"] == 5
            assert [ben.receive()["seq"] for _ in range(3)] == [3, 4, 5]


def test_delete_warns_and_closes(daemon: Daemon) -> None:
    """DELETE tells all members, and closes the connections on the session's port, and the port."""
    with RawClient(daemon.port) as ann, RawClient(daemon.port) as cat:
        ann.login("ann")
        cat.login("cat")
        port = ann.ask("create", session="room")["port"]
        cat.ask("join", session="room")
        with RawClient(port) as ben, RawClient(port) as stranger:
            ben.login("ben")
            assert cat.ask("delete", session="room")["code"] == "not-allowed"
            assert ann.ask("delete", session="room")["type"] == "deleted"
            deleted = {"type": "deleted", "session": "room", "user": "ann"}
            assert ben.receive_until("deleted") == deleted
            assert ben.receive_until("bye")
            assert ben.at_end()
            assert stranger.receive()["type"] == "bye"
            assert stranger.at_end()
        assert cat.receive_until("deleted")["session"] == "room"
        assert cat.ask("ping")["type"] == "pong"
        eventually(lambda: closed(port))


def test_who_deletes_by_the_sessions_own_port(daemon: Daemon) -> None:
    """Who deletes from the session's own port gets the answer before it is closed."""
    with RawClient(daemon.port) as ann:
        ann.login("ann")
        port = ann.ask("create", session="room")["port"]
        with RawClient(port) as ben:
            ben.login("ben")
            ben.ask("create", session="other")
            assert ben.ask("delete", session="other")["type"] == "deleted"
        token = ann.ask("leave", session="room")
        assert token["type"] == "left"
    with RawClient(daemon.port) as ann:
        welcome = ann.login("ann")
        port = ann.ask("create", session="room")["port"]
        with RawClient(port) as second:
            second.login("ann", token=welcome["token"])
            assert second.ask("delete", session="room")["type"] == "deleted"
            assert second.receive_until("bye")
            assert second.at_end()
        assert ann.receive_until("deleted")["session"] == "room"


def test_full(daemon: Daemon) -> None:
    """A full session refuses by its port too: one is logged in all the same, and in nothing."""
    with RawClient(daemon.port) as ann:
        ann.login("ann")
        port = ann.ask("create", session="room")["port"]
        others = [RawClient(port) for _ in range(3)]
        for number, other in enumerate(others):
            assert other.ask("login", user=f"u{number}")["type"] == "welcome"
        refused = others[2].receive()
        assert (refused["code"], refused["session"]) == ("session-full", "room")
        assert others[2].ask("text", data="x")["code"] == "not-in-session"
        for other in others:
            other.close()
        eventually(lambda: ann.ask("who", session="room")["count"] == 1)


def test_leaving_unceremoniously(daemon: Daemon) -> None:
    """Clients may vanish without a word, by either port; an empty session closes with its port."""
    with RawClient(daemon.port) as ann:
        ann.login("ann")
        port = ann.ask("create", session="room")["port"]
        ben = RawClient(port)
        ben.login("ben")
        ann.ask("leave", session="room")
        ben.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        ben.close()  # a reset, and not even an end
        eventually(lambda: closed(port))
        assert [one["session"] for one in ann.ask("list")["sessions"]] == ["lobby"]
    assert "Traceback" not in daemon.output


def test_the_end(ports: range) -> None:
    """The daemon's end says bye on the sessions' ports too, and kept sessions get theirs again."""
    low = ports[0]
    with Daemon("--session-ports", f"{low}-{low + 2}", "--log", "sqlite:chat.db") as daemon:
        with RawClient(daemon.port) as ann:
            ann.login("ann")
            port = ann.ask("create", session="room", keep=True)["port"]
            with RawClient(port) as ben:
                ben.login("ben")
                assert daemon.stop() == 0
                assert ben.receive_until("bye")["retry"] > 0
        daemon.start()
        with RawClient(daemon.port) as ann:
            ann.login("ann")
            port = ann.ask("join", session="room")["port"]
            with RawClient(port) as ben:
                ben.login("ben")
                assert ben.ask("text", data="x")["session"] == "room"
        assert "Traceback" not in daemon.output
