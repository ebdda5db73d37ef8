"""Length-prefixed names and messages on port 1234.

The last of the older designs, and its wishes: a user interface (the line client and the page have
tests of their own), being on several servers at once and leaving each, and messages that
are saved and loaded.
"""

from __future__ import annotations

import struct
import threading
from pathlib import Path

import pytest

from tests.kit.command_line import assert_shown, by_lines
from tests.kit.daemon import Daemon, RawClient
from tests.kit.waiting import eventually
from twisted_chat.operation.settings import Settings

pytestmark = pytest.mark.slow


def test_the_default_port() -> None:
    """Without an option the daemon listens on 1234, for everybody."""
    assert Settings().port == ("tcp:1234:backlog=1024",)


def test_lengths_before_everything() -> None:
    """What travels is a length and that many bytes, both ways, whatever is in them."""
    with Daemon("--log", "memory:") as daemon, RawClient(daemon.port) as ann:
        ann.send_frame('{"type":"login","user":"Ån"}'.encode())
        head = ann.socket.recv(4, 0x100)  # MSG_WAITALL
        (length,) = struct.unpack("!I", head)
        body = ann.socket.recv(length, 0x100)
        assert len(body) == length
        assert body.startswith(b'{"type":"welcome"')
        assert "Ån" in body.decode()
        assert ann.receive_until("session")["users"] == ["Ån"]
        port = ann.socket.getsockname()[1]
        eventually(lambda: f"Ån came from 127.0.0.1:{port} by the native door" in daemon.output)


def test_receiving_while_typing() -> None:
    """Texts arrive while one is in the middle of sending, and neither disturbs the other."""
    with (
        Daemon("--log", "memory:") as daemon,
        RawClient(daemon.port) as ann,
        RawClient(daemon.port) as ben,
    ):
        ann.login("ann")
        ben.login("ben")
        body = b'{"type":"text","data":"half a sentence","id":"1"}'
        data = struct.pack("!I", len(body)) + body
        ann.socket.sendall(data[:20])
        for number in range(50):
            ben.send({"type": "text", "data": str(number)})
        assert [ann.receive_until("text")["seq"] for _ in range(50)] == list(range(1, 51))
        ann.socket.sendall(data[20:])
        assert ann.receive_until("text")["seq"] == 51


def test_everybody_at_once() -> None:
    """Many who talk at once, each in a thread, see the same conversation."""
    with Daemon("--log", "memory:") as daemon:
        clients = [RawClient(daemon.port) for _ in range(5)]
        for number, client in enumerate(clients):
            client.login(f"u{number}")
        seen: dict[int, list[tuple[int, str]]] = {}

        def talk(number: int) -> None:
            for text in range(40):
                clients[number].send({"type": "text", "data": f"{number}-{text}"})
            found = [clients[number].receive_until("text") for _ in range(200)]
            seen[number] = [(text["seq"], text["data"]) for text in found]

        threads = [threading.Thread(target=talk, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(seen) == 5
        assert all(found == seen[0] for found in seen.values())
        assert [seq for seq, _ in seen[0]] == list(range(1, 201))
        for number in range(5):
            mine = [data for _, data in seen[0] if data.startswith(f"{number}-")]
            assert mine == [f"{number}-{text}" for text in range(40)]
        for client in clients:
            client.close()


def test_several_servers() -> None:
    """One may be on two servers at once, and leave one of them; they know nothing of each other."""
    with (
        Daemon("--log", "memory:", "--name", "one") as one,
        Daemon("--log", "memory:", "--name", "two") as two,
        RawClient(one.port) as first,
        RawClient(two.port) as second,
    ):
        assert first.login("ann")["server"] == "one"
        assert second.login("ann")["server"] == "two"
        assert first.ask("text", data="only here")["seq"] == 1
        assert first.ask("logout")["type"] == "bye"
        assert first.at_end()
        assert second.is_silent()
        assert second.ask("text", data="still here")["seq"] == 1


def test_several_servers_in_one_client(tmp_path: Path) -> None:
    """The line client joins a second server, speaks on both, and leaves one of them."""
    with Daemon("--log", "memory:") as one, Daemon("--log", "memory:") as two:
        first, second = (f"127.0.0.1:{daemon.port}" for daemon in (one, two))
        done = by_lines(
            tmp_path,
            f"/connect ann@{first}",
            "on the first",
            f"/connect ann@{second}",
            "on the second",
            f"/switch {first}/lobby",
            "/servers",
            "on the first again",
            f"/disconnect {second}",
            "/servers",
        )
        assert_shown(
            done,
            f"You are on {first} as ann (guest).",
            "ann: on the first",
            f"You are on {second} as ann (guest).",
            "ann: on the second",
            f"Now in {first}/lobby.",
            f"{first}: as ann; in lobby",
            f"{second}: as ann; in lobby",
            "ann: on the first again",
            f"You have left {second}.",
            f"{first}: as ann; in lobby",
        )
        for daemon, texts in (
            (one, ["on the first", "on the first again"]),
            (two, ["on the second"]),
        ):
            with RawClient(daemon.port) as ben:
                ben.login("ben")
                assert [text["data"] for text in ben.ask("history")["texts"]] == texts


def test_messages_are_saved_and_loaded() -> None:
    """What was said is there again after the daemon has been ended and started."""
    with Daemon("--log", "sqlite:chat.db") as daemon:
        with RawClient(daemon.port) as ann:
            ann.login("ann")
            said = [ann.ask("text", data=f"message {number}") for number in range(3)]
        daemon.restart()
        with RawClient(daemon.port) as ben:
            ben.login("ben")
            assert ben.ask("history")["texts"] == said
            found = ben.ask("search", query="message 1")["texts"]
            assert [text["data"] for text in found] == ["message 1"]
