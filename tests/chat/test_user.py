"""What a user may say and read: every rule and every refusal."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.kit.world import ChatCase
from twisted_chat.chat.pruning import prune
from twisted_chat.vocabulary.messages import MAX_TEXT


class TextRuleTests(ChatCase):
    """What may be said."""

    def test_empty_and_too_long(self) -> None:
        """A text has a byte at least, and max_text in UTF-8 at most."""
        alice = self.world().come("alice")
        self.assert_refused("empty", alice.say(""))
        self.assertEqual(alice.say("x" * MAX_TEXT)["type"], "text")
        self.assert_refused("too-long", alice.say("x" * (MAX_TEXT + 1)))
        self.assertEqual(alice.say("é" * (MAX_TEXT // 2))["type"], "text")
        self.assert_refused("too-long", alice.say("é" * (MAX_TEXT // 2) + "x"))
        self.assertEqual(alice.seqs(), [])

    def test_escapes_must_fit_in_a_frame(self) -> None:
        """A text of control characters that would not fit in a frame is refused, not lost."""
        alice = self.world(max_text=60_000).come("alice")
        self.assert_refused("too-long", alice.ask("text", data="\x1f" * 10_700))
        said = alice.ask("text", data="\x1f" * 10_500)
        self.assertEqual(len(said["data"]), 10_500)
        alice.say("x" * 60_000)
        (page,) = [alice.ask("history", limit=1)]
        self.assertEqual(len(page["texts"][0]["data"]), 60_000)

    def test_not_in_session(self) -> None:
        """One says something where one is, and nowhere else."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops")
        self.assert_refused("not-in-session", bob.say("x", session="ops"))
        self.assert_refused("not-in-session", bob.say("x", session="none"))
        self.assertEqual(alice.say("x", session="OPS")["session"], "ops")


class HistoryTests(ChatCase):
    """Reading the past."""

    def setUp(self) -> None:
        self.here = self.world()
        self.alice = self.here.come("alice")

    def talk(self, texts: int, size: int = 1) -> None:
        for number in range(texts):
            self.alice.send("text", data=f"{number + 1} ".ljust(size, "x"))
            if number % 3 == 0:
                self.alice.got()
        self.alice.got()

    def page(self, **fields: Any) -> tuple[list[int], bool]:
        page = self.alice.ask("history", **fields)
        self.assertEqual((page["type"], page["session"]), ("history", "lobby"))
        return [text["seq"] for text in page["texts"]], page["more"]

    def test_both_ways(self) -> None:
        """The latest, those before, those after, and those between; more is honest."""
        self.talk(10)
        self.assertEqual(self.page(limit=3), ([8, 9, 10], True))
        self.assertEqual(self.page(), (list(range(1, 11)), False))
        self.assertEqual(self.page(limit=10), (list(range(1, 11)), False))
        self.assertEqual(self.page(before=8, limit=3), ([5, 6, 7], True))
        self.assertEqual(self.page(before=3, limit=3), ([1, 2], False))
        self.assertEqual(self.page(before=0), ([], False))
        self.assertEqual(self.page(before=1), ([], False))
        self.assertEqual(self.page(before=99, limit=1), ([10], True))
        self.assertEqual(self.page(after=0, limit=3), ([1, 2, 3], True))
        self.assertEqual(self.page(after=7, limit=3), ([8, 9, 10], False))
        self.assertEqual(self.page(after=10), ([], False))
        self.assertEqual(self.page(after=99), ([], False))
        self.assertEqual(self.page(after=2, before=6), ([3, 4, 5], False))
        self.assertEqual(self.page(after=2, before=6, limit=2), ([3, 4], True))
        self.assertEqual(self.page(after=6, before=2), ([], False))

    def test_limits(self) -> None:
        """50 where no limit is given, 200 at most; a limit of nothing is none."""
        self.talk(250)
        self.assertEqual(self.page(), (list(range(201, 251)), True))
        self.assertEqual(self.page(limit=10**9), (list(range(51, 251)), True))
        for wrong in (0, -1, "1", 1.5, None):
            if wrong is not None:
                self.assert_refused("bad-request", self.alice.ask("history", limit=wrong))
        for wrong in (-1, 2**53, "1"):
            self.assert_refused("bad-request", self.alice.ask("history", before=wrong))

    def test_frames(self) -> None:
        """200 texts of 16 KiB come a frame at a time, and following more finds all of them."""
        self.talk(200, MAX_TEXT)
        found: list[int] = []
        more = True
        while more:
            seqs, more = self.page(limit=200, **({"before": found[0]} if found else {}))
            self.assertTrue(seqs)
            found = seqs + found
        self.assertEqual(found, list(range(1, 201)))
        found, more = [], True
        while more:
            seqs, more = self.page(limit=200, after=found[-1] if found else 0)
            found += seqs
        self.assertEqual(found, list(range(1, 201)))

    def test_frames_of_escapes(self) -> None:
        """Texts that JSON makes six times as long are paged all the same."""
        for _ in range(20):
            self.alice.say("\x01" * 10_000)
        found: list[int] = []
        more = True
        while more:
            seqs, more = self.page(limit=200, **({"before": found[0]} if found else {}))
            found = seqs + found
        self.assertEqual(found, list(range(1, 21)))

    def test_as_it_was_said(self) -> None:
        """A text of the past is the one that was shown."""
        said = self.alice.say("hello")
        page = self.alice.ask("history")
        self.assertEqual(page["texts"], [said])
        self.assertEqual(page["epoch"], self.alice.ask("join", session="lobby")["epoch"])

    def test_members_only(self) -> None:
        """History and search are for those who are in the session."""
        bob = self.here.come("bob")
        self.alice.ask("create", session="ops")
        self.alice.say("secret", session="ops")
        for request in ({"type": "history"}, {"type": "search", "query": "secret"}):
            self.assert_refused("not-in-session", bob.ask(session="ops", **request))
            self.assert_refused("no-such-session", bob.ask(session="none", **request))

    def test_search(self) -> None:
        """Search finds words in one's own session, pages backwards, and refuses what is none."""
        self.alice.ask("create", session="ops")
        for number in range(10):
            self.alice.say(f"the deploy {number}", session="ops")
            self.alice.say(f"lobby deploy {number}", session="lobby")
        found = self.alice.ask("search", session="ops", query="DEPL*", limit=4)
        self.assertEqual([text["seq"] for text in found["texts"]], [7, 8, 9, 10])
        self.assertEqual((found["type"], found["session"], found["more"]), ("found", "ops", True))
        found = self.alice.ask("search", session="ops", query="deploy", before=7, limit=50)
        self.assertEqual([text["seq"] for text in found["texts"]], [1, 2, 3, 4, 5, 6])
        self.assertIs(found["more"], False)
        for wrong in ("", '"', "x" * 257):
            self.assert_refused("bad-request", self.alice.ask("search", session="ops", query=wrong))

    def test_pruned(self) -> None:
        """What retention has taken is gone from history, and nothing else."""
        self.talk(10)
        flow = prune(self.here.chat.log, self.here.chat.sessions, 4, None)
        self.successResultOf(Deferred.fromCoroutine(flow))
        self.assertEqual(self.page(), ([7, 8, 9, 10], False))
        self.assertEqual(self.page(after=0), ([7, 8, 9, 10], False))

    def test_pruning_meets_a_deletion(self) -> None:
        """A session that goes while it is pruned keeps nobody else's texts."""
        self.alice.ask("create", session="ops")
        self.alice.ask("create", session="last")
        for name in ("lobby", "ops", "last"):
            for _ in range(3):
                self.alice.say("x", session=name)
        self.here.log.hold = True
        flow = Deferred.fromCoroutine(prune(self.here.chat.log, self.here.chat.sessions, 1, None))
        self.alice.send("delete", session="ops", id="d")
        for _ in range(10):
            self.here.settle()
            for waiting in (self.here.log.commits, self.here.log.reads):
                if waiting:
                    waiting.popleft()()
        self.here.log.let_go()
        self.successResultOf(flow)
        self.assertEqual(len(self.alice.ask("history", session="last")["texts"]), 1)


