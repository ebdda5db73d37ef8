"""The page: reading back, searching, and coming back to what is new."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from tests.kit.browser import PATIENCE, Visitor, WebDaemon, fill
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_history(browser: Browser, shared: WebDaemon) -> None:
    """Scrolling back reads on and on, to the first text; what one reads does not jump."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("historian")
        bob.ask("create", session="long")
        fill(bob, "long", 1_000)
        visitor.login("reader")
        visitor.go_to("long")
        visitor.wait_for_text("text 1000")
        assert visitor.page.locator(".row").count() < 100
        jumps = visitor.page.evaluate(SCROLL_UP)
        visitor.wait_for_text("text 1")
        assert visitor.page.inner_text("#beginning") == "This is the beginning of long."
        assert visitor.page.locator(".row").count() < 100
        assert max(jumps) <= 1.5, max(jumps)

        bob.ask("text", session="long", data="while you read")
        visitor.page.wait_for_selector("#newest:has-text('1 new')")
        assert "text 1" in visitor.bodies()
        visitor.page.click("#newest")
        visitor.wait_for_text("while you read")
        visitor.wait("() => document.querySelector('#newest').hidden")


SCROLL_UP = """async () => {
  const scroller = document.querySelector('#scroller');
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const jumps = [];
  const beginning = document.querySelector('#beginning');
  const began = performance.now();
  while (scroller.scrollTop > 0 || !beginning.textContent.startsWith('This is the beginning')) {
    if (performance.now() - began > 60_000) throw new Error('the beginning was not reached');
    const edge = scroller.getBoundingClientRect().top;
    const rows = [...document.querySelectorAll('.row')];
    const row = rows.find(each => each.getBoundingClientRect().top > edge + 300);
    const before = row.getBoundingClientRect().top;
    const wanted = Math.min(160, scroller.scrollTop);
    scroller.scrollTop -= wanted;
    await frame();
    await frame();
    if (row.isConnected) {
      const moved = row.getBoundingClientRect().top - before;
      jumps.push(Math.abs(moved - wanted));
    }
  }
  return jumps;
}"""
"""Scroll up step by step; return by how many pixels rows were off where they should be."""


def test_search(browser: Browser, shared: WebDaemon) -> None:
    """What was said long ago is found, and one click leads there; what is wrong is said."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("searcher")
        bob.ask("create", session="haystack")
        fill(bob, "haystack", 300)
        bob.ask("text", session="haystack", data="a needle, <b>sharp</b>")
        for number in range(300):
            bob.send({"type": "text", "session": "haystack", "data": f"more {number}"})
        bob.receive_until("text", data="more 299")
        visitor.login("finder")
        visitor.go_to("haystack")
        visitor.wait_for_text("more 299")
        visitor.page.click("#search-open")
        visitor.page.keyboard.type("needl*")
        visitor.page.keyboard.press("Enter")
        visitor.page.evaluate(WATCH_FLASH)
        visitor.page.click(".result:has-text('<b>sharp</b>')")
        visitor.wait_for_text("a needle, <b>sharp</b>")
        visitor.wait("() => window.flashed?.endsWith('a needle, <b>sharp</b>')")
        row = visitor.page.locator(".row:has(.body:text-is('a needle, <b>sharp</b>'))")
        box, frame = row.bounding_box(), visitor.page.locator("#scroller").bounding_box()
        assert box is not None
        assert frame is not None
        assert frame["y"] < box["y"] < frame["y"] + frame["height"] / 2
        visitor.page.mouse.move(500, 400)
        deadline = time.monotonic() + PATIENCE / 1000
        while "more 299" not in visitor.bodies():  # and from there one can read on, to the newest
            assert time.monotonic() < deadline
            visitor.page.mouse.wheel(0, 1_000)
            visitor.page.wait_for_timeout(30)
        visitor.page.fill("#search-field", '"unfinished')
        visitor.page.press("#search-field", "Enter")
        visitor.wait("() => document.querySelector('#search-words').textContent.length > 20")
        assert visitor.page.locator(".result").count() == 0
        visitor.page.keyboard.press("Escape")
        visitor.page.wait_for_selector("#search", state="hidden")


WATCH_FLASH = """() => {
  const look = (_, observer) => {
    window.flashed = document.querySelector('.row.flash')?.textContent;
    if (window.flashed) observer.disconnect();
  };
  const all = { attributes: true, childList: true, subtree: true };
  new MutationObserver(look).observe(document.querySelector('#texts'), all);
}"""
"""Remember which row was set off for a while."""


def test_new_since_you_left(browser: Browser, shared: WebDaemon) -> None:
    """Who comes back to a session sees what is new, and from where on it is."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("speaker")
        bob.ask("create", session="news")
        fill(bob, "news", 30)
        visitor.login("listener")
        visitor.go_to("news")
        visitor.wait_for_text("text 30")
        visitor.open("lobby")
        for data in ("new one", "listener: new two"):
            bob.ask("text", session="news", data=data)
        visitor.page.wait_for_selector("[data-session=news] .badge.calls")
        assert re.match(r"1\s+mention", visitor.page.inner_text("[data-session=news] .badge"))
        visitor.open("news")
        row = visitor.page.locator(".row:has(.divider.new)")
        assert row.locator(".body").inner_text() == "new one"
        assert visitor.page.locator("mark").inner_text() == "listener"
        visitor.wait("() => !document.querySelector('[data-session=news] .badge')")
        visitor.open("lobby")
        visitor.open("news")
        visitor.wait_for_text("listener: new two")
        assert visitor.page.locator(".divider.new").count() == 0
