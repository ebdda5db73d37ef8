"""What others write is shown, and does nothing else."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support_fakeserver import snapshot, text
from twisted_chat import messages as m
from twisted_chat.client import render

HARM = "\x1b[2J\x07\x9b1m\u202e\u2066\u2028\x7f\u200b\u200f\U000e0041"

anything = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Mn", "Lo"]), max_size=40),
    st.sampled_from([HARM, "\r\x1b]0;title\x07", "a\x08b", "\x1bc", "\u202eabc"]),
)


def is_harmless(shown: str) -> bool:
    """Whether a terminal does nothing for it but to show letters."""
    return all(
        unicodedata.category(letter) not in {"Cc", "Cs", "Zl", "Zp"}
        and unicodedata.bidirectional(letter)
        not in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        and letter not in "\u200b\u200e\u200f\u061c\ufeff\u2060\u00ad"
        for letter in shown
    )


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
    def shown(self, message: m.Text, user: str = "alice", **options: object) -> list[str]:
        lines = render.said(message, user, zone=UTC, **options)  # type: ignore[arg-type]
        return [render.plain(line) for line in lines]

    def test_text(self) -> None:
        """A text has its time and who said it."""
        self.assertEqual(self.shown(text(1, "hello")), ["00:00 bob: hello"])
        self.assertEqual(self.shown(text(60, "hello"), tag="ops"), ["00:01 [ops] bob: hello"])

    def test_lines(self) -> None:
        """Further lines are set apart: nobody can write a line that looks like another's."""
        shown = self.shown(text(1, "one\n00:00 alice: two\r\nthree\rfour"))
        self.assertEqual(shown, ["00:00 bob: one", "    00:00 alice: two", r"    three\x0dfour"])

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
            *render.said(text(1, data, source, name), "alice", tag=name),
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
        """An explanation is broken at words, beside its term or below it."""
        lines = [render.plain(line) for line in render.entry("/x", "many words " * 9, 80)]
        self.assertEqual(lines[0].split()[:2], ["/x", "many"])
        self.assertEqual(lines[1], " " * render.TERM + lines[1].strip())
        self.assertLess(max(map(len, lines)), 80)
        below = [render.plain(line) for line in render.entry("/x" * 20, "word", 80)]
        self.assertEqual(below, ["/x" * 20, " " * render.TERM + "word"])

    def test_list(self) -> None:
        """A list says what there is to know."""
        sessions = [
            m.ListedSession(session="lobby", users=2, topic="", owner=None, locked=False),
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
                "* 2 sessions, 2 users",
                "  lobby  2 here",
                "  ops    nobody here, owner bob, locked, port 1300, topic: Deploys",
                "  bob  lobby",
                "  x  in no session",
            ],
        )