class ListTests(ChatCase):
    """What there is."""

    def test_list(self) -> None:
        """Sessions with count, topic and owner; users with their sessions."""
        world = self.world()
        alice, _ = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops", topic="T")
        found = alice.ask("list")
        self.assertEqual(
            found["sessions"],
            [
                {
                    "session": "lobby",
                    "users": 2,
                    "topic": "",
                    "owner": None,
                    "locked": False,
                },
                {
                    "session": "ops",
                    "users": 1,
                    "topic": "T",
                    "owner": "alice",
                    "locked": False,
                },
            ],
        )
        self.assertEqual(
            found["users"],
            [
                {"user": "alice", "sessions": ["lobby", "ops"]},
                {"user": "bob", "sessions": ["lobby"]},
            ],
        )

    def test_pages(self) -> None:
        """A long list comes in several frames with one id, all but the last with more."""
        world = self.world(presence_limit=0, max_sessions=0, max_sessions_per_user=0)
        alice = world.come("alice")
        for number in range(300):
            alice.ask("create", session=f"{number:03}".ljust(64, "\U00020000"), topic="x" * 256)
        for number in range(500):
            world.connect().send("login", user=chr(0x20000 + number) * 32)
        world.quiet()
        alice.send("list", id="L")
        got = [one for one in alice.got() if one["type"] == "list"]
        self.assertGreater(len(got), 3)
        self.assertEqual({one["id"] for one in got}, {"L"})
        self.assertEqual([one.get("more", False) for one in got], [True] * (len(got) - 1) + [False])
        sessions = [one["session"] for part in got for one in part["sessions"]]
        users = [one["user"] for part in got for one in part["users"]]
        self.assertEqual((len(set(sessions)), len(sessions)), (301, 301))
        self.assertEqual((len(set(users)), len(users)), (501, 501))

    def test_gone_while_it_is_listed(self) -> None:
        """Who asked for a long list may go before it has all come."""
        world = self.world(max_sessions=0)
        alice = world.come("alice")
        for number in range(200):
            alice.ask("create", session=f"{number:03}".ljust(64, "\U00020000"), topic="x" * 256)
        alice.send("list", id="L")
        alice.vanish()
        world.settle()
