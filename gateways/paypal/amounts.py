"""Amounts as PayPal writes them: decimal texts, of the currencies it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.contract import Rejected
from kernel.money import Money

if TYPE_CHECKING:
    from gateways.paypal.outcomes import Json

# Everywhere else these have decimals or not as they please; at PayPal they have none.
_WITHOUT_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
_WITH_CENTS = frozenset(
    {
        *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS"),
        *("MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "USD"),
    }
)
_CENTS = 2


def to_paypal(amount: Money, *, code: str = "currency_code") -> Json | Rejected:
    """The amount as PayPal takes it; one that PayPal cannot say exactly is refused here."""
    decimals = _decimals(amount.currency)
    if decimals is None:
        return Rejected("CURRENCY_NOT_SUPPORTED", f"PayPal does not take {amount.currency}.")
    finer = amount.exponent - decimals
    if finer > 0 and amount.amount_minor % 10**finer:
        return Rejected(
            "DECIMALS_NOT_SUPPORTED", f"PayPal does not take so fine an amount in {amount.currency}."
        )
    value = amount.decimal
    return {code: amount.currency, "value": value[: len(value) - finer].rstrip(".") if finer > 0 else value}


def from_paypal(written: Json, *, code: str = "currency_code") -> Money:
    """The amount in our words; refuses a currency whose decimals we do not know."""
    currency = written[code]
    return Money.parse(_trimmed(written["value"], Money.zero(currency).exponent), currency)


def minor_of(written: Json) -> tuple[int, str]:
    """The amount in the smallest unit that PayPal knows of its currency, which need not be one of ours."""
    currency = written["currency_code"]
    decimals = _decimals(currency)
    if decimals is None:
        raise ValueError(f"a currency of which PayPal's decimals are not known: {currency}")
    whole, _, fraction = _trimmed(written["value"], decimals).partition(".")
    if len(fraction) > decimals:
        raise ValueError("more decimals than the currency has")
    return int(whole + fraction.ljust(decimals, "0")), currency


def _decimals(currency: str) -> int | None:
    if currency in _WITHOUT_DECIMALS:
        return 0
    return _CENTS if currency in _WITH_CENTS else None


def _trimmed(value: str, decimals: int) -> str:
    # "1000.00" yen are a thousand yen.
    whole, point, fraction = value.partition(".")
    if not point or fraction[decimals:].strip("0"):
        return value
    return f"{whole}.{fraction[:decimals]}" if decimals else whole
