"""Webhooks: who makes and revokes them, what they may say, and what senders' posts become."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import hypothesis.strategies as st
from hypothesis import given, settings
from twisted.internet.defer import Deferred

from tests.kit.frames import Object
from tests.kit.held_log import HeldLog
from tests.kit.web import Answer, Web
from tests.kit.world import ChatCase, Client, World
from twisted_chat.chat.webhooks import BURST, MAX_WEBHOOKS, shortened
from twisted_chat.doors.web.hooks import MAX_POST
from twisted_chat.doors.web.senders import LINE, MANY, text_of
from twisted_chat.log.memory import MemoryLog

JSON = "application/json"


def said(post: Object, event: str = "") -> str:
    """Return what a post in JSON says."""
    return text_of(JSON, event, json.dumps(post).encode())


class WebhookTests(ChatCase):
    """Over both doors."""

    def room(self, **more: Any) -> tuple[World, Web, Client]:
        """Return a world whose session ops belongs to the one that is returned."""
        world = self.world(webhooks=True, **more)
        owner = world.come("olga")
        owner.ask("create", session="ops")
        owner.got()
        return world, Web(world, sayer=world.chat.webhooks), owner

    def post(self, web: Web, link: str, post: Object, *headers: str) -> Answer:
        """Post something, as a program does."""
        body = json.dumps(post).encode()
        length = f"Content-Length: {len(body)}"
        return web.ask(
            f"/{link}", length, f"Content-Type: {JSON}", *headers, method="POST", body=body
        )

    def test_made_said_revoked(self) -> None:
        """What is posted is a text of the webhook's, in its place; until it is revoked."""
        world, web, owner = self.room()
        made = owner.ask("webhook", session="ops", name="Grafana")
        self.assertEqual((made["type"], made["name"]), ("webhook", "Grafana"))
        self.assertRegex(made["link"], r"^hooks/[\w-]{32}$")
        answer = self.post(web, made["link"], {"text": "The disk is full."})
        self.assertEqual((answer.status, answer.body), (200, b"ok\n"))
        (text,) = owner.texts()
        self.assertEqual((text["source"], text["data"]), ("Grafana", "The disk is full."))
        self.assertNotIn("guest", text)
        owner.ask("leave", session="ops")  # nobody is there: it is stored all the same
        self.assertEqual(self.post(web, made["link"], {"text": "Still full."}).status, 200)
        owner.ask("join", session="ops")
        self.assertEqual(len(owner.ask("history", session="ops")["texts"]), 2)
        listed = owner.ask("webhooks", session="ops")["entries"]
        self.assertEqual([(one["name"], one["by"]) for one in listed], [("Grafana", "olga")])
        self.assertEqual(owner.ask("revoke", session="ops", name="grafana")["name"], "Grafana")
        self.assertEqual(self.post(web, made["link"], {"text": "Full!"}).status, 404)
        self.assertEqual(owner.ask("webhooks", session="ops")["entries"], [])
        self.assert_refused("no-such-user", owner.ask("revoke", session="ops", name="grafana"))
        again = owner.ask("webhook", session="ops", name="grafana")
        self.assertNotEqual(again["link"], made["link"])
        world.quiet()

    def test_whose(self) -> None:
        """Its owner makes it; its name is nobody else's, now and later."""
        world, _, owner = self.room(users=["ada"])
        bob = world.come("bob")
        bob.ask("join", session="ops")
        for request in ({"type": "webhook", "name": "x"}, {"type": "webhooks"}):
            self.assert_refused("not-allowed", bob.ask(session="ops", **request))
        self.assert_refused("not-allowed", bob.ask("revoke", session="ops", name="x"))
        for name, code in (
            ("bob", "name-in-use"),
            ("ADA", "name-in-use"),
            ("b\u043eb", "invalid-name"),
            ("two words", "invalid-name"),
        ):
            self.assert_refused(code, owner.ask("webhook", session="ops", name=name))
        owner.ask("webhook", session="ops", name="ci")
        self.assert_refused("name-in-use", owner.ask("webhook", session="ops", name="CI"))
        late = world.connect()
        reply = late.ask("login", user="ci")
        self.assertEqual(reply["type"], "error", reply)
        bob.ask("create", session="other")
        self.assert_refused("name-in-use", bob.ask("webhook", session="other", name="ci"))
        for number in range(MAX_WEBHOOKS - 1):
            owner.ask("webhook", session="ops", name=f"hook{number}")
        self.assert_refused("not-allowed", owner.ask("webhook", session="ops", name="last"))
        direct = bob.ask("text", to="olga", data="psst")["session"]
        self.assert_refused("not-allowed", bob.ask("webhook", session=direct, name="spy"))

    def test_no_door(self) -> None:
        """Where nothing could be posted, none is made."""
        world = self.world()
        owner = world.come("olga")
        owner.ask("create", session="ops")
        self.assert_refused("not-allowed", owner.ask("webhook", session="ops", name="x"))
        self.assertEqual(Web(world).ask("/hooks/x", method="POST").status, 405)

    def test_limits(self) -> None:
        """So many at once, then one a second; a muted one says nothing; a long text is cut."""
        world, web, owner = self.room(max_text=100)
        link = owner.ask("webhook", session="ops", name="loud")["link"]
        for number in range(BURST):
            self.assertEqual(self.post(web, link, {"text": f"{number}"}).status, 200)
        self.assertEqual(self.post(web, link, {"text": "more"}).status, 429)
        world.clock.advance(1)
        self.assertEqual(self.post(web, link, {"text": "more"}).status, 200)
        self.assertEqual(self.post(web, link, {"text": "more"}).status, 429)
        world.clock.advance(60)
        self.assertEqual(self.post(web, link, {"text": "ä" * 99}).status, 200)
        self.assertEqual(owner.texts()[-1]["data"], "ä" * 48 + "…")
        owner.ask("set", session="ops", moderated=True)
        self.assertEqual(self.post(web, link, {"text": "as voice"}).status, 200)
        owner.ask("mute", session="ops", user="loud")
        self.assertEqual(self.post(web, link, {"text": "not this"}).status, 403)
        self.assertNotIn("not this", [text["data"] for text in owner.texts()])

    def test_kept(self) -> None:
        """It is there after a restart; and gone with its session."""
        log = MemoryLog(self.world().clock)
        world, _, owner = self.room(log=log)
        link = owner.ask("webhook", session="ops", name="ci")["link"]
        again = World(log=log, webhooks=True)
        web = Web(again, sayer=again.chat.webhooks)
        self.assertEqual(self.post(web, link, {"text": "after a restart"}).status, 200)
        session = again.chat.sessions["ops"]
        again.log.delete(session.life.epoch)
        again.settle()
        self.assertEqual(self.post(web, link, {"text": "too late"}).status, 404)
        self.assertIsNotNone(world)

    def test_while_the_chat_begins(self) -> None:
        """A post that comes before the chat has taken up what the log holds waits until then."""
        log = HeldLog(MemoryLog(self.world().clock))
        _, _, owner = self.room(log=log)
        link = owner.ask("webhook", session="ops", name="ci")["link"]
        log.hold = True
        again = World(log=log, webhooks=True)
        log.hold = False  # the chat's own read waits still
        said = Deferred.fromCoroutine(again.chat.webhooks.say(link.rpartition("/")[2], "early"))
        again.settle()
        self.assertNoResult(said)
        log.let_go()
        again.settle()
        self.successResultOf(said)
        self.assertEqual(again.chat.sessions["ops"].head, 1)

    def test_posts(self) -> None:
        """What is no post is refused, with a reason; nothing is said of it."""
        _, web, owner = self.room()
        link = owner.ask("webhook", session="ops", name="ci")["link"]
        self.assertEqual(self.post(web, "hooks/nobody", {"text": "x"}).status, 404)
        self.assertEqual(self.post(web, link, {"nothing": "here"}).status, 400)
        self.assertEqual(web.ask(f"/{link}").status, 405)
        self.assertEqual(web.ask("/hooks").status, 404)
        self.assertEqual(web.ask(f"/{link}", method="POST").status, 400)
        large = f"Content-Length: {MAX_POST + 1}"
        self.assertEqual(web.ask(f"/{link}", large, method="POST").status, 413)
        body = urlencode({"payload": json.dumps({"text": "as a form"})}).encode()
        headers = (
            f"Content-Length: {len(body)}",
            "Content-Type: application/x-www-form-urlencoded",
        )
        self.assertEqual(web.ask(f"/{link}", *headers, method="POST", body=body).status, 200)
        self.assertEqual([text["data"] for text in owner.texts()], ["as a form"])


