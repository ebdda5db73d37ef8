"""The page: texts are answered, edited, taken back, and reacted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kit.browser import Visitor, WebDaemon, fill
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_what_others_do(browser: Browser, shared: WebDaemon) -> None:
    """What is done to a text is seen at once, and the same after a reload."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-c")
        bob.ask("create", session="changes")
        visitor.login("alice-c")
        visitor.go_to("changes")
        for data in ("teh plan", "a secret", "the end"):
            assert bob.ask("text", session="changes", data=data)["type"] == "text"
        visitor.wait_for_text("the end")
        bob.ask("edit", session="changes", of=1, data="the plan")
        bob.ask("redact", session="changes", of=2)
        bob.ask("react", session="changes", of=1, data="🎉")
        bob.ask("text", session="changes", data="an answer", reply=1)
        for _ in range(2):
            visitor.wait_for_text("an answer")
            page = visitor.page
            page.wait_for_selector("#texts .row:has-text('the plan') .reaction:has-text('🎉')")
            page.wait_for_selector("#texts .row:has-text('(edited)')")
            page.wait_for_selector("#texts .row.redacted:has-text('taken back')")
            page.wait_for_selector("#texts .answered:has-text('bob-c: the plan')")
            assert page.locator("#texts:has-text('secret')").count() == 0
            assert page.locator("#texts:has-text('teh')").count() == 0
            assert page.locator(".entry[data-session='changes'] .badge").count() == 0
            page.reload()


def test_what_is_answered(browser: Browser, shared: WebDaemon) -> None:
    """A text far back is quoted where it is answered, as it is now; and one click leads there."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-q")
        bob.ask("create", session="far")
        for data in ("the question", "another"):
            bob.ask("text", session="far", data=data)
        fill(bob, "far", 400)
        for reply in (1, 2):
            bob.ask("text", session="far", data=f"an answer to {reply}", reply=reply)
        visitor.login("quinn")
        visitor.go_to("far")
        page = visitor.page
        page.wait_for_selector("#texts .answered:has-text('bob-q: the question')")
        bob.ask("edit", session="far", of=1, data="the real question")
        page.wait_for_selector("#texts .answered:has-text('bob-q: the real question')")
        bob.ask("redact", session="far", of=2)
        page.wait_for_selector("#texts .answered:has-text('In answer to a text')")
        assert page.locator("#texts:has-text('another')").count() == 0
        visitor.watch_flashes()
        page.click("#texts .answered:has-text('the real question')")
        visitor.wait_for_flash("the real question")


def test_what_one_does(browser: Browser, shared: WebDaemon) -> None:
    """By the menu of a text, by ArrowUp, and by what one writes."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-d")
        bob.ask("create", session="doing")
        visitor.login("alice-d")
        visitor.go_to("doing")
        page = visitor.page
        bob.ask("text", session="doing", data="shall we?")
        visitor.wait_for_text("shall we?")
        visitor.say("yse")
        visitor.wait_for_text("yse")
        page.press("#write", "ArrowUp")
        assert page.input_value("#write") == "yse"
        page.wait_for_selector("#about-text:has-text('is to read')")
        page.fill("#write", "yes")
        page.press("#write", "Enter")
        assert bob.receive_until("edited")["data"] == "yes"
        page.wait_for_selector("#texts .row:has-text('yes'):has-text('(edited)')")

        row = page.locator("#texts .row:has-text('shall we?')")
        row.hover()
        row.locator(".more").click()
        assert page.is_hidden("#more-edit")
        page.click("#more-marks button:has-text('👍')")
        told = bob.receive_until("reacted")
        assert (told["of"], told["data"]) == (1, "👍")
        row.locator(".reaction[aria-pressed=true]").click()
        assert bob.receive_until("reacted")["undo"] is True

        row.hover()
        row.locator(".more").click()
        page.click("#more-reply")
        page.wait_for_selector("#about-text:has-text('An answer to bob-d')")
        visitor.say("I think so")
        said = bob.receive_until("text")
        while said["data"] != "I think so":
            said = bob.receive_until("text")
        assert said["reply"] == 1

        visitor.write("/react ^ 🚀")
        assert bob.receive_until("reacted")["data"] == "🚀"
        mine = page.locator("#texts .row:has-text('I think so')")
        mine.hover()
        mine.locator(".more").click()
        page.click("#more-redact")
        page.click("#redact-really")
        assert bob.receive_until("redacted")["source"] == "alice-d"
        page.wait_for_selector("#texts .row.redacted")
        visitor.write("/edit ^9 nothing")
        page.wait_for_selector("#write-problem:has-text('third last')")


def test_taken_out(browser: Browser, shared: WebDaemon) -> None:
    """Who is taken out of a session is told by whom, and can read on there."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-e")
        bob.ask("create", session="strict")
        visitor.login("alice-e")
        visitor.go_to("strict")
        bob.ask("kick", session="strict", user="alice-e", reason="spam")
        visitor.page.wait_for_selector("#over:has-text('bob-e has taken you out (spam).')")


def test_by_keyboard(browser: Browser, shared: WebDaemon) -> None:
    """The texts are gone through by keyboard, and what can be done to one is done."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-y")
        bob.ask("create", session="keys")
        for data in ("one", "two", "three"):
            bob.ask("text", session="keys", data=data)
        visitor.login("kay")
        visitor.go_to("keys")
        visitor.wait_for_text("three")
        page = visitor.page
        page.focus("#write")
        for key in ("Control+ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown"):
            page.keyboard.press(key)
        label = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert label == "More about this text: bob-y: two"
        page.keyboard.press("Enter")
        page.wait_for_selector("#more-marks button:focus:has-text('👍')")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.wait_for_selector(".row:has-text('two') .reaction:has-text('❤️')")
        page.focus("#write")
        for key in ("Control+ArrowUp", "ArrowUp", "Enter"):
            page.keyboard.press(key)
        page.focus("#more-reply")
        page.keyboard.press("Enter")
        page.wait_for_selector("#about-text:has-text('An answer to bob-y')")
        page.wait_for_selector("#write:focus")
        page.keyboard.press("Control+ArrowUp")
        page.keyboard.press("Escape")
        page.wait_for_selector("#write:focus")
