"""Names that look alike."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.vocabulary.lookalikes import Lookalikes, is_mixed, skeletons
from twisted_chat.vocabulary.names import user_name

ALIKE = (
    ("alice", "\u0430lice"),
    ("alice", "aIice"),
    ("alice", "al\u0131ce"),
    ("alice", "a1ice"),
    ("Bob", "B0b"),
    ("bob", "b0b"),
    ("moritz", "rnoritz"),
    ("paypal", "\u0440\u0430\u0443\u0440\u0430l"),
    ("иван", "ивaн"),
    ("alice", "ａｌｉｃｅ"),
)
APART = (("alice", "bob"), ("ann", "anne"), ("jürgen", "jurgen"), ("иван", "ivan"), ("o", "ö"))


class LookalikeTests(SynchronousTestCase):
    def test_what_looks_alike(self) -> None:
        """A name that people would take for another has a skeleton in common with it."""
        for one, other in ALIKE:
            self.assertTrue(skeletons(user_name(one)) & skeletons(user_name(other)), (one, other))
        for one, other in APART:
            self.assertFalse(skeletons(user_name(one)) & skeletons(user_name(other)), (one, other))

    def test_scripts(self) -> None:
        """A name is in one script, or in those that are written together."""
        for text in ("\u0430lice", "αlpha", "שלוםabc", "ивaн"):
            self.assertTrue(is_mixed(text), text)
        for text in (
            "alice",
            "иван",
            "日本taro",
            "ユーザーx",
            "김tom",
            "jürgen_1",
            "Ελλάς",
            "नमस्ते",
            "1",
        ):
            self.assertFalse(is_mixed(text), text)

    def test_some_names(self) -> None:
        """They are found while they are among them; a name is not like itself."""
        some = Lookalikes()
        alice = user_name("alice")
        some.add(alice)
        self.assertEqual(some.of(user_name("aIice")), alice)
        self.assertIsNone(some.of(user_name("Alice")))
        self.assertTrue(some.has(user_name("ALICE")))
        some.discard(alice)
        some.discard(alice)
        self.assertIsNone(some.of(user_name("aIice")))
        self.assertEqual(some._names, {})
