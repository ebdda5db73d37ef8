"""The page: logins, and what one does with sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.browser import Visitor, WebDaemon
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_accounts(browser: Browser) -> None:
    """An account needs its password; a tab that is loaded again needs no other login."""
    users = ["ada,enigma,operator"]
    with WebDaemon(users=users) as daemon, Visitor(browser, daemon.url) as ada:
        page = ada.page
        page.fill("#login-user", "ada")
        page.fill("#login-password", "wrong")
        page.click("#login-enter")
        page.wait_for_selector("#login-problem:visible")
        assert page.input_value("#login-user") == "ada"
        ada.login("ada", "enigma")
        assert page.inner_text("#me-kind") == "operator"
        kept = page.evaluate("sessionStorage.getItem('twisted-chat.login')")
        assert "token" in kept
        assert "enigma" not in kept  # a password is kept nowhere
        page.reload()
        page.wait_for_selector("#composer:visible")
        with RawClient(daemon.port) as other:
            other.login("ada", password="enigma")
            assert len(other.ask("devices")["devices"]) == 1
            page.click("#logout")
            page.wait_for_selector("#login:visible")
            assert other.ask("devices")["devices"] == []
        page.wait_for_selector("#login:visible")
        page.reload()
        page.wait_for_selector("#login:visible")
        assert page.evaluate("sessionStorage.length") == 0


def test_places(browser: Browser) -> None:
    """An account is in the same sessions in another browser, with what it has read here."""
    users = ["ada,enigma,", "bob,bombe,"]
    with (
        WebDaemon(users=users) as daemon,
        Visitor(browser, daemon.url) as one,
        Visitor(browser, daemon.url) as other,
        RawClient(daemon.port) as bob,
        RawClient(daemon.port) as third,
    ):
        third.login("ada", password="enigma")
        bob.login("bob", password="bombe")
        bob.ask("create", session="ops", keep=True)
        third.ask("join", session="ops")  # so that it is told what is read there
        one.login("ada", "enigma")
        one.page.fill("#write", "/joinsession ops")
        one.page.keyboard.press("Enter")
        one.page.wait_for_selector("#title:has-text('ops')")
        seq = bob.ask("text", session="ops", data="hello")["seq"]
        one.wait_for_text("hello")
        third.receive_until("read", session="ops", seq=seq)
        one.page.fill("#write", "/switch lobby")
        one.page.keyboard.press("Enter")
        one.page.wait_for_selector("#title:has-text('lobby')")
        for number in range(3):
            bob.ask("text", session="ops", data=f"@ada {number}" if number else "plain")
        other.login("ada", "enigma")
        entry = other.page.wait_for_selector("#rooms :text('ops')")
        assert entry is not None
        other.wait(
            "() => [...document.querySelectorAll('#rooms button')]"
            ".some(each => /ops/.test(each.textContent) && /3/.test(each.textContent))"
        )
        other.page.click("#rooms :text('ops')")
        other.wait_for_text("@ada 2")
        one.wait(
            "() => ![...document.querySelectorAll('#rooms button')]"
            ".some(each => /ops/.test(each.textContent) && /3/.test(each.textContent))"
        )


def test_typing_and_away(browser: Browser, shared: WebDaemon) -> None:
    """Who writes is said quietly, and no more once it is said; who is away is marked."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("typist")
        visitor.login("reader")
        visitor.go_to("lobby")
        bob.send({"type": "typing", "session": "lobby"})
        visitor.page.wait_for_selector("#typing:has-text('typist is writing')")
        bob.ask("text", session="lobby", data="done")
        visitor.wait_for_text("done")
        visitor.wait("() => document.querySelector('#typing').textContent === ''")
        visitor.page.fill("#write", "I write")
        bob.receive_until("typing", user="reader")
        visitor.page.fill("#write", "/away lunch")
        visitor.page.keyboard.press("Enter")
        bob.receive_until("away", user="reader", data="lunch")


