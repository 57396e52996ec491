"""Stripe's form encoding: nested names such as `items[0][price]`."""

import re
from collections.abc import Iterable

from sandbox.stripe.errors import Json, invalid

_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_STEP = re.compile(r"\[([^\[\]]*)\]")


def decode(pairs: Iterable[tuple[str, str]]) -> Json:
    """The nested parameters of a form or query; every leaf is still text."""
    decoded: Json = {}
    for name, value in pairs:
        _put(decoded, _steps(name), value, name=name)
    return decoded


def _steps(name: str) -> list[str]:
    match = _NAME.match(name)
    if match is None:
        raise invalid(f"Invalid parameter name: {name}", param=name)
    return [match[1], *_STEP.findall(match[2])]


def _put(into: Json, steps: list[str], value: str, *, name: str) -> None:
    for step in steps[:-1]:
        into = into.setdefault(_key(step, into), {})
        if not isinstance(into, dict):
            raise invalid(f"Invalid object: {name} is given twice", param=name)
    into[_key(steps[-1], into)] = value


def _key(step: str, siblings: Json) -> str:
    # `[]` appends: it takes the next free number.
    return step or str(len(siblings))
