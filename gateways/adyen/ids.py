"""How things at Adyen are called here.

Adyen has no question for a payment, a refund or a dispute by its own reference; what it does list are the transfers
that a reference of ours led to, in a time of at most six months. So each id says what is asked for (our reference,
whose first letters say when it was made), and, where Adyen lists nothing yet, over which amount it is:

    ay_py_06f3k….10000USD        a payment of 100.00 USD       ay_rf_06f3k….500USD   a refund
    ay_py_06f3k….QFQTPCQ8HXSKGK82    a dispute about that payment, by Adyen's reference for the dispute

Without its end, `ay_py_06f3k…` stands for the same payment: not all that Adyen tells of it says the amount.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from kernel.ids import decode
from kernel.money import EXPONENTS, Money
from kernel.time import from_epoch

if TYPE_CHECKING:
    from datetime import datetime

_PREFIX = "ay_"
_REFERENCE = r"(?P<reference>(?P<kind>[a-z]{2})_[0-7][0-9a-hjkmnp-tv-z]{25})"
_OURS = re.compile(_REFERENCE, re.ASCII)
_OVER = re.compile(rf"{_PREFIX}{_REFERENCE}(?:\.(?P<minor>\d{{1,16}})(?P<currency>[A-Z]{{3}}))?", re.ASCII)
_DISPUTED = re.compile(rf"{_PREFIX}{_REFERENCE}\.(?P<psp>[A-Z0-9]{{16}})", re.ASCII)
_PSP = re.compile(r"[A-Z0-9]{16}", re.ASCII)
_TEXT = re.compile(r"[\w.-]{1,80}", re.ASCII)

# Ids are made by the clock of the machine, a little before they are sent to anybody.
_EARLIER = timedelta(days=1)
_LATER = timedelta(hours=1)
# Adyen lists six months at most; no six months are shorter than this.
LISTED = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an id asks for."""

    reference: str
    amount: Money | None


@dataclass(frozen=True, slots=True)
class Dispute:
    """What the id of a chargeback asks for."""

    reference: str
    psp: str


def called(reference: str, amount: Money | None = None) -> str:
    """The id of a payment or refund, with its amount where that is known."""
    return _PREFIX + reference + (f".{amount.amount_minor}{amount.currency}" if amount else "")


def dispute_called(reference: str, psp: str) -> str:
    """The id of a chargeback."""
    return f"{_PREFIX}{reference}.{psp}"


def asked(kind: str, gateway_id: str) -> Asked | None:
    """What the id of a payment (`py`) or a refund (`rf`) asks for; None when it is no such id."""
    match = _OVER.fullmatch(gateway_id)
    if match is None or match["kind"] != kind:
        return None
    currency = match["currency"]
    if currency is None:
        return Asked(match["reference"], None)
    return Asked(match["reference"], Money(int(match["minor"]), currency)) if currency in EXPONENTS else None


def dispute_asked(gateway_id: str) -> Dispute | None:
    """What the id of a chargeback asks for; None when it is no such id."""
    match = _DISPUTED.fullmatch(gateway_id)
    return Dispute(match["reference"], match["psp"]) if match and match["kind"] == "py" else None


def ours(reference: object, *kinds: str) -> str | None:
    """The reference, if it is an id of ours of one of these kinds."""
    match = _OURS.fullmatch(reference) if isinstance(reference, str) else None
    return reference if match and match["kind"] in kinds and isinstance(reference, str) else None


def is_psp(reference: object) -> bool:
    """Whether this is a reference as Adyen makes them for payments, refunds and disputes."""
    return isinstance(reference, str) and _PSP.fullmatch(reference) is not None


def is_plain(name: str) -> bool:
    """Whether this can be part of an address without leading anywhere else."""
    return _TEXT.fullmatch(name) is not None and name.strip(".") != ""


def listed_times(reference: str, *, now: datetime, stretches: int) -> list[tuple[datetime, datetime]]:
    """The times until now in which Adyen lists what a reference of ours led to, oldest first, each six months at most.

    The first is there in any case: the clock that made the id may be ahead of ours.
    """
    kind, end = reference.partition("_")[0], now + _LATER
    made = from_epoch(int.from_bytes(decode(kind, reference)[:6], "big") // 1000) - _EARLIER
    begins = [made + number * LISTED for number in range(stretches)]
    return [(begin, max(min(begin + LISTED, end), begin)) for begin in begins if begin == made or begin < end]
