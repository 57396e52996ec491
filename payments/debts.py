"""What workers owe for chargebacks: found in what comes back to them, given back, or borne by us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from kernel.ids import new_id
from kernel.refusals import Conflict
from ledger import movements
from ledger.posting import post
from payments.chargebacks import decide, locked_row, tell, view
from payments.tables import Chargeback
from persistence import clock, due

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from kernel.money import Money
    from payments.views import ChargebackView


class NotOwed(Conflict):
    """The worker does not owe that much for this chargeback."""

    code = "not_owed"


def forgive(session: Session, *, chargeback_id: str, amount: Money, reason: str, by: str) -> ChargebackView:
    """We bear this much of what the worker owes for a chargeback; refuses more than is owed."""
    row = locked_row(session, chargeback_id)
    outstanding = view(session, row).outstanding
    if amount.currency != outstanding.currency or not 0 < amount.amount_minor <= outstanding.amount_minor:
        raise NotOwed(
            f"The worker owes {outstanding} for it.", field="amount", outstanding=outstanding.decimal
        )
    decide(row, by, reason)
    row.forgiven_minor += amount.amount_minor
    post(
        session,
        movements.chargeback_lost(row.worker_id, forgiven=amount),
        # What is forgiven may be given back and be forgiven again: each time is another.
        key=f"{row.id}:forgiven:{new_id('fg')}",
        reference=row.milestone_id,
        actor=by,
        reason=reason,
    )
    tell(session, row, "chargeback.forgiven")
    session.flush()
    return view(session, row)


def recovered(session: Session, *, chargeback_id: str, amount: Money) -> None:
    """The worker has given this much of what they owe for it."""
    row = locked_row(session, chargeback_id)
    row.recovered_minor += amount.amount_minor
    session.flush()


def look_for_debts(session: Session, *, worker_id: str, because_of: str) -> None:
    """Money of this worker's is with us again: what they owe for chargebacks is taken out of it at once."""
    rows = session.scalars(select(Chargeback).where(Chargeback.worker_id == worker_id)).all()
    for row in rows:
        if view(session, row).outstanding:
            due.schedule(
                session,
                kind="recover_chargeback",
                subject=row.id,
                due_at=clock.now(session),
                key=f"recover_chargeback:{row.id}:{because_of}",
            )
