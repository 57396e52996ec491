"""Amounts as Stripe writes them."""

from __future__ import annotations

from gateways.contract import Rejected
from kernel.money import Money

_THREE_DECIMALS = 3


def to_stripe(amount: Money) -> int | Rejected:
    """The amount in Stripe's smallest unit; of a currency with three decimals Stripe moves two."""
    if amount.exponent == _THREE_DECIMALS and amount.amount_minor % 10:
        return Rejected("amount_not_representable", f"Amounts in {amount.currency} must end in 0.")
    return amount.amount_minor


def from_stripe(amount: int, currency: str) -> Money:
    """The amount in our words; refuses a currency whose decimals we do not know."""
    return Money(amount, currency.upper())
