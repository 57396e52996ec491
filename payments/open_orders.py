"""What was ordered for money in and back and has no outcome yet, first ordered first; for staff."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways.contract import PaymentState
from gateways.open_orders import BY_ITSELF, NO_ANSWER, NOT_HEARD_YET, OpenOrder, last_tried, listed
from kernel.money import Money
from payments.tables import Chargeback, ChargebackEvidence, Customer, Payment, Refund

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.open_orders import Asked

PAYMENT_STATES = ("ordered", "unknown", "open")
# One that failed has come back, and is owed to the client until somebody orders it again.
REFUND_STATES = ("ordered", "unknown", "pending", "failed")
CUSTOMER_STATES = ("unknown",)
EVIDENCE_STATES = ("ordered", "unknown")

_HEARD_WITHIN = timedelta(hours=1)
_PAID_WITHIN = timedelta(days=8)
_ARRIVED_WITHIN = timedelta(days=14)

_PAYING = {
    PaymentState.NEEDS_METHOD.value: "The client has not paid yet.",
    PaymentState.NEEDS_ACTION.value: "The client's bank waits for the client to confirm.",
    PaymentState.APPROVED.value: "The client has agreed; the money is being collected.",
    PaymentState.PROCESSING.value: "The client's bank is at work.",
}
_REFUND_WAITS = {
    "insufficient_funds": "The payment provider waits for money on our balance there.",
    "charge_pending": "The payment it belongs to has not settled yet.",
    "processing": "The payment provider is at work.",
}


def payments(session: Session, asked: Asked) -> list[OpenOrder]:
    """Payments that are neither made nor given up."""
    query = select(Payment).where(Payment.state.in_(asked.states))
    query = listed(query, asked, id_=Payment.id, prefix="py", at=Payment.ordered_at)
    return [_payment(row) for row in session.scalars(query)]


def refunds(session: Session, asked: Asked) -> list[OpenOrder]:
    """Refunds that have neither arrived nor been ordered again."""
    query = select(Refund).where(Refund.state.in_(asked.states))
    query = listed(query, asked, id_=Refund.id, prefix="rf", at=Refund.ordered_at)
    return [_refund(row) for row in session.scalars(query)]


def customers(session: Session, asked: Asked) -> list[OpenOrder]:
    """Clients' records that may have been made without our having heard of it."""
    query = select(Customer).where(Customer.gateway_id.is_(None), Customer.out_since.is_not(None))
    query = listed(query, asked, id_=Customer.id, prefix="cu", at=Customer.out_since)
    return [_customer(row) for row in session.scalars(query)] if asked.states else []


def evidence(session: Session, asked: Asked) -> list[OpenOrder]:
    """Answers to clients' banks that were handed in and of which the gateway has said nothing yet."""
    query = (
        select(ChargebackEvidence, Chargeback)
        .join(Chargeback, Chargeback.id == ChargebackEvidence.chargeback_id)
        .where(ChargebackEvidence.state.in_(asked.states))
    )
    query = listed(query, asked, id_=ChargebackEvidence.id, prefix="ce", at=ChargebackEvidence.submitted_at)
    rows = session.execute(query)
    return [_evidence(row, chargeback) for row, chargeback in rows]


def _evidence(row: ChargebackEvidence, chargeback: Chargeback) -> OpenOrder:
    assert row.submitted_at is not None, "it was handed in"
    return OpenOrder(
        kind="evidence",
        id=row.id,
        state=row.state,
        gateway=chargeback.gateway,
        gateway_id=None,
        amount=Money(chargeback.amount_minor, chargeback.currency),
        about=chargeback.id,
        ordered_at=row.submitted_at,
        due_by=chargeback.respond_by or row.submitted_at + _HEARD_WITHIN,
        tries=row.calls,
        last_tried_at=last_tried(row),
        answer=_heard(row.state),
        what_to_do=BY_ITSELF,
    )


def _payment(row: Payment) -> OpenOrder:
    is_open = row.state == "open"
    return OpenOrder(
        kind="payment",
        id=row.id,
        state=row.state,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        amount=Money(row.price_minor + row.client_fee_minor, row.currency),
        about=row.milestone_id,
        ordered_at=row.ordered_at,
        due_by=row.ordered_at + (_PAID_WITHIN if is_open else _HEARD_WITHIN),
        tries=row.attempt,
        last_tried_at=None,
        answer=_how_it_is_paid(row) if is_open else _heard(row.state),
        what_to_do=f"{BY_ITSELF} What nobody pays is given up after a week." if is_open else BY_ITSELF,
    )


def _how_it_is_paid(row: Payment) -> str:
    said = _PAYING.get(row.gateway_state or "", NOT_HEARD_YET)
    return f"{said} The last card was declined ({row.decline_code})." if row.decline_code else said


def _refund(row: Refund) -> OpenOrder:
    return OpenOrder(
        kind="refund",
        id=row.id,
        state=row.state,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        amount=Money(row.held_minor + row.client_fee_minor, row.currency),
        about=row.milestone_id,
        ordered_at=row.ordered_at,
        due_by=_refund_due(row),
        tries=row.calls,
        last_tried_at=last_tried(row),
        answer=_refund_answer(row),
        what_to_do=_refund_act(row),
        waits_for="The client or staff order it again." if row.state == "failed" else None,
    )


def _refund_due(row: Refund) -> datetime:
    if row.state == "failed":
        return row.finished_at or row.ordered_at
    return row.ordered_at + (_ARRIVED_WITHIN if row.state == "pending" else _HEARD_WITHIN)


def _refund_answer(row: Refund) -> str:
    if row.state == "failed":
        return f"It did not arrive ({row.failure_reason or 'no reason was given'}) and is owed to the client."
    if row.state == "pending":
        return _REFUND_WAITS.get(
            row.waits_for or "", f"It is pending ({row.waits_for or 'no reason given'})."
        )
    return _heard(row.state)


def _refund_act(row: Refund) -> str:
    if row.state == "failed":
        return f"Ask the client for a card that takes it, then POST /v1/refunds/{row.id}/order-again."
    if row.waits_for == "insufficient_funds":
        return "Top up our balance at the payment provider; it then goes by itself."
    return BY_ITSELF


def _customer(row: Customer) -> OpenOrder:
    assert row.out_since is not None, "only what went out is asked for"
    return OpenOrder(
        kind="customer",
        id=row.id,
        state="unknown",
        gateway=row.gateway,
        gateway_id=None,
        amount=None,
        about=row.user_id,
        ordered_at=row.out_since,
        due_by=row.out_since + _HEARD_WITHIN,
        tries=row.calls,
        last_tried_at=last_tried(row),
        answer=NO_ANSWER,
        what_to_do="Nothing: no money hangs on it, and no second record is made.",
        waits_for="It is looked for when the client pays or saves a card.",
    )


def _heard(state: str) -> str:
    return NO_ANSWER if state == "unknown" else NOT_HEARD_YET
