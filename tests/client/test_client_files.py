"""/files: a file of one's own machine, through the page of a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred

from tests.kit.daemon import Daemon, RawClient, free_port
from tests.kit.desks import DeskCase
from twisted_chat.client.terminal.uploading import Uploader
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError


class FilesTests(DeskCase):
    """The command, with a way to send that is held."""

    def test_a_file_becomes_a_link(self) -> None:
        """The page is asked for once; what is sent is told, and its link is said where it began."""
        asked: list[tuple[str, ...]] = []
        sent: Deferred[str] = Deferred()

        def upload(page: str, user: str, proof: str, path: str, told: Callable[..., Any]) -> Any:
            asked.append((page, user, proof, path))
            told("boat.jpg", 12_345)
            return sent

        self.desk.upload = upload
        connection = self.connect(token="guest-token")
        self.type("/files ~/boat.jpg")
        self.assertIn("/page https://chat.example.org", self.shown()[-1])
        self.type("/page ftp://x", "/page https://chat.test/", "/page")
        self.assertIn("Its page is https://chat.test.", self.shown()[-1])
        self.type("/files ~/my boat.jpg")
        self.assertEqual(asked, [("https://chat.test", "alice", "guest-token", "~/my boat.jpg")])
        self.assertIn("Sending boat.jpg (12,345 bytes)", self.shown()[-1])
        connection.sent()
        sent.callback("files/abc/boat.jpg")
        (said,) = connection.sent()
        self.assertEqual(getattr(said, "data", None), "https://chat.test/files/abc/boat.jpg")

    def test_where_a_webhook_is(self) -> None:
        """It is told with the page's address, where that is known."""
        connection = self.connect()
        for where in ("/hooks/s at the web door.", "https://chat.test/hooks/s."):
            self.type("/webhook graf")
            (asked,) = connection.sent()
            made = m.WebhookMade(session="lobby", name="graf", link="hooks/s", id=asked.id)
            connection.say(made)
            self.assertTrue(self.shown()[0].endswith(f"posted to {where}"))
            self.type("/page https://chat.test")
            self.shown()


@pytest.mark.slow
@ensureDeferred
async def test_a_real_page_takes_it(tmp_path: Path) -> None:
    """A file goes to a real daemon and is there under its link; refusals are sentences."""
    from twisted.internet import reactor
    from twisted.internet.threads import deferToThread

    pytest.importorskip("PIL")
    web = free_port()
    page = f"http://127.0.0.1:{web}"
    options = ("--web", f"tcp:{web}:interface=127.0.0.1", "--files", "files", "--max-file", "1000")
    small, large = tmp_path / "a b.txt", tmp_path / "large"
    small.write_text("hello")
    large.write_bytes(b"x" * 2_000)
    uploader = Uploader(reactor)
    told: list[tuple[str, int]] = []

    def tell(name: str, size: int) -> None:
        told.append((name, size))

    async with Daemon(*options) as daemon:
        with RawClient(daemon.port) as client:
            token = (await deferToThread(client.login, "dora"))["token"]
            link = await uploader.send(page, "dora", token, str(small), tell)
            assert link.startswith("files/")
            assert told == [("a b.txt", 5)]
            for proof, path, code in (
                (token, tmp_path / "none", "bad-request"),
                (token, large, "too-large"),
                ("wrong", small, "bad-credentials"),
            ):
                with pytest.raises(ChatError) as refused:
                    await uploader.send(page, "dora", proof, str(path), tell)
                assert refused.value.code == code
    with pytest.raises(ChatError) as refused:
        await uploader.send(page, "dora", token, str(small), tell)
    assert "can not be reached" in str(refused.value)