def test_ruling(browser: Browser, shared: WebDaemon) -> None:
    """Who owns a session takes somebody out by a command; who does not is told so."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        visitor.login("ruler")
        bob.login("ruled")
        visitor.page.fill("#write", "/createsession ruled-room")
        visitor.page.keyboard.press("Enter")
        visitor.page.wait_for_selector("#title:has-text('ruled-room')")
        bob.ask("join", session="ruled-room")
        visitor.page.fill("#write", "/kick ruled go away")
        visitor.page.keyboard.press("Enter")
        kicked = bob.receive_until("kicked", user="ruled")
        assert (kicked["by"], kicked["reason"]) == ("ruler", "go away")
        visitor.page.fill("#write", "/switch lobby")
        visitor.page.keyboard.press("Enter")
        visitor.page.wait_for_selector("#title:has-text('lobby')")
        visitor.page.fill("#write", "/kick ruled")
        visitor.page.keyboard.press("Enter")
        visitor.page.wait_for_selector("#write-problem:visible")


def test_sessions(browser: Browser, daemon: WebDaemon) -> None:
    """Sessions are created, locked, found, joined, given a topic, left and deleted."""
    with Visitor(browser, daemon.url) as alice, Visitor(browser, daemon.url) as bob:
        alice.login("alice")
        bob.login("bob")
        page = alice.page
        page.click("#create-open")
        page.fill("#create-name", "a b")
        page.click("#create-form [type=submit]")
        page.wait_for_selector("#create-problem:visible")
        page.fill("#create-name", "plans")
        page.fill("#create-topic", "What to do")
        page.fill("#create-password", "sesame")
        page.click("#create-form [type=submit]")
        alice.wait_for_title("plans")
        alice.say("first")

        page = bob.page
        bob.call_up("plan")
        page.fill("#key-password", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("#key-problem:visible")
        page.fill("#key-password", "sesame")
        page.keyboard.press("Enter")
        bob.wait_for_text("first")
        assert page.inner_text("#topic") == "What to do"
        page.reload()  # with the password, the tab comes back to where it was
        bob.wait_for_text("first")
        assert page.inner_text("#title") == "plans"

        alice.page.click("#about-open")
        alice.page.fill("#about-topic", "What was done")
        alice.page.click("#about-save")
        bob.wait("() => document.querySelector('#topic').textContent === 'What was done'")
        bob.page.click("#about-open")
        assert not bob.page.is_visible("#delete")
        bob.page.click("#leave")
        bob.wait("() => !document.querySelector('[data-session=plans]')")
        alice.wait("() => document.querySelector('#member-count').textContent === '1'")
        bob.call_up("plans")
        bob.page.fill("#key-password", "sesame")
        bob.page.keyboard.press("Enter")
        bob.wait_for_text("first")
        alice.page.click("#about-open")
        alice.page.click("#delete")
        alice.page.click("#delete-really")
        alice.wait_for_title("lobby")
        bob.page.wait_for_selector("#over:has-text('alice has deleted this session.')")
        bob.wait_for_bodies("first")
        bob.open("lobby")
        bob.wait("() => !document.querySelector('[data-session=plans]')")


def test_deleted_while_writing(browser: Browser, daemon: WebDaemon) -> None:
    """Who reads or writes where a session is deleted stays there, and says nothing elsewhere."""
    with RawClient(daemon.port) as owner, Visitor(browser, daemon.url) as visitor:
        owner.login("founder")
        owner.ask("create", session="plans")
        visitor.login("writer")
        visitor.go_to("plans")
        visitor.say("one")
        visitor.page.fill("#write", "two, which is not fin")
        owner.ask("delete", session="plans")
        visitor.page.wait_for_selector("#over:has-text('founder has deleted this session.')")
        visitor.page.keyboard.type("ished")
        visitor.page.keyboard.press("Enter")
        assert visitor.page.inner_text("#title") == "plans"
        assert visitor.page.input_value("#write") == "two, which is not fin"
        visitor.wait_for_bodies("one")
        owner.ask("create", session="plans")  # another one of that name can be joined
        visitor.go_to("plans")
        visitor.page.wait_for_selector("#over", state="hidden")
        visitor.wait_for_bodies()
        visitor.page.press("#write", "Enter")
        visitor.wait_for_text("two, which is not fin")
        visitor.open("lobby")
        owner.ask("delete", session="plans")
        visitor.page.wait_for_selector("#said :has-text('founder has deleted this session.')")
        visitor.wait("() => !document.querySelector('[data-session=plans]')")
        visitor.wait_for_bodies()


def test_no_lobby(browser: Browser) -> None:
    """Who is in no session is shown how to come into one, and how to make one."""
    with (
        WebDaemon("--log", "memory:", "--lobby", "") as daemon,
        Visitor(browser, daemon.url) as visitor,
        RawClient(daemon.port) as owner,
    ):
        owner.login("founder")
        page = visitor.page
        page.fill("#login-user", "lonely")
        page.click("#login-enter")
        page.click("#nothing-create")
        page.fill("#create-name", "mine")
        page.keyboard.press("Enter")
        visitor.wait_for_title("mine")
        visitor.say("first")
        page.click("#about-open")
        page.click("#leave")
        owner.ask("create", session="plans")
        page.click("#nothing-find")
        page.keyboard.type("plans")
        page.keyboard.press("Enter")
        visitor.wait_for_title("plans")


@pytest.mark.parametrize("by", ["Enter", "click"])
def test_wrong_session_password(browser: Browser, shared: WebDaemon, by: str) -> None:
    """After a wrong password the right one leads in, and the dialog is gone."""
    session = f"locked-{by}"
    with RawClient(shared.port) as owner, Visitor(browser, shared.url) as visitor:
        owner.login(f"owner-{by}")
        owner.ask("create", session=session, password="sesame")
        visitor.login(f"visitor-{by}")
        page = visitor.page
        visitor.call_up(session)
        for password in ("wrong", "sesame"):
            page.fill("#key-password", password)
            if by == "Enter":
                page.keyboard.press("Enter")
            else:
                page.click("#key-form [type=submit]")
            if password == "wrong":
                page.wait_for_selector("#key-problem:visible")
        page.wait_for_selector("#key", state="hidden")
        visitor.wait_for_title(session)


def test_operator(browser: Browser) -> None:
    """An operator sets any topic, the lobby's too, and deletes any session but the lobby."""
    with (
        WebDaemon(users=["ada,enigma,operator", "bob,bombe,"]) as daemon,
        Visitor(browser, daemon.url) as ada,
        Visitor(browser, daemon.url) as bob,
    ):
        bob.page.fill("#login-user", "bob")
        bob.page.click("#login-enter")
        bob.page.wait_for_selector("#login-problem:has-text('need a password')")
        bob.login("bob", "bombe")
        ada.login("ada", "enigma")
        for visitor, may in ((ada, True), (bob, False)):
            visitor.page.click("#about-open")
            assert visitor.page.is_visible("#about-topic") == may
            assert not visitor.page.is_visible("#delete")
            visitor.page.click("#about-close")
            visitor.page.wait_for_selector("#about", state="hidden")
        ada.page.click("#about-open")
        ada.page.fill("#about-topic", "Be kind")
        ada.page.click("#about-save")
        bob.wait("() => document.querySelector('#topic').textContent === 'Be kind'")
        with RawClient(daemon.port) as owner:
            owner.login("bob", password="bombe")
            owner.ask("create", session="plans")
            ada.go_to("plans")
            ada.page.click("#about-open")
            assert ada.page.is_visible("#about-topic")
            assert ada.page.is_visible("#delete")
