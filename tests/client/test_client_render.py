"""What others write is shown, and does nothing else."""

from __future__ import annotations

import json
from datetime import UTC

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.fake_server import snapshot, text
from tests.kit.hostile import anything, is_harmless
from twisted_chat.client.words import render
from twisted_chat.client.words.render import Line, Looks
from twisted_chat.vocabulary import messages as m


class HarmlessTests(SynchronousTestCase):
    @given(anything)
    def test_harmless(self, raw: str) -> None:
        """Nothing moves the cursor, rings, hides or turns what follows."""
        self.assertTrue(is_harmless(render.harmless(raw)))

    @given(st.text(alphabet=st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
    def test_letters_stay(self, raw: str) -> None:
        """Whatever is a letter, a mark, a number or a sign stays as it is."""
        self.assertEqual(render.harmless(raw), raw)

    def test_visible(self) -> None:
        """What could harm is seen, and told apart."""
        self.assertEqual(render.harmless("\x1b[31m\x07"), r"\x1b[31m\x07")
        self.assertEqual(render.harmless("\x9b\u202e"), r"\x9b\u202e")
        self.assertEqual(render.harmless("\U000e0041"), r"\U000e0041")
        self.assertEqual(render.harmless("a\tb"), "a    b")

    def test_formats_of_irc(self) -> None:
        """What clients of IRC write bold or coloured with is no part of what is said."""
        for data in ("\x02bold\x0f \x0304,01red\x03", "\x04ff0000bold\x04 \x1dred\x16"):
            text = m.Text(session="ops", seq=1, time=0, source="bob", data=data)
            self.assertTrue(render.plain(render.said(text, "me")[0]).endswith("bob: bold red"))

    def test_scripts_and_emoji(self) -> None:
        """The joiners that scripts and emoji are made with stay."""
        for word in ("می\u200cخواهم", "👩\u200d🚀", "Grüße", "नमस्ते"):
            self.assertEqual(render.harmless(word), word)

    @given(anything, st.dictionaries(anything, anything, max_size=3))
    def test_json(self, raw: str, more: dict[str, str]) -> None:
        """A line of JSON means the same as before, and harms no terminal."""
        document = json.dumps({"data": raw, **more}, ensure_ascii=False)
        escaped = render.escaped_json(document)
        self.assertEqual(json.loads(escaped), json.loads(document))
        self.assertTrue(is_harmless(escaped))


class LineTests(SynchronousTestCase):
    def shown(
        self, message: m.Text, user: str = "alice", aside: bool = False, tag: str = ""
    ) -> list[str]:
        lines = render.said(message, user, Looks(tag, UTC), aside=aside)
        return [render.plain(line) for line in lines]

    def test_text(self) -> None:
        """A text has its time and who said it."""
        self.assertEqual(self.shown(text(1, "hello")), ["00:00 bob: hello"])
        self.assertEqual(self.shown(text(60, "hello"), tag="ops"), ["00:01 [ops] bob: hello"])

    def test_lines(self) -> None:
        """Further lines are set apart: nobody can write a line that looks like another's."""
        shown = self.shown(text(1, "one\n00:00 alice: two\r\nthree\rfour"))
        self.assertEqual(
            shown, ["00:00 bob: one", "      00:00 alice: two", r"      three\x0dfour"]
        )

    def test_aside(self) -> None:
        """A direct message in passing says who wrote whom."""
        there = text(1, "psst", "bob", "@alice,bob")
        back = text(2, "what?", "alice", "@alice,bob")
        self.assertEqual(self.shown(there, aside=True), ["00:00 bob to you: psst"])
        self.assertEqual(self.shown(back, aside=True), ["00:00 you to bob: what?"])

    def test_own(self) -> None:
        """One's own texts look different."""
        (line,) = render.said(text(1, source="alice"), "alice")
        self.assertIn(("own", "alice"), line)

    def test_any_time(self) -> None:
        """A server's clock may say anything."""
        for time in (0, -1, 2**62, -(2**62)):
            message = m.Text(session="s", seq=1, time=time, source="bob", data="x")
            self.assertEqual(len(self.shown(message)), 1)

    @given(anything, anything, anything)
    def test_whatever_they_write(self, data: str, source: str, name: str) -> None:
        """Names, topics and texts of others are harmless wherever they are shown."""
        listed = m.ListedSession(session=name, users=2, topic=data, owner=source, locked=True)
        lines = [
            *render.said(text(1, data, source, name), "alice", Looks(name)),
            *render.said(text(1, data, source, f"@alice,{source}"), "alice", aside=True),
            *render.waiting(data, source, name),
            render.info(data),
            render.problem(data),
            render.snapshot(snapshot(name, users=[source], topic=data)),
            *render.listing(
                m.Listing(sessions=[listed], users=[m.ListedUser(user=source, sessions=[name])])
            ),
        ]
        for line in lines:
            self.assertTrue(is_harmless(render.plain(line)), line)

    def test_presence(self) -> None:
        """Comings and goings are a sentence."""
        self.assertEqual(
            render.presence(m.Presence(session="s", count=1_234, joined=["a", "b"], left=["c"])),
            "a, b have come; c has gone; 1,234 here.",
        )

    def test_names(self) -> None:
        """Names that are too many are counted."""
        self.assertEqual(render.names(["a", "b"], 2), "a, b")
        self.assertEqual(render.names(["a", "b"], 1_002), "a, b and 1,000 more")
        self.assertEqual(render.names([], 0), "")

    def test_one(self) -> None:
        """One is not several."""
        sessions = [m.ListedSession(session="x", users=1, topic="", owner=None, locked=False)]
        users = [m.ListedUser(user="bob", sessions=["x"])]
        first, *_ = render.listing(m.Listing(sessions=sessions, users=users))
        self.assertEqual(render.plain(first), "* 1 session, 1 user")

    def test_entry(self) -> None:
        """An explanation stands beside its term, or below it."""
        beside = render.entry("/x", "a few words")
        self.assertEqual([render.plain(line) for line in beside], [f"{'/x':<28}a few words"])
        below = render.entry("/x" * 20, "word")
        self.assertEqual(
            [render.plain(line) for line in below], ["/x" * 20, " " * render.TERM + "word"]
        )

    def test_list(self) -> None:
        """A list says what there is to know."""
        sessions = [
            m.ListedSession(session="lobby", users=2, topic="", owner=None, locked=False),
            m.ListedSession(session="日本", users=1, topic="", owner=None, locked=False),
            m.ListedSession(
                session="ops", users=0, topic="Deploys", owner="bob", locked=True, port=1300
            ),
        ]
        users = [m.ListedUser(user="bob", sessions=["lobby"]), m.ListedUser(user="x", sessions=[])]
        found = [
            render.plain(line) for line in render.listing(m.Listing(sessions=sessions, users=users))
        ]
        self.assertEqual(
            found,
            [
                "* 3 sessions, 2 users",
                "  lobby  2 here",
                "  日本   1 here",
                "  ops    nobody here, owner bob, locked, port 1300, topic: Deploys",
                "  bob  lobby",
                "  x  in no session",
            ],
        )


class FoldedTests(SynchronousTestCase):
    """Lines on a screen that is not wide enough."""

    def folded(self, line: Line, columns: int = 20) -> list[str]:
        return [render.plain(row) for row in render.folded(line, columns)]

    def said(self, data: str, columns: int = 20) -> list[str]:
        (line,) = render.said(text(1, data), "alice", Looks(zone=UTC))
        return self.folded(line, columns)

    def test_between_words(self) -> None:
        """A text is broken between its words, and goes on below its author."""
        self.assertEqual(self.said("short"), ["00:00 bob: short"])
        self.assertEqual(
            self.said("the quick brown fox jumps"),
            ["00:00 bob: the quick", "      brown fox ", "      jumps"],
        )
        self.assertEqual(self.folded(render.info("what is told here")[:], 12)[1:], ["  told here"])

    def test_long_words(self) -> None:
        """A word that fits in no row is left whole: an address can be copied."""
        address = "https://example.com/a/long/one"
        self.assertEqual(
            self.said(f"see {address} now"), [f"00:00 bob: see {address}", "      now"]
        )
        self.assertEqual(self.said("a deployment"), ["00:00 bob: a ", "      deployment"])

    def test_wide(self) -> None:
        """Letters of two columns count as two, and may be broken apart; an emoji may not."""
        self.assertEqual(self.said("日本語のテキスト"), ["00:00 bob: 日本語の", "      テキスト"])
        self.assertEqual(self.said("e\u0301" * 9), ["00:00 bob: " + "e\u0301" * 9])
        self.assertEqual(
            self.said("12345678👩\u200d🚀"), ["00:00 bob: 12345678", "      👩\u200d🚀"]
        )

    def test_nobody_else(self) -> None:
        """Blanks can not push something to where it looks like another's line."""
        for blank in (" ", "\u00a0", "\u3000"):
            rows = self.said(f"x{blank * 300}13:37{blank}alice:{blank}yes", 40)
            self.assertEqual(len(rows), 2)
            self.assertTrue(rows[1].startswith(" " * 6 + "13:37"), rows)

    def test_narrow(self) -> None:
        """On a narrow screen the explanation of a term is not squeezed into a column."""
        (line,) = render.entry("/quit", "Leave everything properly, and go.")
        rows = self.folded(line, 40)
        self.assertEqual(rows[1:], ["      everything properly, and go."])

    @given(anything, st.integers(1, 60))
    @example("0 \x1f\x1f", 13)
    def test_anything(self, data: str, columns: int) -> None:
        """Nothing is lost but blanks; a row is too long only for a word that fits in none."""
        line = render.said(text(1, data.replace("\n", "")), "alice", Looks(zone=UTC))[0]
        rows = render.folded(line, columns)
        self.assertEqual(
            "".join("".join(map(render.plain, rows)).split()), "".join(render.plain(line).split())
        )
        for row in rows:
            shown = render.plain(row)
            if render.width(shown) > columns:
                last = shown.split()[-1]
                self.assertGreater(render.INDENT + render.width(last), columns, rows)
