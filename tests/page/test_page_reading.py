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
        jumps = visitor.page.evaluate(SCROLL_UP, 160)
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


SCROLL_UP = """async (step) => {
  const scroller = document.querySelector('#scroller');
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const jumps = [];
  const beginning = document.querySelector('#beginning');
  const began = performance.now();
  while (scroller.scrollTop > 0 || !beginning.textContent.startsWith('This is the beginning')) {
    if (performance.now() - began > 240_000) throw new Error('the beginning was not reached');
    const edge = scroller.getBoundingClientRect().top;
    const rows = [...document.querySelectorAll('.row')];
    const row = rows.find(each => each.getBoundingClientRect().top > edge + 300);
    const before = row.getBoundingClientRect().top;
    const wanted = Math.min(step, scroller.scrollTop);
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
"""Scroll up by steps of so many pixels; return by how many rows were off where they should be."""


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
        visitor.watch_flashes()
        visitor.page.click(".result:has-text('<b>sharp</b>')")
        visitor.wait_for_text("a needle, <b>sharp</b>")
        visitor.wait_for_flash("a needle, <b>sharp</b>")
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
        badges = visitor.page.locator("[data-session=news] .badge").all_inner_texts()
        assert [re.sub(r"\s+", " ", words) for words in badges] == ["@1 mention", "2 unread"]
        visitor.open("news")
        row = visitor.page.locator(".row:has(.divider.new)")
        assert row.locator(".body").inner_text() == "new one"
        assert visitor.page.locator("mark").inner_text() == "listener"
        visitor.wait("() => !document.querySelector('[data-session=news] .badge')")
        visitor.open("lobby")
        visitor.open("news")
        visitor.wait_for_text("listener: new two")
        assert visitor.page.locator(".divider.new").count() == 0


def test_where_the_new_begins(browser: Browser, shared: WebDaemon) -> None:
    """What is not seen (a change, an ignored user's text) takes no line of the new from a text."""
    with (
        RawClient(shared.port) as bob,
        RawClient(shared.port) as eve,
        Visitor(browser, shared.url) as visitor,
    ):
        bob.login("bob-w")
        eve.login("eve-w")
        bob.ask("create", session="line")
        eve.ask("join", session="line")
        visitor.login("walt")
        visitor.go_to("line")
        visitor.write("/ignore eve-w")
        seq = bob.ask("text", session="line", data="one")["seq"]
        visitor.wait_for_text("one")
        visitor.open("lobby")
        bob.ask("react", session="line", of=seq, data="!")
        eve.ask("text", session="line", data="not seen")
        bob.ask("text", session="line", data="two")
        bob.ask("text", session="line", data="three")
        visitor.page.wait_for_selector("[data-session=line].unread")
        visitor.open("line")
        visitor.wait_for_text("three")
        rows = visitor.page.locator(".row:has(.divider.new)")
        assert rows.count() == 1
        assert rows.locator(".body").inner_text() == "two"


def test_found_is_what_was_looked_for(browser: Browser, shared: WebDaemon) -> None:
    """A hit leads to its own text, also where the page has let go of it since."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("digger")
        bob.ask("create", session="deep")
        fill(bob, "deep", 2_600)
        visitor.login("diver")
        visitor.go_to("deep")
        visitor.wait_for_text("text 2600")
        visitor.page.evaluate(SCROLL_UP, 1_600)
        visitor.wait_for_text("text 1")
        visitor.page.click("#newest")
        visitor.wait_for_text("text 2600")
        visitor.page.click("#search-open")
        visitor.watch_flashes()
        for number in ("700", "1900", "3"):
            visitor.page.fill("#search-field", number)
            visitor.page.press("#search-field", "Enter")
            visitor.page.click(f".result:has(mark:text-is('{number}'))")
            visitor.wait_for_flash(f"text {number}")
            visitor.page.wait_for_selector(".row.flash", state="detached")


def test_mentions_are_counted_again(browser: Browser, shared: WebDaemon) -> None:
    """After a reload, mentions in what is unread are still mentions."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("reminder")
        bob.ask("create", session="calls")
        visitor.login("reminded")
        visitor.go_to("calls")
        bob.ask("text", session="calls", data="before")
        visitor.wait_for_text("before")
        visitor.open("lobby")
        for data in ("plain", "reminded: come", "@reminded!", "not reminded@corp.example"):
            bob.ask("text", session="calls", data=data)
        visitor.page.wait_for_selector("[data-session=calls] .badge.calls")
        visitor.page.reload()
        badges = visitor.page.locator("[data-session=calls] .badge")
        visitor.page.wait_for_selector("[data-session=calls] .badge.calls:has-text('@2')")
        assert badges.last.inner_text().startswith("4")


def test_a_short_conversation_is_at_the_bottom(browser: Browser, shared: WebDaemon) -> None:
    """What was said last is just above where one writes, however little it is."""
    with Visitor(browser, shared.url) as visitor:
        visitor.login("terse")
        visitor.page.click("#create-open")
        visitor.page.fill("#create-name", "terse-room")
        visitor.page.keyboard.press("Enter")
        visitor.wait_for_title("terse-room")
        visitor.say("one")
        visitor.wait(
            """() => {
              const end = (selector) =>
                [...document.querySelectorAll(selector)].at(-1).getBoundingClientRect().bottom;
              return Math.abs(end('.row') - end('#scroller')) < 2;
            }"""
        )


def test_printing(browser: Browser, shared: WebDaemon) -> None:
    """On paper is the whole conversation, and nothing of the page around it."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("printed")
        bob.ask("create", session="paper")
        fill(bob, "paper", 450)
        visitor.login("printer")
        visitor.go_to("paper")
        visitor.wait_for_text("text 450")
        visitor.page.evaluate(
            "window.print = () => { dispatchEvent(new Event('beforeprint'));"
            " window.printed = document.querySelectorAll('.row').length;"
            " dispatchEvent(new Event('afterprint')); }"
        )
        visitor.page.keyboard.press("Control+p")
        visitor.wait("() => window.printed === 450")
        assert visitor.page.locator(".row").count() < 100


def test_links(browser: Browser, shared: WebDaemon) -> None:
    """A session and a text have links: the address bar, back, and following one after a login."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("linker")
        bob.ask("create", session="linked")
        fill(bob, "linked", 400)
        visitor.login("walker")
        visitor.go_to("linked")
        visitor.wait_for_text("text 400")
        assert visitor.page.url.endswith("#/linked")
        assert visitor.page.locator(".row time a").last.get_attribute("href") == "#/linked/400"
        visitor.open("lobby")
        assert visitor.page.url.endswith("#/lobby")
        visitor.page.go_back()
        visitor.wait_for_title("linked")
        with Visitor(browser, f"{shared.url}#/linked/37") as other:
            other.page.fill("#login-user", "follower")
            other.page.click("#login-enter")
            other.wait_for_title("linked")
            other.wait_for_text("text 37")
            assert other.page.url.endswith("#/linked/37")
