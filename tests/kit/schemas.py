"""The schema of the wire, and the part of JSON Schema that it is written in."""

from __future__ import annotations

from typing import Any

from twisted_chat.vocabulary.schema import schema

SCHEMA = schema()


DEFINITIONS: dict[str, Any] = SCHEMA["$defs"]


TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


UNDERSTOOD = {
    *("type", "properties", "required", "items", "anyOf", "$ref", "enum", "discriminator"),
    *("minimum", "maximum", "minLength", "maxLength", "maxItems"),
    *("title", "description", "default"),
}
"""The words of JSON Schema that the schema uses, and that ``problem`` knows."""


def problem(value: Any, node: dict[str, Any], where: str = "$") -> str | None:
    """Return why ``value`` is not what ``node`` describes, or None where it is."""
    if "$ref" in node:
        return problem(value, DEFINITIONS[node["$ref"].rpartition("/")[2]], where)
    if "anyOf" in node:
        found = [problem(value, one, where) for one in node["anyOf"]]
        return None if None in found else f"{where}: none of {found}"
    if "enum" in node and value not in node["enum"]:
        return f"{where}: {value!r} is not in {node['enum']}"
    if "type" in node:
        right = isinstance(value, TYPES[node["type"]])
        if not right or (isinstance(value, bool) and node["type"] != "boolean"):
            return f"{where}: {value!r} is no {node['type']}"
    if isinstance(value, str) and not (
        node.get("minLength", 0) <= len(value) <= node.get("maxLength", len(value))
    ):
        return f"{where}: {len(value)} characters"
    if isinstance(value, int) and not (
        node.get("minimum", value) <= value <= node.get("maximum", value)
    ):
        return f"{where}: {value} is out of range"
    if isinstance(value, list):
        if len(value) > node.get("maxItems", len(value)):
            return f"{where}: {len(value)} items"
        for place, item in enumerate(value):
            if wrong := problem(item, node.get("items", {}), f"{where}[{place}]"):
                return wrong
    if isinstance(value, dict):
        for name in node.get("required", ()):
            if name not in value:
                return f"{where}: {name} is missing"
        for name, inner in node.get("properties", {}).items():
            if name in value and (wrong := problem(value[name], inner, f"{where}.{name}")):
                return wrong
    return None
