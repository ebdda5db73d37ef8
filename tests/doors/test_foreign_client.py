"""Clients written from docs/protocol.md alone, against the real daemon."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.daemon import Daemon, RawClient
from tests.kit.documents import block
from tests.kit.protocol import DOCUMENT, conversation, drawn

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("foreign_client.mjs")

NODE = shutil.which("node")

OWN = {"epoch": "5f0c8f2e71d3a946", "time": 1767225600000, "token": "qXhZ0dTt3mVb9sKfRw2LJg"}
"""What differs in each conversation, and what the document has in its place."""


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Return a daemon that has just begun, without accounts."""
    with Daemon("--log", "memory:") as running:
        yield running


def test_client_in_30_lines() -> None:
    """The client in JavaScript is as short as the protocol allows: comments are not counted."""
    lines = map(str.strip, SCRIPT.read_text(encoding="utf-8").splitlines())
    assert sum(bool(line) and not line.startswith("//") for line in lines) <= 30


@pytest.mark.skipif(NODE is None, reason="there is no node here to run a client in JavaScript")
def test_client_in_another_language(daemon: Daemon) -> None:
    """A client in JavaScript talks, loses its connection, and comes back to what it missed."""
    assert NODE is not None
    with RawClient(daemon.port) as bob:
        bob.login("bob")
        bob.ask("create", session="foreign")
        zoe = subprocess.Popen([NODE, SCRIPT, str(daemon.port)], stderr=subprocess.PIPE, text=True)
        try:
            assert bob.receive_until("text")["data"] == "Understood? ✓"
            bob.send({"type": "text", "session": "foreign", "data": "Understood! ✓", "id": "a-1"})
            _, errors = zoe.communicate(timeout=60)
        finally:
            zoe.kill()
        assert (zoe.returncode, errors) == (0, "")
        texts = bob.ask("history", session="foreign")["texts"]
        assert [text["source"] for text in texts] == ["Zoë", "bob"]


def test_client_in_20_lines(daemon: Daemon) -> None:
    """The document's client works as it is printed."""
    source = block(DOCUMENT, "client")
    assert len(source.splitlines()) <= 21
    client = subprocess.Popen(
        [sys.executable, "-c", source, str(daemon.port)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert client.stdout is not None
        assert client.stdout.readline() == "carol: Hello from twenty lines.\n"
        with RawClient(daemon.port) as bob:
            bob.login("bob")
            bob.ask("text", session="lobby", data="Grüße!")
            assert client.stdout.readline() == "bob: Grüße!\n"
    finally:
        client.kill()
        client.communicate()


def test_conversation(daemon: Daemon) -> None:
    """The conversation of the document is what happens, byte for byte."""
    expected = conversation()
    happened = converse(daemon.port, [frame for side, _, frame in expected if side == ">"])
    assert [drawn(*one) for one in happened] == [drawn(side, frame) for side, _, frame in expected]


def converse(port: int, requests: list[bytes]) -> list[tuple[str, bytes]]:
    """Send frames, each when all is quiet; return all frames, with what differs made the same."""
    frames = []
    with RawClient(port) as client:
        for request in requests:
            client.socket.sendall(request)
            frames.append((">", request))
            answered = False
            while not answered:
                answer = client.receive()
                body = json.dumps(made_same(answer), ensure_ascii=False, separators=(",", ":"))
                frame = body.encode()
                frames.append(("<", len(frame).to_bytes(4, "big") + frame))
                answered = answer["type"] != "welcome"  # the lobby follows it
        assert client.at_end()
    return frames


def made_same(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with the document's own values in place of those that always differ."""
    return {name: OWN.get(name, value) for name, value in message.items()}


if __name__ == "__main__":  # prints the conversation for docs/protocol.md
    asked = (
        '{"type":"login","user":"alice","id":"1"}',
        '{"type":"text","session":"lobby","data":"Grüße!","id":"2"}',
        '{"type":"logout","id":"3"}',
    )
    sent = [len(one.encode()).to_bytes(4, "big") + one.encode() for one in asked]
    with Daemon("--log", "memory:") as started:
        print("\n".join(drawn(*one) for one in converse(started.port, sent)))
