"""The page in a real browser, against the real daemon."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import PATIENCE, Visitor, WebDaemon, Wire, launched, violations
from tests.daemon import RawClient
from tests.hostile import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TALL = {"width": 1200, "height": 6_000}
"""So tall that all that is said in a test is in the page."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture
def daemon(browser: Browser) -> Iterator[WebDaemon]:  # no browser, no daemon
    with WebDaemon("--log", "sqlite:chat.db?synchronous=normal") as found:
        yield found


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[WebDaemon]:
    """A daemon for tests that use names and sessions of their own."""
    with WebDaemon("--log", "memory:", "--rate", "0") as found:
        yield found


def fill(client: RawClient, session: str, count: int) -> None:
    """Say ``count`` texts, numbered from 1."""
    for start in range(1, count + 1, 50):
        numbers = range(start, min(start + 50, count + 1))
        for number in numbers:
            client.send({"type": "text", "session": session, "data": f"text {number}"})
        for _ in numbers:
            client.receive_until("text", session=session)


# --- talking -------------------------------------------------------------------------------


def test_one_order(browser: Browser, daemon: WebDaemon) -> None:
    """Two browsers and a native client talk at once, and all of them see one order."""
    with (
        Visitor(browser, daemon.url, viewport=TALL) as alice,
        Visitor(browser, daemon.url, viewport=TALL) as bob,
        RawClient(daemon.port) as carol,
    ):
        alice.login("alice")
        bob.login("bob")
        carol.login("carol")
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
        alice.login("alice")
        eve.login("eve")
        bob.login("bob")
        alice.page.click("#members-list .entry:has-text('bob')")
        alice.wait("() => document.querySelector('#title').textContent === 'bob'")
        alice.say("Just between us")
        assert bob.receive_until("text")["data"] == "Just between us"
        bob.ask("text", to="alice", data="Yes?")
        alice.wait_for_text("Yes?")
        alice.page.click('[data-session="lobby"]')
        bob.ask("text", to="alice", data="And now?")
        alice.page.wait_for_selector('[data-session="@alice,bob"] .badge.calls')
        assert alice.page.title().startswith("(1) ")
        alice.page.click('[data-session="@alice,bob"]')
        alice.wait_for_text("And now?")
        alice.wait("() => !document.title.startsWith('(')")
        assert eve.page.locator("#people .entry").count() == 0
        assert eve.bodies() == []


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
        alice.wait("() => document.querySelector('#title').textContent === 'plans'")
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
        bob.page.wait_for_selector("#said :has-text('plans was deleted by alice')")
        bob.wait("() => document.querySelector('#title').textContent === 'lobby'")


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
        visitor.wait("title => document.querySelector('#title').textContent === title", session)


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
        owner.login("owner")
        owner.ask("create", session="plans")
        visitor.login("alone")
        visitor.go_to("plans")
        daemon.kill()
        visitor.page.wait_for_selector("#banner:visible")
        visitor.call_up("lob")
        visitor.wait_for_title("lobby")
        visitor.go_to("plans")


