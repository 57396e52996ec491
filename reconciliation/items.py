"""What a line of a gateway is about, under the name by which the ledger knows it, and how long the two may differ."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateways.lines import LineKind

if TYPE_CHECKING:
    from gateways.lines import BalanceLine

# How long one side may be without the other before it is more than a matter of time. By kind and age, never by amount.
ALLOWED = {
    # Its webhook, or the look that follows when none comes.
    LineKind.CHARGE: timedelta(hours=24),
    LineKind.TRANSFER: timedelta(hours=24),
    LineKind.ARRIVAL: timedelta(hours=24),
    # The gateway takes the money when it has the order; we book it when the other bank has it.
    LineKind.REFUND: timedelta(days=10),
    LineKind.PAYOUT: timedelta(days=10),
    # The gateway's own fee comes by a line of its own, at times days after what it is for.
    LineKind.FEE: timedelta(days=3),
    LineKind.DISPUTE: timedelta(hours=24),
    LineKind.RESERVE: timedelta(days=3),
    LineKind.TOPUP: timedelta(hours=24),
    LineKind.OTHER: timedelta(),
    LineKind.UNKNOWN: timedelta(),
}
# We have it and the gateway does not: its list may lag, and a lost answer is asked for within a day.
ALLOWED_THERE = timedelta(hours=24)

# What the gateway keeps of a charge is an entry of its own.
FEE = ":fee"


def about_of(line: BalanceLine) -> str:
    """The order of ours that the line is about, the gateway's dispute, or else the line itself."""
    if line.kind in (LineKind.UNKNOWN, LineKind.FEE):
        return line.line_id
    if line.kind is LineKind.DISPUTE and line.source is not None:
        return line.source
    return line.our_id or line.line_id


def item(about: str, worker: str) -> str:
    """What stands for it among all items of a gateway: money that moves between two balances is two of them."""
    return f"{about}@{worker}" if worker else about
