"""What is ours leaves a gateway for our own bank account, and may come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import chart
from ledger.entries import Entry, credit, debit
from ledger.movements.catalogue import movement

if TYPE_CHECKING:
    from kernel.money import Money


@movement
def own_payout_ordered(gateway: str, *, amount: Money) -> Entry:
    """A payout of ours is ordered, or the gateway has begun one by itself: nobody else can be paid out of it now."""
    return Entry.of(
        "own_payout_ordered",
        debit(chart.bank_in_transit(amount.currency), amount),
        credit(chart.gateway_available(gateway, amount.currency), amount),
    )


@movement
def own_payout_paid(*, amount: Money) -> Entry:
    """Our bank has it. What becomes of it there is told by other books."""
    return Entry.of(
        "own_payout_paid",
        debit(chart.bank(amount.currency), amount),
        credit(chart.bank_in_transit(amount.currency), amount),
    )


@movement
def own_payout_failed(gateway: str, *, amount: Money) -> Entry:
    """It was refused, called back or did not arrive: it lies at the gateway again."""
    return Entry.of(
        "own_payout_failed",
        debit(chart.gateway_available(gateway, amount.currency), amount),
        credit(chart.bank_in_transit(amount.currency), amount),
    )


@movement
def own_payout_returned(gateway: str, *, amount: Money) -> Entry:
    """Our bank sent back, days later, what had been called paid."""
    return Entry.of(
        "own_payout_returned",
        debit(chart.gateway_available(gateway, amount.currency), amount),
        credit(chart.bank(amount.currency), amount),
    )
