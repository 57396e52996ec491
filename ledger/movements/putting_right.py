"""What gateways do beside our orders, and what people put right."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ledger import chart
from ledger.entries import Entry, Posting, credit, debit
from ledger.movements.catalogue import movement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernel.money import Money
    from ledger.chart import Account

# What a line in suspense can turn out to be by one person's word; anything else is an adjustment, and takes two.
COSTS: dict[str, Callable[[str], Account]] = {
    "gateway_fees": chart.gateway_fees,
    "chargebacks": chart.chargebacks,
    "chargeback_fees": chart.chargeback_fees,
    "goodwill": chart.goodwill,
}


@movement
def gateway_billed(gateway: str, *, fee: Money) -> Entry:
    """The gateway took something for itself by a line of its own; below zero it gave some of it back."""
    cost, available = chart.gateway_fees(fee.currency), chart.gateway_available(gateway, fee.currency)
    if fee.amount_minor < 0:
        return Entry.of("gateway_billed", debit(available, -fee), credit(cost, -fee))
    return Entry.of("gateway_billed", debit(cost, fee), credit(available, fee))


@movement
def unexplained_line(gateway: str, *, amount: Money, user_id: str | None = None) -> Entry:
    """Money came to (or, below zero, left) the gateway, and nobody knows why: it waits in suspense.

    With a `user_id` it was the worker's account there that it came to.
    """
    currency = amount.currency
    suspense = chart.suspense(gateway, currency)
    # Whether it has settled is the gateway's business; it is not ours to move either way.
    place = (
        chart.connected(gateway, user_id, currency) if user_id else chart.gateway_available(gateway, currency)
    )
    if amount.amount_minor < 0:
        return Entry.of("unexplained_line", debit(suspense, -amount), credit(place, -amount))
    return Entry.of("unexplained_line", debit(place, amount), credit(suspense, amount))


@movement
def suspense_explained(gateway: str, *, amount: Money, cost: str) -> Entry:
    """What was in suspense has an explanation: below zero it is a cost of the kind `cost`, above it lowers one."""
    suspense, expense = chart.suspense(gateway, amount.currency), COSTS[cost](amount.currency)
    if amount.amount_minor < 0:
        return Entry.of("suspense_explained", debit(expense, -amount), credit(suspense, -amount))
    return Entry.of("suspense_explained", debit(suspense, amount), credit(expense, amount))


@movement
def adjustment(*postings: Posting, approved_by: str) -> Entry:
    """Finance puts the books right by hand; somebody other than who posts it has approved it."""
    return Entry.of("adjustment", *postings, approved_by=approved_by)


@movement
def reversal(postings: Sequence[Posting]) -> Entry:
    """An entry was wrong and is taken back: the same lines on the other sides."""
    return Entry.of("reversal", *(posting.mirrored for posting in postings))


def mirrors(one: Entry, other: Entry) -> bool:
    """Whether each takes back what the other does: the same lines on opposite sides, in whatever order."""
    return Counter(one.postings) == Counter(posting.mirrored for posting in other.postings)
