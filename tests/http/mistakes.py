"""Everything that can be wrong with a request, worked out from the document: a new field brings its own mistakes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.body import DEEPEST, LARGEST_BYTES, LARGEST_UNREAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.orders import Operation, Order
    from tests.http.town import Json

VISA = "4242 4242 4242 4242"
_JSON = {"Content-Type": "application/json"}
# One of every kind there is in JSON.
_KINDS: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": 7,
    "number": 7.5,
    "string": "7",
    "array": [],
    "object": {},
}
_NO_AMOUNTS = ("-1.00", "-0.01", "1.234", "1e3", "1,000.00", " 1.00", "01.00", "", "NaN", "9" * 17, "9" * 400)
_NO_CURRENCIES = ("XXX", "usd", "", "US", "US$", "USDX")
_NO_SUCH_THING = "no such thing"
_NOT_TEXT = ("a\x07b", "\x1b[31m", "a\x85b")


@dataclass(frozen=True)
class Mistake:
    """A spoilt request and how it must be refused: `code` is None where the business has a word of its own for it."""

    about: str
    order: Order
    status: int
    code: str | None
    field: str | None


def of_body(operation: Operation, order: Order, schemas: Json) -> Iterator[Mistake]:
    """Everything that can be wrong with what is sent."""
    if operation.body is None:
        yield from _where_nothing_is_read(order)
    else:
        for about, body, status, code, at in _in_value(operation.body, order.body, schemas, ""):
            yield Mistake(f"{at or 'the body'}: {about}", order.but(body=body), status, code, at)
    if order.raw is None:
        yield from _unreadable(order)


def of_query(operation: Operation, order: Order) -> Iterator[Mistake]:
    """Everything that can be wrong with what is asked in the address, after the question mark."""
    yield _asked(order, "surplus", "1", "validation_failed")
    yield _asked(order, "cvc", "123", "card_number_refused")
    for name, parameter in operation.named_in("query").items():
        yield _asked(order, name, VISA, "card_number_refused")
        for value in _outside(parameter["schema"]):
            yield _asked(order, name, value, None)
        twice = [(each, value) for each, value in order.query.items() if each != name]
        spoilt = order.but(query=[*twice, (name, "1"), (name, "2")])
        yield Mistake(f"{name} said twice", spoilt, 422, None, name)


def of_headers(operation: Operation, order: Order, used_key: str) -> Iterator[Mistake]:
    """No key, no proper key, somebody's old key; no version, no proper version, an old version."""
    if "Idempotency-Key" in operation.parameters:
        yield _headed(order, "Idempotency-Key", None, 400, "idempotency_key_missing")
        for value in ("a b", "x" * 256, '""', '"a', "\u00e4"):
            yield _headed(order, "Idempotency-Key", value, 400, "idempotency_key_malformed")
        yield _headed(order, "Idempotency-Key", used_key, 422, "idempotency_key_reused")
    if "If-Match" in operation.parameters:
        yield _headed(order, "If-Match", None, 428, "if_match_required")
        for value in ('"0"', '"999"', 'W/"999"', "1", '"x"', "\u00e4"):
            yield _headed(order, "If-Match", value, 412, None)
    yield _headed(order, "X-Note", VISA, 422, "card_number_refused")


