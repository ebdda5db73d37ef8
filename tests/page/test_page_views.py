"""The page: every view in it is looked at, and axe-core finds nothing wrong with any."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import define, field

from tests.kit.browser import SETTLED, Visitor, WebDaemon, fill, photograph, violations
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGE = Path(__file__).parent.parent.parent / "twisted_chat" / "page"

COLOURS = ("color-contrast", "link-in-text-block")
"""axe-core's rules that look at colours."""

ASKABLE = "void Object.defineProperty(Notification, 'permission', {get: () => 'default'})"
"""Nobody has been asked yet: a browser without windows has nobody to ask."""

NOT_SEEN = {"attach-files"}
"""What is never shown: a field for the browser's own dialog."""


VISIBLE = """ids => {
  const how = { visibilityProperty: true };
  return ids.filter(id => document.getElementById(id)?.checkVisibility(how));
}"""

DARK = re.compile(r"\(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}\s*\}", re.DOTALL)


@cache
def views() -> frozenset[str]:
    """Return what the page may show besides what is always there: what is hidden at first."""
    found = set()
    for kind, rest in re.findall(r"<(\w+)([^>]*)>", (PAGE / "index.html").read_text("utf-8")):
        id = re.search(r'\bid="([^"]+)"', rest)
        plain = re.sub(r'"[^"]*"', "", rest)
        if id and (kind in ("dialog", "aside") or re.search(r"(?<!-)\bhidden\b", plain)):
            found.add(id[1])
    return frozenset(found - NOT_SEEN)


@define
class Looking:
    """Looks at the page as it is, and notes what is shown."""

    visitor: Visitor
    seen: set[str] = field(factory=set)

    def at(self, *shown: str) -> None:
        """Wait until these are shown; nothing is wrong with the page then, in light and dark."""
        page = self.visitor.page
        for id in shown:
            page.wait_for_selector(f"#{id}:visible")
        page.evaluate(SETTLED)
        assert violations(page) == [], shown
        page.emulate_media(color_scheme="dark")
        page.evaluate(SETTLED)
        assert violations(page, *COLOURS) == [], shown
        page.emulate_media(color_scheme="light")
        self.seen.update(page.evaluate(VISIBLE, sorted(views())))


def test_dark_is_other_colours() -> None:
    """So what is right in the light is right in the dark, but for what is said of colours."""
    styles = "".join(path.read_text("utf-8") for path in (PAGE / "assets").glob("*.css"))
    (dark,) = DARK.findall(styles)
    assert styles.count("prefers-color-scheme") == 1
    declared = [one.strip() for one in dark.split(";") if one.strip()]
    assert len(declared) > 20
    assert [one for one in declared if not re.match(r"--[\w-]+: ", one)] == []


@pytest.fixture
def keeping() -> Iterator[WebDaemon]:
    """Return a daemon with everything that a view may be about."""
    with WebDaemon(
        *("--log", "memory:", "--files", "kept", "--guests", "--registration", "open"),
        users=["ada,enigma-99,operator", "bob,enigma-98,"],
    ) as daemon:
        yield daemon


def test_every_view(browser: Browser, keeping: WebDaemon, tmp_path: Path) -> None:
    """None is forgotten: what the page has and this does not see fails it."""
    with RawClient(keeping.port) as bob, Visitor(browser, keeping.url) as visitor:
        bob.login("bob", password="enigma-98")
        looking = Looking(visitor)
        coming_in(looking)
        sessions(looking, bob)
        with Visitor(browser, keeping.url) as guest:
            a_locked_one(Looking(guest, looking.seen), bob)
        people(looking, bob)
        texts(looking, bob, tmp_path)
        endings(looking, bob)
        assert views() - looking.seen == set()
    visitor.problems.clear()  # a connection was lost on purpose