class SenderTests(ChatCase):
    """What senders post, as people read it."""

    def test_slack(self) -> None:
        """Text, attachments, blocks, and Slack's own marks; a user's name is part of the text."""
        self.assertEqual(
            said({"text": "Hello *all*, see <https://x.test|this> &amp; <@U1>"}),
            "Hello **all**, see this (https://x.test) & @U1",
        )
        self.assertEqual(said({"text": "up", "username": "alice"}), "**alice**: up")
        self.assertEqual(
            said({"text": "a * b * c and 2*3*4 <!channel>"}), "a * b * c and 2*3*4 @channel"
        )
        post = {
            "attachments": [
                {
                    "pretext": "New",
                    "title": "Build 5",
                    "title_link": "https://ci.test/5",
                    "text": "It *failed*.",
                    "fallback": "unseen",
                    "fields": [{"title": "Branch", "value": "main"}],
                }
            ]
        }
        self.assertEqual(
            said(post), "New\n**Build 5** https://ci.test/5\nIt **failed**.\nBranch: main"
        )
        self.assertEqual(said({"attachments": [{"fallback": "only this"}]}), "only this")
        blocks = [
            {"type": "header", "text": {"type": "plain_text", "text": "Deploy"}},
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "*env*: live"}]},
        ]
        self.assertEqual(said({"blocks": blocks}), "Deploy\n**env**: live")

    def test_forms(self) -> None:
        """A form, one with all of it in ``payload``, and JSON that curl calls a form."""
        form = "application/x-www-form-urlencoded"
        for body in (b"text=up+%26+well", b"payload=%7B%22text%22%3A%22up+%26amp%3B+well%22%7D"):
            self.assertEqual(text_of(form, "", body), "up & well")
        self.assertEqual(text_of(form, "", b'{"text": "up"}'), "up")

    def test_alerts(self) -> None:
        """Alertmanager's and Grafana's: what is wrong, where, and the way there."""

        def alert(status: str, instance: str) -> Object:
            return {
                "status": status,
                "labels": {"alertname": "DiskFull", "instance": instance, "__x__": "no"},
                "annotations": {"summary": "No room is left"},
                "generatorURL": "http://prom.test/g",
            }

        post = {
            "version": "4",
            "status": "firing",
            "receiver": "chat",
            "commonLabels": {"alertname": "DiskFull"},
            "alerts": [alert("firing", "a:9100"), alert("resolved", "b:9100")],
        }
        self.assertEqual(
            said(post),
            "**DiskFull**: 1 firing, 1 resolved\n"
            "- No room is left (instance=a:9100) http://prom.test/g\n"
            "- resolved: No room is left (instance=b:9100) http://prom.test/g",
        )
        post["alerts"] = [alert("resolved", "a")] * (MANY + 5)
        lines = said(post).splitlines()
        self.assertEqual((lines[0], lines[-1]), ("**DiskFull**: 15 resolved", "… and 5 more"))
        old = {
            "title": "[Alerting] CPU",
            "state": "alerting",
            "ruleName": "CPU",
            "ruleUrl": "http://g.test/1",
            "message": "Too hot",
        }
        self.assertEqual(said(old), "**[Alerting] CPU** alerting\nToo hot\nhttp://g.test/1")

    def test_forges(self) -> None:
        """GitHub's and its like: who did what, where, with a link."""
        base = {"repository": {"full_name": "org/app"}, "sender": {"login": "ada"}}
        push = {
            **base,
            "ref": "refs/heads/main",
            "compare": "https://f.test/c",
            "commits": [{"id": "0123456789abcdef", "message": "Mend it\n\nLong words"}],
        }
        self.assertEqual(
            said(push, "push"),
            "**ada** pushed 1 commit to main in org/app https://f.test/c\n- `01234567` Mend it",
        )
        pull = {"number": 7, "title": "Faster", "html_url": "https://f.test/7", "merged": True}
        self.assertEqual(
            said({**base, "action": "closed", "pull_request": pull}, "pull_request"),
            "**ada** merged pull request #7 “Faster” in org/app https://f.test/7",
        )
        comment = {"body": "I\nagree", "html_url": "https://f.test/7#1"}
        issue = {"number": 7, "title": "Slow"}
        self.assertEqual(
            said({**base, "issue": issue, "comment": comment}, "issue_comment"),
            "**ada** wrote on #7 “Slow” in org/app https://f.test/7#1\n> I agree",
        )
        run = {"name": "tests", "conclusion": "failure", "head_branch": "main", "html_url": "u"}
        self.assertEqual(
            said({**base, "workflow_run": run}, "workflow_run"),
            "tests in org/app (main): **failure** u",
        )
        self.assertEqual(
            said({**base, "action": "created"}, "star"), "**ada**: star created in org/app"
        )
        lab = {
            "object_kind": "merge_request",
            "user": {"name": "Ada"},
            "project": {"path_with_namespace": "org/app"},
            "object_attributes": {"action": "open", "title": "Faster", "url": "https://l.test/1"},
        }
        self.assertEqual(
            said(lab), "**Ada**: open merge request “Faster” in org/app https://l.test/1"
        )

    @settings(max_examples=300, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "text",
                            "username",
                            "attachments",
                            "blocks",
                            "fields",
                            "title",
                            "alerts",
                            "status",
                            "labels",
                            "annotations",
                            "repository",
                            "full_name",
                            "sender",
                            "commits",
                            "pull_request",
                            "issue",
                            "comment",
                            "project",
                            "object_kind",
                            "object_attributes",
                            "payload",
                        ]
                    ),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=20,
        ),
        st.sampled_from(("", "push", "pull_request", "issue_comment", "workflow_run", "odd")),
    )
    def test_anything(self, post: Any, event: str) -> None:
        """Whatever is posted becomes a text or nothing, and no exception."""
        self.assertIsInstance(text_of(JSON, event, json.dumps(post).encode()), str)
        form = "application/x-www-form-urlencoded"
        self.assertIsInstance(text_of(form, event, json.dumps(post).encode()), str)

    def test_cut(self) -> None:
        """What is too long is cut between characters, and its control characters take no room."""
        self.assertEqual(shortened("abc", 100), "abc")
        self.assertEqual(shortened("\x00" * 90, 100), " " * 90)
        self.assertLessEqual(len(shortened("€" * 90, 100).encode()), 100)
        self.assertTrue(
            said({"text": "x", "username": "y" * 999}).startswith("**" + "y" * (LINE - 1))
        )
