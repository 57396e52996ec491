"""What a parameter may be, and how its text on the wire is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import singledispatch

from sandbox.stripe.errors import Json, StripeError, invalid

_WHOLE = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True)
class Text:
    """Any text that is not empty."""


@dataclass(frozen=True)
class Whole:
    """An integer."""


@dataclass(frozen=True)
class Number:
    """A decimal number."""


@dataclass(frozen=True)
class Truth:
    """`true` or `false`."""


@dataclass(frozen=True)
class Anything:
    """A value the SDK does not describe."""


@dataclass(frozen=True)
class Cleared:
    """The empty text that unsets a value."""


@dataclass(frozen=True)
class OneOf:
    """One of the words Stripe lists."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Several values of one kind."""

    item: "Kind"


@dataclass(frozen=True)
class Dictionary:
    """Names of the caller's choosing, such as metadata."""

    item: "Kind"


@dataclass(frozen=True)
class Field:
    """One named parameter of a record."""

    kind: "Kind"
    required: bool


@dataclass(frozen=True)
class Record:
    """The parameters Stripe names, read from the SDK only when they are needed."""

    name: str
    fields: Callable[[], Mapping[str, Field]]


@dataclass(frozen=True)
class Choice:
    """Any one of several kinds."""

    options: tuple["Kind", ...]


Kind = Text | Whole | Number | Truth | Anything | Cleared | OneOf | Listing | Dictionary | Record | Choice


@singledispatch
def read(kind: Kind, raw: object, name: str) -> object:
    """The typed value of a parameter, or Stripe's refusal of it."""
    raise TypeError(f"no reader for {kind!r} ({name}={raw!r})")


@read.register
def _(_kind: Anything, raw: object, _name: str) -> object:
    return raw


@read.register
def _(_kind: Text, raw: object, name: str) -> str:
    text = _text(raw, name, "string")
    if not text:
        raise invalid(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{name}' cannot be unset. You should remove '{name}' "
            "from your request or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=name,
        )
    return text


@read.register
def _(_kind: Cleared, raw: object, name: str) -> str:
    if raw != "":
        raise invalid(f"Invalid {name}: must be empty", param=name)
    return ""


@read.register
def _(_kind: Whole, raw: object, name: str) -> int:
    text = _text(raw, name, "integer")
    if not _WHOLE.fullmatch(text):
        raise invalid(f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
    return int(text)


@read.register
def _(_kind: Number, raw: object, name: str) -> float:
    text = _text(raw, name, "decimal")
    if not _NUMBER.fullmatch(text):
        raise invalid(f"Invalid decimal: {text}", param=name)
    return float(text)


@read.register
def _(_kind: Truth, raw: object, name: str) -> bool:
    text = _text(raw, name, "boolean")
    if text not in _TRUTHS:
        raise invalid(f"Invalid boolean: {text}", param=name)
    return _TRUTHS[text]


@read.register
def _(kind: OneOf, raw: object, name: str) -> str:
    text = _text(raw, name, "string")
    if text not in kind.words:
        raise invalid(f"Invalid {name}: must be one of {', '.join(kind.words)}", param=name)
    return text


@read.register
def _(kind: Listing, raw: object, name: str) -> list[object]:
    if not isinstance(raw, dict) or not all(key.isdigit() for key in raw):
        raise invalid("Invalid array", param=name)
    ordered = sorted(raw.items(), key=lambda pair: int(pair[0]))
    return [read(kind.item, value, f"{name}[{key}]") for key, value in ordered]


@read.register
def _(kind: Dictionary, raw: object, name: str) -> Json:
    return {
        key: value if value == "" else read(kind.item, value, f"{name}[{key}]")
        for key, value in _object(raw, name).items()
    }


@read.register
def _(kind: Record, raw: object, name: str) -> Json:
    given, fields = _object(raw, name), kind.fields()
    for key in given:
        if key not in fields:
            raise _unknown(_inside(name, key))
    for key, field in fields.items():
        if field.required and key not in given:
            raise _missing(_inside(name, key))
    return {key: read(fields[key].kind, given[key], _inside(name, key)) for key in given}


@read.register
def _(kind: Choice, raw: object, name: str) -> object:
    refusals: list[StripeError] = []
    for option in kind.options:
        try:
            return read(option, raw, name)
        except StripeError as refusal:
            refusals.append(refusal)
    raise _most_telling(refusals, nested=isinstance(raw, dict), name=name)


def _most_telling(refusals: list[StripeError], *, nested: bool, name: str) -> StripeError:
    # A record's own complaint names the field inside; the others only say "not this shape".
    inside = [refusal for refusal in refusals if nested and refusal.body["error"].get("param") != name]
    return (inside or refusals)[-1]


def _inside(name: str, key: str) -> str:
    return f"{name}[{key}]" if name else key


def _text(raw: object, name: str, wanted: str) -> str:
    if isinstance(raw, str):
        return raw
    raise invalid(f"Invalid {wanted}: {{}}", param=name)


def _object(raw: object, name: str) -> Json:
    if isinstance(raw, dict):
        return raw
    raise invalid("Invalid object", param=name)


def _missing(name: str) -> StripeError:
    return invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)


def _unknown(name: str) -> StripeError:
    if name == "payment_method_types":
        return invalid(
            "The payment_method_types parameter is no longer supported. Use "
            "automatic_payment_methods, allowed_payment_method_types or "
            "excluded_payment_method_types instead.",
            code="payment_method_types_no_longer_supported",
            param=name,
        )
    return invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
