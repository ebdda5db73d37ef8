"""The schema that docs/ promises to those who write clients is what the daemon does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.schemas import DEFINITIONS, SCHEMA, UNDERSTOOD, problem
from twisted_chat.vocabulary import messages
from twisted_chat.vocabulary.messages import BadRequest, Request, Response, decode, encode
from twisted_chat.vocabulary.schema import written

FILE = Path(__file__).parent.parent.parent / "docs" / "protocol.schema.json"


def values(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for what ``node`` describes."""
    if "$ref" in node:
        return values(DEFINITIONS[node["$ref"].rpartition("/")[2]])
    if "anyOf" in node:
        return st.one_of([values(one) for one in node["anyOf"]])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    match node["type"]:
        case "object":
            fields = {name: values(inner) for name, inner in node["properties"].items()}
            required = {name: fields.pop(name) for name in node["required"]}
            return st.fixed_dictionaries(required, optional=fields)
        case "array":
            return st.lists(values(node["items"]), max_size=min(node.get("maxItems", 3), 3))
        case "string":
            longest = node.get("maxLength")
            return st.text(min_size=node.get("minLength", 0), max_size=longest)
        case "integer":
            return st.integers(node.get("minimum"), node.get("maximum"))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    raise AssertionError(node)


def structs(kind: type) -> st.SearchStrategy[Any]:
    """Return a strategy for instances of a message class, built from its types alone."""
    return st.builds(kind, **{name: st.from_type(hint) for name, hint in hints(kind).items()})


def hints(kind: type) -> dict[str, Any]:
    """Return the types of a message's fields."""
    found = get_type_hints(kind)
    return {name: found[name] for name in kind.__struct_fields__}  # type: ignore[attr-defined]


for inner in (messages.Limits, messages.Direct, messages.ListedSession, messages.ListedUser):
    st.register_type_strategy(inner, structs(inner))
st.register_type_strategy(messages.Text, structs(messages.Text))


class SchemaTests(SynchronousTestCase):
    def test_file_is_current(self) -> None:
        """docs/protocol.schema.json is what the code says.

        Write it anew with ``python -m twisted_chat.vocabulary.schema > docs/protocol.schema.json``.
        """
        self.assertEqual(FILE.read_text(encoding="utf-8"), written())

    def test_roots(self) -> None:
        """Requests and responses are separate roots, and hold every message."""
        self.assertEqual(SCHEMA["$schema"], "https://json-schema.org/draft/2020-12/schema")
        for root, union in (("Request", Request), ("Response", Response)):
            self.assertEqual(
                [one["$ref"] for one in DEFINITIONS[root]["anyOf"]],
                [f"#/$defs/{kind.__name__}" for kind in get_args(union)],
            )

    def test_our_check_understands_the_schema(self) -> None:
        """These tests look at every word that the schema uses."""

        def look(node: Any) -> None:
            if isinstance(node, list):
                for inner in node:
                    look(inner)
            elif isinstance(node, dict):
                self.assertLessEqual(set(node), UNDERSTOOD)
                for word, inner in node.items():
                    if word == "properties":
                        look(list(inner.values()))
                    elif word in ("items", "anyOf"):
                        look(inner)

        look(list(DEFINITIONS.values()))

    def test_the_check_checks(self) -> None:
        """What is wrong is found: the other tests can fail."""
        fine = {"type": "text", "session": "a", "seq": 1, "time": 2, "source": "b", "data": "c"}
        self.assertIsNone(problem(fine, DEFINITIONS["Response"]))
        wrongs: list[Any] = [
            {**fine, "type": "welcome"},
            {**fine, "seq": "1"},
            {**fine, "seq": True},
            {**fine, "data": None},
            {name: value for name, value in fine.items() if name != "source"},
            {"type": "error", "code": "x", "data": ""},
            [],
        ]
        for wrong in wrongs:
            self.assertIsNotNone(problem(wrong, DEFINITIONS["Response"]))
        for request in ({"type": "ping", "id": ""}, {"type": "history", "limit": 0}):
            self.assertIsNotNone(problem(request, DEFINITIONS["Request"]))

    @given(st.one_of([structs(kind) for kind in get_args(Response)]))
    def test_responses_conform(self, response: Response) -> None:
        """Whatever the server says is what the schema describes, and can be read back."""
        sent = encode(response)
        self.assertIsNone(problem(json.loads(sent), DEFINITIONS["Response"]))
        self.assertEqual(msgspec.json.decode(sent, type=Response), response)

    @given(values(DEFINITIONS["Request"]))
    def test_what_conforms_is_understood(self, request: dict[str, Any]) -> None:
        """A request that the schema allows is never a ``bad-request``."""
        message = json.dumps(request).encode()
        found = decode(message)
        self.assertEqual(found.__struct_config__.tag, request["type"])
        self.assertIsNone(problem(json.loads(encode(found)), DEFINITIONS["Request"]))

    @given(values(DEFINITIONS["Request"]), st.data())
    def test_what_is_understood_conforms(
        self, request: dict[str, Any], data: st.DataObject
    ) -> None:
        """The daemon refuses what the schema does not allow, and nothing else."""
        name = data.draw(st.sampled_from(sorted(request)))
        request[name] = data.draw(
            st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
        )
        try:
            decode(json.dumps(request).encode())
        except BadRequest:
            self.assertIsNotNone(problem(request, DEFINITIONS["Request"]))
        else:
            self.assertIsNone(problem(request, DEFINITIONS["Request"]))
