"""The page: files are chosen, dropped and pasted, sent with their progress, stopped, and shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kit.browser import Visitor, WebDaemon, photograph, violations
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DROP = """async ([selector, kind, size]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(size).fill(7)], `${kind}.bin`));
  const target = document.querySelector(selector);
  const options = {bubbles: true, cancelable: true};
  if (kind === 'paste') {
    target.dispatchEvent(new ClipboardEvent('paste', {...options, clipboardData: data}));
  } else {
    for (const type of ['dragenter', 'dragover', kind]) {
      target.dispatchEvent(new DragEvent(type, {...options, dataTransfer: data}));
    }
  }
}"""
"""Do what a person does with a file."""


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDaemon]:
    """Return a daemon that takes files, which the tests of this module share."""
    folder = tmp_path_factory.mktemp("files")
    with WebDaemon("--files", str(folder / "kept"), "--max-file", "30000000") as daemon:
        yield daemon


def test_pictures(browser: Browser, keeping: WebDaemon, tmp_path: Path) -> None:
    """A picture is shown small, large on a click, and never wider than the screen."""
    path = tmp_path / "our boat.jpg"
    path.write_bytes(photograph(2_400, 1_200))
    phone = {"width": 360, "height": 700}
    with (
        Visitor(browser, keeping.url) as alice,
        Visitor(browser, keeping.url, viewport=phone, has_touch=True, is_mobile=True) as bob,
    ):
        alice.login("alice-f")
        bob.login("bob-f")
        page = alice.page
        page.set_input_files("#attach-files", path)
        page.wait_for_selector("#uploads .line:has-text('ready')")
        assert violations(page) == []
        page.fill("#write", "Look!")
        page.press("#write", "Enter")
        page.wait_for_selector(".row .body:has-text('Look!')")
        assert page.locator("#uploads li").count() == 0
        for visitor in (alice, bob):
            small = visitor.page.wait_for_selector(".row .picture img")
            assert small is not None
            visitor.wait("() => document.querySelector('.picture img').naturalWidth > 0")
            assert small.get_attribute("alt") == "our boat.jpg"
            assert (
                visitor.page.evaluate("document.querySelector('.picture img').naturalWidth") <= 720
            )
            visitor.page.wait_for_selector(".body a.file:text-is('our boat.jpg')")
            assert violations(visitor.page) == []
            visitor.page.focus(".picture")
            visitor.page.keyboard.press("Enter")
            visitor.wait(
                "() => document.querySelector('#picture-frame img')?.naturalWidth === 2400"
            )
            assert violations(visitor.page) == []
            room = visitor.page.viewport_size
            box = visitor.page.locator("#picture-frame img").bounding_box()
            assert room is not None
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= room["width"]
            assert box["y"] + box["height"] <= room["height"]
            visitor.page.keyboard.press("Escape")
            visitor.page.wait_for_selector("#picture", state="hidden")
            width = visitor.page.evaluate("document.documentElement.scrollWidth")
            assert width <= room["width"]
        page.reload()
        page.wait_for_selector(".row .picture img")


def test_ways_in(browser: Browser, keeping: WebDaemon) -> None:
    """What is dropped, and what is pasted, is sent too; what is refused says why."""
    with RawClient(keeping.port) as bob, Visitor(browser, keeping.url) as visitor:
        bob.login("bob-w")
        visitor.login("ways")
        page = visitor.page
        page.evaluate(DROP, ["#room", "drop", 1_000])
        page.evaluate(DROP, ["#write", "paste", 2_000])
        page.set_input_files(
            "#attach-files", {"name": "c.txt", "mimeType": "text/plain", "buffer": b"not this"}
        )
        for name in ("drop.bin", "paste.bin", "c.txt"):
            page.wait_for_selector(f"#uploads .line:has-text('{name}'):has-text('ready')")
        page.click("#uploads .line:has-text('c.txt') button")
        page.press("#write", "Enter")  # without a word beside them
        page.wait_for_selector(".body a.file:text-is('paste.bin')")
        while "/files/" not in (said := bob.receive_until("text")["data"]):
            pass
        first, second = said.split(" ")
        assert first.startswith(f"{keeping.url}files/")
        assert (first[-8:], second[-8:]) == ("drop.bin", "aste.bin")
        page.evaluate(DROP, ["#room", "drop", 31_000_000])
        page.wait_for_selector("#uploads .problem:has-text('at most 30 MB')")
        assert violations(page) == []
        page.click("#uploads .line button")
        page.set_input_files(
            "#attach-files",
            {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff" + os.urandom(99)},
        )
        page.wait_for_selector("#uploads .problem:has-text('can not be read')")
        page.click("#uploads .line button")
        assert page.input_value("#write") == ""
        visitor.problems.clear()  # the refusal is one, for the browser


def test_progress(browser: Browser, keeping: WebDaemon, tmp_path: Path) -> None:
    """It shows how much is sent; it can be stopped; what was begun elsewhere is written there."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(2_000_000))
    with Visitor(browser, keeping.url) as visitor:
        visitor.login("patience")
        page = visitor.page
        devtools = visitor.context.new_cdp_session(page)
        devtools.send("Network.enable")

        def send_at(rate: float) -> None:
            devtools.send(
                "Network.emulateNetworkConditions",
                {
                    "offline": False,
                    "latency": 0,
                    "downloadThroughput": -1,
                    "uploadThroughput": rate,
                },
            )

        visitor.write("/createsession elsewhere")
        visitor.wait_for_title("elsewhere")
        send_at(100_000)
        page.set_input_files("#attach-files", path)
        visitor.wait(
            """() => {
              const { value, max } = document.querySelector('#uploads progress') ?? {};
              return value > 0 && value < max;
            }"""
        )
        assert violations(page) == []
        page.click("#uploads button")
        page.wait_for_selector("#uploads li", state="detached")
        page.set_input_files("#attach-files", path)
        page.wait_for_selector("#uploads progress")
        visitor.open("lobby")
        send_at(-1)
        page.wait_for_selector("#said:has-text('large.bin is ready in elsewhere')", timeout=60_000)
        visitor.say("nothing goes with this")
        visitor.open("elsewhere")
        page.wait_for_selector("#uploads .line:has-text('large.bin'):visible")
        page.press("#write", "Enter")
        page.wait_for_selector(".body a.file:text-is('large.bin')")


def test_without(browser: Browser, shared: WebDaemon) -> None:
    """A server that takes no files offers none; what is dropped does not replace the page."""
    with Visitor(browser, shared.url) as visitor:
        visitor.login("nofiles")
        visitor.page.evaluate(DROP, ["#room", "drop", 100])
        assert not visitor.page.is_visible("#attach")
        visitor.write(f"{shared.url}files/{'0' * 32}/gone.png#200x100")
        visitor.page.wait_for_selector(".row .note:has-text('not there any more')")
        visitor.problems.clear()
