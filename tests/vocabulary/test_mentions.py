"""A mention is the same in the server and in the page."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.vocabulary.mentions import Mention, prepared

CASES = json.loads((Path(__file__).parent / "mentions.json").read_text(encoding="utf-8"))


class MentionTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """Each case is as the table says."""
        self.assertGreater(len(CASES), 20)
        wrong = [
            case
            for case in CASES
            if Mention(case["name"]).is_in_folded(prepared(case["text"])) != case["mentions"]
        ]
        self.assertEqual(wrong, [])
        for case in CASES:
            found = Mention(case["name"]).is_in_folded(prepared(case["text"]))
            self.assertEqual(found, case["mentions"], case)
            self.assertEqual(Mention(case["name"]).is_in(case["text"]), found)
