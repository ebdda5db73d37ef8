"""The JSON Schema (2020-12) of everything that travels, generated from the vocabulary.

``python -m twisted_chat.vocabulary.schema > docs/protocol.schema.json`` writes it anew.
Its two roots are ``#/$defs/Request``, what a client may send, and ``#/$defs/Response``, what a
server may say.
"""

from __future__ import annotations

import json
import sys
from inspect import cleandoc
from typing import Any

from msgspec.json import schema_components

from twisted_chat.vocabulary.messages import PROTOCOL, Request, Response


def schema() -> dict[str, Any]:
    """Return the schema as plain JSON values."""
    (requests, responses), definitions = schema_components(
        [Request, Response], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"twisted-chat, protocol {PROTOCOL}",
        "description": "One message: a request from a client, or a reply or an event from a"
        " server. docs/protocol.md explains them. A reader ignores fields that it does not know.",
        "anyOf": [{"$ref": "#/$defs/Request"}, {"$ref": "#/$defs/Response"}],
        "$defs": {
            "Request": requests,
            "Response": responses,
            **{name: _described(definitions[name]) for name in sorted(definitions)},
        },
    }


def _described(definition: dict[str, Any]) -> dict[str, Any]:
    """Return it with its docstring's indentation taken off, as Python 3.13 does by itself."""
    if "description" not in definition:
        return definition
    return {**definition, "description": cleandoc(definition["description"])}


def written() -> str:
    """Return the schema as the file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(written())
