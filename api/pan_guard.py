"""No card number enters Holdfast: what looks like one, or is named like its code, is refused and never logged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import g, request

from api.body import parts, pointer
from kernel.refusals import Invalid
from runtime.card_numbers import has_card_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.body import Parsed

_CODE_NAMES = re.compile(
    r"(?:.*(?:cvc2?|cvv2?)|(?:card)?csc)(?:code|number|value)?|(?:card)?(?:security|verification)(?:code|value)"
)
_NOT_LETTERS = re.compile(r"[^a-z0-9]")

# Numbers as long as a card's that tracers write. Nobody here reads them or writes them down.
_OF_TRACERS = {
    "b3",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-b3-parentspanid",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-cloud-trace-context",
    "x-datadog-parent-id",
    "x-datadog-tags",
    "x-datadog-trace-id",
    "x-instana-s",
    "x-instana-t",
    "x-ot-span-context",
}


class CardNumberRefused(Invalid):
    """Something in the request looks like a card number or a security code. Cards go to the payment provider only."""

    code = "card_number_refused"


def refuse_card_numbers() -> None:
    """Look through everything the request consists of."""
    for where, name, text in _parts():
        in_name = has_card_number(name)
        if in_name or has_card_number(text) or _is_code_name(name):
            raise _refusal(where if in_name else name or where)
    if g.body is not None:
        _refuse_in(g.body)


def _refuse_in(body: Parsed) -> None:
    for part in parts(body.value):
        # Each name is looked at once, where it stands, and not again for everything that it leads to.
        name = part.name if isinstance(part.name, str) else ""
        if has_card_number(name):
            raise _refusal("the body")
        if has_card_number(_written(part.value)) or _is_code_name(name):
            raise _refusal(pointer(part.path) or "the body")


def _refusal(field: str) -> CardNumberRefused:
    return CardNumberRefused(
        "This looks like a card number or a card's security code. Enter cards in the payment form only.",
        # A name that is a card number itself must not come back either, so then it is the place at large.
        field=field,
    )


def _parts() -> Iterator[tuple[str, str, str]]:
    yield "the path", "", request.path
    for name, text in request.args.items(multi=True):
        yield "the query", name, text
    # As it was sent too: a number may hide where no pair was understood.
    yield "the query", "", request.query_string.decode(errors="replace")
    for name, text in request.headers.items():
        if name.lower() not in _OF_TRACERS:
            yield "a header", name, text
    # A gateway's own bytes are not in here: they must stay as they are, and are kept from the logs by their route.
    if g.body_text is not None and g.body is None:
        yield from _body_of_another_kind()


def _body_of_another_kind() -> Iterator[tuple[str, str, str]]:
    for name, text in request.form.items(multi=True):
        yield "the body", name, text
    for name, file in request.files.items(multi=True):
        yield "the body", name, file.filename or ""
    # As it was sent too: it may be of no kind that has names.
    yield "the body", "", g.body_text


def _written(value: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, dict | list | bool | None):
        return ""
    # 4242424242424242.0 is a float of the same digits; repr would write large ones with an exponent.
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _is_code_name(name: str) -> bool:
    return _CODE_NAMES.fullmatch(_NOT_LETTERS.sub("", name.casefold())) is not None
