"""The page: writing: commands, choices, marks, and what is too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.browser import SETTLED, TALL, Visitor, WebDaemon
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PHONE = {"viewport": {"width": 360, "height": 700}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("line", ["/msgg bob a secret", "/", "/usr/bin/python is gone", "/servers"])
def test_what_is_no_command_is_not_said(browser: Browser, shared: WebDaemon, line: str) -> None:
    """A line that begins with a slash is never said by mistake, and stays where it was written."""
    with Visitor(browser, shared.url, viewport=TALL) as visitor:
        visitor.login(f"slip-{len(line)}")
        visitor.write(line)
        visitor.page.wait_for_selector("#write-problem:visible")
        assert visitor.page.input_value("#write") == line
        assert line not in visitor.bodies()


def test_commands(browser: Browser, shared: WebDaemon) -> None:
    """The page knows the client's commands; two slashes say one, and /me is an action."""
    with (
        RawClient(shared.port) as bob,
        Visitor(browser, shared.url, viewport=TALL) as visitor,
    ):
        bob.login("listening-bob")
        bob.ask("create", session="command-room")
        visitor.login("commander")
        visitor.write("/msg listening-bob the secret is 42")
        heard = bob.receive_until("text")
        assert heard["session"].startswith("@")
        assert heard["data"] == "the secret is 42"
        visitor.write("/j command-room")
        visitor.wait_for_title("command-room")
        visitor.write("//j is a command")
        assert bob.receive_until("text", session="command-room")["data"] == "/j is a command"
        visitor.write("/me waves")
        assert bob.receive_until("text", session="command-room")["data"] == "/me waves"
        visitor.wait_for_text("commander waves")
        assert visitor.page.locator(".row.action").count() == 1
        visitor.write("/help")
        visitor.page.wait_for_selector("#help[open] dt:has-text('/joinsession')")
        visitor.page.keyboard.press("Escape")
        visitor.write("/switch lobby")
        visitor.wait_for_title("lobby")


def test_choices(browser: Browser, shared: WebDaemon) -> None:
    """Who writes an @ chooses from names; Enter sends what is whole already."""
    with (
        RawClient(shared.port) as one,
        RawClient(shared.port) as two,
        Visitor(browser, shared.url, viewport=TALL) as visitor,
    ):
        one.login("choose-anna")
        two.login("choose-annika")
        visitor.login("chooser")
        page = visitor.page
        page.focus("#write")
        page.keyboard.type("Hello @choose-an")
        page.wait_for_selector("#choices .option:has-text('choose-annika')")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert page.input_value("#write") == "Hello @choose-annika "
        page.keyboard.type("and @CHOOSE-ANNA")
        page.keyboard.press("Enter")
        visitor.wait_for_text("Hello @choose-annika and @CHOOSE-ANNA")
        page.keyboard.type("@choose")
        page.click("#choices .option:has-text('choose-anna')")
        page.keyboard.type("?")
        assert page.input_value("#write") == "@choose-anna ?"


def test_enter_on_a_phone(browser: Browser, shared: WebDaemon) -> None:
    """Where there is no keyboard, Enter begins a line, and the button sends."""
    with Visitor(browser, shared.url, **PHONE) as visitor:
        visitor.login("phone-writer")
        page = visitor.page
        page.tap("#write")
        page.keyboard.type("one")
        page.keyboard.press("Enter")
        page.keyboard.type("two")
        page.tap(".send")
        visitor.wait_for_text("one\ntwo")


def test_touch_targets(browser: Browser, shared: WebDaemon) -> None:
    """What a finger is to hit is 44 pixels wide and high."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url, **PHONE) as visitor:
        bob.login("far-away")
        visitor.login("finger")
        bob.ask("text", to="finger", data="Hello?")
        visitor.page.tap("#sidebar-open")
        visitor.page.wait_for_selector("#people .entry")
        visitor.page.evaluate(SETTLED)
        small = visitor.page.evaluate(
            """[...document.querySelectorAll('button, .entry, input:not([type=checkbox])')]
                .filter(each => each.checkVisibility({ visibilityProperty: true }))
                .map(each => [each.id || each.className, each.getBoundingClientRect()])
                .filter(([, box]) => box.width < 44 || box.height < 44)
                .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""
        )
        assert small == []


def test_too_long_is_told(browser: Browser, shared: WebDaemon) -> None:
    """A name that is too long is not cut, but told."""
    with Visitor(browser, shared.url) as visitor:
        visitor.page.fill("#login-user", "x" * 33)
        visitor.page.click("#login-enter")
        visitor.page.wait_for_selector("#login-problem:has-text('32 characters')")
        visitor.login("x" * 32)
        visitor.page.click("#create-open")
        visitor.page.fill("#create-name", "y" * 65)
        visitor.page.keyboard.press("Enter")
        visitor.page.wait_for_selector("#create-problem:has-text('64 characters')")
        visitor.page.fill("#create-name", "y")
        visitor.page.fill("#create-topic", "z" * 257)
        visitor.page.keyboard.press("Enter")
        visitor.page.wait_for_selector("#create-problem:has-text('256 characters')")


def test_markdown(browser: Browser, shared: WebDaemon) -> None:
    """A small part of Markdown is shown as what it means."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url, viewport=TALL) as visitor:
        bob.login("typographer")
        bob.ask("create", session="marks")
        visitor.login("mark-reader")
        visitor.go_to("marks")
        bob.ask("text", session="marks", data="**b** *i* ~~s~~\n> q\n- one\n- two\n2*3*4 snake_a_b")
        visitor.page.wait_for_selector(".body strong:text-is('b')")
        body = visitor.page.locator(".body")
        for selector, words in (("em", "i"), ("del", "s"), ("blockquote", "q"), ("li", "one")):
            assert body.locator(selector).first.inner_text() == words
        assert "2*3*4 snake_a_b" in body.inner_text()


def test_names_of_any_direction(browser: Browser, shared: WebDaemon) -> None:
    """A name in Hebrew stands beside its picture, and turns nothing around."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("שלום")
        bob.ask("text", session="lobby", data="x")
        visitor.login("latin")
        bob.ask("text", to="latin", data="y")
        for place in ("#members-list", "#people", ".row"):
            holder = ".by" if place == ".row" else ".entry"
            visitor.page.wait_for_selector(f"{place} {holder} .name:text-is('שלום')")
            gap = visitor.page.evaluate(
                """([place, holder]) => {
                  const name = [...document.querySelectorAll(`${place} ${holder} .name`)]
                    .find(each => each.textContent === 'שלום');
                  const range = document.createRange();
                  range.selectNodeContents(name);
                  const box = range.getBoundingClientRect();
                  const picture = name.closest('.entry, .text').querySelector('.avatar');
                  return box.left - picture.getBoundingClientRect().right;
                }""",
                [place, holder],
            )
            assert 0 < gap < 24, place
