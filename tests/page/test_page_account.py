"""The page: an account is made, its password changed, its devices forgotten; being away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.browser import Visitor, WebDaemon, violations
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ADA = "ada,enigma-99"
"""An account: its name, and its password."""


def make(visitor: Visitor, user: str, password: str, again: str | None = None) -> None:
    """Ask for an account."""
    page = visitor.page
    if page.is_hidden("#login-more"):
        page.click("#login-other")
    page.fill("#login-user", user)
    page.fill("#login-password", password)
    page.fill("#login-again", password if again is None else again)
    page.click("#login-enter")


def test_register(browser: Browser) -> None:
    """Who may makes an account, is in it at once, and comes back to it; what is wrong is said."""
    with (
        WebDaemon("--registration", "open", "--guests", users=[ADA]) as daemon,
        Visitor(browser, daemon.url) as visitor,
    ):
        page = visitor.page
        page.click("#login-other")
        assert violations(page) == []
        make(visitor, "ada", "correct-horse-7")
        page.wait_for_selector("#login-problem:has-text('taken')")
        make(visitor, "nell", "correct-horse-7", "another")
        page.wait_for_selector("#login-problem:has-text('not the same')")
        make(visitor, "nell", "nell")
        page.wait_for_selector("#login-problem:visible")
        make(visitor, "nell", "correct-horse-7")
        page.wait_for_selector("#composer:visible")
        assert page.inner_text("#me-kind") == ""
        page.reload()
        page.wait_for_selector("#composer:visible")
        users = (daemon.directory / "users.csv").read_text()
        assert "nell" in users
        assert "correct-horse-7" not in users
        kept = page.evaluate("JSON.stringify([sessionStorage, localStorage])")
        assert "correct-horse-7" not in kept


@pytest.mark.parametrize("policy", ["closed", "invite"])
def test_who_may(browser: Browser, policy: str) -> None:
    """Where accounts are closed the page offers none; where a code is needed it asks for one."""
    with (
        WebDaemon("--registration", policy, "--guests", users=[ADA]) as daemon,
        Visitor(browser, daemon.url) as visitor,
    ):
        page = visitor.page
        assert page.is_visible("#login-other") == (policy == "invite")
        if policy == "invite":
            page.click("#login-other")
            page.fill("#login-code", "guessed")
            make(visitor, "nell", "correct-horse-7")
            page.wait_for_selector("#login-problem:has-text('invitation code')")
            page.click("#login-other")
            page.click("#login-enter")  # as a guest
            page.wait_for_selector("#login-problem:visible, #composer:visible")


def test_account(browser: Browser) -> None:
    """One's devices are listed and forgotten; the password is changed, and this browser stays."""
    with (
        WebDaemon(users=[ADA]) as daemon,
        Visitor(browser, daemon.url) as one,
        Visitor(browser, daemon.url) as other,
        RawClient(daemon.port) as third,
    ):
        third.login("ada", password="enigma-99", remember=True)
        one.login("ada", "enigma-99")
        other.login("ada", "enigma-99")
        page = one.page
        page.click("#account-open")
        page.click("#account-own summary >> nth=0")
        page.wait_for_selector("#devices-list .line:has-text('This browser')")
        one.wait("() => document.querySelectorAll('#devices-list .line').length === 3")
        assert violations(page) == []
        page.click("#devices-list .line:has-text('native') button")
        one.wait("() => document.querySelectorAll('#devices-list .line').length === 2")
        assert third.receive_until("bye")["type"] == "bye"
        page.click("#account-own summary >> nth=1")
        assert violations(page) == []
        page.fill("#passwd-old", "wrong")
        page.fill("#passwd-new", "correct-horse-7")
        page.press("#passwd-new", "Enter")
        page.wait_for_selector("#account-problem:has-text('not your password')")
        page.fill("#passwd-old", "enigma-99")
        page.press("#passwd-new", "Enter")
        page.wait_for_selector("#said:has-text('Your password is changed')")
        other.page.wait_for_selector("#login-problem:visible")
        one.say("still here")
        page.reload()
        page.wait_for_selector("#composer:visible")
        one.say("and after a reload")
        other.login("ada", "correct-horse-7")


