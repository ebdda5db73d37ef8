"""The page: everybody can use it, with whatever they have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.kit.browser import Visitor, WebDaemon, violations
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_keyboard(browser: Browser, shared: WebDaemon) -> None:
    """Everything is done without a pointer; Shift-Enter is a new line; Tab leaves nothing out."""
    with Visitor(browser, shared.url) as visitor:
        page = visitor.page
        page.keyboard.type("keys")
        page.keyboard.press("Enter")
        page.wait_for_selector("#write:focus")
        page.keyboard.type("one")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("two")
        page.keyboard.press("Enter")
        visitor.wait_for_text("one\ntwo")
        visitor.call_up("keyboarders")
        page.wait_for_selector("#create[open]")
        page.keyboard.press("Enter")
        visitor.wait_for_title("keyboarders")
        page.wait_for_selector("#write:focus")
        seen = set()
        for _ in range(25):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
        assert {"switcher-open", "create-open", "entry", "logout", "search-open"} <= seen
        assert {"members-open", "about-open", "scroller", "write", "send"} <= seen
        page.keyboard.press("Control+k")
        page.keyboard.press("Escape")
        page.wait_for_selector("#switcher", state="hidden")
        page.keyboard.press("Escape")
        page.wait_for_selector("#write:focus")


def test_phone(browser: Browser, shared: WebDaemon) -> None:
    """A phone's width is enough, and a finger."""
    phone = {"width": 360, "height": 700}
    with (
        RawClient(shared.port) as bob,
        Visitor(browser, shared.url, viewport=phone, has_touch=True, is_mobile=True) as visitor,
    ):
        bob.login("desk")
        bob.ask("create", session="pocket")
        bob.ask("text", session="pocket", data="word" * 200)
        page = visitor.page
        visitor.login("thumb")
        assert not page.is_visible("#logout")
        page.tap("#sidebar-open")
        page.tap("#switcher-open")
        page.tap("#switcher-list .option:has(.name:text-is('pocket'))")
        visitor.wait_for_text("word" * 200)
        page.wait_for_selector("#sidebar", state="hidden")
        page.tap("#members-open")
        page.wait_for_selector("#members-list .entry:has-text('desk')")
        page.tap("#members-close")
        page.fill("#write", "typed with a thumb")
        page.tap(".send")
        visitor.wait_for_text("typed with a thumb")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert violations(page) == []


def test_installable(browser: Browser, shared: WebDaemon) -> None:
    """A browser takes it as an app: with a manifest that it understands, and all its icons."""
    with Visitor(browser, shared.url) as visitor:
        asked = visitor.context.new_cdp_session(visitor.page)
        manifest = asked.send("Page.getAppManifest")
        assert manifest["errors"] == []
        assert json.loads(manifest["data"])["display"] == "standalone"
        found = asked.send("Page.getInstallabilityErrors")["installabilityErrors"]
        # A browser of tests remembers nothing.
        assert {error["errorId"] for error in found} <= {"in-incognito"}
        folder = manifest["url"].rpartition("/")[0]
        for icon in json.loads(manifest["data"])["icons"]:
            answer = visitor.page.request.get(f"{folder}/{icon['src']}")
            assert answer.ok
            assert answer.headers["content-type"] == icon["type"]


def test_many_members(browser: Browser, shared: WebDaemon) -> None:
    """Of very many members some are listed, and each is found."""
    crowd = []
    try:
        for number in range(450):
            crowd.append(RawClient(shared.port))
            crowd[-1].login(f"member{number:03}")
        with Visitor(browser, shared.url) as visitor:
            visitor.login("counter")
            visitor.page.wait_for_selector("#members-rest:has-text('more')")
            assert int(visitor.page.inner_text("#member-count")) >= 451
            visitor.page.fill("#members-find", "member449")
            visitor.page.wait_for_selector("#members-list .entry:has-text('member449')")
            visitor.wait("() => document.querySelectorAll('#members-list .entry').length === 1")
    finally:
        for client in crowd:
            client.close()
