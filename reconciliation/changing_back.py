"""Two lines of a gateway's that are one thing: somebody of ours has changed one currency into another there by hand.

The amounts are the gateway's own, and nobody of ours says a number: so one person's word is enough, as for a cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.refusals import Conflict
from ledger import movements
from ledger.posting import post
from payments.conversions import change_back
from reconciliation.breaks import (
    break_of,
    close_explained,
    difference_of,
    held_to_explain,
    into_suspense,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from reconciliation.breaks import BreakView

CONVERSION = "conversion"


class NotOneConversion(Conflict):
    """The two are not one conversion: one currency left our balance, and another one came to it at the same gateway."""

    code = "not_one_conversion"


def resolve(session: Session, *, break_id: str, other_break_id: str, reason: str, by: str) -> BreakView:
    """Say that two breaks are one conversion: it closes what was converted of payments, the oldest first."""
    # In id order, so that whoever names them the other way round waits.
    both = [held_to_explain(session, each) for each in sorted({break_id, other_break_id})]
    gone, *came = sorted(both, key=lambda row: row.gateway_minor - row.books_minor)
    given, received = -difference_of(gone), difference_of(both[-1] if not came else came[0])
    if (
        not came
        or given.amount_minor <= 0
        or received.amount_minor <= 0
        or given.currency == received.currency
        or {row.gateway for row in both} != {gone.gateway}
        or any(row.worker for row in both)
    ):
        raise NotOneConversion(
            "In one currency it has to be less, in the other more, and both on our balance there."
        )
    for row in both:
        into_suspense(session, row, by=by, reason=reason)
    entry = post(
        session,
        movements.conversion_explained(gone.gateway, given=given, received=received),
        key=f"{gone.id}:explained",
        reference=gone.id,
        actor=by,
        reason=reason,
    )
    change_back(session, gateway=gone.gateway, given=given, received=received, key=f"{gone.id}:changed_back")
    for row in both:
        close_explained(session, row, by=by, reason=reason, entry_id=entry.id)
    return break_of(session, break_id=break_id)
