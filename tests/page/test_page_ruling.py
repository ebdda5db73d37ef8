"""The page: the menu at a name, and the dialog of a session, for those who may and for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kit.browser import Visitor, WebDaemon, violations
from tests.kit.daemon import RawClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def menu_of(visitor: Visitor, name: str) -> None:
    """Open the menu at a name in the list of members."""
    visitor.page.click(f"#members-list .entry:has(.name:text-is('{name}'))")
    visitor.page.wait_for_selector(f"#person[open]:has(#person-name:text-is('{name}'))")


def shown(visitor: Visitor, *ids: str) -> list[bool]:
    """Return which of these are in sight."""
    return [visitor.page.is_visible(f"#{id}") for id in ids]


def refused(client: RawClient, **request: Any) -> str:
    """Ask for something, and return the code of the refusal."""
    reply = client.ask(request.pop("type"), **request)
    assert reply["type"] == "error", reply
    code: str = reply["code"]
    return code


def test_menu_at_a_name(browser: Browser, shared: WebDaemon) -> None:
    """Its owner takes out, mutes, bans, and takes it back; gives a role, and hands over."""
    with RawClient(shared.port) as eve, Visitor(browser, shared.url) as owner:
        eve.login("eve-r")
        owner.login("owner-r")
        owner.write("/createsession court")
        owner.wait_for_title("court")
        eve.ask("join", session="court")
        eve.ask("text", session="court", data="spam")
        owner.wait_for_text("spam")
        page = owner.page
        page.click("#texts .by .name:text-is('eve-r')")  # at a text's author, too
        page.wait_for_selector("#person-mute:visible")
        assert violations(page) == []
        page.click("#person-mute")
        page.select_option("#person-span", "3600")
        page.fill("#person-reason", "too loud")
        assert violations(page) == []
        page.keyboard.press("Enter")
        page.wait_for_selector("#said:has-text('eve-r is muted.')")
        assert refused(eve, type="text", session="court", data="more") == "muted"
        menu_of(owner, "eve-r")
        page.wait_for_selector("#person-unmute:visible")
        assert page.is_hidden("#person-mute")
        page.click("#person-unmute")
        page.wait_for_selector("#said:has-text('eve-r is muted no more.')")
        assert eve.ask("text", session="court", data="sorry")["type"] == "text"

        menu_of(owner, "eve-r")
        page.wait_for_selector("#person-roles:visible")
        page.select_option("#person-role", "moderator")
        page.click("#person-give")
        assert eve.receive_until("role")["role"] == "moderator"
        page.wait_for_selector("#members-list .entry:has-text('eve-r'):has-text('moderator')")

        menu_of(owner, "eve-r")
        page.click("#person-kick")
        page.fill("#person-reason", "once")
        page.click("#person-do")
        assert eve.receive_until("kicked")["reason"] == "once"
        eve.ask("join", session="court")
        page.wait_for_selector("#members-list .entry:has-text('eve-r')")
        menu_of(owner, "eve-r")
        page.click("#person-ban")
        page.click("#person-do")
        eve.receive_until("kicked")
        page.wait_for_selector("#said:has-text('eve-r is banned.')")
        assert refused(eve, type="join", session="court") == "banned"

        owner.write("/bans")
        page.wait_for_selector("#bans-list .line:has-text('eve-r'):has-text('banned by owner-r')")
        assert violations(page) == []
        page.click("#bans-list .line button")
        page.wait_for_selector("#bans-words:has-text('Nobody is banned')")
        page.click("#about-close")
        eve.ask("join", session="court")
        page.wait_for_selector("#members-list .entry:has-text('eve-r')")
        menu_of(owner, "eve-r")
        page.wait_for_selector("#person-roles:visible")
        page.select_option("#person-role", "owner")
        page.wait_for_selector("#person-warning:has-text('its owner no more')")
        page.click("#person-give")
        page.wait_for_selector("#members-list .entry:has-text('eve-r'):has-text('owner')")
        menu_of(owner, "eve-r")
        assert not any(shown(owner, "person-kick", "person-mute", "person-ban", "person-roles"))


def test_menu_for_others(browser: Browser, shared: WebDaemon) -> None:
    """Who may nothing more writes, mentions and ignores; all of it by keyboard."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-m")
        bob.ask("create", session="plain")
        bob.ask("text", session="plain", data="noise")
        visitor.login("plain-m")
        visitor.go_to("plain")
        visitor.wait_for_text("noise")
        page = visitor.page
        page.focus("#members-list .entry:has-text('bob-m')")
        page.keyboard.press("Enter")
        page.wait_for_selector("#person[open]")
        hidden = ("person-kick", "person-mute", "person-ban", "person-roles", "person-disconnect")
        assert not any(shown(visitor, *hidden))
        assert violations(page) == []
        page.focus("#person-mention")
        page.keyboard.press("Enter")
        page.wait_for_selector("#write:focus")
        assert page.input_value("#write") == "@bob-m "
        visitor.write("/user bob-m")
        page.click("#person-ignore")
        visitor.wait("() => !document.querySelector('#texts .row:not(.change)')")
        bob.ask("text", session="plain", data="more noise")
        bob.ask("text", to="plain-m", data="psst")
        bob.ask("text", session="plain", data="plain-m, listen!")
        visitor.say("quiet here")
        assert visitor.bodies() == ["quiet here"]
        assert page.locator(".badge").count() == 0
        page.reload()
        visitor.wait_for_text("quiet here")
        assert visitor.bodies() == ["quiet here"]
        visitor.write("/ignore bob-m")
        visitor.wait_for_text("more noise")


