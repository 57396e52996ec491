"""What a gateway changes into another currency, and what is lost or gained on the way there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import chart
from ledger.entries import Entry, credit, debit
from ledger.movements.catalogue import movement

if TYPE_CHECKING:
    from kernel.money import Money


@movement
def gateway_converted(gateway: str, *, given: Money, received: Money, settled: bool) -> Entry:
    """The gateway changed what it had for us, or has to give out for us, into another currency at its own rate.

    In each currency it stands against the conversion account, which says what has to be changed back one day.
    """
    place = chart.gateway_available if settled else chart.gateway_pending
    return Entry.of(
        "gateway_converted",
        debit(chart.conversion(gateway, given.currency), given),
        credit(place(gateway, given.currency), given),
        debit(place(gateway, received.currency), received),
        credit(chart.conversion(gateway, received.currency), received),
    )


@movement
def conversion_explained(gateway: str, *, given: Money, received: Money) -> Entry:
    """Two lines in suspense are one conversion that somebody of ours has made at the gateway by hand."""
    return Entry.of(
        "conversion_explained",
        debit(chart.conversion(gateway, given.currency), given),
        credit(chart.suspense(gateway, given.currency), given),
        debit(chart.suspense(gateway, received.currency), received),
        credit(chart.conversion(gateway, received.currency), received),
    )


@movement
def fx_difference(gateway: str, *, lost: Money) -> Entry:
    """What was converted is back, and took more than it had brought: that is lost; below zero it is gained."""
    difference, place = chart.exchange(lost.currency), chart.conversion(gateway, lost.currency)
    if lost.amount_minor < 0:
        return Entry.of("fx_difference", debit(place, -lost), credit(difference, -lost))
    return Entry.of("fx_difference", debit(difference, lost), credit(place, lost))
