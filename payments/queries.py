"""Reading payments and refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways.contract import ObjectKind
from payments.collecting import PaymentNotFound
from payments.tables import Payment, Refund
from payments.views import PaymentView, RefundView, payment_view, refund_view

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from identity.actors import Actor


def payment(session: Session, *, payment_id: str, by: Actor) -> PaymentView:
    """The payment, for the client who pays and for staff."""
    row = session.get(Payment, payment_id)
    if row is None or not (by.is_staff or row.client_id == by.id):
        raise PaymentNotFound("There is no payment with this id among yours.")
    return payment_view(row)


def refunds_of(session: Session, milestone_id: str) -> tuple[RefundView, ...]:
    """All refunds of the milestone, first to last."""
    rows = session.scalars(select(Refund).where(Refund.milestone_id == milestone_id).order_by(Refund.id))
    return tuple(refund_view(row) for row in rows)


def given_back(session: Session, milestone_id: str) -> tuple[PaymentView, ...]:
    """Payments for the milestone that were made after they had been given up, first to last."""
    rows = session.scalars(
        select(Payment)
        .where(Payment.milestone_id == milestone_id, Payment.state == "given_back")
        .order_by(Payment.id)
    )
    return tuple(payment_view(row) for row in rows)


def at_gateway(session: Session, *, gateway: str, since: datetime) -> list[tuple[ObjectKind, str, None]]:
    """Every payment and refund ordered since then that the gateway has, by what it calls them."""
    payments = select(Payment.gateway_id).where(Payment.gateway == gateway, Payment.ordered_at >= since)
    refunds = select(Refund.gateway_id).where(Refund.gateway == gateway, Refund.ordered_at >= since)
    found = [
        (ObjectKind.PAYMENT, gateway_id) for gateway_id in session.scalars(payments.order_by(Payment.id))
    ]
    found += [(ObjectKind.REFUND, gateway_id) for gateway_id in session.scalars(refunds.order_by(Refund.id))]
    return [(kind, gateway_id, None) for kind, gateway_id in found if gateway_id is not None]
