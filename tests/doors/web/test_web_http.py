"""HTTP at the web door: the page's files, connections that end, and health."""

from __future__ import annotations

import gzip
import re

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.kit.frames import types
from tests.kit.web import WebCase, answer_in, frame_of
from twisted_chat.doors.web.channel import HTTP_SECONDS
from twisted_chat.doors.web.http import HEALTH_SECONDS
from twisted_chat.log.contract import NotStored


class FileTests(WebCase):
    """The page's files."""

    def test_index(self) -> None:
        """The page is asked for each time, and comes only if it is another."""
        web = self.web()
        answer = web.ask("/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(answer.headers["Cache-Control"], "no-cache")
        tag = answer.headers["ETag"]
        self.assertEqual(web.ask("/", f"If-None-Match: {tag}").status, 304)
        self.assertEqual(web.ask("/", 'If-None-Match: "other"').status, 200)

    def test_security(self) -> None:
        """The page may run and ask nothing but what is the door's own, and nothing inline."""
        headers = self.web().ask("/").headers
        policy = headers["Content-Security-Policy"]
        self.assertTrue(policy.startswith("default-src 'none';"))
        for unsafe in ("unsafe", "*", "http:", "https:", "data:", "blob:"):
            self.assertNotIn(unsafe, policy)
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Referrer-Policy"], "no-referrer")

    def test_assets(self) -> None:
        """Everything that the page refers to is there, and may be kept for ever."""
        web = self.web()
        index = web.ask("/").body.decode()
        references = re.findall(r'(?:src|href)="(assets/[^"]+)"', index)
        self.assertGreater(len(references), 30)
        for reference in references:
            answer = web.ask(f"/{reference}")
            self.assertEqual(answer.status, 200, reference)
            self.assertIn("immutable", answer.headers["Cache-Control"])
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertTrue(re.fullmatch(r"assets/[0-9a-f]{16}/[a-z0-9-]+\.\w+", reference))

    def test_icon(self) -> None:
        """What browsers ask for by a name of its own is there."""
        answer = self.web().ask("/favicon.ico")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "image/x-icon"))

    def test_gzip(self) -> None:
        """Files come compressed where that is understood, and are the same."""
        web = self.web()
        for path in ("/", re.findall(r'"(assets/[^"]+\.js)"', web.ask("/").body.decode())[0]):
            path = f"/{path.lstrip('/')}"
            plain = web.ask(path)
            packed = web.ask(path, "Accept-Encoding: br, gzip;q=0.8")
            self.assertEqual(packed.headers["Content-Encoding"], "gzip")
            self.assertEqual(gzip.decompress(packed.body), plain.body)
            self.assertNotEqual(packed.headers["ETag"], plain.headers["ETag"])
            self.assertEqual(packed.headers["Vary"], "Accept-Encoding")
            self.assertNotIn("Content-Encoding", web.ask(path, "Accept-Encoding: gzip;q=0").headers)

    def test_head(self) -> None:
        """HEAD says what GET would."""
        answer = self.web().ask("/", method="HEAD")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertGreater(int(answer.headers["Content-Length"]), 1_000)

    def test_nothing_else(self) -> None:
        """There is nothing else to be had, above all no other file."""
        web = self.web()
        for path in (
            *("/index.html", "/assets", "/assets/", "/assets/x/main.js", "/../pyproject.toml"),
            *("/assets/../../__init__.py", "/%2e%2e/%2e%2e/etc/passwd", "/ws/more", "/health/x"),
        ):
            self.assertIn(web.ask(path).status, (404, 426), path)
        self.assertEqual(web.ask("/", method="DELETE").status, 405)

    def test_bodies(self) -> None:
        """Nobody can send a file."""
        web = self.web()
        self.assertEqual(
            web.ask("/", "Content-Length: 5", method="POST", body=b"hello").status, 413
        )
        answer = web.ask("/", "Transfer-Encoding: chunked", method="POST", body=b"5\r\nhello\r\n")
        self.assertEqual(answer.status, 413)

    def test_upgrade(self) -> None:
        """The WebSocket's place says what it is."""
        answer = self.web().ask("/ws")
        self.assertEqual((answer.status, answer.headers["Upgrade"]), (426, "websocket"))


