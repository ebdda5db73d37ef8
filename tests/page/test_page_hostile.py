"""The page: nothing that somebody sends is anything but text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.kit.browser import TALL, Visitor, WebDaemon
from tests.kit.daemon import RawClient
from tests.kit.hostile import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_hostile(browser: Browser, shared: WebDaemon) -> None:
    """Whatever somebody sends is shown as text: no markup, no script, no style, no request."""
    with (
        RawClient(shared.port) as eve,
        Visitor(browser, shared.url, viewport=TALL) as visitor,
    ):
        eve.login("eve")
        eve.ask("create", session="hostile")
        visitor.login("victim")
        visitor.go_to("hostile")
        width = visitor.page.evaluate("document.querySelector('#texts').scrollWidth")
        visitor.requests.clear()
        shown = set()
        for number, (sent, expected) in enumerate(HOSTILE, 1):
            echo = eve.ask("text", session="hostile", data=sent)
            assert echo["type"] == "text", (sent[:50], echo)
            visitor.wait_for_text(expected)
            visitor.wait(
                "number => document.querySelector('#texts').lastElementChild"
                ".querySelector('.body').textContent !== '' || number < 0",
                number,
            )
            shown |= set(visitor.page.evaluate(ELEMENTS))
        assert shown <= {"DIV", "SPAN", "BDI", "TIME", "A", "CODE", "PRE", "MARK", "BUTTON"}
        assert visitor.page.evaluate("window.pwned") is None
        assert visitor.requests == []
        assert visitor.page.evaluate("document.querySelector('#texts').scrollWidth") == width
        assert visitor.page.evaluate("document.body.scrollWidth <= innerWidth")
        for link in visitor.page.evaluate(LINKS):
            assert re.match(r"https?://", link["href"]), link
            assert "noopener" in link["rel"]


ELEMENTS = """
    [...document.querySelectorAll('#texts .row *')]
        .filter(each => !each.closest('button.more > svg'))
        .map(each => each.tagName)
"""
"""All that a row is made of, but the page's own picture in the button of its menu."""


LINKS = "[...document.querySelectorAll('.row a')].map(({href, rel}) => ({href, rel}))"


def test_hostile_names_and_topics(browser: Browser, shared: WebDaemon) -> None:
    """The other things that people write are text as well: topics, queries, names of sessions."""
    topic = "<img src=x onerror='window.pwned=1'>\u202e&amp;"
    with RawClient(shared.port) as eve, Visitor(browser, shared.url) as visitor:
        eve.login("mallory")
        eve.ask("create", session="()[]{}=;`~^|", topic=topic)
        visitor.login("target")
        visitor.go_to("()[]{}=;`~^|")
        visitor.wait("() => document.querySelector('#topic').textContent !== ''")
        assert visitor.page.evaluate("document.querySelector('#topic').textContent") == topic
        assert visitor.page.evaluate("window.pwned") is None