def test_settings(browser: Browser, shared: WebDaemon) -> None:
    """What is set in the dialog holds at once, is told, and is shown as it is."""
    with (
        Visitor(browser, shared.url) as owner,
        Visitor(browser, shared.url) as member,
        RawClient(shared.port) as bob,
    ):
        bob.login("bob-s")
        owner.login("owner-s")
        owner.write("/createsession rules")
        owner.wait_for_title("rules")
        member.login("member-s")
        member.go_to("rules")
        page = owner.page
        page.click("#about-open")
        page.wait_for_selector("#about-settings:visible")
        assert violations(page) == []
        page.fill("#about-topic", "Order, order")
        page.check("#about-invite")
        page.check("#about-open_topic")
        page.fill("#about-limit", "20")
        page.fill("#about-password", "sesame")
        page.click("#about-save")
        page.wait_for_selector("#about", state="hidden")
        member.wait("() => document.querySelector('#topic').textContent === 'Order, order'")
        assert refused(bob, type="join", session="rules", password="sesame") == "invite-only"
        page.click("#about-open")
        assert page.is_checked("#about-invite")
        assert not page.is_checked("#about-moderated")
        assert page.input_value("#about-limit") == "20"
        page.fill("#invite-user", "bob-s")
        page.press("#invite-user", "Enter")
        assert bob.receive_until("invited")["by"] == "owner-s"
        assert bob.ask("join", session="rules")["open_topic"] is True
        page.fill("#invite-user", "nobody-of-that-name")
        page.press("#invite-user", "Enter")
        page.wait_for_selector("#invite-problem:visible")
        page.click("#about-bans summary")
        page.fill("#ban-whom", "203.0.113.0/24")
        page.select_option("#ban-span", "86400")
        page.press("#ban-reason", "Enter")
        page.wait_for_selector("#bans-list .line:has-text('203.0.113.0/24')")
        assert violations(page) == []
        page.check("#about-unlock")
        page.uncheck("#about-invite")
        page.click("#about-save")
        page.wait_for_selector("#about", state="hidden")
        page.wait_for_selector("#title-lock", state="hidden")

        member.page.click("#about-open")
        member.page.wait_for_selector("#about-facts:has-text('It has room for 20.')")
        assert shown(member, "about-settings", "about-bans", "delete") == [False] * 3
        assert shown(member, "about-topic", "invite-form") == [True] * 2
        assert violations(member.page) == []
        member.page.fill("#about-topic", "Mine")
        member.page.click("#about-save")
        assert bob.receive_until("topic")["topic"] == "Mine"
        bob.ask("role", session="rules", user="member-s", role="voice")  # it may not
        owner.write("/role member-s moderator")
        member.page.wait_for_selector("#said:has-text('another role in rules: moderator')")
        member.page.click("#about-open")
        assert member.page.is_visible("#about-settings")
        assert member.page.is_hidden("#about-keep")


