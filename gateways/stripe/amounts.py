"""Amounts as Stripe writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from gateways.contract import Converted, Rejected
from kernel.money import Money

if TYPE_CHECKING:
    from gateways.stripe.outcomes import Json

_THREE_DECIMALS = 3


def to_stripe(amount: Money) -> int | Rejected:
    """The amount in Stripe's smallest unit; of a currency with three decimals Stripe moves two."""
    if amount.exponent == _THREE_DECIMALS and amount.amount_minor % 10:
        return Rejected("amount_not_representable", f"Amounts in {amount.currency} must end in 0.")
    return amount.amount_minor


def from_stripe(amount: int, currency: str) -> Money:
    """The amount in our words; refuses a currency whose decimals we do not know."""
    return Money(amount, currency.upper())


def converted(line: Json, currency: str) -> Converted | None:
    """What a line moved on our balance, without its sign, for an amount in `currency`; None where that is its own."""
    if line["currency"] == currency:
        return None
    rate = line.get("exchange_rate")
    # As written: JSON's digits survive as the shortest text that stands for them.
    said = None if rate is None else f"{Decimal(str(rate)):f}"
    return Converted(from_stripe(abs(line["amount"]), line["currency"]), said)
