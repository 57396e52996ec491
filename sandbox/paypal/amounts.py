"""Amounts as PayPal writes them, and as one counts them."""

import re

from sandbox.paypal.errors import unprocessable
from sandbox.world import Json

WITHOUT_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
_WITH_CENTS = (
    *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS"),
    *("MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "USD"),
)
CURRENCIES = WITHOUT_DECIMALS | set(_WITH_CENTS)
_WRITTEN = re.compile(r"(?P<whole>\d+)(?:\.(?P<fraction>\d+))?")


def counted(amount: Json, *, code: str = "currency_code") -> tuple[int, str]:
    """The amount in its smallest unit, and its currency; refused as PayPal refuses it."""
    currency, match = amount[code], _WRITTEN.fullmatch(amount["value"])
    if currency not in CURRENCIES:
        raise unprocessable("CURRENCY_NOT_SUPPORTED", "Currency code is not currently supported.")
    if match is None:
        raise unprocessable("CANNOT_BE_NEGATIVE", "Must be greater than or equal to zero.")
    places, fraction = decimals(currency), match["fraction"] or ""
    if fraction and not places:
        raise unprocessable("DECIMALS_NOT_SUPPORTED", "Currency does not support decimals.")
    if len(fraction) > places:
        raise unprocessable(
            "DECIMAL_PRECISION", "The value of the field should not be more than two decimals."
        )
    minor = int(match["whole"] + fraction.ljust(places, "0"))
    if not minor:
        raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", "Must be greater than zero.")
    return minor, currency


def said(minor: int, currency: str, *, code: str = "currency_code") -> Json:
    """The amount as PayPal writes it."""
    places = decimals(currency)
    digits = str(abs(minor)).rjust(places + 1, "0")
    value = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return {code: currency, "value": f"-{value}" if minor < 0 else value}


def decimals(currency: str) -> int:
    """How many decimals PayPal writes of a currency."""
    return 0 if currency in WITHOUT_DECIMALS else 2
