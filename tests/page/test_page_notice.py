"""The page: of what one is told, and how; a new version of it; what is found in all sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kit.browser import Visitor, WebDaemon, fill, violations
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LISTEN = """() => {
  window.sounds = 0;
  window.notes = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    window.sounds += 1;
    start.apply(this, when);
  };
  window.Notification = class {
    static permission = 'granted';
    constructor(title, options) { window.notes.push(`${title}: ${options.body}`); }
  };
  window.later = 0;
  const now = performance.now.bind(performance);
  performance.now = () => now() + window.later;
  const frame = requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => frame((at) => draw(at + window.later));
}"""
"""Note what is heard, and what the desktop shows; ``later`` sets the page's clock."""

PAUSE = "window.later += 1_600"
"""Sounds are one in so long."""


def heard(visitor: Visitor) -> tuple[int, list[str]]:
    """Return how many sounds there were since this was asked last, and what was shown."""
    notes: list[str] = visitor.page.evaluate("window.notes.splice(0)")
    sounds: int = visitor.page.evaluate("[window.sounds, window.sounds = 0][0] / 2")
    return sounds, notes


def choose(visitor: Visitor, level: str) -> None:
    """Say of what one wants to be told."""
    visitor.page.click("#bell-open")
    visitor.page.check(f"#bell-{level}")
    visitor.page.click("#bell-close")


