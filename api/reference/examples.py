"""What a request could look like, made up from its schema."""

from __future__ import annotations

import json
from typing import Any

_BY_FORMAT = {
    "date-time": "2026-11-22T12:00:00.000000Z",
    "date": "2026-11-22",
    "email": "ana@example.com",
    "password": "…",
    "uri": "https://example.com",
}
# What people call it.
_KINDS = {"date-time": "instant", "date": "day", "email": "e-mail", "password": "secret", "uri": "address"}
_DEEPEST = 6


def example(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """A body that fits, as indented JSON."""
    return json.dumps(_of(schema, schemas, _DEEPEST), indent=2, ensure_ascii=False)


def resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema itself where it only refers to one."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def kind_of(schema: dict[str, Any]) -> str:
    """What it is, in a word or two: "string", "list of Session", "Money"."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(kind_of(each) for each in schema["anyOf"])
    kind = schema.get("type", "anything")
    if schema.get("format") in _KINDS:
        return _KINDS[schema["format"]] + (" or null" if "null" in kind else "")
    if isinstance(kind, list):
        return " or ".join(kind)
    return f"list of {kind_of(schema['items'])}" if kind == "array" else str(kind)


def _of(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:  # noqa: ANN401 - any JSON
    schema = resolved(schema, schemas)
    if "anyOf" in schema:
        return _of(schema["anyOf"][0], schemas, depth)
    for given in ("example", "default"):
        if schema.get(given) is not None:
            return schema[given]
    if schema.get("enum"):
        return schema["enum"][0]
    return _made(schema, schemas, depth)


def _made(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:  # noqa: ANN401 - any JSON
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        below = schema.get("properties", {}) if depth else {}
        return {name: _of(each, schemas, depth - 1) for name, each in below.items()}
    if kind == "array":
        return [_of(schema["items"], schemas, depth - 1)] if depth else []
    if kind == "string":
        return _BY_FORMAT.get(schema.get("format", ""), _id(schema.get("pattern", "")) or "…")
    return {"integer": schema.get("minimum", 1), "number": 1, "boolean": True}.get(str(kind))


def _id(pattern: str) -> str | None:
    prefix = pattern[1:3]
    return f"{prefix}_01jd8qk3x4n5p6r7s8t9v0w1x2" if pattern[3:4] == "_" else None
