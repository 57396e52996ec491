"""Recognising what looks like a card number, wherever it turns up: in a request, where it is refused, or in a log.

It begins like the numbers of an issuer, is as long as theirs, passes Luhn's check and is written as people write such
numbers. The work grows with the length of the text and with nothing else, whoever wrote it.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# The networks whose cards the payment provider takes: the first four digits, from and to, and how many there are.
_ISSUERS = (
    (2221, 2720, (16,)),  # Mastercard
    (3000, 3059, (14, 16, 19)),  # Diners Club
    (3095, 3095, (14, 16, 19)),
    (3400, 3499, (15,)),  # American Express
    (3528, 3589, (16, 17, 18, 19)),  # JCB
    (3600, 3699, (14, 16, 19)),  # Diners Club
    (3700, 3799, (15,)),  # American Express
    (3800, 3999, (14, 16, 19)),  # Diners Club
    (4000, 4999, (13, 16, 19)),  # Visa
    # Maestro's shorter numbers are left out: every tenth telephone number and account number would be one.
    (5000, 5099, (16, 17, 18, 19)),  # Maestro
    (5100, 5599, (16,)),  # Mastercard
    (5600, 5899, (16, 17, 18, 19)),  # Maestro
    (6000, 6999, (16, 17, 18, 19)),  # Discover, UnionPay, Maestro
    (8100, 8199, (16, 17, 18, 19)),  # UnionPay
)
_LENGTHS = {f"{first:04}": lengths for start, end, lengths in _ISSUERS for first in range(start, end + 1)}
_SHORTEST = 13

_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(bytes(range(10)), bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))

# After how many digits a number of this length may be interrupted: where it is on the card.
_IN_FOURS = frozenset({4, 8, 12, 16})
_GAPS_AFTER = {13: frozenset({4, 7, 10}), 14: frozenset({4, 10}), 15: frozenset({4, 10})}

# Random tokens with a shape of their own. A run of digits inside one of them is chance, not a card.
_TOKENS = re.compile(
    r"""
    (?<![0-9A-Za-z])(?:
        [a-z]{2}_[0-7][0-9a-hjkmnp-tv-z]{25}                           # our ids
      | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}   # UUIDs
      | 00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}                       # W3C trace parents
      | (?=[0-9]*[a-f])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})      # digests
      | \+[0-9]{7,15}                                                  # telephone numbers
      | [0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\.[0-9])                       # network addresses
    )(?![0-9A-Za-z])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ACCOUNT = re.compile(
    r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?:[0-9A-Z]{11,30}|(?: [0-9A-Z]{4}){2,7}(?: [0-9A-Z]{1,3})?)(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212_"), "-")
# Marks over and around letters, and what says how to write them.
_UNSEEN = {"Cf", "Mn", "Me"}
_SPACES = re.compile(r"\s+")
# Digits with little between them that is neither letter nor digit: `4242, 4242`, `4242 - 4242`.
_RUN = re.compile(r"[0-9](?:\W{0,3}[0-9])*")
_GROUP = re.compile(r"[0-9]+")
# With nothing but single spaces, or nothing but single dashes, in it.
_LINE = re.compile(r"[0-9](?:[ -]?[0-9])*")


def has_card_number(text: str) -> bool:
    """Whether something in `text` looks like a card number."""
    return any(True for _ in card_numbers(text))


def card_numbers(text: str) -> Iterator[str]:
    """The digits of everything in `text` that looks like a card number."""
    if len(text) < _SHORTEST:
        return
    for run in _RUN.findall(_without_tokens(_plain(text))):
        if len(run) >= _SHORTEST:
            yield from _as_on_a_card(run)
            yield from _on_its_own(run)


def _plain(text: str) -> str:
    if not text.isascii():
        text = text.translate({ord(letter): _plain_letter(letter) for letter in set(text)})
    return _SPACES.sub(" ", text).translate(_DASHES)


def _plain_letter(letter: str) -> str:
    # There are other digits than ours: in rings, raised, wide, ٤٢; and marks that nobody sees between them.
    if unicodedata.category(letter) in _UNSEEN:
        return ""
    digits = unicodedata.normalize("NFKC", letter)
    return str(unicodedata.decimal(digits, letter)) if len(digits) == 1 else letter


def _without_tokens(text: str) -> str:
    return _ACCOUNT.sub(_unless_checked, _TOKENS.sub(" x ", text))


def _unless_checked(match: re.Match[str]) -> str:
    """Bank account numbers (IBAN) carry a check of their own (ISO 7064); what passes it is no card."""
    written = match[0]
    # What follows in capitals may look like more of it.
    ends = [len(written), *(at for at, letter in enumerate(written) if letter == " ")]
    for end in sorted(ends, reverse=True):
        number = written[:end].replace(" ", "")
        if int("".join(str(int(letter, 36)) for letter in number[4:] + number[:4])) % 97 == 1:
            return " x " + written[end:]
    return written


def _as_on_a_card(run: str) -> Iterator[str]:
    """Numbers with gaps only where a card has them, whatever stands before and after."""
    groups = _GROUP.findall(run)
    edges = list(accumulate(map(len, groups), initial=0))
    digits = "".join(groups)
    sums = _sums(digits)
    for at, group in enumerate(groups):
        padding = len(group) - len(group.lstrip("0"))
        start = edges[at] + padding
        for length in _LENGTHS.get(digits[start : start + 4], ()):
            # A telephone number may begin with zeros as well, and be as short.
            short = padding and length == _SHORTEST
            if not short and _is_divided_well(edges, at, start, length) and _passes(sums, start, length):
                yield digits[start : start + length]


def _on_its_own(run: str) -> Iterator[str]:
    """Numbers in any grouping, where nothing else stands in the same line of digits."""
    for line in _LINE.findall(run):
        # Both in one line are a telephone number and a date, or the like.
        if " " in line and "-" in line:
            continue
        digits = "".join(_GROUP.findall(line))
        lengths = _LENGTHS.get(digits[:4], ()) if len(digits) > _SHORTEST else ()
        if len(digits) in lengths and _passes(_sums(digits), 0, len(digits)):
            yield digits


def _is_divided_well(edges: Sequence[int], at: int, start: int, length: int) -> bool:
    allowed = _GAPS_AFTER.get(length, _IN_FOURS)
    for edge in edges[at + 1 : at + 2 + len(allowed)]:
        if edge >= start + length:
            return edge == start + length
        if edge - start not in allowed:
            return False
    return False


def _sums(digits: str) -> tuple[list[int], list[int]]:
    # Luhn's sum of every stretch is a difference of two of these: no stretch is added up again for each of its ends.
    values = digits.encode().translate(_VALUES)
    doubled = values.translate(_DOUBLED)
    even, odd = bytearray(values), bytearray(values)
    even[::2], odd[1::2] = doubled[::2], doubled[1::2]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))


def _passes(sums: tuple[list[int], list[int]], start: int, length: int) -> bool:
    # The last digit counts once and the one before it twice.
    end = start + length
    counted = sums[end % 2]
    return (counted[end] - counted[start]) % 10 == 0
