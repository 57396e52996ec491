"""No card number enters Holdfast: what looks like one, or is named like its code, is refused and never logged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import current_app, g, request

from api.body import parts, pointer
from kernel.refusals import Invalid
from runtime.card_numbers import card_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODE_NAMES = re.compile(
    r"(?:.*(?:cvc2?|cvv2?)|(?:card)?csc)(?:code|number|value)?|(?:card)?(?:security|verification)(?:code|value)"
)
_NOT_LETTERS = re.compile(r"[^a-z0-9]")


class CardNumberRefused(Invalid):
    """Something in the request looks like a card number or a security code. Cards go to the payment provider only."""

    code = "card_number_refused"


def refuse_card_numbers() -> None:
    """Look through everything the request consists of."""
    for where, name, text in _parts():
        in_name = _looks_like_a_card(where, name)
        if in_name or _looks_like_a_card(where, text) or _is_code_name(name):
            raise CardNumberRefused(
                "This looks like a card number or a card's security code. Enter cards in the payment form only.",
                # A name that is a card number itself must not come back either.
                field=where if in_name else name or where,
            )


def _looks_like_a_card(where: str, text: str) -> bool:
    # Proxies write milliseconds since 1970 into headers, which begin with 1; cards begin with 2 to 6.
    return any(where != "a header" or number[0] in "23456" for number in card_numbers(text))


def _parts() -> Iterator[tuple[str, str, str]]:
    yield "the path", "", request.path
    for name, text in request.args.items(multi=True):
        yield "the query", name, text
    # As it was sent too: a number may hide where no pair was understood.
    yield "the query", "", request.query_string.decode(errors="replace")
    for name, text in request.headers.items():
        yield "a header", name, text
    view = current_app.view_functions.get(request.endpoint or "")
    # A gateway's own bytes must stay as they are, and are kept from the logs by their route.
    if hasattr(view, "raw_bytes_because"):
        return
    yield from _body()


def _body() -> Iterator[tuple[str, str, str]]:
    if g.body_text is None:
        return
    if g.body is not None:
        for path, value in parts(g.body.value):
            yield "the body", pointer(path), _written(value)
        return
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
    last = name.rpartition("/")[2]
    return _CODE_NAMES.fullmatch(_NOT_LETTERS.sub("", last.casefold())) is not None
