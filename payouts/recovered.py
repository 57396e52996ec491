"""What of milestones' money was taken out of workers' accounts, or stayed there; for whoever shows where money is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kernel.money import Money, total
from payments import debts
from payouts.tables import Reversal, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from payments.debts import Debt


def taken_from_others(session: Session, debt_id: str) -> Money:
    """What the worker has given towards a debt out of the money of other milestones than the one it is about."""
    debt = debts.find(session, debt_id)
    return total([amount for _, amount in _taken_elsewhere(session, debt)], debt.amount.currency)


def kept_for_others(session: Session, milestone_id: str, currency: str) -> Money:
    """What of this milestone's money went towards what the worker owes for others."""
    reversed_ = session.execute(
        select(Reversal.chargeback_id, Reversal.clawback_id)
        .join(Transfer, Transfer.id == Reversal.transfer_id)
        .where(Transfer.milestone_id == milestone_id)
    ).all()
    ids = {by_bank or by_us for by_bank, by_us in reversed_}
    about = [debts.find(session, debt_id) for debt_id in ids if debt_id is not None]
    kept = [amount for debt in about for of, amount in _taken_elsewhere(session, debt) if of == milestone_id]
    return total(kept, currency)


def left_at_closed_accounts(session: Session, milestone_id: str, currency: str) -> Money:
    """What of this milestone's money lies at accounts that have left us, which the gateway does not give back."""
    refused = (
        select(func.sum(Reversal.amount_minor))
        .join(Transfer, Transfer.id == Reversal.transfer_id)
        .where(Transfer.milestone_id == milestone_id, Reversal.state == "refused")
    )
    return Money(int(session.scalar(refused) or 0), currency)


def _taken_elsewhere(session: Session, debt: Debt) -> Iterator[tuple[str, Money]]:
    """Out of which milestones' money how much was taken; what was given back since is no longer counted."""
    left = debt.recovered
    rows = session.execute(
        select(Transfer.milestone_id, Reversal.amount_minor)
        .join(Transfer, Transfer.id == Reversal.transfer_id)
        .where(Reversal.chargeback_id == debt.id if debt.by_bank else Reversal.clawback_id == debt.id)
        .where(Transfer.milestone_id != debt.milestone_id)
        .order_by(Reversal.id)
    )
    for milestone_id, minor in rows.all():
        part = min(left, Money(minor, left.currency))
        left -= part
        yield milestone_id, part
