"""The words and shapes of a trail of money: its places and its steps, and who sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.money import total

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kernel.money import Money

CLIENT, WORKER, STAFF = "client", "worker", "staff"
CLIENT_SIDE = frozenset({CLIENT, STAFF})
WORKER_SIDE = frozenset({WORKER, STAFF})
BOTH = frozenset({CLIENT, WORKER, STAFF})

PLACES = {
    "held": "Held for the milestone",
    "paid_to_worker": "Paid to the worker",
    "worker_fee": "Worker's fee",
    "client_fee": "Client's fee",
    "wallet": "In the worker's wallet",
    "settling": "In the worker's wallet, not settled yet",
    "to_bank": "On the way to the worker's bank",
    "bank": "At the worker's bank",
    "payout_fee": "Holdfast's fee for an instant withdrawal",
    "refunding": "On the way back to the card",
    "refunded": "Back on the card",
    "charged_back": "Taken back by the client's bank",
    "owed": "Came back from the client's bank, to be sent again",
    "left_there": "Left at the worker's payout account that was closed",
    "kept": "Kept for what the worker owes for another milestone",
}

# Where what the worker was paid is taken off: what they gave back was in the wallet, and what they owe is gone.
NEAREST = ("settling", "wallet", "to_bank", "bank", "payout_fee")
GONE = ("bank", "to_bank", "payout_fee")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to the money, or is about to."""

    step: str
    title: str
    amount: Money
    state: str
    seen_by: frozenset[str]
    at: datetime | None = None
    expected_at: datetime | None = None
    reason: str | None = None
    entry_id: str | None = None
    gateway_object: str | None = None
    bank_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """How much lies somewhere now."""

    place: str
    amount: Money

    @property
    def title(self) -> str:
        """The place in plain words."""
        return PLACES[self.place]


@dataclass(frozen=True, slots=True)
class MoneyTrail:
    """All steps, and all places with what lies there now; the places add up to the total."""

    milestone_id: str
    total: Money
    now: tuple[Place, ...]
    steps: tuple[Step, ...]

    @property
    def balanced(self) -> bool:
        """Whether every cent is accounted for."""
        return total([place.amount for place in self.now], self.total.currency) == self.total


def take(places: dict[str, Money], amount: Money, order: Sequence[str]) -> Money:
    """Take `amount` off these places, the first ones first; returns what was not there."""
    left = amount
    for name in order:
        part = min(left, places[name])
        places[name] -= part
        left -= part
    return left
