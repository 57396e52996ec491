"""The least that can be paid out to a bank, by currency: below it the money waits in the wallet until there is more."""

from __future__ import annotations

from kernel.money import Money
from kernel.refusals import Invalid

# In minor units. Stripe's minimum is one of the currency, unless the banks of the country ask for more.
_SMALLEST_MINOR = {
    "KRW": 40_000,
    "MXN": 1_000,
    "THB": 60_000,
}


class PayoutBelowMinimum(Invalid):
    """The amount is smaller than banks in this currency are paid; it can be withdrawn together with what comes next."""

    code = "payout_below_minimum"


def smallest_payout(currency: str) -> Money:
    """The least that is paid out in this currency."""
    one = Money(10 ** Money.zero(currency).exponent, currency)
    return Money(_SMALLEST_MINOR.get(currency, one.amount_minor), currency)


def check_minimum(amount: Money) -> None:
    """Refuse an amount that the gateway would refuse."""
    least = smallest_payout(amount.currency)
    if amount < least:
        raise PayoutBelowMinimum(f"Withdrawals start at {least.format()}.", field="amount", minimum=least)