def test_operator(browser: Browser, tmp_path: Path) -> None:
    """An operator sets any topic, the lobby's too, and deletes any session but the lobby."""
    (tmp_path / "users.csv").write_text("user,password,role\nada,enigma,operator\nbob,bombe,\n")
    with (
        WebDaemon("--users", str(tmp_path / "users.csv")) as daemon,
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


def test_own_texts_are_read(browser: Browser, tmp_path: Path) -> None:
    """In another browser, what one said oneself to somebody does not count as unread."""
    (tmp_path / "users.csv").write_text("user,password\nada,enigma\nbob,bombe\neve,x\n")
    with (
        WebDaemon("--users", str(tmp_path / "users.csv")) as daemon,
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


def test_accounts(browser: Browser, tmp_path: Path) -> None:
    """An account needs its password; a tab that is loaded again needs no other login."""
    (tmp_path / "users.csv").write_text("user,password,role\nada,enigma,operator\n")
    users = str(tmp_path / "users.csv")
    with WebDaemon("--users", users) as daemon, Visitor(browser, daemon.url) as ada:
        page = ada.page
        page.fill("#login-user", "ada")
        page.fill("#login-password", "wrong")
        page.click("#login-enter")
        page.wait_for_selector("#login-problem:visible")
        assert page.input_value("#login-user") == "ada"
        ada.login("ada", "enigma")
        assert page.inner_text("#me-kind") == "operator"
        page.reload()
        page.wait_for_selector("#composer:visible")
        page.click("#logout")
        page.wait_for_selector("#login:visible")
        page.reload()
        page.wait_for_selector("#login:visible")
        assert page.evaluate("sessionStorage.length") == 0


# --- broken connections ----------------------------------------------------------------------


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
        for number in range(10, 20):
            alice.write(f"alice {number}")
            bob.write(f"bob {number}")
        alice.page.wait_for_selector("#banner:visible")
        assert alice.page.locator(".row.waiting").count() > 0
        daemon.start()
        for visitor in (alice, bob):
            visitor.wait("() => document.querySelectorAll('.row').length === 40")
            visitor.wait("() => !document.querySelector('.row:is(.sent, .waiting, .failed)')")
            visitor.page.wait_for_selector("#banner", state="hidden")
        with RawClient(daemon.port) as carol:
            carol.login("carol")
            texts = carol.ask("history", session="lobby", limit=200)["texts"]
        order = [text["data"] for text in texts]
        assert alice.bodies() == order
        assert bob.bodies() == order
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
        alice.context.set_offline(True)
        alice.write("within")
        bob.ask("text", data="meanwhile")
        alice.page.wait_for_selector("#banner:visible")
        alice.write("within, too")
        alice.context.set_offline(False)
        alice.wait_for_text("within, too")
        assert alice.bodies() == ["before", "meanwhile", "within", "within, too"]
        alice.page.wait_for_selector("#banner", state="hidden")


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


def test_edit_what_waits(browser: Browser, daemon: WebDaemon) -> None:
    """Up takes back the last text that the server can not have yet."""
    with Visitor(browser, daemon.url, viewport=TALL) as alice:
        alice.login("alice")
        daemon.kill()
        alice.page.wait_for_selector("#banner:visible")
        alice.write("wrnog")
        alice.page.wait_for_selector(".row.waiting")
        alice.page.press("#write", "ArrowUp")
        assert alice.page.input_value("#write") == "wrnog"
        assert alice.bodies() == []
        alice.write("right")
        daemon.start()
        alice.wait_for_text("right")
        assert alice.bodies() == ["right"]
        alice.page.press("#write", "ArrowUp")
        assert alice.page.input_value("#write") == ""


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
        assert alice.bodies() == ["one", "two"]
        assert alice.page.input_value("#write") == "a draft"


def test_refused(browser: Browser, shared: WebDaemon) -> None:
    """A text that the server refuses is marked, and can be sent again."""
    with Visitor(browser, shared.url, viewport=TALL) as visitor:
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


# --- reading ---------------------------------------------------------------------------------


def test_history(browser: Browser, shared: WebDaemon) -> None:
    """Scrolling back reads on and on, to the first text; what one reads does not jump."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("historian")
        bob.ask("create", session="long")
        fill(bob, "long", 1_000)
        visitor.login("reader")
        visitor.go_to("long")
        visitor.wait_for_text("text 1000")
        assert visitor.page.locator(".row").count() < 100
        jumps = visitor.page.evaluate(SCROLL_UP)
        visitor.wait_for_text("text 1")
        assert visitor.page.inner_text("#beginning") == "This is the beginning of long."
        assert visitor.page.locator(".row").count() < 100
        assert max(jumps) <= 1.5, max(jumps)

        bob.ask("text", session="long", data="while you read")
        visitor.page.wait_for_selector("#newest:has-text('1 new')")
        assert "text 1" in visitor.bodies()
        visitor.page.click("#newest")
        visitor.wait_for_text("while you read")
        visitor.wait("() => document.querySelector('#newest').hidden")


SCROLL_UP = """async () => {
  const scroller = document.querySelector('#scroller');
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const jumps = [];
  for (let quiet = 0; quiet < 90;) {
    const edge = scroller.getBoundingClientRect().top;
    const rows = [...document.querySelectorAll('.row')];
    const row = rows.find(each => each.getBoundingClientRect().top > edge + 300);
    const before = row.getBoundingClientRect().top;
    const wanted = Math.min(80, scroller.scrollTop);
    scroller.scrollTop -= wanted;
    await frame();
    await frame();
    if (row.isConnected) {
      const moved = row.getBoundingClientRect().top - before;
      jumps.push(Math.abs(moved - wanted));
    }
    quiet = scroller.scrollTop === 0 ? quiet + 1 : 0;
  }
  return jumps;
}"""
"""Scroll up step by step; return by how many pixels rows were off where they should be."""


def test_search(browser: Browser, shared: WebDaemon) -> None:
    """What was said long ago is found, and one click leads there; what is wrong is said."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("searcher")
        bob.ask("create", session="haystack")
        fill(bob, "haystack", 300)
        bob.ask("text", session="haystack", data="a needle, <b>sharp</b>")
        for number in range(300):
            bob.send({"type": "text", "session": "haystack", "data": f"more {number}"})
        bob.receive_until("text", data="more 299")
        visitor.login("finder")
        visitor.go_to("haystack")
        visitor.wait_for_text("more 299")
        visitor.page.click("#search-open")
        visitor.page.keyboard.type("needl*")
        visitor.page.keyboard.press("Enter")
        visitor.page.click(".result:has-text('<b>sharp</b>')")
        visitor.wait_for_text("a needle, <b>sharp</b>")
        row = visitor.page.locator(".row.flash")
        assert row.inner_text().endswith("a needle, <b>sharp</b>")
        box, frame = row.bounding_box(), visitor.page.locator("#scroller").bounding_box()
        assert box is not None
        assert frame is not None
        assert frame["y"] < box["y"] < frame["y"] + frame["height"] / 2
        visitor.page.mouse.move(500, 400)
        for _ in range(60):  # and from there one can read on, to the newest
            visitor.page.mouse.wheel(0, 1_000)
            visitor.page.wait_for_timeout(30)
        visitor.wait_for_text("more 299")
        visitor.page.fill("#search-field", '"unfinished')
        visitor.page.press("#search-field", "Enter")
        visitor.wait("() => document.querySelector('#search-words').textContent.length > 20")
        assert visitor.page.locator(".result").count() == 0
        visitor.page.keyboard.press("Escape")
        visitor.page.wait_for_selector("#search", state="hidden")


def test_new_since_you_left(browser: Browser, shared: WebDaemon) -> None:
    """Who comes back to a session sees what is new, and from where on it is."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("speaker")
        bob.ask("create", session="news")
        fill(bob, "news", 30)
        visitor.login("listener")
        visitor.go_to("news")
        visitor.wait_for_text("text 30")
        visitor.open("lobby")
        for data in ("new one", "listener: new two"):
            bob.ask("text", session="news", data=data)
        visitor.page.wait_for_selector("[data-session=news] .badge.calls")
        assert re.match(r"1\s+mention", visitor.page.inner_text("[data-session=news] .badge"))
        visitor.open("news")
        row = visitor.page.locator(".row:has(.divider.new)")
        assert row.locator(".body").inner_text() == "new one"
        assert visitor.page.locator("mark").inner_text() == "listener"
        visitor.wait("() => !document.querySelector('[data-session=news] .badge')")
        visitor.open("lobby")
        visitor.open("news")
        visitor.wait_for_text("listener: new two")
        assert visitor.page.locator(".divider.new").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile(browser: Browser, shared: WebDaemon, scheme: str) -> None:
    """Whatever somebody sends is shown as text: no markup, no script, no style, no request."""
    with (
        RawClient(shared.port) as eve,
        Visitor(browser, shared.url, viewport=TALL, color_scheme=scheme) as visitor,
    ):
        session = f"hostile-{scheme}"
        eve.login("eve")
        eve.ask("create", session=session)
        visitor.login("victim")
        visitor.go_to(session)
        width = visitor.page.evaluate("document.querySelector('#texts').scrollWidth")
        visitor.requests.clear()
        shown = set()
        for number, (sent, expected) in enumerate(HOSTILE, 1):
            echo = eve.ask("text", session=session, data=sent)
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


ELEMENTS = "[...document.querySelectorAll('#texts .row *')].map(each => each.tagName)"
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


def test_new_texts_are_heard(browser: Browser, shared: WebDaemon) -> None:
    """A screen reader is told new texts, and not what one scrolls to."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("voice")
        visitor.login("ear")
        bob.ask("text", session="lobby", data="Can you hear me?")
        visitor.page.wait_for_selector("[role=log] p:has-text('voice: Can you hear me?')")
        assert visitor.page.locator("[role=log] p").count() == 1


# --- everybody can use it --------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(browser: Browser, shared: WebDaemon, scheme: str) -> None:
    """axe-core finds nothing wrong with any view."""
    with (
        RawClient(shared.port) as bob,
        Visitor(browser, shared.url, color_scheme=scheme) as visitor,
    ):
        page = visitor.page
        assert violations(page) == []
        bob.login(f"seer-{scheme}")
        user = f"axe-{scheme}"
        bob.ask(
            "text", session="lobby", data=f"{user}: `code`, https://example.org and\n```\nx\n```"
        )
        visitor.login(user)
        bob.ask("text", to=user, data="Hello?")
        bob.ask("text", session="lobby", data=f"@{user}, are you there?")
        page.wait_for_selector(".badge.calls")
        assert violations(page) == []
        page.keyboard.press("Control+k")
        page.wait_for_selector("#switcher-list[aria-busy=false] .option")
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.click("#create-open")
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.click("#about-open")
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.click("#search-open")
        page.keyboard.type("code")
        page.keyboard.press("Enter")
        page.wait_for_selector(".result")
        assert violations(page) == []


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
        visitor.wait("() => document.querySelector('#title').textContent === 'keyboarders'")
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


# --- what it costs ---------------------------------------------------------------------------


def test_weight(browser: Browser, shared: WebDaemon) -> None:
    """The page is under 60 KB over the wire, comes from nowhere else, and is not sent twice."""
    with RawClient(shared.port) as bob:
        bob.login("scale")
        context = browser.new_context()
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("Network.enable")
        sizes: list[float] = []
        hosts: set[str] = set()
        devtools.on("Network.loadingFinished", lambda e: sizes.append(e["encodedDataLength"]))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(shared.url)
        page.wait_for_selector("#login:visible")
        page.wait_for_load_state("networkidle")
        assert sum(sizes) < 60_000
        assert len(sizes) > 30
        assert hosts == {f"127.0.0.1:{shared.web_port}"}
        sizes.clear()
        page.reload()
        page.wait_for_load_state("networkidle")
        assert sum(sizes) < 2_000
        context.close()


def test_one_round_trip(browser: Browser, shared: WebDaemon) -> None:
    """The first texts are asked for together with the login: one round trip brings both."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("fast")
        bob.ask("text", session="lobby", data="the latest")
        sent: list[tuple[str, str]] = []

        def watch(socket: Any) -> None:
            socket.on("framesent", lambda frame: sent.append(("sent", str(frame))))
            socket.on("framereceived", lambda frame: sent.append(("came", str(frame))))

        visitor.page.on("websocket", watch)
        visitor.login("quick")
        visitor.wait_for_text("the latest")
        first_answer = [kind for kind, _ in sent].index("came")
        asked = [re.findall(r'"type":"(\w+)"', frame)[0] for _, frame in sent[:first_answer]]
        assert asked == ["login", "history"]


def test_typing(browser: Browser, shared: WebDaemon) -> None:
    """A key shows within 50 ms (median), in a session with thousands of texts."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("typist")
        bob.ask("create", session="busy")
        fill(bob, "busy", 2_000)
        visitor.login("typer")
        visitor.go_to("busy")
        visitor.wait_for_text("text 2000")
        visitor.page.evaluate(WATCH_KEYS)
        for sign in "how quickly does this appear on the screen":
            visitor.page.keyboard.press(sign if sign != " " else "Space")
            time.sleep(0.02)
        delays = sorted(visitor.page.evaluate("window.delays"))
        assert len(delays) > 30
        assert delays[len(delays) // 2] < 50


WATCH_KEYS = """() => {
  window.delays = [];
  document.querySelector('#write').addEventListener('keydown', (event) => {
    requestAnimationFrame(() => setTimeout(() => {
      window.delays.push(performance.now() - event.timeStamp);
    }));
  });
}"""
"""Measure from a key to the end of the frame that shows it."""
