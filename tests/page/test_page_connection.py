"""The page: connections break, and nothing is lost or doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.browser import TALL, Visitor, WebDaemon, Wire, fill
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_daemon_killed(browser: Browser, daemon: WebDaemon) -> None:
    """The daemon dies in the middle and comes again: nothing is lost, and nothing doubled."""
    with (
        Visitor(browser, daemon.url, viewport=TALL) as alice,
        Visitor(browser, daemon.url, viewport=TALL) as bob,
    ):
        alice.login("alice")
        bob.login("bob")
        for number in range(10):
            alice.write(f"alice {number}")
            bob.write(f"bob {number}")
        daemon.kill()
        for number in range(10, 15):  # nobody may know yet that it is gone
            alice.write(f"alice {number}")
            bob.write(f"bob {number}")
        alice.page.wait_for_selector("#banner:visible")
        for number in range(15, 20):
            alice.write(f"alice {number}")
            bob.write(f"bob {number}")
        alice.page.wait_for_selector(".row.waiting")
        daemon.start()
        for visitor in (alice, bob):
            visitor.wait("() => document.querySelectorAll('.row').length === 40")
            visitor.wait("() => !document.querySelector('.row:is(.sent, .waiting, .failed)')")
            visitor.page.wait_for_selector("#banner", state="hidden")
        with RawClient(daemon.port) as carol:
            carol.login("carol")
            texts = carol.ask("history", session="lobby", limit=200)["texts"]
        order = [text["data"] for text in texts]
        alice.wait_for_bodies(*order)
        bob.wait_for_bodies(*order)
        for name in ("alice", "bob"):
            own = [data for data in order if data.startswith(name)]
            assert own == [f"{name} {number}" for number in range(20)]


def test_name_taken(browser: Browser, daemon: WebDaemon) -> None:
    """Who can not come back, as somebody else has the name now, is told, and can be another."""
    with Visitor(browser, daemon.url, viewport=TALL) as alice:
        alice.login("alice")
        alice.say("one")
        alice.context.set_offline(True)
        daemon.kill()
        daemon.start()
        with RawClient(daemon.port) as other:
            other.login("alice")
            alice.context.set_offline(False)
            alice.page.wait_for_selector("#login-problem:has-text('alice')")
            assert alice.page.input_value("#login-user") == "alice"
            alice.login("alice2")
            alice.wait_for_text("one")
            alice.say("two")
            assert other.receive_until("text")["source"] == "alice2"


def test_offline(browser: Browser, daemon: WebDaemon) -> None:
    """Without a network what is written is kept; with it again it is sent, once."""
    with Visitor(browser, daemon.url, viewport=TALL) as alice, RawClient(daemon.port) as bob:
        alice.login("alice")
        bob.login("bob")
        alice.say("before")
        alice.lose_network()
        alice.write("within")
        bob.ask("text", data="meanwhile")
        alice.page.wait_for_selector("#banner:visible")
        alice.write("within, too")
        alice.context.set_offline(False)
        alice.wait_for_text("within, too")
        alice.wait_for_bodies("before", "meanwhile", "within", "within, too")
        alice.page.wait_for_selector("#banner", state="hidden")


def test_offline_in_the_past(browser: Browser, daemon: WebDaemon) -> None:
    """Who writes while it reads what is long past, without a network, sees that it waits."""
    with Visitor(browser, daemon.url) as alice, RawClient(daemon.port) as bob:
        bob.login("bob")
        fill(bob, "lobby", 600)
        alice.login("alice")
        alice.wait_for_text("text 600")
        alice.page.goto(f"{alice.page.url.partition('#')[0]}#/lobby/20")
        alice.wait_for_text("text 20")
        alice.page.wait_for_selector("#newest:visible")
        alice.lose_network()
        alice.page.wait_for_selector("#banner:visible")
        alice.write("from long ago")
        alice.page.wait_for_selector(".row.waiting:has-text('from long ago')")
        alice.context.set_offline(False)
        assert bob.receive_until("text", source="alice")["data"] == "from long ago"
        alice.page.wait_for_selector(".row.waiting", state="hidden")


def test_sleep(browser: Browser, daemon: WebDaemon) -> None:
    """A laptop that wakes with a dead connection is back at once, with what it missed."""
    with (
        Wire(daemon.web_port) as wire,
        Visitor(browser, wire.url, viewport=TALL) as alice,
        RawClient(daemon.port) as bob,
    ):
        bob.login("bob")
        alice.page.clock.install()
        alice.page.reload()
        alice.login("alice")
        alice.say("Good night")
        wire.go_dead()
        for number in range(300):
            bob.ask("text", data=f"dream {number}")
        alice.page.clock.fast_forward("08:00:00")
        alice.write("Good morning")
        alice.page.clock.run_for(9_000)
        alice.page.clock.resume()
        wire.cut()
        alice.wait_for_text("Good morning")
        bodies = alice.bodies()
        assert bodies[-1] == "Good morning"
        assert bodies[-2] == "dream 299"
        assert len(set(bodies)) == len(bodies)


def test_reload_keeps_a_new_talk(browser: Browser, daemon: WebDaemon) -> None:
    """A talk of two in which nothing was said yet is there when the tab is loaded again."""
    with Visitor(browser, daemon.url, viewport=TALL) as alice, RawClient(daemon.port) as bob:
        bob.login("bob")
        alice.login("alice")
        alice.page.click("#members-list .entry:has-text('bob')")
        alice.page.click("#person-message")
        alice.wait_for_title("bob")
        alice.page.fill("#write", "a draft")
        alice.page.reload()
        alice.wait_for_title("bob")
        alice.wait("() => document.querySelector('#write').value === 'a draft'")
        alice.context.set_offline(True)
        alice.page.wait_for_selector("#banner:visible")
        alice.write("Are you there?")
        alice.open("lobby")
        alice.context.set_offline(False)
        alice.page.reload()
        assert bob.receive_until("text")["data"] == "Are you there?"
        alice.page.click('[data-session="@alice,bob"]')
        alice.wait_for_text("Are you there?")


def test_log_is_gone(browser: Browser) -> None:
    """Where the daemon has forgotten everything, the page does not mix the old with the new."""
    with (
        WebDaemon("--log", "memory:") as daemon,
        Visitor(browser, daemon.url, viewport=TALL) as alice,
        RawClient(daemon.port) as bob,
    ):
        bob.login("bob")
        bob.ask("create", session="plans")
        alice.login("alice")
        alice.say("before")
        alice.go_to("plans")
        alice.say("planned")
        daemon.kill()
        alice.page.wait_for_selector("#banner:visible")
        alice.write("This waits")
        daemon.start()
        alice.page.wait_for_selector("#over:has-text('no such session')")
        alice.page.wait_for_selector(".row.failed .status:has-text('Not sent.')")
        alice.wait_for_bodies("planned", "This waits")
        alice.open("lobby")
        alice.wait_for_bodies()
        alice.say("after")
        alice.wait_for_bodies("after")
        alice.page.reload()
        alice.wait_for_bodies("after")


@pytest.mark.parametrize("known", [False, True])
def test_session_is_gone(browser: Browser, daemon: WebDaemon, known: bool) -> None:
    """A tab that is loaded again where there is no session any more says so, and loses no text."""
    with Visitor(browser, daemon.url, viewport=TALL) as alice, RawClient(daemon.port) as bob:
        bob.login("bob")
        bob.ask("create", session="plans")
        alice.login("alice")
        alice.go_to("plans")
        alice.context.set_offline(True)
        alice.page.wait_for_selector("#banner:visible")
        alice.write("This waits")
        bob.ask("delete", session="plans")
        alice.context.set_offline(False)
        over = "#over:has-text('no such session')"
        if known:  # before it is loaded again
            alice.page.wait_for_selector(over)
        alice.page.reload()
        alice.page.wait_for_selector(over)
        alice.wait_for_bodies("This waits")
        alice.page.click(".row.failed button:has-text('Forget it')")
        alice.wait_for_bodies()


def test_much_waits(browser: Browser, daemon: WebDaemon) -> None:
    """More texts wait than the server takes at once, and a very long one: all come, in order."""
    with Visitor(browser, daemon.url, viewport=TALL) as alice, RawClient(daemon.port) as bob:
        bob.login("bob")
        alice.login("alice")
        alice.context.set_offline(True)
        alice.page.wait_for_selector("#banner:visible")
        texts = [f"text {number}" for number in range(80)]
        texts[40] = "x" * 16_384
        for text in texts:
            alice.write(text)
        alice.context.set_offline(False)
        alice.wait_for_text(texts[-1])
        alice.wait_for_bodies(*texts)
        stored = bob.ask("history", session="lobby", limit=200)["texts"]
        assert [text["data"] for text in stored] == texts


def test_edit_what_waits(browser: Browser, daemon: WebDaemon) -> None:
    """Up takes back the last text that the server can not have yet; one that it has is edited."""
    with Visitor(browser, daemon.url, viewport=TALL) as alice:
        alice.login("alice")
        daemon.kill()
        alice.page.wait_for_selector("#banner:visible")
        alice.write("wrnog")
        alice.page.wait_for_selector(".row.waiting")
        alice.page.press("#write", "ArrowUp")
        assert alice.page.input_value("#write") == "wrnog"
        alice.wait_for_bodies()
        alice.write("right")
        daemon.start()
        alice.wait_for_text("right")
        alice.wait_for_bodies("right")
        alice.page.press("#write", "ArrowUp")
        assert alice.page.input_value("#write") == "right"
        alice.page.press("#write", "Escape")
        assert alice.page.input_value("#write") == ""
        alice.wait_for_bodies("right")


def test_reload_keeps_what_waits(browser: Browser, daemon: WebDaemon) -> None:
    """What was written and not sent outlives the page; a draft does, too."""
    with Visitor(browser, daemon.url, viewport=TALL) as alice:
        alice.login("alice")
        alice.say("one")
        alice.context.set_offline(True)
        alice.page.wait_for_selector("#banner:visible")
        alice.write("two")
        alice.page.fill("#write", "a draft")
        alice.context.set_offline(False)
        alice.page.reload()
        alice.wait_for_text("two")
        alice.wait_for_bodies("one", "two")
        assert alice.page.input_value("#write") == "a draft"
