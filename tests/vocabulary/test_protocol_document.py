"""docs/protocol.md says what the code does: its fields, codes, limits and examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

from twisted.trial.unittest import SynchronousTestCase

from tests.kit.documents import block
from tests.kit.protocol import DOCUMENT, conversation, drawn
from tests.kit.schemas import DEFINITIONS, problem
from twisted_chat.vocabulary import messages, names
from twisted_chat.vocabulary.errors import Code
from twisted_chat.vocabulary.messages import Request, Response


def reference() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the last section: ``Requests`` or ``Replies and events``, the type, the fields."""
    part = ""
    for text in re.split("^###", DOCUMENT[DOCUMENT.index("## 16.") :], flags=re.MULTILINE)[1:]:
        title, _, body = text.partition("\n")
        if not title.startswith("#"):
            part = title.strip()
            continue
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", body, flags=re.MULTILINE)
        yield part, title.strip("#` "), dict(rows)


def described(definition: dict[str, Any]) -> dict[str, str]:
    """Return the fields of a message and their types, in the document's words."""
    fields = {}
    for name, node in definition["properties"].items():
        if name == "type":
            continue
        kinds = [one.get("type", "object") for one in node.get("anyOf", [node])]
        if "enum" in node:
            kinds = ["string"]
        if name in definition["required"]:
            fields[name] = " or ".join(kinds)
        else:
            fields[name] = " or ".join(kind for kind in kinds if kind != "null") + "?"
    return fields


class DocumentTests(SynchronousTestCase):
    def test_fields(self) -> None:
        """Every message is there, with each of its fields, its type, and whether it is needed."""
        shown = {(part, name): fields for part, name, fields in reference()}
        expected = {("Requests", "place"): described(DEFINITIONS["Place"])}
        for part, union in (("Requests", Request), ("Replies and events", Response)):
            for kind in get_args(union):
                tag = kind.__struct_config__.tag
                expected[part, tag] = described(DEFINITIONS[kind.__name__])
        self.assertEqual(shown, expected)

    def test_codes(self) -> None:
        """Every code of an error is explained, and no other."""
        part = DOCUMENT[DOCUMENT.index("## 12.") : DOCUMENT.index("## 13.")]
        self.assertEqual(
            re.findall(r"^\| `([a-z-]+)` \|", part, flags=re.MULTILINE), sorted(get_args(Code))
        )

    def test_limits(self) -> None:
        """The limits are those of the code."""
        part = DOCUMENT[DOCUMENT.index("## 14.") : DOCUMENT.index("## 15.")]
        shown = {int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", part)}
        limits = {
            value
            for module in (messages, names)
            for name, value in vars(module).items()
            if name.startswith("MAX_")
        }
        self.assertEqual(limits - shown, set())

    def test_examples(self) -> None:
        """Every example is a message of this protocol, requests and responses alike."""
        examples = re.findall(r"^```json\n(.*?)^```", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
        self.assertGreater(len(examples), 5)
        for example in examples:
            for line in example.splitlines():
                found = json.loads(line)
                wrong = [problem(found, DEFINITIONS[root]) for root in ("Request", "Response")]
                self.assertIn(None, wrong, line)
                known = DEFINITIONS[self.kind_of(found, wrong[1] is None)]["properties"]
                self.assertLessEqual(set(found), set(known), line)

    def kind_of(self, found: dict[str, Any], response: bool) -> str:
        """Return the name of a message's definition."""
        root = DEFINITIONS["Response" if response else "Request"]
        reference: str = root["discriminator"]["mapping"][found["type"]]
        return reference.rpartition("/")[2]

    def test_conversation(self) -> None:
        """The conversation is right to the byte, as far as it can be without the daemon."""
        frames = conversation()
        self.assertGreater(len(frames), 5)
        for side, shown, frame in frames:
            self.assertEqual(int.from_bytes(frame[:4], "big"), len(frame) - 4)
            self.assertEqual(json.loads(frame[4:]), shown)
            root = "Request" if side == ">" else "Response"
            self.assertIsNone(problem(shown, DEFINITIONS[root]))
        self.assertEqual(
            "\n".join(drawn(side, frame) for side, _, frame in frames),
            block(DOCUMENT, "conversation").strip("\n") + "\n",
        )

    def test_links(self) -> None:
        """Links within the page lead somewhere."""
        headings = re.findall("^#+ (.*)", DOCUMENT, flags=re.MULTILINE)
        anchors = {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
        }
        self.assertEqual(set(re.findall(r"\]\(#([^)]+)\)", DOCUMENT)) - anchors, set())
