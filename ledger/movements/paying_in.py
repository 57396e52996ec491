"""Money in, and back to the client: charges, their fees, tips and refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import chart
from ledger.entries import Entry, credit, debit
from ledger.movements.catalogue import movement

if TYPE_CHECKING:
    from kernel.money import Money


@movement
def milestone_funded(gateway: str, milestone_id: str, *, price: Money, client_fee: Money) -> Entry:
    """The client's card was charged: the gateway owes us the whole, we hold the price, and our fee is earned."""
    return Entry.of(
        "milestone_funded",
        debit(chart.gateway_pending(gateway, price.currency), price + client_fee),
        credit(chart.escrow(milestone_id, price.currency), price),
        credit(chart.client_fees(price.currency), client_fee),
    )


@movement
def late_payment_received(gateway: str, *, amount: Money) -> Entry:
    """The client's card was charged after the payment had been given up: nothing is held or earned, all goes back."""
    return Entry.of(
        "late_payment_received",
        debit(chart.gateway_pending(gateway, amount.currency), amount),
        credit(chart.refunds_in_transit(amount.currency), amount),
    )


@movement
def gateway_fee_charged(gateway: str, *, fee: Money) -> Entry:
    """The gateway kept its fee out of what it owes us; it is our cost and comes out of nobody's hold."""
    return Entry.of(
        "gateway_fee_charged",
        debit(chart.gateway_fees(fee.currency), fee),
        credit(chart.gateway_pending(gateway, fee.currency), fee),
    )


@movement
def funds_settled(gateway: str, *, amount: Money) -> Entry:
    """What is left of a charge can be moved from today on; it is below zero where more had left than it brought.

    Then what is available makes up for it: a small charge may not even bring its own gateway fee.
    """
    pending, available = (
        chart.gateway_pending(gateway, amount.currency),
        chart.gateway_available(gateway, amount.currency),
    )
    if amount.amount_minor < 0:
        return Entry.of("funds_settled", debit(pending, -amount), credit(available, -amount))
    return Entry.of("funds_settled", debit(available, amount), credit(pending, amount))


@movement
def tip_paid(gateway: str, worker_id: str, *, amount: Money) -> Entry:
    """The client's card was charged a tip, which is the worker's at once and without a fee of ours."""
    return Entry.of(
        "tip_paid",
        debit(chart.gateway_pending(gateway, amount.currency), amount),
        credit(chart.wallet(worker_id, amount.currency), amount),
    )


@movement
def refund_ordered(milestone_id: str, *, held: Money, client_fee: Money) -> Entry:
    """Held money goes back to the client with its share of our fee: no longer held, not yet gone from the gateway."""
    return Entry.of(
        "refund_ordered",
        debit(chart.escrow(milestone_id, held.currency), held),
        debit(chart.client_fees(held.currency), client_fee),
        credit(chart.refunds_in_transit(held.currency), held + client_fee),
    )


@movement
def refund_confirmed(gateway: str, *, amount: Money) -> Entry:
    """The gateway gave the client the money out of our available balance."""
    return Entry.of(
        "refund_confirmed",
        debit(chart.refunds_in_transit(amount.currency), amount),
        credit(chart.gateway_available(gateway, amount.currency), amount),
    )


@movement
def refund_came_back(gateway: str, *, amount: Money) -> Entry:
    """A confirmed refund bounced off the client's card: the gateway has the money again, and we still owe it."""
    return Entry.of(
        "refund_came_back",
        debit(chart.gateway_available(gateway, amount.currency), amount),
        credit(chart.refunds_in_transit(amount.currency), amount),
    )


@movement
def refund_failed(milestone_id: str, *, amount: Money) -> Entry:
    """The refund did not arrive: it was decided to be the client's, so it is owed to them and never held again."""
    return Entry.of(
        "refund_failed",
        debit(chart.refunds_in_transit(amount.currency), amount),
        credit(chart.owed(milestone_id, amount.currency), amount),
    )


@movement
def refund_ordered_again(milestone_id: str, *, amount: Money) -> Entry:
    """What came back from the client's bank goes out once more."""
    return Entry.of(
        "refund_ordered_again",
        debit(chart.owed(milestone_id, amount.currency), amount),
        credit(chart.refunds_in_transit(amount.currency), amount),
    )
