"""Giving a client's money back to the card it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways.contract import KEYS_LAST, RefundFound, RefundOrder, RefundState, Rejected, Unknown
from kernel.refusals import Conflict, NotFound
from ledger import movements
from ledger.posting import post
from payments.collecting import GatewayDisagrees, PaymentNotFound
from payments.states import REFUND
from payments.tables import Payment, Refund
from payments.views import RefundView, payment_view, refund_view
from persistence import clock, due, outbox
from persistence.locks import locked

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateways.contract import Busy
    from kernel.money import Money

_LOOK_AGAIN = timedelta(hours=6)

_ACTS = {
    RefundState.PENDING: "wait",
    RefundState.SUCCEEDED: "succeed",
    RefundState.FAILED: "fail",
    RefundState.CANCELED: "fail",
}


class RefundNotFound(NotFound):
    """There is no such refund, or it is somebody else's."""

    code = "refund_not_found"


class RefundTooLarge(Conflict):
    """More would go back than was ever paid."""

    code = "refund_too_large"


def order_refund(
    session: Session,
    *,
    refund_id: str,
    payment_id: str,
    held: Money,
    client_fee: Money,
    by: str,
    reason: str,
    owed: bool = False,
) -> RefundView:
    """Take the money out of the hold and our fee (or of what is `owed`), and order the gateway to give it back.

    The gateway is called after the commit; refuses when all refunds together would exceed the payment.
    """
    payment = locked(session, Payment, payment_id)
    if payment is None or payment.state != "succeeded":
        raise PaymentNotFound("There is no payment to give back.")
    amount = held + client_fee
    left = payment_view(payment).charged.amount_minor - payment.refunded_minor
    if amount.amount_minor > left:
        raise RefundTooLarge("That is more than is left of the payment.", field="amount")
    payment.refunded_minor += amount.amount_minor
    row = Refund(
        id=refund_id,
        payment_id=payment_id,
        milestone_id=payment.milestone_id,
        gateway=payment.gateway,
        state=REFUND.initial,
        currency=held.currency,
        held_minor=held.amount_minor,
        client_fee_minor=client_fee.amount_minor,
        reason=reason,
        attempt=1,
        ordered_at=clock.now(session),
    )
    session.add(row)
    post(
        session,
        movements.refund_ordered_again(payment.milestone_id, amount=amount)
        if owed
        else movements.refund_ordered(payment.milestone_id, held=held, client_fee=client_fee),
        key=f"{refund_id}:ordered",
        reference=payment.milestone_id,
        actor=by,
        reason=reason,
    )
    due.schedule(
        session, kind="send_refund", subject=refund_id, due_at=row.ordered_at, key=f"send_refund:{refund_id}"
    )
    session.flush()
    return refund_view(row)


@dataclass(frozen=True, slots=True)
class RefundToSend:
    """A refund for the gateway; `ask_first` when an earlier order may stand there and its key may not tell."""

    refund: RefundView
    order: RefundOrder
    ask_first: bool


def refund_to_send(session: Session, *, refund_id: str) -> RefundToSend | None:
    """The order for the gateway, with the instant of the first sending noted; None when its answer is known already."""
    row = locked(session, Refund, refund_id)
    if row is None or row.gateway_id is not None or row.state not in {"ordered", "unknown"}:
        return None
    payment = session.get_one(Payment, row.payment_id)
    assert payment.gateway_id is not None, "a payment that succeeded has its gateway's id"
    instant = clock.now(session)
    row.sent_at = row.sent_at or instant
    view = refund_view(row)
    order = RefundOrder(refund_id=row.id, payment=payment.gateway_id, amount=view.amount, attempt=row.attempt)
    # A lost order may stand, and after a refusal that may pass the next one goes under a key of its own.
    ask_first = row.state == "unknown" or row.sent_at + KEYS_LAST < instant
    return RefundToSend(view, order, ask_first)