def test_away(browser: Browser, shared: WebDaemon) -> None:
    """One is away, and back, and others see it."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-away")
        visitor.login("wanderer")
        page = visitor.page
        page.click("#account-open")
        assert page.is_hidden("#account-own")
        assert violations(page) == []
        page.fill("#away-why", "At the lake")
        page.press("#away-why", "Enter")
        assert bob.receive_until("away")["data"] == "At the lake"
        page.wait_for_selector("#members-list .entry:has-text('wanderer'):has-text('away')")
        page.click("#account-open")
        assert page.inner_text("#away-set") == "I am back"
        page.click("#away-set")
        assert "data" not in bob.receive_until("away")


def test_measures_of_the_server(browser: Browser) -> None:
    """An operator sees who is kept out of the server, or silent, adds and lifts; others do not."""
    users = [f"{ADA},operator", "bob,enigma-98,"]
    with (
        WebDaemon("--guests", users=users) as daemon,
        Visitor(browser, daemon.url) as visitor,
        Visitor(browser, daemon.url) as plain,
        RawClient(daemon.port) as eve,
    ):
        eve.login("eve")
        visitor.login("ada", "enigma-99")
        page = visitor.page
        page.click("#account-open")
        page.click("#server-bans summary")
        page.wait_for_selector("#server-bans-words:has-text('Nobody is banned or muted')")
        assert violations(page) == []
        page.fill("#server-ban-whom", "eve")
        page.select_option("#server-ban-kind", "mute")
        page.select_option("#server-ban-span", "3600")
        page.fill("#server-ban-reason", "too loud")
        page.press("#server-ban-reason", "Enter")
        page.wait_for_selector("#server-bans-list .line:has-text('eve'):has-text('muted by ada')")
        page.fill("#server-ban-whom", "198.51.100.0/24")
        page.press("#server-ban-whom", "Enter")
        page.wait_for_selector("#server-bans-list .line:has-text('198.51.100.0/24')")
        assert violations(page) == []
        assert eve.ask("text", session="lobby", data="more")["code"] == "muted"
        page.fill("#server-ban-whom", "ada")
        page.press("#server-ban-whom", "Enter")
        page.wait_for_selector("#server-ban-problem:has-text('operator')")
        page.click("#server-bans-list .line:has-text('eve') button")
        visitor.wait("() => document.querySelectorAll('#server-bans-list .line').length === 1")
        assert eve.ask("text", session="lobby", data="sorry")["type"] == "text"
        page.click("#account-close")
        visitor.write("/bans --server")
        page.wait_for_selector("#server-bans-list .line:has-text('198.51.100.0/24'):visible")
        page.click("#account-close")

        plain.login("bob", "enigma-98")
        plain.page.click("#account-open")
        assert plain.page.is_visible("#account-own")
        assert plain.page.is_hidden("#server-bans")
        plain.page.click("#account-close")
        plain.write("/bans --server")
        plain.page.wait_for_selector("text=That is for operators of the server.")


def test_staying(browser: Browser) -> None:
    """Who wants to stays logged in: in other tabs, and when all were closed; until it logs out."""
    with (
        WebDaemon("--guests", users=[ADA]) as daemon,
        Visitor(browser, daemon.url) as visitor,
    ):

        def another() -> Page:
            page = visitor.context.new_page()
            page.goto(daemon.url)
            page.wait_for_selector("#composer:visible, #login-user:visible")
            return page

        first = visitor.page
        visitor.login("ada", "enigma-99")
        second = another()
        assert second.is_visible("#login-user")  # it was not asked for
        second.check("#login-stay")
        second.fill("#login-user", "ada")
        second.fill("#login-password", "enigma-99")
        second.click("#login-enter")
        second.wait_for_selector("#composer:visible")
        second.close()
        third = another()
        third.wait_for_selector("#composer:visible")
        assert third.inner_text("#me-name") == "ada"
        kept = third.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
        assert "enigma-99" not in kept
        fourth = another()
        fourth.wait_for_selector("#composer:visible")
        third.click("#logout")
        third.wait_for_selector("#login-user:visible")
        fourth.wait_for_selector("#login-user:visible")  # it was the same device
        assert another().is_visible("#login-user")
        assert first.is_visible("#composer")


OLD = """() => {
  localStorage.setItem("twisted-chat.ignored.ada", '["cid"]');
  localStorage.setItem("twisted-chat.levels.ada", '{"lobby":"all","gone":"none"}');
}"""
"""What an earlier version of the page left in the browser."""


def test_what_is_set_is_the_accounts(browser: Browser) -> None:
    """Whom it ignores and of what it is told is so in each browser, at once and later."""
    with (
        WebDaemon("--guests", users=[ADA]) as daemon,
        Visitor(browser, daemon.url) as one,
        Visitor(browser, daemon.url) as two,
        RawClient(daemon.port) as bob,
        RawClient(daemon.port) as cid,
    ):
        bob.login("Bob")
        cid.login("cid")
        one.page.evaluate(OLD)
        one.login("ada", "enigma-99")
        two.login("ada", "enigma-99")
        loud = "() => document.querySelector('#bell-open').title.includes('every text')"
        one.wait(loud)
        two.wait(loud)
        one.wait("() => localStorage.getItem('twisted-chat.ignored.ada') === null")
        bob.ask("text", session="lobby", data="one")
        cid.ask("text", session="lobby", data="two")
        bob.ask("text", session="lobby", data="three")
        for visitor in (one, two):
            visitor.wait_for_bodies("one", "three")
        one.write("/ignore bob")
        two.wait_for_bodies()
        two.page.click("#bell-open")
        two.page.check("#bell-none")
        two.page.click("#bell-close")
        one.wait("() => document.querySelector('#bell-open').title.includes('none')")
        bob.ask("text", session="lobby", data="ada, are you there?")
        with Visitor(browser, daemon.url) as third:
            third.login("ada", "enigma-99")
            third.wait("() => document.querySelector('#bell-open').title.includes('none')")
            third.page.click("#account-open")
            third.page.click("#ignored summary")
            assert third.page.inner_text("#ignored-list li:first-child bdi") == "Bob"
            assert violations(third.page) == []
            third.page.click("#ignored-list button:has-text('no more') >> nth=0")
            third.page.click("#account-close")
            third.wait_for_bodies("one", "three", "ada, are you there?")
        one.wait_for_bodies("one", "three", "ada, are you there?")