def test_block(browser: Browser, shared: WebDaemon) -> None:
    """Who is blocked is heard no more in the talk of two, and not told; what was said is kept."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-b")
        visitor.login("ada-b")
        page = visitor.page
        menu_of(visitor, "bob-b")
        assert page.is_hidden("#person-block")
        page.keyboard.press("Escape")
        bob.ask("text", to="ada-b", data="hey")
        page.wait_for_selector("#people .entry:has-text('bob-b')")
        menu_of(visitor, "bob-b")
        page.click("#person-block")
        page.wait_for_selector("#people .entry", state="detached")
        assert bob.ask("text", to="ada-b", data="hello?")["type"] == "text"
        menu_of(visitor, "bob-b")
        page.wait_for_selector("#person-about:has-text('You have blocked them')")
        assert page.inner_text("#person-block") == "Unblock"
        page.click("#person-block")
        page.click("#people .entry:has-text('bob-b')")
        visitor.wait_for_text("hello?")
        visitor.write("/block bob-b")
        page.wait_for_selector("#people .entry", state="detached")


def test_webhooks(browser: Browser, shared: WebDaemon) -> None:
    """Its owner makes one, gets the address once, and revokes it; what is posted is said."""
    with Visitor(browser, shared.url) as owner, Visitor(browser, shared.url) as member:
        owner.login("hooker")
        owner.write("/createsession alarms")
        owner.wait_for_title("alarms")
        member.login("hooked")
        member.go_to("alarms")
        page = owner.page
        page.click("#about-open")
        page.click("#about-webhooks summary")
        page.wait_for_selector("#webhooks-words:has-text('No program')")
        page.fill("#webhook-name", "prometheus")
        page.press("#webhook-name", "Enter")
        page.wait_for_selector("#webhooks-list .line:has-text('prometheus'):has-text('hooker')")
        assert violations(page) == []
        link = page.input_value("#webhook-link")
        assert link.startswith(f"{shared.url}hooks/")
        posted = page.request.post(link, data={"text": "*The* disk is full"})
        assert posted.status == 200
        member.page.wait_for_selector(".row .by .name:text-is('prometheus')")
        member.page.wait_for_selector(".row strong:text-is('The')")
        page.click("#webhooks-list .line button")
        page.wait_for_selector("#webhooks-list .line", state="detached")
        assert page.request.post(link, data={"text": "again"}).status == 404
        page.click("#about-close")
        owner.write("/webhook prometheus")
        page.wait_for_selector("#webhook-made:visible")
        assert page.input_value("#webhook-link") not in ("", link)
        member.page.click("#about-open")
        assert member.page.is_hidden("#about-webhooks")


def test_invited(browser: Browser, shared: WebDaemon) -> None:
    """Who is invited goes there by a press, past the password."""
    with RawClient(shared.port) as bob, Visitor(browser, shared.url) as visitor:
        bob.login("bob-i")
        bob.ask("create", session="vault", password="sesame")
        bob.ask("text", session="vault", data="treasure")
        visitor.login("ivy")
        bob.ask("invite", session="vault", user="ivy")
        visitor.page.wait_for_selector("#said:has-text('bob-i invites you to vault.')")
        assert violations(visitor.page) == []
        visitor.page.click("#said .link")
        visitor.wait_for_title("vault")
        visitor.wait_for_text("treasure")
        visitor.write("/link ^")
        visitor.page.wait_for_selector("#said:has-text('#/vault/1')")


def test_let_in_for_good(browser: Browser, shared: WebDaemon) -> None:
    """A moderator lets somebody in who is not here yet, whenever they like; and no more."""
    with Visitor(browser, shared.url) as owner, RawClient(shared.port) as late:
        owner.login("owner-l")
        owner.write("/createsession members")
        owner.wait_for_title("members")
        owner.page.click("#about-open")
        owner.page.check("#about-invite")
        owner.page.click("#about-save")
        owner.page.wait_for_selector("#about", state="hidden")
        owner.write("/invite late-l --always")
        owner.page.wait_for_selector("#said:has-text('late-l is invited.')")
        late.login("late-l")
        for _ in range(2):
            assert late.ask("join", session="members")["type"] == "session"
            late.ask("leave", session="members")
        owner.write("/invite late-l --ever")
        owner.page.wait_for_selector("#write-problem:has-text('/invite USER --always')")
        owner.write("/uninvite late-l")
        owner.page.wait_for_selector("#said:has-text('late-l is not invited any more.')")
        assert late.ask("join", session="members")["code"] == "invite-only"