def test_levels(browser: Browser, shared: WebDaemon) -> None:
    """All, mentions or none, in each session: by notification, sound and badge; kept."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-n")
        for name in ("loud", "usual", "still"):
            bob.ask("create", session=name)
        visitor.login("nora")
        page = visitor.page
        for name, level in (("loud", "all"), ("usual", "mentions"), ("still", "none")):
            visitor.go_to(name)
            choose(visitor, level)
        assert page.get_attribute("#bell-open", "aria-label") == "Notifications: none"
        visitor.open("lobby")
        page.evaluate(LISTEN)

        def say(session: str, data: str) -> tuple[int, list[str]]:
            page.evaluate(PAUSE)
            bob.ask("text", session=session, data=data)
            bob.ask("text", session="lobby", data=f"after {data}")
            visitor.wait_for_text(f"after {data}")
            return heard(visitor)

        assert say("loud", "hello") == (1, ["bob-n in loud: hello"])
        assert say("usual", "hello all") == (0, [])
        assert say("usual", "nora, hello") == (1, ["bob-n in usual: nora, hello"])
        assert say("still", "nora, hello?") == (0, [])
        page.wait_for_selector("[data-session=usual] .badge.calls:has-text('@1')")
        assert page.locator("[data-session=still] .badge.calls").count() == 0
        assert page.locator("[data-session=still].unread").count() == 0
        page.evaluate(PAUSE)
        bob.ask("text", to="nora", data="psst")
        page.wait_for_selector("#people .badge.calls")
        assert heard(visitor) == (1, ["bob-n: psst"])
        page.click("#people .entry")
        visitor.wait_for_text("psst")
        choose(visitor, "none")
        visitor.open("lobby")
        bob.ask("text", to="nora", data="psst!")
        page.wait_for_selector("#people .badge:not(.calls)")
        assert heard(visitor) == (0, [])
        page.reload()
        visitor.wait("() => document.querySelector('#bell-open').hidden === false")
        visitor.open("loud")
        page.click("#bell-open")
        assert page.is_checked("#bell-all")
        assert violations(page) == []
        page.uncheck("#bell-sound")
        page.keyboard.press("Escape")
        visitor.open("lobby")
        page.evaluate(LISTEN)
        assert say("loud", "quietly") == (0, ["bob-n in loud: quietly"])


def test_new_version(browser: Browser, shared: WebDaemon) -> None:
    """Who comes back to a server that has another page is told so, and loads it or does not."""
    with Visitor(browser, shared.url) as visitor:
        visitor.login("vera")
        page = visitor.page
        page.fill("#write", "a draft")

        def lose() -> None:
            """Lose the network; wait until the page has come back, and has looked at itself."""
            visitor.context.set_offline(True)
            page.wait_for_selector("#banner:visible")
            with page.expect_event("requestfinished", lambda one: one.url == shared.url):
                visitor.context.set_offline(False)
            page.wait_for_selector("#banner", state="hidden")

        lose()
        page.wait_for_timeout(300)
        assert page.is_hidden("#version")
        older = page.evaluate("document.querySelector('script').src.split('/').at(-2)")
        body = page.evaluate("fetch('./').then(answer => answer.text())")
        newer = body.replace(older, "0123456789abcdef")
        page.route(shared.url, lambda route: route.fulfill(body=newer, content_type="text/html"))
        lose()
        page.wait_for_selector("#version:visible")
        assert violations(page) == []
        page.click("#version-later")
        assert page.is_hidden("#version")
        lose()
        page.wait_for_selector("#version:visible")
        page.unroute(shared.url)
        page.click("#version-load")
        visitor.wait("() => document.querySelector('#write')?.value === 'a draft'")
        assert page.is_hidden("#version")
    visitor.problems.clear()


def test_search_everywhere(browser: Browser, shared: WebDaemon) -> None:
    """A search finds texts of all one's sessions, says where, and goes there and back."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-q")
        for name in ("north", "south", "secret"):
            bob.ask("create", session=name)
            bob.ask("text", session=name, data=f"the quixotic {name} pole")
        visitor.login("quinn")
        page = visitor.page
        for name in ("north", "south"):
            visitor.go_to(name)
        bob.ask("text", to="quinn", data="a quixotic whisper")
        page.wait_for_selector("#people .badge")
        page.click("#search-open")
        page.fill("#search-field", "quixotic")
        page.press("#search-field", "Enter")
        visitor.wait("() => document.querySelectorAll('.result').length === 1")
        page.check("#search-all")
        visitor.wait("() => document.querySelectorAll('.result').length === 3")
        assert violations(page) == []
        assert page.inner_text("#search-list .result >> nth=0").startswith("bob-q")
        page.wait_for_selector(".result:has-text('in north') mark:text-is('quixotic')")
        visitor.watch_flashes()
        page.click(".result:has-text('in north')")
        visitor.wait_for_title("north")
        visitor.wait_for_flash("north pole")
        page.click(".result:has-text('with bob-q')")
        visitor.wait_for_title("bob-q")
        page.wait_for_selector(".row:has-text('a quixotic whisper')")
        page.go_back()
        visitor.wait_for_title("north")
        assert page.locator(".result").count() == 3
        page.keyboard.press("Escape")
        page.wait_for_selector("#search", state="hidden")


def test_from_mention_to_mention(browser: Browser, shared: WebDaemon) -> None:
    """Mentions that came meanwhile are gone through, one after the other, and then are read."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-k")
        bob.ask("create", session="deep")
        visitor.login("kim")
        visitor.go_to("deep")
        bob.ask("text", session="deep", data="the beginning")
        visitor.wait_for_text("the beginning")
        visitor.open("lobby")
        for part in ("first", "second", "third"):
            fill(bob, "deep", 150)
            bob.ask("text", session="deep", data=f"kim, the {part}")
        fill(bob, "deep", 150)
        page = visitor.page
        page.wait_for_selector("[data-session=deep] .badge.calls:has-text('@3')")
        visitor.open("deep")
        page.wait_for_selector("#called:has-text('3 mentions')")
        assert violations(page) == []
        visitor.watch_flashes()
        for part, left in (("first", "2 mentions"), ("second", "the mention"), ("third", "")):
            page.click("#called")
            visitor.wait_for_flash(f"kim, the {part}")
            if left:
                page.wait_for_selector(f"#called:has-text('{left}')")
        page.wait_for_selector("#called", state="hidden")
