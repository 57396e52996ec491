"""Recognising what looks like a card number, wherever it turns up: in a request, where it is refused, or in a log."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Random tokens with a shape of their own. A run of digits inside one of them is chance, not a card.
_TOKENS = re.compile(
    r"""
    (?<![0-9A-Za-z])(?:
        [a-z]{2}_[0-7][0-9a-hjkmnp-tv-z]{25}                           # our ids
      | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}   # UUIDs
      | 00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}                       # W3C trace parents
      | (?=[0-9]*[a-f])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})      # digests
    )(?![0-9A-Za-z])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212_"), "-")
_GAPS = re.compile(r"\s+")
_CANDIDATES = tuple(
    # Ahead, so that one may begin inside another.
    re.compile(rf"(?<!\d)(?=({shape}))")
    for shape in (
        r"\d{13,19}(?!\d)",  # 4242424242424242
        r"\d(?:[ -]?\d){12,18}(?![ -]?\d)",  # any grouping, and nothing else in the run
        r"\d{4}(?:[ ./-]\d{4}){3}(?!\d)",  # 4242 4242 4242 4242, whatever follows
        r"\d{4}(?:[ ./-]\d{4}){3}[ ./-]\d{1,3}(?!\d)",  # the longer ones
        r"\d{4}[ ./-]\d{6}[ ./-]\d{4,5}(?!\d)",  # 3782 822463 10005
    )
)
_SHORTEST, _LONGEST = 13, 19


def has_card_number(text: str) -> bool:
    """Whether something in `text` looks like a card number: 13 to 19 digits, grouped or not, that pass Luhn."""
    return any(True for _ in card_numbers(text))


def card_numbers(text: str) -> Iterator[str]:
    """The digits of everything in `text` that looks like a card number."""
    plain = _TOKENS.sub(" x ", _plain(text))
    for shape in _CANDIDATES:
        for match in shape.finditer(plain):
            digits = "".join(letter for letter in match[1] if letter.isdigit())
            if _SHORTEST <= len(digits) <= _LONGEST and digits[0] != "0" and _passes_luhn(digits):
                yield digits


def _plain(text: str) -> str:
    if not text.isascii():
        letters = unicodedata.normalize("NFKC", text)
        text = "".join(letter for letter in letters if unicodedata.category(letter) != "Cf")
    return _GAPS.sub(" ", text).translate(_DASHES)


def _passes_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