def coming_in(looking: Looking) -> None:
    """Look at the login, and at what comes when somebody is called."""
    visitor, page = looking.visitor, looking.visitor.page
    looking.at("login")
    page.fill("#login-user", "ada")
    page.fill("#login-password", "wrong")
    page.click("#login-enter")
    looking.at("login-problem", "login-other")
    page.click("#login-other")
    looking.at("login-more")
    page.click("#login-other")
    visitor.login("ada", "enigma-99")
    looking.at("composer", "attach", "search-open", "bell-open", "members-open", "about-open")
    page.fill("#write", "/")
    page.press("#write", "r")
    looking.at("choices")
    page.press("#write", "Escape")
    page.fill("#write", "x" * 20_000)
    page.press("#write", "Enter")
    looking.at("write-problem")
    page.fill("#write", "")


def sessions(looking: Looking, bob: RawClient) -> None:
    """Look at how sessions are found, made, joined and ruled."""
    visitor, page = looking.visitor, looking.visitor.page
    page.click("#switcher-open")
    page.wait_for_selector("#switcher-list[aria-busy=false] .option")
    looking.at("switcher")
    page.keyboard.type("nobody-is-called-that")
    page.wait_for_selector("#switcher-list .option:has-text('Create')")
    looking.at("switcher")
    page.keyboard.press("Escape")
    page.click("#create-open")
    page.fill("#create-name", "a b")
    page.keyboard.press("Enter")
    looking.at("create", "create-problem")
    page.fill("#create-name", "mine")
    page.fill("#create-password", "sesame")
    page.keyboard.press("Enter")
    visitor.wait_for_title("mine")
    looking.at("title-lock")
    page.click("#about-open")
    page.fill("#about-topic", "x" * 300)
    page.click("#about-save")
    looking.at("about", "about-problem")
    page.fill("#invite-user", "nobody-here")
    page.press("#invite-user", "Enter")
    looking.at("invite-problem")
    page.click("#about-bans summary")
    page.fill("#ban-whom", "ada")
    page.press("#ban-whom", "Enter")
    looking.at("ban-problem")
    page.click("#about-webhooks summary")
    page.fill("#webhook-name", "graf")
    page.press("#webhook-name", "Enter")
    looking.at("webhook-made")
    page.fill("#webhook-name", "graf")
    page.press("#webhook-name", "Enter")
    looking.at("webhook-problem")
    page.click("#delete")
    looking.at("about-deleting")
    page.keyboard.press("Escape")


def a_locked_one(looking: Looking, bob: RawClient) -> None:
    """Look at how a guest is asked for a password, and has no session at all."""
    visitor, page = looking.visitor, looking.visitor.page
    bob.ask("create", session="locked", password="sesame")
    visitor.login("gus")
    visitor.call_up("locked")
    page.wait_for_selector("#key[open]")
    page.keyboard.press("Enter")
    looking.at("key", "key-problem")
    page.keyboard.press("Escape")
    page.click("#about-open")
    page.click("#leave")
    looking.at("nothing")


def people(looking: Looking, bob: RawClient) -> None:
    """Look at members, at one of them, and at oneself."""
    visitor, page = looking.visitor, looking.visitor.page
    bob.ask("join", session="mine", password="sesame")
    page.wait_for_selector("#members-list .entry:has-text('bob')")
    looking.at("members")
    page.click("#members-list .entry:has-text('bob') button, #members-list button:has-text('bob')")
    page.wait_for_selector("#person-roles:visible")
    page.select_option("#person-role", "owner")
    looking.at("person", "person-warning")
    page.click("#person-kick")
    looking.at("person-question")
    bob.ask("leave", session="mine")
    page.click("#person-do")
    looking.at("person-problem")
    page.keyboard.press("Escape")
    visitor.write("/ignore eve")
    page.click("#account-open")
    page.click("#ignored summary")
    page.click("#account-own details:has(#passwd-form) summary")
    page.fill("#passwd-old", "wrong")
    page.fill("#passwd-new", "correct-horse-7")
    page.press("#passwd-new", "Enter")
    looking.at("account", "account-problem", "server-bans", "ignored")
    page.click("#account-close")
    page.evaluate(ASKABLE)
    page.click("#bell-open")
    looking.at("bell", "bell-allow")
    page.click("#bell-close")
    visitor.open("lobby")
    bob.ask("text", to="ada", data="psst")
    looking.at("ask", "people-title")
    page.click("#ask-no")


