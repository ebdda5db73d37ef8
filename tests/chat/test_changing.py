"""Edits, redactions, reactions: entries like texts, whichever way they are read."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from tests.kit.frames import Object, types
from tests.kit.world import ChatCase, Client

CHANGES = ("text", "edited", "redacted", "reacted")


def shown(entries: list[Object]) -> dict[int, Any]:
    """Return what a client shows that has seen these: each text by its seq, as it is now."""
    texts: dict[int, Any] = {}
    for entry in entries:
        match entry["type"]:
            case "text":
                marks = {
                    (reaction["data"], user)
                    for reaction in entry.get("reactions", ())
                    for user in reaction["users"]
                }
                texts[entry["seq"]] = [entry["data"], "redacted" in entry, marks]
            case "edited" if not texts[entry["of"]][1]:
                texts[entry["of"]][0] = entry["data"]
            case "redacted":
                texts[entry["of"]] = ["", True, set()]
            case "reacted":
                mark = (entry["data"], entry["source"])
                if entry.get("undo"):
                    texts[entry["of"]][2].discard(mark)
                elif not texts[entry["of"]][1]:
                    texts[entry["of"]][2].add(mark)
    return texts


def entries_of(client: Client) -> list[Object]:
    return [one for one in client.got() if one["type"] in CHANGES]


class ChangingTests(ChatCase):
    """Through bytes."""

    count = 0

    def setUp(self) -> None:
        self.chat = self.world()
        self.alice, self.bob = self.chat.come("alice"), self.chat.come("bob")

    def test_all_are_told(self) -> None:
        """Each has a seq in the one order, and its echo bears its id: for everybody the same."""
        for client, request in (
            (self.alice, {"type": "text", "data": "teh"}),
            (self.bob, {"type": "react", "of": 1, "data": "👍"}),
            (self.alice, {"type": "edit", "of": 1, "data": "the"}),
            (self.bob, {"type": "text", "data": "which?", "reply": 1}),
            (self.bob, {"type": "react", "of": 1, "data": "👍", "undo": True}),
            (self.alice, {"type": "redact", "of": 1, "reason": "a slip"}),
        ):
            fields: dict[str, Any] = dict(request)
            self.count += 1
            client.send(**fields, id=str(self.count))
            self.chat.settle()
        told = entries_of(self.alice)
        self.assertEqual(told, entries_of(self.bob))
        self.assertEqual(
            [(one["seq"], one["id"]) for one in told], [(n, str(n)) for n in range(1, 7)]
        )
        self.assertEqual(types(told), ["text", "reacted", "edited", "text", "reacted", "redacted"])
        self.assertEqual((told[3]["reply"], told[5]["of"], told[5]["reason"]), (1, 1, "a slip"))
        history = self.alice.ask("history")["texts"]
        self.assertEqual((history[0]["data"], history[0]["redacted"]), ("", 6))

    def test_refusals(self) -> None:
        """What can not be done is refused by its code, and has no place."""
        self.alice.say("mine")
        requests: list[tuple[str, dict[str, Any]]] = [
            ("not-allowed", {"type": "edit", "of": 1, "data": "x"}),
            ("not-allowed", {"type": "redact", "of": 1}),
            ("no-such-text", {"type": "edit", "of": 2, "data": "x"}),
            ("no-such-text", {"type": "react", "of": 0, "data": "x"}),
            ("no-such-text", {"type": "text", "reply": 7, "data": "x"}),
            ("bad-request", {"type": "react", "of": 1, "data": ""}),
            ("bad-request", {"type": "react", "of": 1, "data": "x" * 33}),
            ("bad-request", {"type": "react", "of": 1, "data": "x", "undo": True}),
            ("empty", {"type": "edit", "of": 1, "data": ""}),
            ("too-long", {"type": "edit", "of": 1, "data": "x" * 16_385}),
            ("not-in-session", {"type": "edit", "session": "ops", "of": 1, "data": "x"}),
        ]
        for code, request in requests:
            self.assert_refused(code, self.bob.ask(**request))
        self.assertEqual(self.bob.say("next")["seq"], 2)

    def test_who_rules_a_session_redacts_in_it(self) -> None:
        """The owner takes back what others said there, and edits it not."""
        self.bob.ask("create", session="ops")
        self.alice.ask("join", session="ops")
        self.alice.ask("text", session="ops", data="spam")
        self.assert_refused("not-allowed", self.bob.ask("edit", session="ops", of=1, data="x"))
        redacted = self.bob.ask("redact", session="ops", of=1)
        self.assertEqual((redacted["type"], redacted["source"]), ("redacted", "bob"))

    def test_search_everywhere(self) -> None:
        """Without a session it finds in all of one's own, direct ones too, the newest last."""
        self.alice.ask("create", session="ops")
        self.alice.ask("create", session="dev")
        self.bob.ask("join", session="ops")
        for session in ("ops", "lobby", "dev"):
            self.chat.clock.advance(1)
            self.alice.ask("text", session=session, data=f"deploy {session}")
        self.chat.clock.advance(1)
        self.bob.ask("text", to="alice", data="deploy it")
        for client, expected in (
            (self.alice, ["deploy ops", "deploy lobby", "deploy dev", "deploy it"]),
            (self.bob, ["deploy ops", "deploy lobby", "deploy it"]),
        ):
            found = client.ask("search", query="deploy")
            self.assertEqual([text["data"] for text in found["texts"]], expected)
            self.assertNotIn("session", found)
        found = self.alice.ask("search", query="deploy", limit=2)
        self.assertEqual([text["data"] for text in found["texts"]], ["deploy dev", "deploy it"])
        self.assertTrue(found["more"])

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["text", "edit", "redact", "react", "undo"]),
                st.booleans(),
                st.integers(1, 8),
                st.sampled_from("xyz"),
            ),
            max_size=30,
        ),
        after=st.integers(0, 30),
    )
    def test_one_state_whichever_way(
        self, steps: list[tuple[str, bool, int, str]], after: int
    ) -> None:
        """Told live, read after coming back at any place, or as history: it is the same."""
        chat = self.world()
        alice, bob, cid = chat.come("alice"), chat.come("bob"), chat.come("cid")
        epoch = cid.ask("join", session="lobby")["epoch"]
        live: list[Object] = []
        for kind, is_bob, of, data in steps:
            client = bob if is_bob else alice
            request: dict[str, Any] = {"type": kind, "of": of, "data": data}
            if kind == "text":
                request = {"type": "text", "data": data}
            elif kind == "undo":
                request |= {"type": "react", "undo": True}
            elif kind == "redact":
                del request["data"]
            client.send(**request)
        chat.settle()
        live = entries_of(cid)
        self.assertEqual([one["seq"] for one in live], list(range(1, len(live) + 1)))
        after = min(after, len(live))
        cid.vanish()
        back = chat.connect()
        back.send(
            "login", user="dan", resume=[{"session": "lobby", "after": after, "epoch": epoch}]
        )
        chat.settle()
        resumed = [*live[:after], *entries_of(back)]
        history = back.ask("history", limit=200)["texts"]
        self.assertEqual([one["seq"] for one in history], [one["seq"] for one in live])
        self.assertEqual(shown(live), shown(resumed))
        self.assertEqual(shown(live), shown(history))
