"""Money that had been released goes back to the client: a refund like any other, and the worker owes what they had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ledger import movements
from ledger.posting import post
from payments.refunds import place_refund
from payments.tables import Clawback
from payments.views import ClawbackView, RefundView, clawback_view, refund_view
from persistence import outbox

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from kernel.money import Money


def order(
    session: Session,
    *,
    clawback_id: str,
    refund_id: str,
    payment_id: str,
    worker_id: str,
    net: Money,
    worker_fee: Money,
    client_fee: Money,
    by: str,
    reason: str,
) -> RefundView:
    """Owe the client what was released with our fees on it, and have the worker owe us the `net` that they had of it.

    The gateway is called after the commit, and does not wait for the worker. Refuses what `place_refund` refuses.
    """
    price = net + worker_fee
    refund = place_refund(
        session, refund_id=refund_id, payment_id=payment_id, held=price, client_fee=client_fee, reason=reason
    )
    entry = movements.released_money_refunded(
        worker_id, net=net, worker_fee=worker_fee, client_fee=client_fee
    )
    post(session, entry, key=f"{refund_id}:ordered", reference=refund.milestone_id, actor=by, reason=reason)
    session.add(
        Clawback(
            id=clawback_id,
            refund_id=refund_id,
            milestone_id=refund.milestone_id,
            worker_id=worker_id,
            gateway=refund.gateway,
            currency=price.currency,
            price_minor=price.amount_minor,
            amount_minor=net.amount_minor,
            recovered_minor=0,
            forgiven_minor=0,
            ordered_by=by,
            reason=reason,
            ordered_at=refund.ordered_at,
        )
    )
    outbox.publish(
        session,
        name="clawback.ordered",
        subject=clawback_id,
        payload={
            "milestone_id": refund.milestone_id,
            "worker_id": worker_id,
            "amount_minor": net.amount_minor,
            "currency": net.currency,
        },
    )
    session.flush()
    return refund_view(refund)


def of_milestone(session: Session, milestone_id: str) -> tuple[ClawbackView, ...]:
    """All of the milestone, first to last."""
    rows = session.scalars(
        select(Clawback).where(Clawback.milestone_id == milestone_id).order_by(Clawback.id)
    )
    return tuple(clawback_view(row) for row in rows)
