"""A backup is worth what it can be restored to: texts and files, at another daemon."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.kit.browser import WebDaemon
from tests.kit.command_line import command
from tests.kit.daemon import RawClient

pytestmark = pytest.mark.slow

CONTENT = bytes(range(256)) * 400


def put(daemon: WebDaemon, name: str, data: bytes, token: str) -> str:
    """Send a file and return its link."""
    who = b64encode(f"alice:{token}".encode()).decode()
    request = Request(f"{daemon.url}files?name={name}", data, {"Authorization": f"Basic {who}"})
    with urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["link"])


def fetched(daemon: WebDaemon, link: str) -> bytes | None:
    """Return what is at a link, or None."""
    try:
        with urlopen(daemon.url + link, timeout=60) as answer:
            return bytes(answer.read())
    except HTTPError as refused:
        refused.close()
        return None


def test_texts_and_files_are_restored(tmp_path: Path) -> None:
    """Taken while the daemon runs, brought up to date by a second one, put in place of all."""
    pytest.importorskip("PIL")
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    options = ("--log", "sqlite:chat.db", "--files", "files")
    back_up = ("backup", str(there / "chat.db"), str(here / "chat.db"), "--files")
    with WebDaemon(*options, directory=there) as daemon, RawClient(daemon.port) as alice:
        token = str(alice.login("alice")["token"])
        kept = put(daemon, "boat.bin", CONTENT, token)
        taken = put(daemon, "letter.bin", b"a secret", token)
        alice.ask("text", data=f"Look: {kept}")
        seq = alice.ask("text", data=taken)["seq"]
        for count in (2, 1):
            ran = command(*back_up, str(there / "files"), cwd=tmp_path)
            assert ran.returncode == 0, ran.stderr
            assert ran.stdout.endswith(f"{count} files are in {here / 'chat.db'}.files.\n")
            alice.ask("redact", of=seq)
    (here / "chat.db.files").rename(here / "files")
    with WebDaemon(*options, directory=here) as daemon, RawClient(daemon.port) as alice:
        token = str(alice.login("alice")["token"])
        texts = alice.ask("history")["texts"]
        assert [text["data"] for text in texts if text["type"] == "text"] == [f"Look: {kept}", ""]
        assert fetched(daemon, kept) == CONTENT
        assert fetched(daemon, taken) is None
        assert put(daemon, "boat.bin", CONTENT, token) == kept  # it is known again