class HttpTests(WebCase):
    """HTTP connections end, whatever their clients do."""

    def test_a_trickle(self) -> None:
        """A head that comes byte by byte, or line by line, has no more time than others."""
        for part in (b"x", b"X: y\r\n"):
            web = self.web()
            pipe = web.pipe()
            pipe.send(b"GET / HTTP/1.1\r\n")
            for _ in range(int(HTTP_SECONDS) + 1):
                pipe.send(part)
                web.world.pass_time(1)
            self.assertTrue(pipe.gone)

    def test_keep_alive(self) -> None:
        """A connection may ask again and again, each time after a while, and idles out."""
        web = self.web()
        pipe = web.pipe()
        for _ in range(3):
            web.world.pass_time(HTTP_SECONDS - 1)
            pipe.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            web.world.settle()
            self.assertEqual(answer_in(pipe.take()).status, 404)
        web.world.pass_time(HTTP_SECONDS + 1)
        self.assertTrue(pipe.gone)

    def test_answers_that_are_not_read(self) -> None:
        """Who does not read the last answer is cut off, also where it has closed already."""
        for more in (b"", b"Connection: close\r\n", b"Content-Length: 1\r\n", b"nonsense\r\n"):
            web = self.web()
            pipe = web.pipe()
            pipe.reading = False
            pipe.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n")
            web.world.pass_time(HTTP_SECONDS + 16)
            self.assertTrue(pipe.gone, more)
            self.assertEqual(web.world.clock.getDelayedCalls(), [])

    def test_any_bytes_in_headers(self) -> None:
        """A header may hold any bytes: they ask for nothing that there is, and break nothing."""
        web = self.web(proxies=("192.0.2.1",))
        for path, name, status in (
            ("/", "Accept-Encoding", 200),
            ("/ws", "Upgrade", 426),
            ("/ws", "Origin", 403),
            ("/ws", "Host", 426),
        ):
            self.assertEqual(web.ask(path, f"{name}: \u00ff").status, status)
        ours = "Origin: http://chat.test:8080"
        self.assertEqual(web.connect(ours).handshake.status, 101)
        self.assertEqual(web.connect(ours, "Origin: http://evil.test").handshake.status, 403)

    def test_many_requests_in_a_read(self) -> None:
        """Requests that come together are answered one in a turn: nobody waits for thousands."""
        web = self.web()
        pipe = web.pipe()
        pipe.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        answers = [0]

        def look() -> None:
            answers.append(pipe.unread.count(b"HTTP/1.1 404"))
            if answers[-1] < 100:
                web.world.clock.callLater(0, look)

        look()
        web.world.settle()
        self.assertEqual(answers[-100:], [*range(1, 101)])

    def test_gone_before_the_answer(self) -> None:
        """Who asks and hangs up at once gets no answer."""
        web = self.web()
        pipe = web.pipe()
        pipe.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        pipe.lose()
        web.world.settle()
        self.assertEqual(pipe.unread, b"")

    def test_hasty(self) -> None:
        """What comes right behind the request for a WebSocket is not lost."""
        web = self.web()
        hasty = frame_of({"type": "ping"})
        self.assertEqual(types(web.connect(behind=hasty).got()), ["pong"])

    def test_nobody_logs(self) -> None:
        """What clients do with HTTP fills no log."""
        web = self.web()
        with capturedLogs() as logged:
            for data in (b"", b"\0\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 600):
                web.pipe().send(data)
            web.world.pass_time(HTTP_SECONDS + 16)
        self.assertEqual(list(logged), [])


class HealthTests(WebCase):
    """``GET /health``."""

    def test_well(self) -> None:
        """200 while the log accepts; and it is not asked more than once a second."""
        asked = []

        async def accepts() -> None:
            asked.append(1)

        web = self.web(accepts=accepts)
        for _ in range(5):
            answer = web.ask("/health")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(len(asked), 1)
        web.world.pass_time(1.25)
        web.ask("/health")
        self.assertEqual(len(asked), 2)

    def test_ailing(self) -> None:
        """503 while it does not, and 200 when it does again."""
        broken = [True]

        async def accepts() -> None:
            if broken:
                raise NotStored("the disk is full")

        web = self.web(accepts=accepts)
        self.assertEqual(web.ask("/health").status, 503)
        broken.clear()
        web.world.pass_time(1.25)
        self.assertEqual(web.ask("/health").status, 200)

    def test_stalled(self) -> None:
        """503 where the log does not answer; nobody waits longer."""
        stalled: Deferred[None] = Deferred()

        async def accepts() -> None:
            await stalled

        web = self.web(accepts=accepts)
        pipes = [web.pipe(), web.pipe(), web.pipe()]
        for pipe in pipes:
            pipe.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        pipes[0].lose()
        web.world.pass_time(HEALTH_SECONDS - 0.5)
        self.assertEqual(bytes(pipes[1].unread), b"")
        web.world.pass_time(1)
        for pipe in pipes[1:]:
            self.assertIn(b"503", pipe.take())
