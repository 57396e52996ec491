"""Amounts as Adyen writes them: in minor units, by its own list of currencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.contract import Rejected
from kernel.money import Money

if TYPE_CHECKING:
    from gateways.adyen.client import Json

# Where Adyen counts other decimals than ISO 4217 (docs.adyen.com/development-resources/currency-codes); nothing of ours
# can be in these as long as `kernel.money` does not hold them, and what comes in them is not guessed at.
_OTHER_DECIMALS = {"CLP", "CVE", "IDR", "ISK"}


def to_adyen(amount: Money) -> Json | Rejected:
    """The amount in Adyen's smallest unit; card networks move no tenth of what has three decimals."""
    if amount.currency in _OTHER_DECIMALS or amount.amount_minor % amount.step:
        return Rejected("amount_not_representable", f"This amount cannot be paid in {amount.currency}.")
    return {"value": amount.amount_minor, "currency": amount.currency}


def from_adyen(amount: Json) -> Money:
    """The amount in our words; refuses a currency whose decimals we do not know."""
    value, currency = amount["value"], amount["currency"]
    if type(value) is not int or currency in _OTHER_DECIMALS:
        raise ValueError("not an amount in a currency that we count as Adyen does")
    return Money(value, currency)
