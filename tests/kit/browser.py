"""A real browser on the real page, for end-to-end tests.

They need Playwright for Python and a Chromium: the distribution's is found by its name, any
other by ``CHROMIUM``. Where one of them is missing, what needs it is skipped, and says so. The one
that never has a window (chromium-headless-shell) takes half of the processor, and is preferred.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.kit.daemon import Daemon, RawClient, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

PATIENCE = 60_000.0
"""Milliseconds that the page has for whatever it is to show: a loaded machine is slow."""

SETTLED = "Promise.allSettled(document.getAnimations().map(each => each.finished))"
"""What moves is where it will be, and what fades in has its colours."""

WATCH_FLASHES = """() => {
  window.flashed = [];
  const look = () => {
    for (const row of document.querySelectorAll('.row.flash')) {
      if (!window.flashed.includes(row.textContent)) window.flashed.push(row.textContent);
    }
  };
  const all = { attributes: true, childList: true, subtree: true };
  new MutationObserver(look).observe(document.querySelector('#texts'), all);
}"""
"""Remember which rows were set off for a while."""

TALL = {"width": 1200, "height": 6_000}
"""So tall that all that is said in a test is in the page."""

AXE = Path(__file__).parent.parent / "web" / "node_modules" / "axe-core" / "axe.min.js"


def chromium() -> str | None:
    """Return where Chromium is, or None."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Start a browser, or skip the test."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: pip install playwright"
    )
    path = chromium()
    if path is None:
        pytest.skip("no Chromium: install the distribution's, or name one in CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS, timeout=2 * PATIENCE)
        try:
            yield browser
        finally:
            browser.close()


class WebDaemon(Daemon):
    """The real daemon, with a web door too."""

    def __init__(self, *options: str, **settings: Any) -> None:
        self.web_port = free_port()
        super().__init__("--web", f"tcp:{self.web_port}:interface=127.0.0.1", *options, **settings)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.web_port}/"


class Visitor:
    """Somebody at the page: one tab, in a browser of its own."""

    def __init__(self, browser: Browser, url: str, **settings: Any) -> None:
        settings.setdefault("viewport", {"width": 1200, "height": 800})
        self.context: BrowserContext = browser.new_context(**settings)
        self.context.grant_permissions(["clipboard-write"])  # as with a window, by itself
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.url = url
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda said: self._heard(said.type, said.text))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", lambda dialog: self._heard("error", f"dialog: {dialog.message}"))
        self.page.goto(url)

    def _heard(self, kind: str, text: str) -> None:
        # That a connection fails is what some tests are about.
        if kind == "error" and "WebSocket connection to" not in text:
            self.problems.append(text)

    def login(self, user: str, password: str = "") -> Self:
        """Come in, and wait for the lobby."""
        self.page.fill("#login-user", user)
        self.page.fill("#login-password", password)
        self.page.click("#login-enter")
        self.page.wait_for_selector("#composer:visible")
        self.wait("() => document.querySelector('#beginning').textContent !== ''")
        return self

    def write(self, text: str) -> None:
        """Write something, and send it."""
        self.page.fill("#write", text)
        self.page.press("#write", "Enter")

    def say(self, text: str) -> None:
        """Say something, and wait until it is stored."""
        self.write(text)
        self.wait_for_text(text)

    def wait_for_text(self, text: str) -> None:
        """Wait until a text is shown, as a stored one."""
        self.wait(
            """text => [...document.querySelectorAll('.row:not(.sent, .waiting, .failed) .body')]
                .some(body => body.textContent === text)""",
            text,
        )

    def bodies(self) -> list[str]:
        """Return the texts that are in the page, in order."""
        found: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('.row .body')].map(body => body.textContent)"
        )
        return found

    def wait_for_bodies(self, *expected: str) -> None:
        """Wait until these are the texts in the page, and no others."""
        deadline = time.monotonic() + PATIENCE / 1000
        while (bodies := self.bodies()) != list(expected):
            assert time.monotonic() < deadline, bodies
            self.page.wait_for_timeout(20)

    def wait(self, condition: str, argument: Any = None) -> None:
        """Wait until some JavaScript is true.

        Playwright's own ``wait_for_function`` evaluates text within the page, which is forbidden.
        """
        deadline = time.monotonic() + PATIENCE / 1000
        while not self.page.evaluate(condition, argument):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {PATIENCE} ms: {condition} {argument or ''}")
            self.page.wait_for_timeout(20)

    def watch_flashes(self) -> None:
        """Remember from now on which rows are set off: they are for two seconds."""
        self.page.evaluate(WATCH_FLASHES)

    def wait_for_flash(self, words: str) -> None:
        """Wait until a row with these words was set off; what was before it counts no more."""
        self.wait("words => window.flashed.some(each => each.includes(words))", words)
        self.page.evaluate("window.flashed = []")

    def lose_network(self) -> None:
        """Have no network any more, and know it."""
        self.page.evaluate(
            "void (window.isOffline = new Promise("
            " (done) => addEventListener('offline', () => done(true), { once: true })))"
        )
        self.context.set_offline(True)
        self.page.evaluate("window.isOffline")

    def open(self, session: str) -> None:
        """Go to a session in the list at the side."""
        self.page.click(f'[data-session="{session}"]')
        self.wait_for_title(session)

    def call_up(self, name: str) -> None:
        """Type a name into the switcher, and press Enter at once."""
        self.page.keyboard.press("Control+k")
        self.page.keyboard.type(name)
        self.page.keyboard.press("Enter")

    def go_to(self, session: str) -> None:
        """Go to a session by the switcher; to one that has no password."""
        self.call_up(session)
        self.wait_for_title(session)

    def wait_for_title(self, title: str) -> None:
        """Wait until a session is the one that is shown."""
        self.wait("title => document.querySelector('#title').textContent === title", title)

    def close(self) -> None:
        """Go; nothing may have been wrong."""
        self.context.close()
        assert self.problems == [], self.problems

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            with suppress(Exception):
                self.context.close()


class Wire:
    """A way to the daemon that can be cut, or go dead without a word."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._through = threading.Event()
        self._through.set()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where the page is at this end."""
        return f"http://127.0.0.1:{self.port}/"

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                self._through.wait()
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        one.close()

    def go_dead(self) -> None:
        """Carry nothing more, in either direction; connections stay open."""
        self._through.clear()

    def cut(self) -> None:
        """Break all connections; new ones are carried."""
        sockets, self._sockets = self._sockets, []
        for end in sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._through.set()

    def close(self) -> None:
        """End it."""
        self._listener.close()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def fill(client: RawClient, session: str, count: int) -> None:
    """Say ``count`` texts, numbered from 1."""
    for start in range(1, count + 1, 50):
        numbers = range(start, min(start + 50, count + 1))
        for number in numbers:
            client.send({"type": "text", "session": session, "data": f"text {number}"})
        for _ in numbers:
            client.receive_until("text", session=session)


def violations(page: Page, *rules: str) -> list[str]:
    """Return what axe-core finds wrong with the page as it is, in a line each.

    By all its rules, or by ``rules`` alone.
    """
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci --prefix tests/web")
    # As the debugger, which the page's own policy does not bind.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8") + "; undefined")
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    found: Sequence[dict[str, Any]] = page.evaluate(
        "options => axe.run(options).then(found => found.violations)", options
    )
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found]


def photograph(width: int, height: int, colour: str = "teal") -> bytes:
    """Return a picture."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (width, height), colour)
    ImageDraw.Draw(picture).ellipse((40, 40, width - 40, height - 40), fill="orange")
    out = BytesIO()
    picture.save(out, "JPEG")
    return out.getvalue()