def find_refund(session: Session, *, refund_id: str | None, gateway_id: str | None) -> RefundView | None:
    """The refund by our id or, failing that, by the gateway's."""
    row = session.get(Refund, refund_id, populate_existing=True) if refund_id else None
    if row is None and gateway_id:
        row = session.scalar(select(Refund).where(Refund.gateway_id == gateway_id))
    return refund_view(row) if row is not None else None


def record_refund(
    session: Session, *, refund_id: str, outcome: RefundFound | Rejected | Busy | Unknown
) -> RefundView:
    """Bring our refund to where the gateway says it is; confirmed and failed are booked once each."""
    row = locked(session, Refund, refund_id)
    if row is None:
        raise RefundNotFound("There is no refund with this id.")
    if isinstance(outcome, RefundFound):
        _refuse_another_refund(row, outcome)
        row.gateway_id = outcome.gateway_id
        row.waits_for = outcome.pending_reason
        row.failure_reason = outcome.failure_reason
        row.bank_reference = outcome.reference
        _step(session, row, _ACTS[outcome.state])
    elif isinstance(outcome, Unknown):
        _step(session, row, "lose_answer")
    elif isinstance(outcome, Rejected) and row.gateway_id is None:
        _record_refusal(session, row, outcome)
    return refund_view(row)


def _record_refusal(session: Session, row: Refund, outcome: Rejected) -> None:
    if not outcome.temporary:
        row.failure_reason = outcome.code[:64]
        _step(session, row, "fail")
        return
    # A gateway repeats what it said to a key, so what it refused for now goes again under a new one.
    row.attempt += 1
    row.sent_at = None


def _refuse_another_refund(row: Refund, found: RefundFound) -> None:
    ordered = refund_view(row).amount
    if (
        found.amount != ordered
        or found.refund_id not in {None, row.id}
        or row.gateway_id not in {None, found.gateway_id}
    ):
        raise GatewayDisagrees(
            f"The gateway's refund {found.gateway_id} over {found.amount} is not {row.id} over {ordered}."
        )


def _step(session: Session, row: Refund, act: str) -> None:
    was = row.state
    transition = REFUND.step(was, act)
    if transition is None:
        return
    row.state = transition.to
    if transition.to == "succeeded":
        row.finished_at = clock.now(session)
        _book_confirmed(session, row)
    elif transition.to == "failed":
        row.finished_at = clock.now(session)
        _book_failed(session, row, left_the_gateway=was == "succeeded")
    elif transition.to == "pending":
        _look_again(session, row)
    outbox.publish(session, name=transition.event, subject=row.id, payload={"milestone_id": row.milestone_id})


def _book_confirmed(session: Session, row: Refund) -> None:
    post(
        session,
        movements.refund_confirmed(row.gateway, amount=refund_view(row).amount),
        key=f"{row.id}:confirmed",
        reference=row.milestone_id,
        actor=row.gateway,
    )


def _book_failed(session: Session, row: Refund, *, left_the_gateway: bool) -> None:
    view = refund_view(row)
    if left_the_gateway:
        # The bank sent it back: first undo the confirmation, so that the money is in transit again.
        post(
            session,
            movements.refund_came_back(row.gateway, amount=view.amount),
            key=f"{row.id}:came_back",
            reference=row.milestone_id,
            actor=row.gateway,
        )
    post(
        session,
        movements.refund_failed(row.milestone_id, amount=view.amount),
        key=f"{row.id}:failed",
        reference=row.milestone_id,
        actor=row.gateway,
        reason=row.failure_reason,
    )
    payment = locked(session, Payment, row.payment_id)
    assert payment is not None
    payment.refunded_minor -= view.amount.amount_minor


def _look_again(session: Session, row: Refund) -> None:
    # A refund may wait for days, and its event may be lost.
    due.schedule(
        session,
        kind="refresh_refund",
        subject=row.id,
        due_at=clock.now(session) + _LOOK_AGAIN,
        key=f"refresh_refund:{row.id}",
    )
