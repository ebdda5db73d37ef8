"""The page: Ctrl-K leads to any session, however fast one types and however slow the server is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.kit.browser import PATIENCE, Visitor, WebDaemon
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser


class SlowList:
    """Hold back what the server answers to the page's question which sessions there are."""

    def __init__(self, visitor: Visitor) -> None:
        self._held: list[Callable[[], None]] = []
        self._holds = True
        visitor.page.route_web_socket("**/ws", self._route)
        visitor.page.reload()

    def _route(self, route: Any) -> None:
        server = route.connect_to_server()

        def answered(message: Any) -> None:
            if self._holds and '"type":"list"' in str(message):
                self._held.append(lambda: route.send(message))
            else:
                route.send(message)

        server.on_message(answered)

    def let_go(self, visitor: Visitor) -> None:
        """Let the answer through that was held back; wait for it where it is still to come."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not self._held:
            assert time.monotonic() < deadline, "the page has not asked"
            visitor.page.wait_for_timeout(10)
        for send in self._held:
            send()
        self._held.clear()


def test_switcher_is_not_overtaken(browser: Browser, shared: WebDaemon) -> None:
    """Enter waits for the server to say which sessions there are, however late it does."""
    with RawClient(shared.port) as owner, Visitor(browser, shared.url) as visitor:
        owner.login("patient")
        owner.ask("create", session="slowly")
        owner.ask("create", session="slowly-on")
        slow = SlowList(visitor)
        visitor.login("hasty")
        page = visitor.page
        visitor.call_up("slowly")
        page.wait_for_selector("#switcher-list[aria-busy=true]:not(:has(.option))")
        slow.let_go(visitor)
        visitor.wait_for_title("slowly")
        visitor.call_up("lobby")  # which one is in: there is nothing to wait for
        visitor.wait_for_title("lobby")
        slow.let_go(visitor)

        visitor.call_up("slowly-o")
        page.keyboard.type("f")  # so that was not it: Enter does not count any more
        slow.let_go(visitor)
        page.wait_for_selector("#switcher-list [aria-selected=true] :text-is('Create slowly-of')")
        page.keyboard.press("Escape")
        visitor.call_up("slowly-")
        page.keyboard.press("Escape")
        page.wait_for_selector("#switcher", state="hidden")
        slow.let_go(visitor)
        visitor.call_up("slowly-off")
        slow.let_go(visitor)
        page.wait_for_selector("#create[open]")
        assert page.input_value("#create-name") == "slowly-off"
        page.keyboard.press("Escape")
        assert page.inner_text("#title") == "lobby"


def test_switcher_keeps_the_choice(browser: Browser, shared: WebDaemon) -> None:
    """What the arrow keys have chosen stays chosen when the server's answer comes."""
    with RawClient(shared.port) as owner, Visitor(browser, shared.url) as visitor:
        owner.login("keeper")
        for session in ("choice-b", "choice-c", "choice-a"):
            owner.ask("create", session=session)
        slow = SlowList(visitor)
        visitor.login("chooser")
        page = visitor.page
        for session in ("choice-b", "choice-c"):
            visitor.call_up(session)
            slow.let_go(visitor)
            visitor.wait_for_title(session)
        page.keyboard.press("Control+k")
        page.keyboard.type("c")  # choice-b, and where one is
        page.keyboard.press("ArrowDown")
        chosen = "#switcher-list [aria-selected=true] :text-is('choice-c')"
        page.wait_for_selector(chosen)
        slow.let_go(visitor)
        page.wait_for_selector("#switcher-list[aria-busy=false] :text-is('choice-a')")
        page.wait_for_selector(chosen)
        page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        page.keyboard.type("choice")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")  # chosen: there is nothing to wait for
        visitor.wait_for_title("choice-b")


def test_switcher_without_a_connection(browser: Browser, daemon: WebDaemon) -> None:
    """Without a connection one still goes to and fro between one's own sessions."""
    with RawClient(daemon.port) as owner, Visitor(browser, daemon.url) as visitor:
        owner.login("founder")
        owner.ask("create", session="plans")
        visitor.login("alone")
        visitor.go_to("plans")
        daemon.kill()
        visitor.page.wait_for_selector("#banner:visible")
        visitor.call_up("lob")
        visitor.wait_for_title("lobby")
        visitor.go_to("plans")
