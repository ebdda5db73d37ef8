"""The page: what is said, and by whom it is seen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.kit.browser import PATIENCE, TALL, Visitor, WebDaemon
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_one_order(browser: Browser, daemon: WebDaemon) -> None:
    """Two browsers and a native client talk at once, and all of them see one order."""
    with (
        Visitor(browser, daemon.url, viewport=TALL) as alice,
        Visitor(browser, daemon.url, viewport=TALL) as bob,
        RawClient(daemon.port) as carol,
    ):
        carol.login("carol")
        alice.login("alice")
        bob.login("bob")
        for number in range(15):
            alice.write(f"alice {number}")
            carol.send({"type": "text", "data": f"carol {number}"})
            bob.write(f"bob {number}")
        order = [carol.receive_until("text")["data"] for _ in range(45)]
        for visitor in (alice, bob):
            visitor.wait("() => document.querySelectorAll('.row').length === 45")
            visitor.wait("() => document.querySelectorAll('.row.sent').length === 0")
            assert visitor.bodies() == order
        assert sorted(order) == sorted(
            f"{name} {number}" for name in ("alice", "bob", "carol") for number in range(15)
        )


def test_direct(browser: Browser, daemon: WebDaemon) -> None:
    """What is said to one alone is seen by the two alone, on whichever side."""
    with (
        Visitor(browser, daemon.url) as alice,
        Visitor(browser, daemon.url) as eve,
        RawClient(daemon.port) as bob,
    ):
        bob.login("bob")
        alice.login("alice")
        eve.login("eve")
        alice.page.click("#members-list .entry:has-text('bob')")
        alice.page.click("#person-message")
        alice.wait_for_title("bob")
        alice.say("Just between us")
        assert bob.receive_until("text")["data"] == "Just between us"
        bob.ask("text", to="alice", data="Yes?")
        alice.wait_for_text("Yes?")
        alice.page.click('[data-session="lobby"]')
        bob.ask("text", to="alice", data="And now?")
        alice.page.wait_for_selector('[data-session="@alice,bob"] .badge.calls')
        alice.wait("() => document.title.startsWith('(1) ')")
        alice.page.click('[data-session="@alice,bob"]')
        alice.wait_for_text("And now?")
        alice.wait("() => !document.title.startsWith('(')")
        assert eve.page.locator("#people .entry").count() == 0
        assert eve.bodies() == []


def test_two_tabs(browser: Browser, shared: WebDaemon) -> None:
    """A tab that is opened from one's own is the same guest; a stranger can not be."""
    with Visitor(browser, shared.url, viewport=TALL) as one:
        one.login("twin")
        one.say("from one")
        with one.page.expect_popup() as opened:
            one.page.evaluate("void open(location.href)")
        two = opened.value
        two.set_default_timeout(PATIENCE)
        two.wait_for_selector(".row .body:text-is('from one')")
        two.fill("#write", "from two")
        two.press("#write", "Enter")
        one.wait_for_text("from two")
        with Visitor(browser, shared.url) as other:
            other.page.fill("#login-user", "twin")
            other.page.click("#login-enter")
            other.page.wait_for_selector("#login-problem:has-text('twin')")
        two.click("#logout")
        two.wait_for_selector("#login:visible")
        one.say("still here")


def test_copy(browser: Browser, shared: WebDaemon) -> None:
    """What is copied are names, times and texts: no initials, no hidden words."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("copied")
        bob.ask("create", session="to-copy")
        for data in ("one", "two\nthree", "`four`"):
            bob.ask("text", session="to-copy", data=data)
        visitor.login("copier")
        visitor.go_to("to-copy")
        visitor.wait_for_text("four")
        copied = visitor.page.evaluate(
            "getSelection().selectAllChildren(document.querySelector('#texts')),"
            "getSelection().toString()"
        )
        lines = copied.strip().split("\n")
        assert lines[0] == "Today"
        assert lines[1].startswith("copied ")
        assert lines[2:] == ["one", "two", "three", "four"]


def test_own_texts_are_read(browser: Browser) -> None:
    """In another browser, what one said oneself to somebody does not count as unread."""
    with (
        WebDaemon(users=["ada,enigma,", "bob,bombe,", "eve,x,"]) as daemon,
        RawClient(daemon.port) as ada,
        RawClient(daemon.port) as bob,
    ):
        ada.login("ada", password="enigma")
        bob.login("bob", password="bombe")
        ada.ask("text", to="bob", data="one")
        ada.ask("text", to="bob", data="two")
        ada.ask("text", to="eve", data="three")
        bob.ask("text", to="ada", data="four")
        with Visitor(browser, daemon.url) as visitor:
            visitor.login("ada", "enigma")
            badge = "document.querySelector('[data-session=\"@ada,bob\"] .badge')"
            visitor.wait(f"() => {badge}?.firstChild.textContent === '1'")
            visitor.wait("() => document.querySelectorAll('#people .badge').length === 1")


def test_refused(browser: Browser, daemon: WebDaemon) -> None:
    """A text that the server refuses is marked, and can be sent again."""
    with Visitor(browser, daemon.url, viewport=TALL) as visitor:
        refuse = [True]

        def through(route: Any) -> None:
            server = route.connect_to_server()

            def judge(message: Any) -> None:
                found = re.search(r'"type":"text".*"id":"(\w+)"', str(message))
                if found and refuse:
                    refuse.clear()
                    route.send(
                        '{"type":"error","code":"not-stored","data":"The disk is full.",'
                        f'"id":"{found[1]}"}}'
                    )
                else:
                    server.send(message)

            route.on_message(judge)

        visitor.page.route_web_socket("**/ws", through)
        visitor.page.reload()
        visitor.login("refused")
        visitor.write("try")
        visitor.page.wait_for_selector(".row.failed .status:has-text('The disk is full.')")
        visitor.page.click(".row.failed button:has-text('Send again')")
        visitor.wait_for_text("try")
        assert visitor.bodies() == ["try"]


def test_notifications(browser: Browser, shared: WebDaemon) -> None:
    """Notifications are asked for when there is a first need, and come for what calls one."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("caller")
        visitor.page.add_init_script(
            """window.notes = [];
            window.Notification = class {
              static permission = "default";
              static requestPermission() { this.permission = "granted"; }
              constructor(title, options) { window.notes.push([title, options.body]); }
            };"""
        )
        visitor.page.reload()
        visitor.login("called")
        bob.ask("text", session="lobby", data="nothing special")
        visitor.wait_for_text("nothing special")
        assert not visitor.page.is_visible("#ask")
        bob.ask("text", to="called", data="psst")
        visitor.page.click("#ask-yes")
        bob.ask("text", to="called", data="Hello?")
        visitor.wait("() => window.notes.length === 1")
        assert visitor.page.evaluate("window.notes") == [["caller", "Hello?"]]


def test_new_texts_are_heard(browser: Browser, shared: WebDaemon) -> None:
    """A screen reader is told new texts, and not what one scrolls to."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("voice")
        visitor.login("ear")
        bob.ask("text", session="lobby", data="Can you hear me?")
        visitor.page.wait_for_selector("[role=log] p:has-text('voice: Can you hear me?')")
        assert visitor.page.locator("[role=log] p").count() == 1