def resolved(schema: Json, schemas: Json) -> Json:
    """The schema itself where it only refers to one."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema


Spoilt = tuple[str, Any, int, str | None, str]


def _in_value(schema: Json, value: Any, schemas: Json, at: str) -> Iterator[Spoilt]:
    schema = resolved(schema, schemas)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    for kind, other in _KINDS.items():
        # A whole number is a number as well; without a body there is nothing that could be null.
        if kind not in kinds and not (kind == "integer" and "number" in kinds) and (at or other is not None):
            yield f"{kind} instead of {' or '.join(kinds)}", other, 422, "validation_failed", at
    if "object" in kinds:
        yield from _in_object(schema, value, schemas, at)
    elif "array" in kinds:
        yield from _in_list(schema, value, schemas, at)
    elif "string" in kinds:
        yield from _in_text(schema, at)


def _in_object(schema: Json, value: Json, schemas: Json, at: str) -> Iterator[Spoilt]:
    assert set(value) == set(schema["properties"]), f"the order shows every field of {at or 'the body'}"
    yield "a field nobody asked for", {**value, "surplus": 1}, 422, "validation_failed", f"{at}/surplus"
    yield "a card's code", {**value, "cvc": "123"}, 422, "card_number_refused", f"{at}/cvc"
    for name in schema.get("required", []):
        rest = {each: value[each] for each in value if each != name}
        yield f"no {name}", rest, 422, "validation_failed", f"{at}/{name}"
    for name, below in schema["properties"].items():
        for about, spoilt, *refusal in _in_value(below, value[name], schemas, f"{at}/{name}"):
            yield about, {**value, name: spoilt}, *refusal
    if set(value) == {"amount", "currency"}:
        yield from _in_money(value, at)


def _in_list(schema: Json, value: list[Any], schemas: Json, at: str) -> Iterator[Spoilt]:
    if schema.get("minItems"):
        yield "too few", [], 422, "validation_failed", at
    if "maxItems" in schema:
        yield "too many", value * (schema["maxItems"] + 1), 422, "validation_failed", at
    for about, spoilt, *refusal in _in_value(schema["items"], value[0], schemas, f"{at}/0"):
        yield about, [spoilt, *value[1:]], *refusal


def _in_text(schema: Json, at: str) -> Iterator[Spoilt]:
    yield "a card number", VISA, 422, "card_number_refused", at
    yield "a NUL", "a\0b", 400, "malformed_json", at
    yield "half a letter", "\ud83d", 400, "malformed_json", at
    for value in _outside(schema):
        yield f"{value[:20]!r}", value, 422, None, at
    if _has_shape(schema):
        for value in _NOT_TEXT:
            yield f"{value!r}", value, 422, None, at


def _in_money(value: Json, at: str) -> Iterator[Spoilt]:
    for amount in _NO_AMOUNTS:
        yield f"{amount[:20]!r}", {**value, "amount": amount}, 422, "validation_failed", at
    for currency in _NO_CURRENCIES:
        yield f"{currency!r}", {**value, "currency": currency}, 422, "validation_failed", at
    yield "decimals that yen do not have", {"amount": "1.00", "currency": "JPY"}, 422, "validation_failed", at


def _outside(schema: Json) -> Iterator[str]:
    """Text that does not fit."""
    if _has_shape(schema) and not re.fullmatch(schema.get("pattern", "-"), _NO_SUCH_THING):
        yield _NO_SUCH_THING
    if schema.get("minLength"):
        yield "x" * (schema["minLength"] - 1)
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if "integer" in schema["type"]:
        yield from (
            "",
            "x",
            "1.5",
            "-1",
            "1e2",
            str(schema["minimum"] - 1),
            str(schema["maximum"] + 1),
            "9" * 30,
        )
    if schema["type"] == "boolean":
        yield from ("", "yes", "1", "True", "null")


def _has_shape(schema: Json) -> bool:
    """Whether it is more than any text of some length."""
    return "enum" in schema or "pattern" in schema or schema.get("format", "password") != "password"


def _unreadable(order: Order) -> Iterator[Mistake]:
    for about, raw in {
        "no JSON": b'{"a": ',
        "not a number": b'{"a": NaN}',
        "a name twice": b'{"a": 1, "a": 2}',
        "no UTF-8": b'{"a": "\xff"}',
        "too deep": b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
        # As deep as fits where nothing is read.
        "far too deep": b"[" * (LARGEST_UNREAD_BYTES // 2) + b"]" * (LARGEST_UNREAD_BYTES // 2),
    }.items():
        yield Mistake(about, _raw(order, raw, _JSON), 400, "malformed_json", None)
    for about, value in {"null": None, "a list": [], "a text": "x", "a number": 1}.items():
        raw = json.dumps(value).encode()
        yield Mistake(f"{about} as the body", _raw(order, raw, _JSON), 422, "validation_failed", "")
    huge = json.dumps({"surplus": "x" * LARGEST_BYTES}).encode()
    yield Mistake("a huge body", _raw(order, huge, _JSON), 413, "body_too_large", None)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"):
        spoilt = _raw(order, b"amount=5", {"Content-Type": kind})
        yield Mistake(kind, spoilt, 415, "unsupported_media_type", "Content-Type")
    spoilt = _raw(order, f"number={VISA}".encode(), {"Content-Type": "application/x-www-form-urlencoded"})
    yield Mistake("a card number in a form", spoilt, 422, "card_number_refused", "/number")


def _where_nothing_is_read(order: Order) -> Iterator[Mistake]:
    if order.raw is None:
        for name, value in {"amount": {"amount": "5.00", "currency": "USD"}, "preview": True}.items():
            yield Mistake(
                f"{name}, which is not read",
                order.but(body={name: value}),
                422,
                "validation_failed",
                f"/{name}",
            )


def _raw(order: Order, raw: bytes, headers: dict[str, str]) -> Order:
    return order.but(body=None, raw=raw, headers={**order.headers, **headers})


def _asked(order: Order, name: str, value: str, code: str | None) -> Mistake:
    spoilt = order.but(query={**order.query, name: value})
    return Mistake(f"?{name}={value[:30]}", spoilt, 422, code, name)


def _headed(order: Order, name: str, value: str | None, status: int, code: str | None) -> Mistake:
    return Mistake(f"{name}: {value and value[:30]}", order.with_header(name, value), status, code, name)
