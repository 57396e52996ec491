"""What a milestone may cost: no less than a card can be charged, and no part of it too fine to be moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.money import Money, movable
from kernel.refusals import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

# In minor units. Stripe charges nothing below half a dollar or what it publishes for the currency, and converts what it
# does not publish; where it takes less than one of the currency, one is the least that fees leave something of.
SMALLEST_MINOR = {
    "AUD": 100,
    "BRL": 100,
    "CAD": 100,
    "CHF": 100,
    "CZK": 1_500,
    "DKK": 250,
    "EUR": 100,
    "GBP": 100,
    "HKD": 400,
    "ILS": 500,
    "JPY": 100,
    "KRW": 1_000,
    "KWD": 500,
    "MXN": 1_000,
    "NOK": 300,
    "NZD": 100,
    "PLN": 200,
    "SEK": 300,
    "SGD": 100,
    "THB": 1_000,
    "USD": 100,
}
# A card is charged 99,999,999 at most (Stripe's eight digits): with the dearest client's fee, a quarter, this fits.
LARGEST_MINOR = 79_999_999


class PriceOutOfRange(Invalid):
    """The price of a milestone is too small to be paid by card, or larger than a card payment can be."""

    code = "price_out_of_range"


def check_prices(prices: Sequence[Money], currency: str) -> None:
    """Refuse the first price that could be agreed and never be paid."""
    for position, price in enumerate(prices):
        field = f"milestones.{position}.price"
        if price.currency != currency:
            raise PriceOutOfRange(f"Every price of this contract is in {currency}.", field=field)
        least, most = Money(SMALLEST_MINOR[currency], currency), Money(LARGEST_MINOR, currency)
        if not least <= price <= most:
            raise PriceOutOfRange(f"A price lies between {least} and {most}.", field=field)
        movable(price, field=field)
