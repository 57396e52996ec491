"""What was released and went back to the client after all, in the trail of a milestone's money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.escrow.trail import CLIENT, GONE, NEAREST, WORKER_SIDE, Step, take

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel.money import Money
    from payments.views import ClawbackView

_OWES = "It went back to the client after you were paid, so it is owed to Holdfast."


def relocate(
    places: dict[str, Money], clawbacks: Sequence[ClawbackView], elsewhere: Mapping[str, Money], side: str
) -> None:
    """Take what went back out of the places where it was: its refund is counted already. `places` is changed.

    `elsewhere` is what the worker gave for each out of the money of other milestones.
    """
    for each in clawbacks:
        if side == CLIENT:
            places["paid_to_worker"] -= each.price
            continue
        places["worker_fee"] -= each.worker_fee
        own = each.recovered - elsewhere[each.id]
        take(places, own, NEAREST)
        # What is still in the wallet is there until it is taken out of it.
        take(places, take(places, each.net - own, GONE), ("refunding", "refunded", "owed"))


def steps(clawbacks: Sequence[ClawbackView]) -> list[Step]:
    """What each left the worker with."""
    return [step for each in clawbacks for step in _steps(each)]


def _steps(of: ClawbackView) -> list[Step]:
    shown = []
    if of.recovered:
        back = "Taken out of the worker's wallet"
        shown.append(Step("recovered", back, of.recovered, "done", WORKER_SIDE, of.ordered_at))
    if of.outstanding:
        owed = "Owed by the worker"
        shown.append(Step("owed_by_worker", owed, of.outstanding, "waiting", WORKER_SIDE, reason=_OWES))
    return shown