def texts(looking: Looking, bob: RawClient, folder: Path) -> None:
    """Look at texts, at what is done to one, at files, and at the ways through many."""
    visitor, page = looking.visitor, looking.visitor.page
    bob.ask("text", session="lobby", data="**Look**, _ada_:\n> a quote\n- one\n\n```\ncode\n```")
    bob.ask("text", session="lobby", data="ada: `code`, https://example.org and\n```\nx\n```")
    bob.ask("text", session="lobby", data="x\n" * 40)
    seq = bob.ask("text", session="lobby", data="taken back")["seq"]
    bob.ask("text", session="lobby", data="an answer", reply=seq - 2)
    bob.ask("redact", session="lobby", of=seq)
    bob.ask("react", session="lobby", of=seq + 1, data="👍")
    page.wait_for_selector(".reaction")
    looking.at("texts")
    bob.send({"type": "typing", "session": "lobby"})
    page.focus("#write")
    page.keyboard.press("Control+ArrowUp")
    page.keyboard.press("Enter")
    page.click("#more-redact")
    looking.at("more", "more-redacting")
    page.click("#more-reply")
    looking.at("about-text")
    page.click("#about-text-end")
    picture = folder / "boat.jpg"
    picture.write_bytes(photograph(1_200, 700))
    page.set_input_files("#attach-files", str(picture))
    page.wait_for_selector("#uploads:has-text('ready')")
    looking.at("uploads")
    page.press("#write", "Enter")
    page.click("button.picture")
    looking.at("picture")
    page.keyboard.press("Escape")
    visitor.write("/help")
    looking.at("help")
    page.click("#help-close")
    page.click("#search-open")
    page.keyboard.type("look")
    page.keyboard.press("Enter")
    page.wait_for_selector(".result")
    looking.at("search")
    page.keyboard.press("Escape")
    visitor.open("mine")
    for _ in range(2):
        fill(bob, "lobby", 320)
        bob.ask("text", session="lobby", data="ada?")
        fill(bob, "lobby", 320)
    page.wait_for_selector("[data-session=lobby] .badge.calls")
    visitor.open("lobby")
    looking.at("called", "missed")
    page.click("#missed")
    looking.at("newest")
    page.set_viewport_size({"width": 380, "height": 700})
    looking.at("newest")
    page.click("#sidebar-open")
    looking.at("sidebar")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1_200, "height": 800})


def endings(looking: Looking, bob: RawClient) -> None:
    """Look at what there is when something ends: the connection, a page, a session."""
    visitor, page = looking.visitor, looking.visitor.page
    body = page.evaluate("fetch('./').then(answer => answer.text())")
    older = page.evaluate("document.querySelector('script').src.split('/').at(-2)")
    newer = body.replace(older, "0123456789abcdef")
    page.click("#newest")
    page.wait_for_selector("#newest", state="hidden")
    visitor.context.set_offline(True)
    page.wait_for_selector("#banner:visible")
    visitor.write("This waits")
    page.wait_for_selector(".row.waiting")
    looking.at("banner")
    page.route(visitor.url, lambda route: route.fulfill(body=newer, content_type="text/html"))
    visitor.context.set_offline(False)
    page.wait_for_selector("#banner", state="hidden")
    visitor.wait_for_text("This waits")
    looking.at("version")
    page.click("#version-later")
    bob.ask("create", session="doomed")
    visitor.go_to("doomed")
    page.fill("#write", "a draft")
    bob.ask("delete", session="doomed")
    looking.at("over")
