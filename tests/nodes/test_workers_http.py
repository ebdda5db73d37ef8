"""Files and webhooks at several nodes: whichever answers, it is one chat."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.kit.browser import WebDaemon
from tests.kit.daemon import RawClient
from tests.kit.postgres import postgres
from tests.kit.redis import Redis
from tests.kit.waiting import eventually


def ask(url: str, data: bytes | None = None, **headers: str) -> bytes:
    """Ask by HTTP, by a connection of its own."""
    with urlopen(Request(url, data, headers), timeout=60) as answer:
        found: bytes = answer.read()
        return found


@pytest.mark.slow
def test_http_at_any_worker(tmp_path: Path) -> None:
    """A guest sends files to any worker, all serve them; a webhook speaks through any."""
    pytest.importorskip("PIL", reason="no Pillow: pip install pillow")
    with ExitStack() as stack:
        broker = stack.enter_context(Redis())
        daemon = stack.enter_context(
            WebDaemon(
                *("--log", postgres().url(), "--hints", broker.url, "--workers", "2"),
                *("--admin", "admin.sock", "--files", str(tmp_path / "files")),
            )
        )
        eventually(lambda: daemon.output.count("web door on") == 2)
        olga = stack.enter_context(RawClient(daemon.port))
        welcome = olga.login("olga")
        olga.ask("create", session="ops")
        hook = olga.ask("webhook", session="ops", name="ci")["link"]
        proof = b64encode(f"olga:{welcome['token']}".encode()).decode()
        for number in range(8):  # the system deals connections out among the workers
            data = b"%d" % number * 5_000
            kept = json.loads(
                ask(f"{daemon.url}files?name=x.txt", data, Authorization=f"Basic {proof}")
            )
            for _ in range(3):
                assert ask(daemon.url + kept["link"]) == data
            ask(daemon.url + hook, json.dumps({"text": f"post {number}"}).encode())
        said = [olga.receive_until("text")["data"] for _ in range(8)]
        assert said == [f"post {number}" for number in range(8)]
