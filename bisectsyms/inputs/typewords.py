"""What a schema wants of a key, in words of people and with an example: for errors, and for docs/configs.md.

A schema is JSON Schema (draft 2020-12) as pydantic makes it of a model; a place is the way to a value in a file of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

Place = tuple[str | int, ...]
"""Keys and indices from the top of a file."""
Part = Mapping[str, Any]
"""Of a schema."""
WORDS = {"string": "text", "number": "number", "integer": "number", "boolean": "true or false", "object": "mapping"}


def in_words(one: Part) -> str:
    """`1 to 1024`, `text or list of text`, ...; empty where it says nothing."""
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    if "$ref" in one:
        return "mapping"
    if "anyOf" in one:
        return " or ".join(in_words(other) for other in one["anyOf"] if other.get("type") != "null")
    kind = one.get("type", "")
    if isinstance(kind, list):
        return " or ".join(in_words({**one, "type": each}) for each in kind)
    if kind == "array":
        return f"list of {in_words(one.get('items', {}))}".removesuffix(" of ")
    if kind == "integer" and {"minimum", "maximum"} <= set(one):
        return f"{one['minimum']} to {one['maximum']}"
    return "path" if one.get("format") == "path" else WORDS.get(kind, "")


def at(schema: Part, place: Place) -> Part:
    """The part of a schema that is about `place`; empty where it says nothing of it."""
    known = schema.get("$defs", {})
    one = schema
    for step in place:
        if isinstance(step, int):
            lists = (other for other in (one, *one.get("anyOf", ())) if "items" in other)
            found: Part = next(lists, {})
            one = found.get("items", {})
        else:
            one = one.get("properties", {}).get(step) or one.get("additionalProperties") or {}
        one = _meant(one, known)
    return one


def _meant(one: Part, known: Part) -> Part:
    """What is referred to, or is the only thing beside null, with what is said around it."""
    others = [other for other in one.get("anyOf", ()) if other.get("type") != "null"]
    if len(others) == 1:
        one = {key: value for key, value in one.items() if key != "anyOf"} | others[0]
    if "$ref" in one:
        one = dict(known.get(one["$ref"].rpartition("/")[2], {})) | {k: v for k, v in one.items() if k != "$ref"}
    return one


def example(one: Part) -> str:
    """A value that would do, as YAML in one line; empty where none is known."""
    for key in ("examples", "enum"):
        if one.get(key):
            return _flow(one[key][0])
    if "const" in one:
        return _flow(one["const"])
    kind = one.get("type", "")
    match kind[0] if isinstance(kind, list) else kind:
        case "integer":
            return str(min(max(5, one.get("minimum", 5)), one.get("maximum", 5)))
        case "boolean":
            return "true"
        case "array":
            inner = example(one.get("items", {}))
            return f"[{inner}]" if inner else ""
    return ""


def _flow(value: Any) -> str:
    text = str(yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False))
    return text.strip().removesuffix("\n...")
